"""Which rows a detector of attacks flags: clean ones, and those that an attack broke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.blocks import Blocks, Columns
from fairtoll.evidence.checks import read_outcomes
from fairtoll.evidence.sources import Source

DETECTION_KEYS = ("arm", "seed", "evaluation", "threat", "attack", "epsilon")
NO_DETECTIONS = pd.DataFrame(columns=[*DETECTION_KEYS, "row", "flagged", "counted"])
CLEAN = "clean"
LENGTHS = (
    "flagged has shape {flagged}, counted {counted} and rows {rows}; expected one entry for each row, (n,); give all "
    "of the same rows"
)


def describe_detection(
    flagged: ArrayLike,
    counted: ArrayLike,
    *,
    arm: str,
    seed: int,
    rows: ArrayLike,
    evaluation: str = CLEAN,
    threat: str = "",
    attack: str = "",
    epsilon: float = 0.0,
) -> pd.DataFrame:
    """A part of the table `detections`: what one model's detector flags.

    Parameters
    ----------
    flagged, counted : array-like of bool, (n,)
        Which rows are flagged, and which count: of attacked rows those that the attack broke.
    rows : array-like of int, (n,)
        Row numbers.
    evaluation, threat, attack, epsilon
        What was done to the rows; by default nothing.

    Raises
    ------
    FairtollError
        For different numbers of entries.

    Examples
    --------
    >>> describe_detection([True], [True], arm="squeezing", seed=0, rows=[4])[["row", "flagged"]].values.tolist()
    [[4, True]]
    """
    values = [np.asarray(one) for one in (flagged, counted, rows)]
    shapes = [one.shape for one in values]
    if any(one != shapes[0] or len(one) != 1 for one in shapes):
        raise FairtollError(LENGTHS.format(flagged=shapes[0], counted=shapes[1], rows=shapes[2]))
    keys = dict(zip(DETECTION_KEYS, (arm, seed, evaluation, threat, attack, epsilon), strict=True))
    row, which, counts = values[2].astype(np.int32), values[0].astype(bool), values[1].astype(bool)
    return pd.DataFrame({**keys, "row": row, "flagged": which, "counted": counts})


@dataclass(frozen=True, eq=False)
class Detected:
    """What the detectors of an arm flag under one evaluation.

    Attributes
    ----------
    flagged, counted : ndarray of bool, (S, n)
        Which rows are flagged in each training run, and which count.
    rows : ndarray of int, (n,)
        Row numbers, ascending.

    Examples
    --------
    >>> float(Detected(np.ones((1, 2), bool), np.ones((1, 2), bool), np.arange(2)).flagged.mean())
    1.0
    """

    flagged: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    rows: NDArray[np.int64]


class Detections:
    """The table `detections` of N rows.

    Examples
    --------
    >>> from fairtoll.evidence.sources import Given
    >>> part = describe_detection([True, False], [True, True], arm="squeezing", seed=0, rows=[0, 1])
    >>> Detections(Given(part), rows=2).names("squeezing")
    [('clean', '', '', 0.0)]
    """

    def __init__(self, source: Source, *, rows: int) -> None:
        self._source, self._rows = source, rows
        self._blocks = Blocks(map(self._checked, source.parts()), DETECTION_KEYS, _columns)

    def whole(self) -> pd.DataFrame:
        """All of it, checked."""
        return self._checked(self._source.whole())

    @property
    def known(self) -> bool:
        """Whether there is any."""
        return bool(self._blocks.by_key)

    def names(self, arm: str) -> list[tuple[str, str, str, float]]:
        """Every (evaluation, threat, attack, epsilon) of an arm, clean rows first."""
        found = {key[2:] for key in self._blocks.by_key if key[0] == arm}
        return sorted(found, key=lambda name: (name[0] != CLEAN, name))

    def read(self, arm: str, name: tuple[str, str, str, float], *, without: Any = ()) -> Detected:
        """One of `names`, of the training runs that are not left out."""
        wanted = dict(zip(DETECTION_KEYS[2:], name, strict=True))
        blocks, rows = self._blocks.aligned(arm, wanted, without=without)
        flagged, counted = (np.stack([one.columns[column] for one in blocks]) for column in ("flagged", "counted"))
        return Detected(flagged, counted, rows)

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        needed = [*DETECTION_KEYS, "row", "flagged", "counted"]
        return read_outcomes(frame, table="detections", needed=needed, keys=DETECTION_KEYS, rows=self._rows)


def _columns(part: pd.DataFrame) -> Columns:
    return {name: part[name].to_numpy(dtype=np.bool_) for name in ("flagged", "counted")}
