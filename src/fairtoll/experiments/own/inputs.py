"""Which columns of a table networks read, and what of them looks wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype

from fairtoll.data.guess import guess_columns, numbers_with_texts
from fairtoll.data.table_file import read_table
from fairtoll.errors import FairtollError
from fairtoll.experiments.own.rows import NO_LABEL, OwnRows

INFINITE = "{why}; expected finite numbers in every input; correct these rows, or name the inputs with --feature"
NO_INPUT = (
    "{table} has no input beside the label and the groups ({left}); expected one column or more that models read; name "
    "some with --feature"
)
NO_MORE = "--also-feature {name} is given {why}; expected one more column of the table beside those found; {remedy}"


def choose_inputs(rows: OwnRows, features: Sequence[str] | None, also: Sequence[str]) -> dict[str, Any]:
    """The columns of a table that networks read, why others are none, and what looks wrong: as `OwnRows` has them.

    Parameters
    ----------
    rows : OwnRows
        With a label.
    features : sequence of str, optional
        The columns, where they are named.
    also : sequence of str
        More than those that are found, where they are not.

    Raises
    ------
    FairtollError
        Without a label or an input, for a name that is no column, or a number that is infinite.

    Examples
    --------
    >>> choose_inputs(OwnRows("people.csv", "9f86d081", "hired"), ["age"], ["job"])
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: --also-feature job is given with --feature; expected one more column of the table \
beside those found; give --feature job too, in its place
    """
    if rows.label is None:
        raise FairtollError(NO_LABEL)
    if features is not None:
        for name in also:
            why, remedy = "with --feature", f"give --feature {name} too, in its place"
            raise FairtollError(NO_MORE.format(name=name, why=why, remedy=remedy))
    assert rows.path is not None
    table = read_table(rows.path, keep_na=rows.keep_na)
    if features is not None:
        return {"features": tuple(features), "texts": _texts(table, rows, features)}
    columns = [str(one) for one in table.columns]
    found = guess_columns(table, label=rows.label, groups=list(rows.groups))
    for name in also:
        if name == rows.label:
            raise FairtollError(NO_MORE.format(name=name, why="for the label", remedy="leave it out"))
        if name not in columns:
            why = f"and the table has no such column, but {', '.join(columns)}"
            raise FairtollError(NO_MORE.format(name=name, why=why, remedy="correct the name"))
    if infinite := [found.left_out[name] for name in found.unreadable if _holds_infinity(table[name])]:
        raise FairtollError(INFINITE.format(why=infinite[0]))
    features = tuple(name for name in columns if name in found.features or name in also)
    if not features:
        left = "; ".join(f"{name}, since {why}" for name, why in found.left_out.items()) or "it has no other columns"
        raise FairtollError(NO_INPUT.format(table=rows.table, left=left))
    return {
        "features": features,
        "left_out": {
            name: why for name, why in found.left_out.items() if name not in also and name not in found.unreadable
        },
        "unreadable": {name: found.left_out[name] for name in found.unreadable},
        "texts": _texts(table, rows, [*features, *found.left_out]),
    }


def _holds_infinity(column: pd.Series[Any]) -> bool:
    return is_float_dtype(column) and bool(np.isinf(column.to_numpy(dtype=float)).any())


def _texts(table: pd.DataFrame, rows: OwnRows, names: Sequence[str]) -> dict[str, str]:
    """Inputs that look like numbers with faults; of a column whose values are named, or kept, nothing is asked."""
    known = {*rows.categories, *rows.keep_na}
    return numbers_with_texts(table, [name for name in names if name in table.columns and name not in known])
