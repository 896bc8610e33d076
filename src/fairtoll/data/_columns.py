"""One column of a table: as numbers, as codes, or as names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from fairtoll.data.dataset import Feature
from fairtoll.errors import FairtollError


def names_of(column: pd.Series[Any]) -> list[str]:
    """Each value as text; a whole float without its ".0"."""
    return [_name(value) for value in column]


def class_codes(column: pd.Series[Any], class_names: Sequence[str] | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The classes of the rows, `(N,)`, and their names in order."""
    if types.is_float_dtype(column) and (column != column.round()).any():
        raise FairtollError(
            f"the label '{column.name}' holds fractions such as {column[column != column.round()].iloc[0]}; "
            "expected classes; bin it first"
        )
    known = tuple(map(str, class_names)) if class_names is not None else _sorted_names(column)
    codes = _codes(column, known, what=f"the label '{column.name}'", given="class_names")
    if len(np.unique(codes)) < 2:
        raise FairtollError(f"the label '{column.name}' has one class, '{known[codes[0]]}'; expected two or more")
    return codes, known


def feature_column(column: pd.Series[Any], categories: Sequence[str] | None) -> tuple[NDArray[np.float32], Feature]:
    """The values of a column as float32, `(N,)`, and their schema."""
    name = str(column.name)
    if types.is_object_dtype(column):
        column = column.infer_objects()
    categorical = (
        types.is_bool_dtype(column)
        or isinstance(column.dtype, pd.CategoricalDtype)
        or types.infer_dtype(column) == "string"
    )
    if categories is not None or categorical:
        known = tuple(map(str, categories)) if categories is not None else _sorted_names(column)
        codes = _codes(column, known, what=f"column '{name}'", given="categories").astype(np.float32)
        top = float(len(known) - 1)
        return codes, Feature(name, "categorical", True, 0.0, top, "code of a category", known)
    if not types.is_numeric_dtype(column) or types.is_complex_dtype(column):
        raise FairtollError(
            f"column '{name}' is of type {column.dtype} and holds values such as {column.iloc[0]!r}; expected "
            "numbers, text, categories or bool; convert it, or leave it out with features=[...]"
        )
    with np.errstate(over="ignore"):
        values = column.to_numpy(dtype=np.float64).astype(np.float32)
    if not np.isfinite(values).all():
        raise FairtollError(
            f"column '{name}' holds infinity, or more than float32 can, in {int((~np.isfinite(values)).sum())} rows; "
            "expected finite numbers; drop or clip them first"
        )
    integer = types.is_integer_dtype(column)
    return values, Feature(name, "continuous", integer, float(values.min()), float(values.max()), f"{name}, as given")


def _name(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _sorted_names(column: pd.Series[Any]) -> tuple[str, ...]:
    """Names of the distinct values, in the values' own order; of a category column, unused ones too."""
    dtype = column.dtype
    distinct = (dtype.categories if isinstance(dtype, pd.CategoricalDtype) else column.unique()).tolist()
    try:
        distinct = sorted(distinct)
    except TypeError:
        distinct = sorted(distinct, key=str)
    return tuple(dict.fromkeys(map(_name, distinct)))


def _codes(column: pd.Series[Any], known: tuple[str, ...], *, what: str, given: str) -> NDArray[np.int64]:
    if len(set(known)) < len(known):
        raise FairtollError(f"{given} for {what} names a value twice: {known}; expected each once")
    names = names_of(column)
    codes = pd.Index(known, dtype=object).get_indexer(pd.Index(names, dtype=object)).astype(np.int64)
    if (codes < 0).any():
        unknown = sorted(set(names) - set(known))
        raise FairtollError(f"{what} holds {', '.join(map(repr, unknown[:5]))}; {given} has only {', '.join(known)}")
    return codes
