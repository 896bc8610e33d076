"""Rows from a caller, copied; the one place that decides which numpy arrays and tensors are accepted."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import as_array


def own_rows(values: Any, *, name: str = "x") -> NDArray[np.float32]:
    """A contiguous float32 copy of array-like rows that shares no memory with the caller's.

    Parameters
    ----------
    values : array-like or Tensor, (N, ...)
        Of any number type, memory order and device; gradients are detached.
    name : str
        What to call them in errors.

    Returns
    -------
    ndarray of float32, (N, ...)
        What overflows is infinite.

    Raises
    ------
    FairtollError
        For a masked value, complex numbers, whole numbers that float32 would change, or what cannot be read as
        numbers.

    Examples
    --------
    >>> given = np.array([[1.0, 2.0]])[:, ::-1]
    >>> rows = own_rows(given)
    >>> rows.tolist(), rows.flags.c_contiguous, np.shares_memory(rows, given)
    ([[2.0, 1.0]], True, False)
    """
    refuse_masked_tensor(values, name=name)
    array = as_array(values, name=name)
    try:
        if array.dtype.kind == "c":
            raise TypeError("they are complex")
        with np.errstate(over="ignore"):
            rows = array.astype(np.float32, order="C", subok=False, copy=True)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FairtollError(f"{name} cannot be read as numbers ({reason}); code categories as numbers first") from error
    if (changed := _changed(array, rows)) is not None:
        raise FairtollError(
            f"{name} holds {changed[0]}, which float32 turns into {changed[1]:.0f}; expected whole "
            f"numbers to {2**24}; divide the column, or give it as floats where rounding does no harm"
        )
    return rows


def _changed(array: NDArray[Any], rows: NDArray[np.float32]) -> tuple[Any, float] | None:
    """The first whole number that is another one in `rows`, and which; objects are looked at one by one."""
    if array.dtype.kind == "O":
        pairs = zip(array.flat, rows.ravel().tolist(), strict=True)
        return next(((one, new) for one, new in pairs if isinstance(one, Integral) and int(one) != new), None)
    if array.dtype.kind not in "iu" or array.itemsize <= 2:
        return None
    other = array.astype(np.float64) != rows
    return (array[other][0], float(rows[other][0])) if other.any() else None


def refuse_masked_tensor(values: object, *, name: str) -> None:
    """Raise for torch's masked tensors: a copy would drop the mask and treat the hidden number as valid.

    Examples
    --------
    >>> refuse_masked_tensor(np.zeros(3), name="x")
    """
    if type(values).__name__ == "MaskedTensor":
        raise FairtollError(
            f"{name} is a tensor with masked entries; expected a value in every entry; remove those rows or fill them"
        )
