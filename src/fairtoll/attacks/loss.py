"""The losses that attacks maximise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fairtoll.errors import FairtollError
from fairtoll.models.gradients import Slope, cross_entropy_slope


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of each row, `(N,)`.

    Examples
    --------
    >>> float(cross_entropy(torch.zeros(1, 2), torch.tensor([0])).exp())
    2.0
    """
    return functional.cross_entropy(logits, y, reduction="none")


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Best wrong logit minus the true one, `(N,)`: above 0 means misclassified. Works on two classes.

    Examples
    --------
    >>> margin(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]))
    tensor([-1.])
    """
    true = logits.gather(1, y.unsqueeze(1)).squeeze(1)
    others = logits.scatter(1, y.unsqueeze(1), -torch.inf)
    return others.amax(dim=1) - true


def lead(logits: Tensor, classes: Tensor) -> Tensor:
    """The logit of the class aimed at minus the true one's, `(N,)`; `classes` are the true one and that, `(N, 2)`.

    Examples
    --------
    >>> lead(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[0, 1]]))
    tensor([-2.])
    """
    true, aimed = logits.gather(1, classes).unbind(dim=1)
    return aimed - true


def targeted_ratio(logits: Tensor, classes: Tensor) -> Tensor:
    """`lead` in units of the best logit minus the mean of the third and the fourth best, `(N,)`.

    The targeted difference-of-logits ratio (Croce and Hein 2020), which needs four classes; for two or three it is
    `lead` itself, whose gradient has a sign as far from a probability's underflow.

    Examples
    --------
    >>> targeted_ratio(torch.tensor([[3.0, 1.0, 2.0, 0.0]]), torch.tensor([[0, 1]]))
    tensor([-0.8000])
    """
    if logits.shape[1] < 4:
        return lead(logits, classes)
    first, _, third, fourth = logits.topk(4, dim=1).values.unbind(dim=1)
    return lead(logits, classes) / (first - (third + fourth) / 2 + 1e-12)


def margin_slope(labels: Tensor) -> Slope:
    """The gradient of the margin in the logits, `(N, C)`; wrong classes that are equally likely share it.

    Examples
    --------
    >>> margin_slope(torch.tensor([0]))(0, np.array([[3.0, 1.0, 2.0]])).tolist()
    [[-1.0, 0.0, 1.0]]
    """
    true = labels.numpy()

    def slope(member: int, logits: NDArray[Any]) -> NDArray[Any]:
        # Class by class, since numpy is slow on short rows.
        by_class, rows = logits.T.copy(), np.arange(len(true))
        by_class[true, rows] = -np.inf
        found = (by_class == by_class.max(axis=0)).astype(logits.dtype)
        found /= found.sum(axis=0)
        found[true, rows] = -1
        answer: NDArray[Any] = found.T
        return answer

    return slope


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cross_entropy": cross_entropy, "margin": margin}


#: Of each loss, its gradient in the logits.
SLOPES: dict[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Slope]] = {
    cross_entropy: lambda labels: cross_entropy_slope(labels.unsqueeze(0)),
    margin: margin_slope,
}


def get_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss called `name`, or an error that lists the known ones."""
    if name not in LOSSES:
        raise FairtollError(f"unknown loss '{name}'; expected one of {', '.join(LOSSES)}")
    return LOSSES[name]
