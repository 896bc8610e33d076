"""Rows from a caller, in memory of our own; the one place that decides what numpy arrays and tensors may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError


def own_rows(values: Any, *, name: str = "x") -> NDArray[np.float32]:
    """A contiguous float32 copy of array-like rows that shares no memory with the caller's.

    Parameters
    ----------
    values : array-like or Tensor, (N, ...)
        In any number type, memory order and device; gradients are left behind.
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
    refuse_mask(values, name=name)
    try:
        array = np.asarray(_off_device(values))
        if array.dtype.kind == "c":
            raise TypeError("they are complex")
        with np.errstate(over="ignore"):
            rows = array.astype(np.float32, order="C", subok=False, copy=True)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise FairtollError(f"{name} cannot be read as numbers ({reason}); code categories as numbers first") from error
    if array.dtype.kind in "iu" and array.itemsize > 2 and (changed := array.astype(np.float64) != rows).any():
        raise FairtollError(
            f"{name} holds {array[changed][0]}, which float32 turns into {rows[changed][0]:.0f}; expected whole "
            f"numbers to {2**24}; divide the column, or give it as floats where rounding does no harm"
        )
    return rows


def refuse_mask(values: Any, *, name: str) -> None:
    """Raise if some value is masked: a copy would drop the mask and take the hidden number for a true one.

    Examples
    --------
    >>> refuse_mask(np.ma.masked_array([1.0, 2.0], mask=[False, False]), name="x")
    """
    masked = np.ma.is_masked(values) or type(values).__name__ == "MaskedTensor"
    if masked:
        raise FairtollError(
            f"{name} is an array with masked values; expected a plain array; leave such rows out or fill them"
        )


def _off_device(values: Any) -> Any:
    """A torch tensor as numpy; everything else as it came. Torch is not imported."""
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        tensor = values.detach().cpu()
        # numpy has no bfloat16
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).resolve_neg().numpy()
    return values
