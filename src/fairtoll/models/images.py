"""Images with the channels where a model takes them: first in the data, last in TensorFlow's models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor


def arranged(rows: Any, shape: Sequence[int | None]) -> Any:
    """Images `(N, C, H, W)` as `(N, H, W, C)` if a model's input has that shape, and not this one.

    Parameters
    ----------
    rows : Tensor or ndarray
        Returned as it is where it fits, or fits neither way.
    shape : sequence of int or None
        Of the model's input, rows included; None where it is free.

    Examples
    --------
    >>> import torch
    >>> arranged(torch.zeros(5, 3, 8, 8), (None, 8, 8, 3)).shape, arranged(torch.zeros(5, 2), (None, 2)).shape
    (torch.Size([5, 8, 8, 3]), torch.Size([5, 2]))
    """
    if rows.ndim != 4 or len(shape) != 4 or _fits(rows.shape, shape):
        return rows
    moved = rows.permute(0, 2, 3, 1) if isinstance(rows, Tensor) else rows.transpose(0, 2, 3, 1)
    return moved if _fits(moved.shape, shape) else rows


def _fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    return all(size is None or size == own for own, size in zip(shape[1:], wanted[1:], strict=True))
