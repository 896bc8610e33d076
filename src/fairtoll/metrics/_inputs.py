"""The numbers of a metric as checked numpy arrays: values, masks, probabilities. Nothing here writes to its input."""

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import EMPTY, WRONG_DIMENSIONS, as_array, as_column, check_length
from fairtoll.metrics import messages

# Tolerance for half-precision softmax; logits are far outside of it.
SUM_TOLERANCE = 1e-3
RANGE_TOLERANCE = 1e-6


def as_numbers(
    values: ArrayLike, *, name: str, not_finite: str = messages.NOT_FINITE, nonnegative: bool = False
) -> NDArray[np.float64]:
    """Read `values` as finite float64 (N,)."""
    numbers = _float64(as_column(values, name=name), name=name)
    _check_finite(numbers, name=name, message=not_finite)
    if nonnegative and numbers.min() < 0:
        row = int(np.argmin(numbers))
        raise FairtollError(messages.NEGATIVE.format(name=name, given=numbers[row], row=row))
    return numbers


def as_mask(values: ArrayLike, *, name: str, like: NDArray[Any]) -> NDArray[np.bool_]:
    """Read `values` as bool, one for each row of `like`; 0 and 1 of any number type are accepted."""
    array = as_column(values, name=name)
    check_length(array, name=name, like=like)
    if array.dtype == np.bool_:
        return array
    numbers = _float64(array, name=name)
    wrong = (numbers != 0) & (numbers != 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FairtollError(messages.NOT_ZERO_ONE.format(name=name, given=numbers[row], row=row))
    return numbers.astype(np.bool_)


def as_probabilities(values: ArrayLike, *, name: str) -> NDArray[np.float64]:
    """Read `values` as float64 (N, C), each row a distribution over the classes."""
    probabilities = as_scores(values, name=name)
    totals = probabilities.sum(axis=1)
    off = np.abs(totals - 1)
    if off.max() > SUM_TOLERANCE:
        row = int(np.argmax(off))
        raise FairtollError(messages.PROBABILITY_SUM.format(name=name, given=totals[row], row=row))
    return probabilities


def as_scores(values: ArrayLike, *, name: str) -> NDArray[np.float64]:
    """Read `values` as float64 (N, C), each between 0 and 1."""
    array = as_array(values, name=name)
    if array.ndim != 2 or array.shape[1] == 1:
        remedy = "give one column per class"
        raise FairtollError(
            WRONG_DIMENSIONS.format(name=name, shape=array.shape, expected="(N, C) with C of at least 2", remedy=remedy)
        )
    if array.size == 0:
        raise FairtollError(EMPTY.format(name=name, shape=array.shape))
    scores = _float64(array, name=name)
    _check_finite(scores, name=name, message=messages.NOT_FINITE)
    outside = np.maximum(-scores, scores - 1).max(axis=1)
    if outside.max() > RANGE_TOLERANCE:
        row = int(np.argmax(outside))
        worst = scores[row][np.argmax(np.abs(scores[row] - 0.5))]
        raise FairtollError(messages.PROBABILITY_RANGE.format(name=name, given=worst, row=row))
    return scores


def members(left_out: ArrayLike, *, full: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the (N, C) probabilities of each member of `left_out`, checked as they are reached.

    One at a time: a hundred members over a test set in float64 would not fit in memory together with the original.
    """
    stack = as_array(left_out, name="left_out")
    if stack.ndim != 3:
        raise FairtollError(
            WRONG_DIMENSIONS.format(
                name="left_out",
                shape=stack.shape,
                expected="(L, N, C)",
                remedy="stack one (N, C) array per left-out model",
            )
        )
    if stack.shape[0] == 0:
        raise FairtollError(EMPTY.format(name="left_out", shape=stack.shape))
    if stack.shape[1:] != full.shape:
        raise FairtollError(messages.SHAPES_DIFFER.format(given=stack.shape[1:], expected=full.shape))
    return (as_probabilities(member, name=f"left_out[{i}]") for i, member in enumerate(stack))


def check_minimum_rows(minimum_rows: int) -> None:
    """Raise for a minimum group size under one row: an empty group has no value."""
    try:
        enough = operator.index(minimum_rows) >= 1
    except TypeError:
        enough = False
    if not enough:
        raise FairtollError(messages.MINIMUM_ROWS.format(given=minimum_rows))


def _float64(array: NDArray[Any], *, name: str) -> NDArray[np.float64]:
    if array.dtype.kind == "O" and any(isinstance(value, str) for value in array.flat):
        raise FairtollError(messages.NOT_NUMBERS.format(name=name, given="text"))
    if array.dtype.kind not in "biufO":
        raise FairtollError(messages.NOT_NUMBERS.format(name=name, given=array.dtype))
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise FairtollError(messages.NOT_NUMBERS.format(name=name, given=array.dtype)) from error


def _check_finite(array: NDArray[np.float64], *, name: str, message: str) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        count = int(array.size - np.count_nonzero(finite))
        row = int(np.argwhere(~finite)[0][0])
        raise FairtollError(message.format(name=name, count=count, row=row))
