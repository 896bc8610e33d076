"""A fitted preprocessor whose every output depends on one feature, as a torch module with its gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.models.tables import Decoder


@dataclass(frozen=True, eq=False)
class Column:
    """One column on its way through a preprocessor, as a function of one feature of a row.

    Attributes
    ----------
    source : int
        Position of the feature in a row.
    table : ndarray, optional
        Of a categorical feature: the column's value for each code, the one of a missing value last.
    scale, shift : float
        Of a number x: the column's value is ``scale * x + shift``.
    filled : float
        Of a number: the column's value where it is missing; NaN until it is imputed.

    Examples
    --------
    >>> Column(3).scale
    1.0
    """

    source: int
    table: NDArray[Any] | None = None
    scale: float = 1.0
    shift: float = 0.0
    filled: float = float("nan")


def columns_after(preprocessor: Any, decoder: Decoder) -> list[Column] | None:
    """The outputs of a fitted scikit-learn transformer, or of a pipeline of them, as functions of one feature each.

    Known are scalers, imputers of constants, encoders of categorical features, selections of columns, and what puts
    them together. Encoders are asked what they make of each category.

    Returns
    -------
    list of Column, or None
        None where an output depends on several features, or on a number in another way than by scale and shift.

    Examples
    --------
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from fairtoll.inputs.features import Feature
    >>> age = Feature("age", "continuous", integer=True, low=0, high=4, unit="years")
    >>> [found] = columns_after(MinMaxScaler().fit([[0], [4]]), Decoder([age], form="array"))
    >>> found.scale, found.shift
    (0.25, 0.0)
    """
    return through(preprocessor, raw_columns(decoder))


def through(preprocessor: Any, columns: list[Column]) -> list[Column] | None:
    """The same of columns that other preprocessors have made.

    Examples
    --------
    >>> through("passthrough", [Column(0)])[0].source
    0
    """
    try:
        return _through(preprocessor, columns)
    except (TypeError, ValueError, AttributeError, IndexError, KeyError):
        # Fitted otherwise than these classes are: not known, so that it is asked for its scores.
        return None


class Columnwise(nn.Module):
    """Rows `(N, D)` to the columns of a preprocessor `(N, M)`, in float64; no gradient in codes of categories.

    Parameters
    ----------
    columns : sequence of Column
        Of numbers.
    missing : sequence of float or None, (D,)
        What stands for a missing value in each feature.

    Examples
    --------
    >>> Columnwise([Column(0, scale=2.0)], [None])(torch.tensor([[3.0]]))
    tensor([[6.]], dtype=torch.float64)
    """

    #: A missing value is filled, or the preprocessor is not known.
    reads_missing = True
    scale: Tensor
    shift: Tensor
    filled: Tensor
    code: Tensor
    place: Tensor

    def __init__(self, columns: Sequence[Column], missing: Sequence[float | None]) -> None:
        super().__init__()
        numbers = [k for k, one in enumerate(columns) if one.table is None]
        sources = sorted({one.source for one in columns if one.table is not None})
        grouped = [[k for k, one in enumerate(columns) if one.table is not None and one.source == at] for at in sources]
        self._numbers, self._sources = [columns[k].source for k in numbers], sources
        codes = [missing[columns[k].source] for k in numbers]
        self._gaps = any(code is not None for code in codes)
        self._register("code", np.array([np.nan if code is None else np.float32(code) for code in codes]))
        for name in ("scale", "shift", "filled"):
            self._register(name, np.array([getattr(columns[k], name) for k in numbers]))
        for number, members in enumerate(grouped):
            tables = [np.asarray(columns[k].table, dtype=np.float64) for k in members]
            self._register(f"table_{number}", np.stack(tables, axis=1))
        place = np.argsort([*numbers, *(k for members in grouped for k in members)])
        self.register_buffer("place", torch.from_numpy(place))
        self._in_place = bool((place == np.arange(len(place))).all())

    def _register(self, name: str, values: NDArray[Any]) -> None:
        self.register_buffer(name, torch.from_numpy(values.astype(np.float64)))

    def forward(self, x: Tensor) -> Tensor:
        """The preprocessor's columns `(N, M)`."""
        rows = x.to(self.scale.dtype)
        parts = []
        if self._numbers:
            own = rows[:, self._numbers]
            moved = own * self.scale + self.shift
            parts.append(torch.where(own == self.code, self.filled, moved) if self._gaps else moved)
        for number, source in enumerate(self._sources):
            table: Tensor = getattr(self, f"table_{number}")
            parts.append(table[rows[:, source].detach().round().long()])
        found = torch.cat(parts, dim=1) if parts else rows[:, :0]
        return found if self._in_place else found[:, self.place]


def raw_columns(decoder: Decoder) -> list[Column]:
    """The columns that a decoder makes of a row.

    Examples
    --------
    >>> raw_columns(Decoder([]))
    []
    """
    found = []
    for k, (place, feature) in enumerate(zip(decoder.places, decoder.features, strict=True)):
        if feature.kind != "categorical":
            found.append(Column(place))
            continue
        codes = np.arange(len(feature.categories) + (feature.missing is not None), dtype=np.float64)
        if feature.missing is not None:
            codes[-1] = np.nan
        found.append(Column(place, table=decoder.values.get(k, codes)))
    return found


def _through(one: Any, columns: list[Column]) -> list[Column] | None:
    if one is None or isinstance(one, str):
        return {None: columns, "passthrough": columns, "drop": []}[one]
    known = _KNOWN.get(type(one).__name__) if type(one).__module__.startswith("sklearn.") else None
    if known is not None:
        return known(one, columns)
    if type(one).__module__.startswith("sklearn.feature_selection") and hasattr(one, "get_support"):
        return [columns[k] for k in one.get_support(indices=True)]
    return None


def _pipeline(one: Any, columns: list[Column]) -> list[Column] | None:
    found: list[Column] | None = columns
    for _, step in one.steps:
        found = None if found is None else _through(step, found)
    return found


def _by_columns(one: Any, columns: list[Column]) -> list[Column] | None:
    found: list[Column] = []
    for name, step, _ in one.transformers_:
        made = _through(step, [columns[k] for k in one._transformer_to_input_indices[name]])
        if made is None:
            return None
        found += made
    return found if one.transformer_weights is None else None


def _union(one: Any, columns: list[Column]) -> list[Column] | None:
    parts = [_through(step, columns) for _, step in one.transformer_list]
    if one.transformer_weights is not None or any(part is None for part in parts):
        return None
    return [column for part in parts for column in part or []]


def _function(one: Any, columns: list[Column]) -> list[Column] | None:
    return columns if one.func is None else None


def _standard(one: Any, columns: list[Column]) -> list[Column]:
    return _moved(columns, one.mean_ if one.with_mean else None, one.scale_ if one.with_std else None)


def _robust(one: Any, columns: list[Column]) -> list[Column]:
    return _moved(columns, one.center_ if one.with_centering else None, one.scale_ if one.with_scaling else None)


def _max_abs(one: Any, columns: list[Column]) -> list[Column] | None:
    return None if getattr(one, "clip", False) else _moved(columns, None, one.scale_)


def _min_max(one: Any, columns: list[Column]) -> list[Column] | None:
    # Of rows in float32 both are float32, and the inverse would be rounded.
    shift, scale = np.asarray(one.min_, dtype=np.float64), np.asarray(one.scale_, dtype=np.float64)
    return None if one.clip else _moved(columns, -shift / scale, 1 / scale)


def _moved(columns: list[Column], centre: Any, spread: Any) -> list[Column]:
    """``(column - centre) / spread``."""
    centres = np.zeros(len(columns)) if centre is None else np.asarray(centre, dtype=np.float64)
    spreads = np.ones(len(columns)) if spread is None else np.asarray(spread, dtype=np.float64)
    found = []
    for one, middle, width in zip(columns, centres, spreads, strict=True):
        if one.table is not None:
            found.append(replace(one, table=(one.table.astype(np.float64) - middle) / width))
            continue
        scale, shift, filled = one.scale / width, (one.shift - middle) / width, (one.filled - middle) / width
        found.append(replace(one, scale=float(scale), shift=float(shift), filled=float(filled)))
    return found


def _impute(one: Any, columns: list[Column]) -> list[Column] | None:
    if not (isinstance(one.missing_values, float) and np.isnan(one.missing_values)):
        return None
    found = []
    for column, value in zip(columns, one.statistics_, strict=True):
        if pd.isna(value):
            if one.keep_empty_features:
                return None
            continue
        if column.table is None:
            found.append(replace(column, filled=float(value)))
        else:
            found.append(replace(column, table=np.where(_is_nan(column.table), value, column.table)))
    for k in one.indicator_.features_ if one.add_indicator else ():
        column = columns[k]
        gaps = None if column.table is None else _is_nan(column.table).astype(np.float64)
        found.append(Column(column.source, gaps, scale=0.0, shift=0.0, filled=1.0))
    return found


def _is_nan(table: NDArray[Any]) -> NDArray[np.bool_]:
    """None is a value of its own to scikit-learn."""
    return np.array([isinstance(value, float) and value != value for value in table.tolist()])


def _one_hot(one: Any, columns: list[Column]) -> list[Column] | None:
    return _asked(one, columns, one._n_features_outs)


def _ordinal(one: Any, columns: list[Column]) -> list[Column] | None:
    return _asked(one, columns, [1] * len(columns))


def _target(one: Any, columns: list[Column]) -> list[Column] | None:
    return None if one.target_type_ == "multiclass" else _asked(one, columns, [1] * len(columns))


def _asked(one: Any, columns: list[Column], widths: Sequence[int]) -> list[Column] | None:
    """An encoder's outputs, by giving it every category of each feature; `widths` of them belong to each."""
    tables = [column.table for column in columns if column.table is not None]
    if len(tables) < len(columns):
        return None
    longest = max(map(len, tables), default=0)
    padded = [table[np.minimum(np.arange(longest), len(table) - 1)] for table in tables]
    names = getattr(one, "feature_names_in_", None)
    if names is None:
        given: Any = np.stack(padded, axis=1)
    else:
        given = pd.DataFrame({name: pd.Series(part) for name, part in zip(names, padded, strict=True)})
        for name, part in zip(names, padded, strict=True):
            if part.dtype == object:
                given[name] = pd.Series(part, dtype=object)
    made = one.transform(given)
    made = np.asarray(made.toarray() if hasattr(made, "toarray") else made, dtype=np.float64)
    if made.shape[1] != sum(widths):
        return None
    of = np.repeat(np.arange(len(columns)), widths)
    return [Column(columns[k].source, table=made[: len(tables[k]), place]) for place, k in enumerate(of)]


_KNOWN: dict[str, Callable[[Any, list[Column]], list[Column] | None]] = {
    "Pipeline": _pipeline,
    "ColumnTransformer": _by_columns,
    "FeatureUnion": _union,
    "FunctionTransformer": _function,
    "StandardScaler": _standard,
    "RobustScaler": _robust,
    "MaxAbsScaler": _max_abs,
    "MinMaxScaler": _min_max,
    "SimpleImputer": _impute,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "TargetEncoder": _target,
}
