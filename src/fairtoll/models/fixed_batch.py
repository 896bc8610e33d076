"""A program that takes batches of one size alone, for any number of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map


def in_fixed_batches(run: Callable[[Tensor], Any], x: Tensor, size: int) -> Any:
    """What `run` returns for rows `x` `(N, ...)`, of which it takes `size` at a time.

    The last batch is filled with copies of the last row, and batches are mapped at once where `run` allows it.

    Examples
    --------
    >>> def two(rows):
    ...     return rows.reshape(2, 1) * 2
    >>> in_fixed_batches(two, torch.tensor([1.0, 2.0, 3.0]), 2).flatten()
    tensor([2., 4., 6.])
    """
    lacking = -len(x) % size
    rows = torch.cat([x, x[-1:].expand(lacking, *x.shape[1:])]) if lacking else x
    batches = rows.reshape(-1, size, *x.shape[1:])
    if len(batches) == 1:
        return tree_map(lambda found: _cut(found, size, len(x)), run(rows))
    try:
        found = torch.vmap(run)(batches)
    except Exception:  # what cannot be mapped, or does not fit: then its own error comes from one batch
        parts = [run(batch) for batch in batches]
        found = tree_map(lambda *each: torch.stack(each) if isinstance(each[0], Tensor) else each[0], *parts)
    return tree_map(lambda one: _cut(one.flatten(0, 1), size * len(batches), len(x)) if _mapped(one) else one, found)


def _mapped(found: Any) -> bool:
    return isinstance(found, Tensor) and found.ndim >= 2


def _cut(found: Any, size: int, rows: int) -> Any:
    return found[:rows] if isinstance(found, Tensor) and found.ndim and len(found) == size else found
