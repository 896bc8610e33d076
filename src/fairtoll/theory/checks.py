"""Reading what a caller gives the theory: numbers, labels, radii."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import as_array
from fairtoll.theory import messages

Floats = NDArray[np.float64]


def numbers(values: ArrayLike, *, name: str) -> Floats:
    """A read-only float64 copy of finite numbers of any shape."""
    array = as_array(values, name=name)
    if array.dtype.kind not in "iuf":
        raise FairtollError(messages.NOT_NUMBERS.format(name=name, given=array.dtype))
    copy = array.astype(np.float64)
    if not np.isfinite(copy).all():
        raise FairtollError(messages.NOT_FINITE.format(name=name))
    copy.flags.writeable = False
    return copy


def of_kind(value: Any, kind: type, *, name: str) -> None:
    """Refuse what is not one of the theory's own objects."""
    if not isinstance(value, kind):
        raise FairtollError(messages.NOT_A.format(name=name, given=type(value).__name__, expected=kind.__name__))


def vector(values: ArrayLike, *, name: str, size: int | None = None, message: str = messages.SHAPE) -> Floats:
    """As `numbers`, of shape (size,), or of any length above 0; a message for other shapes."""
    array = numbers(values, name=name)
    if array.ndim != 1 or array.size == 0 or (size is not None and array.size != size):
        expected = "(d,) with d of at least 1" if size is None else f"({size},)"
        raise FairtollError(message.format(name=name, given=array.shape, expected=expected))
    return array


def table(values: ArrayLike, *, name: str, columns: int | None = None) -> Floats:
    """As `numbers`, of shape (N, columns), or of any number of columns above 0."""
    array = numbers(values, name=name)
    if array.ndim != 2 or array.size == 0 or (columns is not None and array.shape[1] != columns):
        expected = f"(N, {'d' if columns is None else columns}) with N of at least 1"
        raise FairtollError(messages.SHAPE.format(name=name, given=array.shape, expected=expected))
    return array


def labels(values: ArrayLike, *, rows: int) -> Floats:
    """Labels -1 and +1 as float64, (rows,)."""
    array = vector(values, name="y", size=rows, message=messages.SHAPE_OF_ROWS)
    wrong = np.abs(array) != 1
    if wrong.any():
        raise FairtollError(messages.LABELS.format(given=f"{array[np.argmax(wrong)]:g}"))
    return array


def radius(epsilon: Any, *, name: str = "epsilon") -> float:
    """A finite radius of 0 or more."""
    return zero_or_more(epsilon, messages.EPSILON, name=name)


def zero_or_more(value: Any, message: str, **fields: str) -> float:
    """A finite number of 0 or more; a message with its fields for anything else."""
    if not is_number(value) or not 0 <= value < math.inf:
        raise FairtollError(message.format(given=repr(value), **fields))
    return float(value)


def slope(kappa: Any) -> float:
    """The factor between score and logit: a finite number above 0."""
    if not is_number(kappa) or not 0 < kappa < math.inf:
        raise FairtollError(messages.KAPPA.format(given=repr(kappa)))
    return float(kappa)


def is_number(value: Any) -> bool:
    """Whether it is one real number, booleans excluded."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def scales(scale: ArrayLike | None, *, features: int) -> Floats:
    """What the adversary may move of each feature per unit of epsilon, (features,)."""
    array = numbers(1.0 if scale is None else scale, name="scale")
    array = vector(np.full(features, float(array)) if array.ndim == 0 else array, name="scale", size=features)
    if (array < 0).any():
        place = int(np.argmax(array < 0))
        raise FairtollError(messages.SCALE.format(given=f"{array[place]:g}", feature=place))
    return array
