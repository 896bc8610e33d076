"""Losses of a clean row and its moved copy, of which tables of rows are trained without autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from fairtoll.models.gradients import PairSlope, one_by_class, softmax_by_class
from fairtoll.models.passes import Array
from fairtoll.models.stack import ModelStack
from fairtoll.training.batch import Batch

#: Called with a batch; returns the weight of the cross-entropy and of the divergence of its rows, `(K, B)` or numbers.
Weights = Callable[[Batch], tuple[Tensor | float, Tensor | float]]


@dataclass(frozen=True, eq=False)
class PairLoss:
    """A loss that reads the logits of the clean rows of a batch and those of what `perturb` made of them.

    Attributes
    ----------
    of_logits : callable
        Called with both, `(K, B, C)`, and the batch; returns the loss of every row, `(K, B)`.
    slopes : callable
        Called with the batch and the share of each row in the mean, `(K, B)`; returns the gradient of the weighted
        loss in both logits, in closed form.

    Examples
    --------
    >>> import torch
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels = torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64)
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> agreement_loss(lambda batch: (1.0, 6.0))(ModelStack([torch.nn.Linear(3, 2)]), batch).shape
    torch.Size([1, 4])
    """

    of_logits: Callable[[Tensor, Tensor, Batch], Tensor]
    slopes: Callable[[Batch, Tensor], PairSlope]

    def __call__(self, stack: ModelStack, batch: Batch) -> Tensor:
        """The loss of every row, `(K, B)`."""
        clean, moved = (stack.each(rows).to(stack.dtype) for rows in (batch.clean, batch.rows))
        return self.of_logits(clean, moved, batch)


def agreement_loss(weights: Weights) -> PairLoss:
    """Cross-entropy of the clean row, and the divergence of what is predicted of it and of its moved copy.

    ``a CE(x, y) + b KL(p(x) || p(x'))``, the loss of TRADES (Zhang et al. 2019), where it is 1 and beta;
    repairs weigh classes differently.

    Parameters
    ----------
    weights : callable
        Gives a and b of a batch.

    Examples
    --------
    >>> import torch
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels = torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.int64)
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> even = torch.zeros(1, 1, 2)
    >>> round(agreement_loss(lambda batch: (1.0, 6.0)).of_logits(even, even, batch).item(), 4)  # the logarithm of 2
    0.6931
    """

    def of_logits(clean: Tensor, moved: Tensor, batch: Batch) -> Tensor:
        a, b = weights(batch)
        return a * cross_entropy_of(clean, batch.labels) + b * divergence(clean, moved)

    def slopes(batch: Batch, shares: Tensor) -> PairSlope:
        a, b = (_of_members(weight, shares) for weight in weights(batch))
        truth: Array | None = None

        def slope(member: int, clean: Array, moved: Array) -> tuple[Array, Array]:
            nonlocal truth
            if truth is None:
                truth = one_by_class(batch.labels, clean)
            before, after = softmax_by_class(clean), softmax_by_class(moved)
            of_clean, of_moved = divergence_slopes(before, after, clean, moved)
            of_clean *= b[member]
            of_moved *= b[member]
            before -= truth[member]
            before *= a[member]
            of_clean += before
            return of_clean.T, of_moved.T

        return slope

    return PairLoss(of_logits, slopes)


def cross_entropy_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of every row, `(K, B)`.

    Examples
    --------
    >>> import torch
    >>> round(cross_entropy_of(torch.zeros(1, 1, 2), torch.zeros(1, 1, dtype=torch.int64)).item(), 4)
    0.6931
    """
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape)


def divergence(clean: Tensor, moved: Tensor) -> Tensor:
    """KL(p(x) || p(x')) of every row, `(K, B)`, from the logits of the clean rows and of the moved ones.

    Examples
    --------
    >>> import torch
    >>> divergence(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)).item()
    0.0
    """
    found = functional.kl_div(moved.log_softmax(dim=-1), clean.log_softmax(dim=-1), log_target=True, reduction="none")
    return found.sum(dim=-1)


def divergence_slopes(before: Array, after: Array, clean: Array, moved: Array) -> tuple[Array, Array]:
    """Gradients `(C, N)` of the divergence of every row in the logits of the clean rows and of the moved ones.

    Parameters
    ----------
    before, after : ndarray, (C, N)
        Probabilities of both.
    clean, moved : ndarray, (N, C)
        Logits of both.

    Examples
    --------
    >>> import numpy as np
    >>> half, zero = np.full((2, 1), 0.5), np.zeros((1, 2))
    >>> [one.tolist() for one in divergence_slopes(half, half, zero, zero)]
    [[[0.0], [0.0]], [[0.0], [0.0]]]
    """
    # Of logits, since the logarithm of a probability of 0 is none.
    apart = (clean - moved).T.copy()
    apart -= (before * apart).sum(axis=0)
    apart *= before
    return apart, after - before


def _of_members(weight: Tensor | float, shares: Tensor) -> Array:
    found: Array = (weight * shares).numpy()
    return found
