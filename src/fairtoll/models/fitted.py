"""What an estimator of scikit-learn was fitted on: names, text, codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.tables import Form


@dataclass(frozen=True)
class Rows:
    """How a model may take its rows.

    Attributes
    ----------
    forms : tuple of str
        To be tried in order.
    columns : tuple of str, optional
        Names of the columns that it reads, in its order; None where it knows no names.
    gap : float or None
        What it takes for a missing category.

    Examples
    --------
    >>> Rows(("frame",)).columns is None
    True
    """

    forms: tuple[Form, ...]
    columns: tuple[str, ...] | None = None
    gap: float | None = float("nan")


def rows_of(estimator: Any, schema: Schema) -> Rows:
    """How a fitted estimator may take rows of a table.

    One that was fitted with names is given a DataFrame, else an array. An encoder takes what it was not fitted on for
    an unknown category, perhaps without a word, so that it is given text exactly where it knows text.

    Raises
    ------
    FairtollError
        If it knows no names and was fitted on another number of columns.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> rows_of(StandardScaler().fit([[0.0], [1.0]]), Schema((), ("no", "yes"))).forms
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: the StandardScaler was fitted on 1 columns without names and the table has 0: ; \
expected the same; name the features, in its order
    """
    columns = columns_of(estimator)
    width = getattr(estimator, "n_features_in_", len(schema.features))
    if columns is None and width != len(schema.features):
        there = ", ".join(feature.name for feature in schema.features)
        raise FairtollError(
            f"the {type(estimator).__name__} was fitted on {width} columns without names and the table has "
            f"{len(schema.features)}: {there}; expected the same; name the features, in its order"
        )
    known = [one for part in parts_of(estimator) for one in _categories(part)]
    kinds = {one.dtype.kind for one in known}
    decoded: tuple[Form, ...] = ("objects",) if columns is None else ("frame", "categories")
    coded: tuple[Form, ...] = ("array",) if columns is None else ("codes",)
    text = any(feature.kind == "categorical" and not feature.values for feature in schema.features)
    if kinds & set("OUST"):
        forms = decoded
    elif columns is None or (kinds and text):
        forms = coded
    else:
        forms = (*decoded, *coded)
    # None is another category than NaN to an encoder.
    knows_none = any(value is None for one in known if one.dtype == object for value in one)
    return Rows(forms, columns, None if knows_none else float("nan"))


def columns_of(estimator: Any) -> tuple[str, ...] | None:
    """The names of the columns that an estimator was fitted on.

    Examples
    --------
    >>> columns_of(object()) is None
    True
    """
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else tuple(map(str, names))


def parts_of(estimator: Any) -> Iterator[Any]:
    """A fitted estimator and every estimator inside it.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> [type(part).__name__ for part in parts_of(make_pipeline(MinMaxScaler()))]
    ['Pipeline', 'MinMaxScaler']
    """
    seen: set[int] = set()
    waiting = [estimator]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if hasattr(one, "get_params") and not isinstance(one, type):
            yield one
            waiting.extend(vars(one).values())
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def _categories(part: Any) -> list[Any]:
    found = getattr(part, "categories_", None)
    return [np.asarray(one) for one in found] if isinstance(found, list) else []
