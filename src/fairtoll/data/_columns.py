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
from fairtoll.labels import Labels, as_labels
from fairtoll.names import as_names


def class_codes(column: pd.Series[Any], class_names: Sequence[str] | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The classes of the rows, `(N,)`, and their names in order."""
    what = f"the label '{column.name}'"
    labels = as_labels(column, name=what, fractions=False)
    known = as_names(class_names, what="a class") if class_names is not None else _sorted_names(column, labels)
    codes = _codes(labels, known, what=what, given="class_names")
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
        what = f"column '{name}'"
        labels = as_labels(column, name=what)
        known = (
            as_names(categories, what=f"a category of {what}")
            if categories is not None
            else _sorted_names(column, labels)
        )
        codes = _codes(labels, known, what=what, given="categories").astype(np.float32)
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


def _sorted_names(column: pd.Series[Any], labels: Labels) -> tuple[str, ...]:
    """Names of the distinct values, in the values' own order; of a category column, unused ones too."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return labels.texts
    return as_labels(column.dtype.categories, name=f"the categories of column '{column.name}'").texts


def _codes(labels: Labels, known: tuple[str, ...], *, what: str, given: str) -> NDArray[np.int64]:
    unknown = [text for text in labels.texts if text not in known]
    if unknown:
        raise FairtollError(
            f"{what} holds {', '.join(map(repr, unknown[:5]))}; {given} has only {', '.join(known)}; "
            "name every value, or correct the rows"
        )
    return np.array([known.index(text) for text in labels.texts], dtype=np.int64)[labels.codes]
