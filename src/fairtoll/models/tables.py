"""Rows of numbers as the rows of a table that a model was trained on, and such a model as a torch module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature
from fairtoll.models.outputs import Declared

#: What a model is given. "frame": a DataFrame, a category as the value that the table had; "categories": the same as
#: columns of pandas' category type; "codes": a DataFrame of numbers; "array": numbers (N, D); "objects": values (N, D).
Form = Literal["frame", "categories", "codes", "array", "objects"]
#: A whole number may be off by the rounding of a few float32 operations, in units of its last place.
ROUNDING = 8 * float(np.finfo(np.float32).eps)


class Decoder:
    """Turns rows of numbers `(N, D)` into rows of the table that they stand for.

    Whole numbers become int64, other numbers float64, codes the values of their category, and what stands for a missing
    value NaN. A whole number that an attack has made a fraction stays one. A float32 is read as the decimal of seven
    digits that it holds, 0.1 and not 0.10000000149, so that a model answers as it does on the table itself.

    Parameters
    ----------
    features : sequence of Feature
        One for each column of a row.
    form : str
        What is wanted (`Form`).
    columns : sequence of str, optional
        Which features, in which order. Default: all.
    gap : float or None
        What a model is given for a missing category: NaN, as pandas has it, or None.
    tables : mapping of str to ndarray, optional
        Of the form "array": the number that stands for each code of a feature, the missing value last.

    Examples
    --------
    >>> age = Feature("age", "continuous", integer=True, low=17, high=90, unit="years")
    >>> job = Feature("job", "categorical", True, 0, 1, "code", ("clerk", "nurse"), missing=2)
    >>> Decoder([age, job])(np.array([[30, 1], [40, 2]], dtype=np.float32)).to_dict("list")
    {'age': [30, 40], 'job': ['nurse', nan]}
    """

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        form: Form = "frame",
        columns: Sequence[str] | None = None,
        gap: float | None = np.nan,
        tables: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> None:
        names = [feature.name for feature in features]
        self.form: Form = form
        self.all_features = tuple(features)
        self.columns = list(names if columns is None else columns)
        self.places = [names.index(name) for name in self.columns]
        self.features = [features[place] for place in self.places]
        self._width = len(names)
        as_numbers = form in ("codes", "array")
        self._coded = [k for k, one in enumerate(self.features) if one.kind == "categorical" and not as_numbers]
        self._whole = [k for k, one in enumerate(self.features) if one.integer and k not in self._coded]
        self._broken = [k for k in range(len(self.features)) if k not in self._coded and k not in self._whole]
        self._missing = [(k, np.float32(one.missing)) for k, one in enumerate(self.features) if one.missing is not None]
        self.values = {k: _values(self.features[k], gap) for k in self._coded}
        self.values |= {self.columns.index(name): table for name, table in (tables or {}).items()}

    def __call__(self, x: NDArray[np.floating[Any]]) -> Any:
        """The rows `x` `(N, D)`, or of another shape with D entries each, as a DataFrame or an array.

        Raises
        ------
        FairtollError
            If a row has another width, or a code that no category has.
        """
        if x.size != len(x) * self._width:
            raise FairtollError(f"rows have the shape {x.shape}; expected ({len(x)}, {self._width}), one feature each")
        x = x.reshape(len(x), self._width)
        chosen = x if self.places == list(range(self._width)) else x[:, self.places]
        numbers = chosen.astype(np.float64)
        if self._broken:
            numbers[:, self._broken] = as_decimals(numbers[:, self._broken])
        if self._whole:
            numbers[:, self._whole] = _whole(numbers[:, self._whole])
        for k, missing in self._missing:
            if k not in self.values:
                numbers[chosen[:, k] == missing, k] = np.nan
        if self.form == "array":
            for k, table in self.values.items():
                numbers[:, k] = table[self._codes(k, numbers[:, k])]
            return numbers
        if not self._coded and not self._whole:
            return pd.DataFrame(numbers, columns=self.columns)
        found: dict[str, Any] = {}
        for k, name in enumerate(self.columns):
            column = numbers[:, k]
            if k in self.values:
                found[name] = self._decoded(k, column)
            elif k in self._whole and np.array_equal(column, whole := _as_integers(column)):
                found[name] = whole
            else:
                found[name] = column
        if self.form == "objects":
            return np.stack([np.asarray(column, dtype=object) for column in found.values()], axis=1)
        return pd.DataFrame(found, copy=False)

    def _codes(self, k: int, column: NDArray[np.float64]) -> NDArray[np.intp]:
        codes = np.rint(column).astype(np.intp)
        known = len(self.values[k])
        if len(codes) and not 0 <= codes.min() <= codes.max() < known:
            bad, feature = codes.min() if codes.min() < 0 else codes.max(), self.features[k]
            raise FairtollError(
                f"a row has the code {bad} in '{feature.name}', which has {len(feature.categories)} categories; "
                f"expected 0 to {known - 1}; keep codes as load_frame made them"
            )
        return codes

    def _decoded(self, k: int, column: NDArray[np.float64]) -> Any:
        feature, values, codes = self.features[k], self.values[k], self._codes(k, column)
        if self.form == "categories":
            present = len(feature.categories)
            return pd.Categorical.from_codes(
                np.where(codes < present, codes, -1), categories=values[:present].tolist(), validate=False
            )
        taken = values[codes]
        return pd.Series(taken, dtype=object) if taken.dtype == object else taken


def as_decimals(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers that were rounded to float32, as the decimals of seven digits that they hold, where they hold one.

    Examples
    --------
    >>> as_decimals(np.array([0.1, -2.55], dtype=np.float32).astype(np.float64)).tolist()
    [0.1, -2.55]
    """
    # Powers of ten to 22 are exact, so that one division gives what parsing the text would.
    size = np.abs(values)
    digits = 6 - np.floor(np.log10(size, out=np.zeros_like(size), where=size > 0))
    power = 10.0 ** np.clip(digits, 0, 22)
    found = np.rint(values * power) / power
    same = found.astype(np.float32) == values.astype(np.float32)
    return np.where(same, found, values)


def decode(x: Tensor | NDArray[np.floating[Any]], features: Sequence[Feature]) -> pd.DataFrame:
    """The table that rows `x` `(N, D)` stand for.

    Examples
    --------
    >>> job = Feature("job", "categorical", True, 0, 1, "code", ("clerk", "nurse"))
    >>> decode(torch.tensor([[1.0], [0.0]]), [job])["job"].tolist()
    ['nurse', 'clerk']
    """
    frame: pd.DataFrame = Decoder(features)(_numpy(x))
    return frame


class TableModel(nn.Module):
    """A model of tables that torch cannot follow, as a module: rows are decoded, scored and returned; no gradient.

    Parameters
    ----------
    scores : callable
        Takes a DataFrame or an array of N rows, returns scores `(N, C)`, or `(N,)` of the second of two classes.
    decoder : callable, optional
        Rows `(N, D)` as what `scores` takes, such as a `Decoder`. Default: an array of float64, each row flat.
    order : sequence of int, optional
        The column of each of the data's classes (`class_order`). Default: as they are.
    declared : Declared
        What the scores are, and what is to be said about them. Default: as the probe finds.
    thresholds : callable, optional
        Computes what `thresholds` returns.

    Examples
    --------
    >>> model = TableModel(lambda rows: np.stack([1 - rows[:, 0], rows[:, 0]], axis=1))
    >>> model(torch.tensor([[0.25]]))
    tensor([[0.7500, 0.2500]], dtype=torch.float64)
    """

    #: Missing values reach the model as NaN.
    reads_missing = True

    def __init__(
        self,
        scores: Callable[[Any], Any],
        decoder: Callable[[NDArray[Any]], Any] | None = None,
        *,
        order: Sequence[int] | NDArray[np.intp] | None = None,
        declared: Declared = Declared(),
        thresholds: Callable[[], dict[int, NDArray[np.float32]]] | None = None,
    ) -> None:
        super().__init__()
        self.scores = scores
        self.decoder = decoder if decoder is not None else _flat
        self.order = None if order is None or list(order) == sorted(order) else np.asarray(order, dtype=np.intp)
        self.declared = declared
        self._thresholds = cache(thresholds if thresholds is not None else dict)
        #: Scores of a few rows, by which an audit's folder tells one model from another.
        self.answers: NDArray[np.float64] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Scores `(N, C)` in float64, without gradient.

        Raises
        ------
        FairtollError
            If the model fails on the rows; the message has its own first line.
        """
        rows = self.decoder(_numpy(x))
        try:
            found = np.asarray(self.scores(rows), dtype=np.float64)
        except (FairtollError, MemoryError):
            raise
        except Exception as error:
            raise FairtollError(
                f"the model fails on {len(x)} rows ({first_line(error)}); expected one that scores every row; check "
                "that it was fitted on the same columns"
            ) from error
        if self.order is not None and found.ndim == 2 and found.shape[1] == len(self.order):
            found = found[:, self.order]
        return torch.from_numpy(np.ascontiguousarray(found)).to(x.device)

    def thresholds(self) -> dict[int, NDArray[np.float32]]:
        """Where the scores may jump, by feature position, in the data's units, sorted.

        A threshold is the last float32 of its interval: values above one and up to the next are all alike to the
        model. Empty for a model that is not made of trees.
        """
        return self._thresholds()


def first_line(error: BaseException) -> str:
    r"""The first line of an error's message, or its type.

    Examples
    --------
    >>> first_line(ValueError("one\ntwo"))
    'one'
    """
    lines = " ".join(str(error).strip().splitlines()[:1]).rstrip(".:;")
    return lines or type(error).__name__


def _values(feature: Feature, gap: float | None) -> NDArray[Any]:
    """What each code of a category stands for, the missing value last; booleans and numbers keep their type."""
    values: list[Any] = list(feature.values or feature.categories)
    if feature.missing is not None:
        values.append(gap)
    kinds = {type(value) for value in values}
    if kinds in ({bool}, {int}, {float}, {int, float}):
        return np.array(values)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _whole(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rounded = np.rint(values)
    near = np.abs(rounded - values) <= ROUNDING * np.maximum(np.abs(values), 1.0)
    found: NDArray[np.float64] = np.where(near, rounded, values)
    return found


def _as_integers(column: NDArray[np.float64]) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        return column.astype(np.int64)


def _numpy(x: Tensor | NDArray[Any]) -> NDArray[Any]:
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else x


def _flat(x: NDArray[Any]) -> NDArray[np.float64]:
    return x.reshape(len(x), -1).astype(np.float64)
