"""Cross-entropy against soft labels at a temperature, of which tables of rows are trained without autograd."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.models.gradients import Slope, cross_entropy_slope
from fairtoll.models.stack import ModelStack
from fairtoll.training.batch import Batch


@dataclass(frozen=True, eq=False)
class SoftLoss:
    """Cross-entropy between soft labels and the softmax of the logits over a temperature.

    Attributes
    ----------
    soft : Tensor, (N, C) or (K, N, C)
        Probabilities of the classes of each training row, the same for all models or one set for each.
    temperature : float
        That the logits are divided by.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels = torch.zeros(1, 2, 3), torch.tensor([[0, 1]])
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> SoftLoss(torch.eye(2), 1.0)(ModelStack([torch.nn.Linear(3, 2)]), batch).shape
    torch.Size([1, 2])
    """

    soft: Tensor
    temperature: float

    def __call__(self, stack: ModelStack, batch: Batch) -> Tensor:
        """The loss of every row, `(K, B)`."""
        logits = stack.each(batch.rows).to(stack.dtype) / self.temperature
        wanted = self._wanted(batch).to(logits)
        losses = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(0, 1), reduction="none")
        return losses.view(batch.labels.shape)

    def slopes(self, batch: Batch, shares: Tensor) -> Slope:
        """The gradient of the loss, weighted by the share of each row in the mean `(K, B)`, in the logits."""
        tempered = cross_entropy_slope(self._wanted(batch).to(shares), shares / self.temperature)
        return lambda member, logits: tempered(member, logits / logits.dtype.type(self.temperature))

    def _wanted(self, batch: Batch) -> Tensor:
        """The soft labels of a batch, `(K, B, C)`."""
        places = batch.positions.to(self.soft.device)
        if self.soft.ndim == 2:
            return self.soft[places]
        return self.soft[torch.arange(len(places), device=places.device).unsqueeze(1), places]
