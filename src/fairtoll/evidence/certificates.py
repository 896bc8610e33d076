"""Certified radii that others claim: randomized smoothing, a verifier, a score; a radius for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.blocks import Blocks, Columns
from fairtoll.evidence.checks import read_outcomes, whole_numbers
from fairtoll.evidence.sources import Source
from fairtoll.inputs.columns import check_columns
from fairtoll.inputs.names import as_names
from fairtoll.threats.any import Norm

CERTIFICATE_KEYS = ("arm", "seed", "threat", "norm", "method")
NO_CERTIFICATES = pd.DataFrame(columns=[*CERTIFICATE_KEYS, "row", "radius"])
#: The norms that a radius may be measured in.
NORMS: tuple[str, ...] = get_args(Norm)


@dataclass(frozen=True)
class Claimed:
    """A column of claimed radii, for `Evidence.from_frame`.

    Attributes
    ----------
    column : str or int
        Where the radii are: 0 or more, 0 where nothing is claimed (a wrong prediction, an abstention).
    norm : {"linf", "l2", "l1", "l0"}
        What the radius is measured in.
    method : str
        Who claims it, such as "smoothing".
    threat : str
        Name of the threat whose attacks may contradict it, as in the table of attacks.

    Raises
    ------
    FairtollError
        For an unknown norm, or a name that is none.

    Examples
    --------
    >>> Claimed("radius", norm="l2", method="smoothing").threat
    'audit'
    """

    column: Any
    norm: str
    method: str
    threat: str = "audit"

    def __post_init__(self) -> None:
        _check_names(self.norm, self.method, self.threat)


def describe_certificate(
    radius: ArrayLike,
    *,
    arm: str,
    seed: int,
    norm: str,
    method: str,
    threat: str = "audit",
    rows: ArrayLike | None = None,
) -> pd.DataFrame:
    """A part of the table `certificates`: the radius that is claimed for each of `(n,)` rows of one model.

    A claim of radius r says that no input nearer than r is classified as another class than the row's true one.

    Parameters
    ----------
    radius : array-like, (n,)
        In the threat's units and the norm; 0 where nothing is claimed.
    norm : {"linf", "l2", "l1", "l0"}
        What the radius is measured in.
    method : str
        Who claims it, such as "smoothing" or "local score".
    threat : str
        Name of the threat whose attacks may contradict it.
    rows : array-like of int, (n,), optional
        Row numbers. Default: all rows in order.

    Raises
    ------
    FairtollError
        If a radius is negative, NaN, infinite or no number, the norm is unknown, a name is none, or `rows` does not
        have one number for each radius, each once.

    Examples
    --------
    >>> part = describe_certificate([0.0, 0.5], arm="smooth", seed=0, norm="l2", method="smoothing", rows=[4, 9])
    >>> part[["row", "radius"]].values.tolist()
    [[4.0, 0.0], [9.0, 0.5]]
    """
    _check_names(norm, method, threat)
    values = _radii(radius)
    numbers = np.arange(len(values)) if rows is None else whole_numbers(pd.Series(np.asarray(rows).ravel()), what="row")
    if len(numbers) != len(values):
        raise FairtollError(f"rows has {len(numbers)} numbers for {len(values)} radii; expected one for each")
    _check_once(numbers, f"method '{method}', arm '{arm}', run {seed}")
    keys = {"arm": arm, "seed": seed, "threat": threat, "norm": norm, "method": method}
    return pd.DataFrame({**keys, "row": numbers.astype(np.int32), "radius": values})


def read_claims(frame: pd.DataFrame, predictions: pd.DataFrame, claimed: Sequence[Claimed]) -> pd.DataFrame:
    """The table `certificates` of a frame, whose rows are those of `predictions` in order; see `Evidence.from_frame`.

    Raises
    ------
    FairtollError
        For what is no `Claimed`, a column that is missing, radii as in `describe_certificate`, or two columns of one
        method, norm and threat.

    Examples
    --------
    >>> predictions = pd.DataFrame({"arm": "plain", "seed": 0, "row": [1, 0]})
    >>> frame = pd.DataFrame({"r": [0.5, 0.0]})
    >>> read_claims(frame, predictions, [Claimed("r", norm="l2", method="smoothing")])["radius"].tolist()
    [0.5, 0.0]
    """
    for one in claimed:
        if not isinstance(one, Claimed):
            raise FairtollError(f"certified holds {one!r}; expected Claimed(column, norm=..., method=...) each")
    check_columns(frame.columns, [one.column for one in claimed])
    names = [(one.threat, one.norm, one.method) for one in claimed]
    if len(set(names)) < len(names):
        raise FairtollError(f"certified holds {names}; expected each method, norm and threat once; rename a method")
    parts = [
        predictions[["arm", "seed"]].assign(
            threat=one.threat,
            norm=one.norm,
            method=one.method,
            row=predictions["row"],
            radius=_radii(frame[one.column].to_numpy(), name=f"column '{one.column}'"),
        )
        for one in claimed
    ]
    return pd.concat(parts, ignore_index=True) if parts else NO_CERTIFICATES


class Certificates:
    """The table `certificates` of N rows.

    Examples
    --------
    >>> from fairtoll.evidence.sources import Given
    >>> part = describe_certificate([0.5, 0.0], arm="plain", seed=0, norm="l2", method="smoothing")
    >>> list(Certificates(Given(part), rows=2).blocks().by_key)
    [('plain', 0, 'audit', 'l2', 'smoothing')]
    """

    def __init__(self, source: Source, *, rows: int) -> None:
        self._source, self._rows = source, rows

    def whole(self) -> pd.DataFrame:
        """All of it, checked."""
        return self._checked(self._source.whole())

    def blocks(self) -> Blocks:
        """Its radii."""
        return Blocks(map(self._checked, self._source.parts()), CERTIFICATE_KEYS, _columns)

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        needed = [*CERTIFICATE_KEYS, "row", "radius"]
        found = read_outcomes(frame, table="certificates", needed=needed, keys=CERTIFICATE_KEYS, rows=self._rows)
        if not len(found):
            return found
        _radii(found["radius"].to_numpy(), name="the table of certificates: radius")
        for key, part in found.groupby([*CERTIFICATE_KEYS], sort=False):
            _check_names(*(str(name) for name in (key[3], key[4], key[2])))
            _check_once(part["row"].to_numpy(), f"method '{key[4]}', arm '{key[0]}', run {key[1]}")
        return found


def _columns(part: pd.DataFrame) -> Columns:
    found: dict[str, NDArray[Any]] = {"radius": part["radius"].to_numpy(dtype=np.float64)}
    # Known of votes that were counted here; a file of claims has no such column.
    if "abstained" in part and part["abstained"].notna().all():
        found["abstained"] = part["abstained"].to_numpy(dtype=np.bool_)
    return found


def _radii(values: ArrayLike, *, name: str = "radius") -> NDArray[np.float64]:
    try:
        radii = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FairtollError(f"{name} holds something that is not a number ({error}); expected radii") from error
    if radii.ndim != 1 or not len(radii):
        raise FairtollError(f"{name} has shape {radii.shape}; expected one radius for each row, (n,)")
    wrong = ~(np.isfinite(radii) & (radii >= 0))
    if wrong.any():
        place = int(np.argmax(wrong))
        raise FairtollError(
            f"{name} is {radii[place]:g} in entry {place}; expected a finite radius of 0 or more; give 0 where nothing "
            "is claimed"
        )
    return radii


def _check_names(norm: str, method: str, threat: str) -> None:
    if norm not in NORMS:
        raise FairtollError(f"norm is {norm!r}; expected one of {', '.join(NORMS)}; name the norm of the radius")
    as_names([method], what="a method of certification")
    as_names([threat], what="a threat")


def _check_once(numbers: NDArray[Any], what: str) -> None:
    rows, counts = np.unique(numbers, return_counts=True)
    if (counts > 1).any():
        raise FairtollError(
            f"{what} claims a radius for row {rows[counts > 1][0]} more than once; expected each row once; drop one"
        )
