"""A table of evidence as compact arrays: a block for each training run under one evaluation, read part by part.

Eighty training runs of six arms are sixty million entries. As one table they would need gigabytes, mostly for names and
numbers of rows, which every block repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.errors import FairtollError

#: The arrays of one part of a table, by name, each with an entry for each row of the part.
Columns = Mapping[str, NDArray[Any]]
Key = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """The outcomes of one training run under one evaluation.

    Attributes
    ----------
    rows : ndarray of int, (n,)
        Row numbers, ascending.
    columns : mapping of str to ndarray, each (n, ...)
        The outcomes.

    Examples
    --------
    >>> Block(np.array([0, 2]), {"success": np.array([True, False])}).columns["success"].tolist()
    [True, False]
    """

    rows: NDArray[np.integer[Any]]
    columns: Columns


class Blocks:
    """A table, block by block.

    Attributes
    ----------
    by_key : dict
        Every block, in order of appearance.

    Parameters
    ----------
    parts : iterable of DataFrame
        With the columns `keys` and `row`; a block may be spread over parts, in any order.
    keys : sequence of str
        The key columns of a block: "arm", "seed", then the evaluation.
    read : callable
        Gives the arrays that are kept of a part.

    Examples
    --------
    >>> frame = pd.DataFrame({"arm": "plain", "seed": [0, 0, 1, 1], "evaluation": "clean", "row": [1, 0, 0, 1],
    ...                       "success": [True, False, True, True]})
    >>> keys = ["arm", "seed", "evaluation"]
    >>> blocks = Blocks([frame], keys, lambda part: {"success": part["success"].to_numpy()})
    >>> found, rows = blocks.aligned("plain", {"evaluation": "clean"})
    >>> [block.columns["success"].tolist() for block in found], rows.tolist()
    ([[False, True], [True, True]], [0, 1])
    """

    def __init__(
        self, parts: Iterable[pd.DataFrame], keys: Sequence[str], read: Callable[[pd.DataFrame], Columns]
    ) -> None:
        self._keys = list(keys)
        self.by_key: dict[Key, Block] = {}
        self._by_evaluation: dict[Key, dict[Any, Block]] = {}
        self._rows: list[NDArray[Any]] = []
        for part in parts:
            if len(part):
                self._add(part, read(part))

    def _add(self, part: pd.DataFrame, columns: Columns) -> None:
        numbers = part["row"].to_numpy()
        grouped = part.groupby(self._keys, observed=True, sort=False).indices
        for found, places in cast("dict[Key, NDArray[np.intp]]", grouped).items():
            key = tuple(found)
            rows, values = numbers[places], {name: column[places] for name, column in columns.items()}
            if (before := self.by_key.get(key)) is not None:
                values = _joined(before, Block(rows, values))
                rows = np.concatenate([before.rows, rows])
            if (rows[1:] < rows[:-1]).any():
                order = np.argsort(rows, kind="stable")
                rows, values = rows[order], {name: value[order] for name, value in values.items()}
            self.by_key[key] = block = Block(self._shared(rows), values)
            self._by_evaluation.setdefault((key[0], *key[2:]), {})[key[1]] = block

    def _shared(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The same row numbers as an array that is there already, where there is one."""
        for known in self._rows:
            if np.array_equal(known, rows):
                return known
        self._rows.append(rows)
        return rows

    def ordered(self, arm: str) -> list[tuple[Key, Block]]:
        """Key and block of one arm, in order of the keys."""
        return sorted(((key, block) for key, block in self.by_key.items() if key[0] == arm), key=lambda pair: pair[0])

    def runs(self, arm: str, rest: Key, *, without: Collection[Any] = ()) -> list[Any]:
        """Names of the training runs that an evaluation covers, ascending."""
        return sorted(seed for seed in self._by_evaluation.get((arm, *rest), {}) if seed not in without)

    def aligned(
        self, arm: str, wanted: Mapping[str, Any], *, without: Collection[Any] = ()
    ) -> tuple[list[Block], NDArray[np.int64]]:
        """The blocks of one arm under one evaluation, in order of seed, and their n rows.

        Blocks of the seeds in `without` are left out.

        Raises
        ------
        FairtollError
            If there is no such block, a row appears twice in one, or training runs have different rows.
        """
        rest = tuple(wanted[key] for key in self._keys[2:])
        found = [self._by_evaluation[(arm, *rest)][seed] for seed in self.runs(arm, rest, without=without)]
        if not found:
            arms = ", ".join(dict.fromkeys(str(key[0]) for key in self.by_key)) or "none"
            raise FairtollError(f"no evidence for arm '{arm}' with {dict(wanted)}; the arms are {arms}")
        what = str(wanted.get("attack") or wanted.get("method") or f"{wanted['evaluation']} predictions")
        if any((block.rows[1:] == block.rows[:-1]).any() for block in found):
            raise FairtollError(f"{what} of '{arm}': a row appears twice in one training run; expected each row once")
        if any(not np.array_equal(block.rows, found[0].rows) for block in found if block.rows is not found[0].rows):
            raise FairtollError(
                f"{what} of '{arm}': different rows in different training runs; expected the same rows in all"
            )
        return found, found[0].rows.astype(np.int64)


def _joined(one: Block, other: Block) -> dict[str, NDArray[Any]]:
    """The columns of two parts of a block; one that a part lacks is empty there."""
    found = {}
    for name in dict.fromkeys([*one.columns, *other.columns]):
        like = next(part.columns[name] for part in (one, other) if name in part.columns)
        empty = np.nan if like.dtype.kind == "f" else False
        pieces = [part.columns.get(name, np.full(len(part.rows), empty)) for part in (one, other)]
        found[name] = np.concatenate(pieces)
    return found
