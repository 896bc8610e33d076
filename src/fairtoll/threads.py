"""How many threads an operation on the CPU is given: a fixed rule, never a timing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

#: Below this a layer's work is over before a second thread has begun it.
SMALL = 1_000_000


@contextmanager
def threads_for(*models: nn.Module) -> Iterator[None]:
    """One thread for small dense networks, torch's own number otherwise; on leaving, as it was.

    Operations on small matrices gain little from a second thread, and wait long for it where the cores are
    shared (ten times and more). A network is small and dense if it has no convolution, attention or recurrence
    and fewer than a million weights.

    Examples
    --------
    >>> before = torch.get_num_threads()
    >>> with threads_for(nn.Linear(2, 2)):
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    threads = torch.get_num_threads()
    if all(_is_small(model) for model in models):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _is_small(model: nn.Module) -> bool:
    heavy = (nn.modules.conv._ConvNd, nn.MultiheadAttention, nn.RNNBase)
    weights = sum(parameter.numel() for parameter in model.parameters())
    return weights < SMALL and not any(isinstance(module, heavy) for module in model.modules())
