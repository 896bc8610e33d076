"""The losses that attacks maximise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.errors import FairtollError


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


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cross_entropy": cross_entropy, "margin": margin}


def get_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss called `name`, or an error that lists the known ones."""
    if name not in LOSSES:
        raise FairtollError(f"unknown loss '{name}'; expected one of {', '.join(LOSSES)}")
    return LOSSES[name]
