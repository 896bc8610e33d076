"""The tables of evidence, checked and read by one rule: rows by number, names as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_columns
from fairtoll.inputs.labels import Labels, as_labels, name_of
from fairtoll.inputs.names import as_attribute_names, as_names

NAMES = ("arm", "source_arm", "evaluation", "threat", "attack", "norm", "method")


def read_rows(frame: pd.DataFrame, *, classes: int) -> pd.DataFrame:
    """The table `rows` in the order of its row numbers, its labels whole and its groups as text.

    Raises
    ------
    FairtollError
        If the row numbers are not 0 to N - 1, a label is no class, or an attribute's name or a group is none.

    Examples
    --------
    >>> read_rows(pd.DataFrame({"row": [1, 0], "label": [0.0, 1.0], "sex": ["m", "f"]}), classes=2).to_dict("list")
    {'row': [0, 1], 'label': [1, 0], 'sex': ['f', 'm']}
    """
    _require_columns(frame, "rows", ["row", "label"])
    given = [column for column in frame.columns if column not in ("row", "label")]
    attributes = as_attribute_names(given)
    numbers = whole_numbers(frame["row"], what="the table of rows: row")
    labels = whole_numbers(frame["label"], what="the table of rows: label")
    count = len(numbers)
    if not np.array_equal(np.sort(numbers), np.arange(count)):
        raise FairtollError(
            f"the table of rows has {len(np.unique(numbers))} different row numbers from {numbers.min()} to "
            f"{numbers.max()} for {count} rows; expected 0 to {count - 1}, each once; renumber the rows"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise FairtollError(
            f"labels run from {labels.min()} to {labels.max()}; expected integers 0 to {classes - 1}, one per class "
            "name; give the names of all classes, or correct the labels"
        )
    groups = {
        name: column_labels(frame[column], name=f"attribute '{name}'").of_rows
        for name, column in zip(attributes, given, strict=True)
    }
    table = pd.DataFrame({"row": numbers, "label": labels, **groups})
    return table if (np.diff(numbers) > 0).all() else table.sort_values("row", ignore_index=True)


def read_outcomes(
    frame: pd.DataFrame, *, table: str, needed: Sequence[str], keys: Sequence[str], rows: int
) -> pd.DataFrame:
    """The table `predictions` or `attacks`, its row numbers known and its names as text.

    Raises
    ------
    FairtollError
        If a column is missing or doubled, a row number is unknown, or an entry that identifies a block is missing.

    Examples
    --------
    >>> part = pd.DataFrame({"arm": [0, 0], "seed": 1.0, "row": [0, 1]})
    >>> read_outcomes(part, table="predictions", needed=["row"], keys=["arm", "seed"], rows=2).to_dict("list")
    {'arm': ['0', '0'], 'seed': [1, 1], 'row': [0, 1]}
    """
    if not len(frame):
        return frame
    _require_columns(frame, table, needed)
    numbers = whole_numbers(frame["row"], what=f"the table of {table}: row")
    if numbers.min() < 0 or numbers.max() >= rows:
        unknown = int(numbers.max() if numbers.max() >= rows else numbers.min())
        raise FairtollError(
            f"the table of {table} has a row {unknown}; expected row numbers from 0 to {rows - 1}; "
            "list every row in the table of rows"
        )
    changed: dict[str, Any] = {} if frame["row"].dtype.kind in "iu" else {"row": numbers}
    for key in [*keys, *(["source_arm"] if "source_arm" in frame else [])]:
        missing = int(frame[key].isna().sum())
        if missing:
            raise FairtollError(
                f"the table of {table} has no {key} in {missing} of {len(frame)} entries; expected one in each; "
                "fill them"
            )
        if key in NAMES and not all(isinstance(value, str) for value in frame[key].unique()):
            names = as_labels(frame[key].to_numpy(), name=f"the table of {table}: {key}")
            changed[key] = names.of_rows
        elif key == "seed" and frame[key].dtype.kind not in "iu":
            changed[key] = read_seeds(frame[key])
    if "success" in needed and frame["success"].dtype != np.bool_:
        changed["success"] = _booleans(frame["success"])
    return frame.assign(**changed) if changed else frame


def read_seeds(column: pd.Series[Any]) -> NDArray[Any]:
    """The identifiers of training runs: whole numbers where all are, else text.

    Examples
    --------
    >>> read_seeds(pd.Series([2.0, 1.0])).tolist(), read_seeds(pd.Series(["b", 1])).tolist()
    ([2, 1], ['b', '1'])
    """
    labels = as_labels(column.to_numpy(), name=f"column '{column.name}'")
    if all(type(name) is int and abs(name) < 2**63 for name in labels.names):
        return np.array(labels.names, dtype=np.int64)[labels.codes]
    return labels.of_rows


def column_labels(column: pd.Series[Any], *, name: str, fractions: bool = True) -> Labels:
    """As `as_labels`, ten times as fast where a column holds text alone.

    Examples
    --------
    >>> column_labels(pd.Series(["b", "a", "b"]), name="sex").codes.tolist()
    [1, 0, 1]
    """
    if pd.api.types.infer_dtype(column, skipna=False) == "string":
        places, distinct = pd.factorize(column)
        if (places >= 0).all():
            found = as_labels(distinct.to_numpy(), name=name, fractions=fractions)
            return Labels(found.names, found.codes[places])
    return as_labels(column.to_numpy(), name=name, fractions=fractions)


def whole_numbers(column: pd.Series[Any], *, what: str) -> NDArray[np.int64]:
    """The entries as int64, (N,).

    Raises
    ------
    FairtollError
        For a fraction, or anything that is no number.

    Examples
    --------
    >>> whole_numbers(pd.Series([1.0, 2.0]), what="row")
    array([1, 2])
    """
    array = column.to_numpy()
    if array.dtype.kind in "iu" and array.dtype != np.uint64:
        return array.astype(np.int64, copy=False)
    labels = as_labels(array, name=what)
    wrong = [name for name in labels.names if type(name) is not int or abs(name) >= 2**63]
    if wrong:
        row = int(np.argmax(labels.where(wrong[0])))
        raise FairtollError(f"{what} is {wrong[0]!r} in entry {row}; expected a whole number; correct it")
    return np.array(labels.names, dtype=np.int64)[labels.codes]


def check_class_names(names: Sequence[Any]) -> tuple[str, ...]:
    """The names of the classes as text, each once.

    Examples
    --------
    >>> check_class_names([0, 1])
    ('0', '1')
    """
    return as_names(names, what="a class")


def _require_columns(frame: pd.DataFrame, table: str, needed: Sequence[str]) -> None:
    missing = [column for column in needed if column not in frame]
    if missing:
        there = ", ".join(map(name_of, frame.columns))
        raise FairtollError(
            f"the table of {table} has no column {', '.join(missing)}; expected {', '.join(needed)}; it has {there}"
        )
    check_columns(frame.columns, list(frame.columns))


def _booleans(column: pd.Series[Any]) -> NDArray[np.bool_]:
    labels = as_labels(column.to_numpy(), name="the table of attacks: success")
    if not set(labels.names) <= {0, 1}:
        raise FairtollError(
            f"the table of attacks: success is {labels.texts[-1]}; expected True or False (1 or 0); correct it"
        )
    return np.array(labels.names, dtype=np.bool_)[labels.codes]
