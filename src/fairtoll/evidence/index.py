"""Finding the blocks of a long table: the rows of one training run under one evaluation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.errors import FairtollError


class EvidenceIndex:
    """The positions of each block of a table of evidence.

    Parameters
    ----------
    frame : DataFrame
        With the columns `keys` and `row`.
    keys : sequence of str
        The key columns of a block: "arm", "seed", then the evaluation.

    Examples
    --------
    >>> frame = pd.DataFrame({"arm": "plain", "seed": [0, 0, 1, 1], "evaluation": "clean", "row": [1, 0, 0, 1]})
    >>> orders, rows = EvidenceIndex(frame, ["arm", "seed", "evaluation"]).aligned("plain", {"evaluation": "clean"})
    >>> [order.tolist() for order in orders], rows.tolist()
    ([[1, 0], [2, 3]], [0, 1])
    """

    def __init__(self, frame: pd.DataFrame, keys: Sequence[str]) -> None:
        self._frame, self._keys = frame, list(keys)

    @cached_property
    def blocks(self) -> dict[tuple[Any, ...], NDArray[np.intp]]:
        """Positions of every block, by its key."""
        if not len(self._frame):
            return {}
        grouped = self._frame.groupby(self._keys, observed=True, sort=False).indices
        return {tuple(key): np.asarray(rows) for key, rows in cast("dict[tuple[Any, ...], Any]", grouped).items()}

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        return self._frame["row"].to_numpy(dtype=np.int64)

    def ordered(self, arm: str) -> list[tuple[tuple[Any, ...], NDArray[np.intp]]]:
        """Key and positions of every block of one arm, in order of the keys, each block in order of row."""
        found = sorted((key, rows) for key, rows in self.blocks.items() if key[0] == arm)
        return [(key, rows[np.argsort(self._rows[rows], kind="stable")]) for key, rows in found]

    def aligned(
        self, arm: str, wanted: Mapping[str, Any], *, without: Collection[Any] = ()
    ) -> tuple[list[NDArray[np.intp]], NDArray[np.int64]]:
        """Positions of the blocks of one arm, in order of seed, each in order of row; and those n rows.

        Blocks of the seeds in `without` are left out.

        Raises
        ------
        FairtollError
            If there is no such block, a row appears twice in one, or training runs have different rows.
        """
        rest = tuple(wanted[key] for key in self._keys[2:])
        found = sorted(
            (key[1], place)
            for place, key in enumerate(self.blocks)
            if key[0] == arm and key[2:] == rest and key[1] not in without
        )
        if not found:
            arms = ", ".join(dict.fromkeys(str(key[0]) for key in self.blocks)) or "none"
            raise FairtollError(f"no evidence for arm '{arm}' with {dict(wanted)}; the arms are {arms}")
        blocks = list(self.blocks.values())
        orders = [blocks[place][np.argsort(self._rows[blocks[place]], kind="stable")] for _, place in found]
        what = str(wanted.get("attack", f"{wanted['evaluation']} predictions"))
        numbers = [self._rows[order] for order in orders]
        if any((rows[1:] == rows[:-1]).any() for rows in numbers):
            raise FairtollError(f"{what} of '{arm}': a row appears twice in one training run; expected each row once")
        if any(not np.array_equal(rows, numbers[0]) for rows in numbers):
            raise FairtollError(
                f"{what} of '{arm}': different rows in different training runs; expected the same rows in all"
            )
        return orders, numbers[0]
