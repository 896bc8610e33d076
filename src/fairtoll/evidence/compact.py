"""The tables of evidence as they are kept in memory: checked part by part, and only what figures are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.evidence.blocks import Blocks, Columns
from fairtoll.evidence.checks import read_outcomes
from fairtoll.evidence.predictions import check_probabilities
from fairtoll.evidence.sources import Source

PREDICTION_KEYS = ("arm", "seed", "evaluation", "threat", "epsilon")
ATTACK_KEYS = ("arm", "seed", "evaluation", "threat", "attack", "epsilon")
#: What an attack was, which no figure is computed from.
NOT_COMPUTED_FROM = ("loss", "steps", "restarts", "inferred", "broken_by")


class Predictions:
    """The table `predictions` of N rows and C classes.

    Examples
    --------
    >>> from fairtoll.evidence.sources import Given
    >>> from fairtoll.evidence.tables import describe_predictions
    >>> source = Given(describe_predictions([[0.25, 0.75]], arm="plain", seed=0))
    >>> Predictions(source, rows=1, classes=2).blocks().by_key["plain", 0, "clean", "", 0.0].columns["probabilities"]
    array([[0.25, 0.75]], dtype=float32)
    """

    def __init__(self, source: Source, *, rows: int, classes: int) -> None:
        self._source, self._rows = source, rows
        self._columns = [f"probability_{index}" for index in range(classes)]

    def whole(self) -> pd.DataFrame:
        """All of it, checked."""
        return self._checked(self._source.whole())

    def blocks(self) -> Blocks:
        """Its probabilities."""
        return Blocks(map(self._checked, self._source.parts()), PREDICTION_KEYS, self._read)

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        needed = [*PREDICTION_KEYS, "row", *self._columns]
        return read_outcomes(frame, table="predictions", needed=needed, keys=PREDICTION_KEYS, rows=self._rows)

    def _read(self, part: pd.DataFrame) -> Columns:
        table = part[self._columns]
        # Most are of single precision, and need no more.
        single = all(kind == np.float32 for kind in table.dtypes)
        values = table.to_numpy(dtype=np.float32 if single else np.float64)
        check_probabilities(values.astype(np.float64))
        return {"probabilities": values}


class Attacks:
    """The table `attacks` of N rows.

    Examples
    --------
    >>> from fairtoll.evidence.sources import Given
    >>> from fairtoll.evidence.tables import describe_attack
    >>> part = describe_attack([True, False], arm="plain", seed=0, evaluation="white-box", threat="paper",
    ...                        attack="pgd-20", epsilon=0.1)
    >>> list(Attacks(Given(part), rows=2).blocks().by_key)
    [('plain', 0, 'white-box', 'paper', 'pgd-20', 0.1)]
    """

    def __init__(self, source: Source, *, rows: int) -> None:
        self._source, self._rows = source, rows
        self.source_arms: dict[str, str] = {}

    def whole(self) -> pd.DataFrame:
        """All of it, checked."""
        return self._checked(self._source.whole())

    def blocks(self) -> Blocks:
        """Which rows were broken, and where it was measured at what radius; fills `source_arms`, too."""
        return Blocks(self._noted(map(self._checked, self._source.parts())), ATTACK_KEYS, self._read)

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        needed = [*ATTACK_KEYS, "source_arm", "row", "success"]
        return read_outcomes(frame, table="attacks", needed=needed, keys=ATTACK_KEYS, rows=self._rows)

    def _noted(self, parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The parts, with the arm that transferred examples were crafted on."""
        for part in parts:
            transferred = part[part["evaluation"] == "static-transfer"]
            pairs = transferred[["arm", "source_arm"]].drop_duplicates()
            self.source_arms |= {str(arm): str(source) for arm, source in pairs.itertuples(index=False)}
            yield part

    def _read(self, part: pd.DataFrame) -> Columns:
        columns: dict[str, NDArray[Any]] = {"success": part["success"].to_numpy(dtype=np.bool_)}
        # Most attacks measure success alone.
        if {"least_epsilon", "censored"} <= {*part} and part["least_epsilon"].notna().any():
            columns["least_epsilon"] = part["least_epsilon"].to_numpy(dtype=np.float64)
            columns["censored"] = part["censored"].eq(True).to_numpy()
        if "proved" in part and part["proved"].notna().any():
            columns["proved"] = part["proved"].to_numpy(dtype=np.float64)
            columns["within_rounding"] = part["within_rounding"].eq(True).to_numpy()
        return columns
