"""Rows in batches, and smaller ones where the device's memory does not hold a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from fairtoll.errors import FairtollError, warn

Result = TypeVar("Result")
#: Input values that a CPU evaluates at once: more do not fit its caches (measured on the paper's network).
CACHED_VALUES = 800_000
#: However small a row is: the activations of a small network for more rows than these do not fit the caches.
MOST_ROWS = 1024


def in_batches(
    rows: int, batch_size: int, work: Callable[[slice], Result], *, generator: torch.Generator | None = None
) -> list[Result]:
    """``[work(batch) for batch in batches]``; a batch that does not fit the device's memory is halved and retried.

    Parameters
    ----------
    rows : int
        How many there are.
    batch_size : int
        Rows of a batch; once halved, later batches are no larger.
    work : callable
        Takes the slice of a batch's rows. It may be called again for the same rows, so it has no side effects
        but its return value and the state of `generator`.
    generator : torch.Generator, optional
        The generator of `work`: reset before a retry, so that a failed attempt uses no draws.

    Returns
    -------
    list
        One result for each batch, in the order of the rows.

    Raises
    ------
    FairtollError
        If a single row does not fit.

    Warns
    -----
    FairtollWarning
        Once, if a batch had to be halved.

    Examples
    --------
    >>> in_batches(5, 2, lambda batch: (batch.start, batch.stop))
    [(0, 2), (2, 4), (4, 5)]
    """
    results: list[Result] = []
    first, size = 0, batch_size
    while first < rows:
        batch = slice(first, min(first + size, rows))
        state = None if generator is None else generator.get_state()
        try:
            results.append(work(batch))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error)
        else:
            first = batch.stop
            continue
        # Outside the handler: the error's frames hold the tensors that filled the memory.
        _empty_cache()
        if generator is not None and state is not None:
            generator.set_state(state)
        size = (batch.stop - batch.start) // 2
        if not size:
            raise FairtollError(
                f"one row does not fit the device's memory ({' '.join(reason.split())}); expected room for one at "
                "least; free memory, or move the model to another device"
            )
    if size < batch_size and size < rows:
        warn(
            f"batches of {batch_size} rows do not fit the device's memory; they were taken {size} rows at a time: "
            f"pass batch_size={size} to start with that"
        )
    return results


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means that a device's memory is full; some backends have no error class for it.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("CUDA error: out of memory")), is_out_of_memory(RuntimeError("shape mismatch"))
    (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return any(sign in str(error) for sign in ("out of memory", "STATUS_ALLOC_FAILED"))


def _empty_cache() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def chunk_rows(x: torch.Tensor) -> int:
    """How many rows are best evaluated at once: on a CPU as many as its caches hold, activations included.

    Examples
    --------
    >>> chunk_rows(torch.zeros(1000, 3, 32, 32))
    260
    """
    if x.device.type != "cpu" or not len(x):
        return max(1, len(x))
    return min(MOST_ROWS, max(32, CACHED_VALUES // max(1, x[0].numel())))
