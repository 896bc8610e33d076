"""How many threads an operation on the CPU is given: a fixed rule, never a timing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController
from torch import nn

#: Below this a layer finishes before a second thread has started.
SMALL = 1_000_000


def use_one_thread() -> None:
    """One thread for torch's operations and numpy's products in this process, from now on: for worker processes.

    Examples
    --------
    >>> callable(use_one_thread)
    True
    """
    torch.set_num_threads(1)
    _libraries().limit(limits=1, user_api="blas")


@contextmanager
def threads_for(*models: nn.Module) -> Iterator[None]:
    """One thread for small dense networks, else torch's and numpy's own numbers; restored on exit.

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
    with ExitStack() as on_leaving:
        if all(_is_small(model) for model in models):
            on_leaving.callback(torch.set_num_threads, threads)
            torch.set_num_threads(1)
            on_leaving.enter_context(_libraries().limit(limits=1, user_api="blas"))
        yield


@contextmanager
def one_thread_for_products() -> Iterator[None]:
    """One thread for numpy's products, as workers have; torch keeps its own number. Restored on exit.

    The products of statistics are of some thousand numbers: with a second thread they take up to four times as long.

    Examples
    --------
    >>> with one_thread_for_products():
    ...     pass
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    """The libraries behind numpy's products; looked for once, since that takes milliseconds."""
    return ThreadpoolController()


def _is_small(model: nn.Module) -> bool:
    heavy = (nn.modules.conv._ConvNd, nn.MultiheadAttention, nn.RNNBase)
    weights = sum(parameter.numel() for parameter in model.parameters())
    return weights < SMALL and not any(isinstance(module, heavy) for module in model.modules())
