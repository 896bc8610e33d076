"""The gradients of a stack of dense chains in all their weights, in closed form: training them needs no autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.models.gradients import cross_entropy_slope
from fairtoll.models.stack import ModelStack
from fairtoll.training.batch import Batch
from fairtoll.training.pair_loss import PairLoss
from fairtoll.training.soft_loss import SoftLoss

#: Tensors begin at multiples of as many numbers, so that every product reads whole cache lines.
ALIGNED = 16


class DenseSteps:
    """Gradients of the mean loss of dense chains on a CPU, all weights of a member in one row of memory.

    One optimiser step over one tensor takes a fraction of the time of a step over a dozen small ones.

    Parameters
    ----------
    stack : ModelStack
        K models for which `ModelStack.gradients` gives gradients; their parameters become views of `weights`.
    loss : PairLoss or SoftLoss, optional
        The loss; default: cross-entropy.

    Attributes
    ----------
    weights : Tensor, (K, P)
        All parameters of each model; its `grad` is what `differentiate` writes.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels = torch.ones(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64)
    >>> steps = DenseSteps(ModelStack([torch.nn.Linear(3, 2)]))
    >>> steps.differentiate(Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0), None)
    >>> steps.weights.grad.shape
    torch.Size([1, 32])
    """

    def __init__(self, stack: ModelStack, loss: PairLoss | SoftLoss | None = None) -> None:
        sizes = [parameter[0].numel() for parameter in stack.parameters.values()]
        room = [-(-size // ALIGNED) * ALIGNED for size in sizes]
        example = next(iter(stack.parameters.values()))
        self.weights = torch.zeros(len(stack), sum(room), dtype=example.dtype)
        self.weights.grad = torch.zeros_like(self.weights)
        # Of a pair of rows, the part that goes through the moved one.
        self._other = torch.zeros_like(self.weights)
        found: dict[str, tuple[Tensor, Tensor]] = {}
        first = 0
        for (name, parameter), size, taken in zip(stack.parameters.items(), sizes, room, strict=True):
            places = slice(first, first + size)
            own = self.weights[:, places].view_as(parameter)
            own.copy_(parameter)
            stack.parameters[name] = own
            found[name] = (
                self.weights.grad[:, places].view_as(parameter),
                self._other[:, places].view_as(parameter),
            )
            first += taken
        gradients = stack.gradients()
        assert gradients is not None
        self._gradients, self._loss = gradients, loss
        self._targets, self._others = (
            [found[name][side] if name in found else None for name in stack.tensor_names] for side in (0, 1)
        )

    def differentiate(self, batch: Batch, weights: Tensor | None) -> None:
        """Gradients of the mean loss of every model over its batch.

        Parameters
        ----------
        batch : Batch
        weights : Tensor, (K, B), optional
            Of each row in the mean.
        """
        if weights is None:
            weights = self.weights.new_ones(batch.labels.shape)
        total = weights.sum(dim=1, keepdim=True)
        # A model without any weight skips the step; this only avoids 0 / 0.
        shares = weights / torch.where(total > 0, total, 1)
        if not isinstance(self._loss, PairLoss):
            one = cross_entropy_slope(batch.labels, shares) if self._loss is None else self._loss.slopes(batch, shares)
            self._gradients.in_weights(batch.rows, one, self._targets)
            return
        slope = self._loss.slopes(batch, shares)
        self._gradients.of_pairs(batch.clean, batch.rows, slope, self._targets, self._others)
        assert self.weights.grad is not None
        self.weights.grad += self._other
