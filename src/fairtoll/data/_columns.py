"""One column of a table: as numbers, as codes, or as names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature
from fairtoll.inputs.labels import Labels, as_labels
from fairtoll.inputs.names import as_names


def class_codes(column: pd.Series[Any], class_names: Sequence[str] | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The classes of the rows, `(N,)`, and their names in order."""
    what = f"the label '{column.name}'"
    labels = as_labels(column, name=what, fractions=False)
    known = as_names(class_names, what="a class") if class_names is not None else _sorted_names(column, labels)
    codes = _codes(labels, known, what=what, given="class_names")
    if len(np.unique(codes)) < 2:
        raise FairtollError(f"the label '{column.name}' has one class, '{known[codes[0]]}'; expected two or more")
    return codes, known


def column_with_missing(
    column: pd.Series[Any], known: Feature | None, categories: Sequence[str] | None
) -> tuple[NDArray[np.float32], Feature]:
    """As `feature_column`, or `known_column` of a known feature, of a column in which some values may be missing."""
    present = column.notna().to_numpy()
    if present.all():
        return feature_column(column, categories) if known is None else known_column(column, known)
    if not present.any():
        raise FairtollError(f"column '{column.name}' has no value in any row; expected one or more; leave it out")
    if known is not None and known.missing is None:
        raise FairtollError(
            f"column '{column.name}' has missing values in {int((~present).sum())} rows and the training rows have "
            "none there; expected such values in both; drop these rows, or load the training rows with some"
        )
    filled, feature = column_with_missing(column[present], known, categories)
    if known is None:
        # A column of whole numbers with gaps is one of floats to pandas.
        whole = feature.integer or bool((filled == filled.round()).all())
        feature = replace(feature, integer=whole, missing=_missing_code(feature, whole=whole))
    if (filled == np.float32(feature.missing)).any():
        raise FairtollError(
            f"column '{column.name}' holds {feature.missing:g}, which means a missing value in the training rows; "
            "expected values near their range; drop such rows"
        )
    values = np.full(len(column), feature.missing, dtype=np.float32)
    values[present] = filled
    return values, feature


def _missing_code(feature: Feature, *, whole: bool) -> float:
    """A float32 ten widths of the range below it, where no other rows are; for a category the code after the last."""
    if feature.kind == "categorical":
        return float(len(feature.categories))
    code = feature.low - 10 * max(1.0, feature.high - feature.low)
    return float(np.float32(np.floor(code) if whole else code))


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
        held = _held(labels, known)
        return codes, Feature(name, "categorical", True, 0.0, top, "code of a category", known, values=held)
    values = _numbers(column)
    integer = types.is_integer_dtype(column)
    return values, Feature(name, "continuous", integer, float(values.min()), float(values.max()), f"{name}, as given")


def known_column(column: pd.Series[Any], known: Feature) -> tuple[NDArray[np.float32], Feature]:
    """The values of a column as the feature `known` has them, `(N,)`, and that feature."""
    what = f"column '{known.name}'"
    if known.kind == "categorical":
        codes = _codes(as_labels(column, name=what), known.categories, what=what, given="the training rows' column")
        return codes.astype(np.float32), known
    if types.is_bool_dtype(column) or not types.is_numeric_dtype(column):
        raise FairtollError(
            f"{what} is of type {column.dtype} and holds values such as {column.iloc[0]!r}; expected numbers, as in "
            "the training rows; load both tables alike"
        )
    values = _numbers(column)
    broken = values[values != values.round()]
    if known.integer and len(broken):
        raise FairtollError(
            f"{what} holds fractions such as {broken[0]:g}; expected whole numbers, as in the training rows; load both "
            "tables alike"
        )
    return values, known


def _numbers(column: pd.Series[Any]) -> NDArray[np.float32]:
    if not types.is_numeric_dtype(column) or types.is_complex_dtype(column):
        raise FairtollError(
            f"column '{column.name}' is of type {column.dtype} and holds values such as {column.iloc[0]!r}; expected "
            "numbers, text, categories or bool; convert it, or leave it out with features=[...]"
        )
    exact = column.to_numpy(dtype=np.float64)
    with np.errstate(over="ignore"):
        values = exact.astype(np.float32)
    if not np.isfinite(values).all():
        raise FairtollError(
            f"column '{column.name}' holds infinity, or more than float32 can, in "
            f"{int((~np.isfinite(values)).sum())} rows; expected finite numbers; drop or clip them first"
        )
    # Fractions are measurements, and rounding them is harmless; another whole number is another value.
    changed = (values != exact) | (np.abs(exact) >= 2**53)
    if changed.any() and (exact == exact.round()).all():
        raise FairtollError(
            f"column '{column.name}' holds {exact[changed][0]:.0f}, which float32 turns into {values[changed][0]:.0f}; "
            f"expected whole numbers to {2**24} where each counts; divide the column, or leave it out"
        )
    return values


def _held(labels: Labels, known: tuple[str, ...]) -> tuple[bool | int | float, ...]:
    """What the column holds for each of the `known` names; empty for text."""
    kinds = set(map(type, labels.names))
    if kinds == {bool} and set(known) <= {"True", "False"}:
        return tuple(text == "True" for text in known)
    if not kinds <= {int, float}:
        return ()
    try:
        return tuple(int(text) if kinds == {int} else float(text) for text in known)
    except ValueError:
        return ()


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
