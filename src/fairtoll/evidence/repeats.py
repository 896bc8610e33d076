"""Predictions of several training runs that are read as those of more rows, because no column names the runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import warn

#: A shorter pattern of labels and groups may repeat without being another run.
SHORTEST = 20


def warn_of_repeats(columns: Sequence[NDArray[np.integer]], *, arm: str) -> None:
    """Warn if the labels and groups of one arm's rows are the same rows again and again, a whole number of times.

    Parameters
    ----------
    columns : sequence of ndarray of int, each (n,)
        Labels and groups, as codes.
    arm : str
        Whose rows.

    Warns
    -----
    FairtollWarning
        It names `seed=`.

    Examples
    --------
    >>> repeats_of([np.tile(np.random.default_rng(0).integers(0, 2, size=50), 3)]), repeats_of([np.arange(50) % 2])
    (3, 1)
    """
    count = repeats_of(columns)
    if count > 1:
        rows = len(columns[0]) // count
        warn(
            f"the {len(columns[0]):,} predictions of '{arm}' have the same {rows:,} labels and groups {count} times, "
            f"as {count} training runs have; they are read as {len(columns[0]):,} rows; name the column of training "
            "runs with seed= (seed)"
        )


def repeats_of(columns: Sequence[NDArray[np.integer]]) -> int:
    """How often the same sequence of rows is listed, one after the other or each row so many times at once."""
    count = len(columns[0])
    for repeats in range(count // SHORTEST, 1, -1):
        if count % repeats:
            continue
        rows = count // repeats
        # One run after the other; or run by run of each row.
        for tables in (
            [column.reshape(repeats, rows) for column in columns],
            [column.reshape(rows, repeats).T for column in columns],
        ):
            if _alike(tables, 2) and _alike(tables, repeats) and _varied([table[0] for table in tables]):
                return repeats
    return 1


def _alike(tables: Sequence[NDArray[np.integer]], first: int) -> bool:
    return all(bool((table[1:first] == table[0]).all()) for table in tables)


def _varied(columns: Sequence[NDArray[np.integer]]) -> bool:
    """Whether rows are no pattern of a few that repeats by itself, and not sorted."""
    count = len(columns[0])
    for period in range(1, SHORTEST):
        if all(np.array_equal(column[period:], column[:-period]) for column in columns):
            return False
    changes = np.zeros(count - 1, dtype=np.bool_)
    for column in columns:
        changes |= column[1:] != column[:-1]
    return bool(changes.sum() >= SHORTEST // 2)
