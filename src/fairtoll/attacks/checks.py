"""Cheap attacks that exist to expose a flawed evaluation: noise, and vanished gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..inference import borrowed, checked_logits, device_of
from ..threat import LinfThreat
from .loss import get_loss


def random_noise(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilon: float,
    generator: torch.Generator,
    draws: int = 20,
    batch_size: int = 4096,
) -> Tensor:
    """Rows that some uniform draw inside the threat breaks, `(N,)` of bool.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> random_noise(model, torch.tensor([[-0.5], [-2.0]]), torch.tensor([0, 0]), threat=LinfThreat(),
    ...              epsilon=1.0, generator=torch.Generator().manual_seed(0))
    tensor([ True, False])
    """
    device = device_of(model)
    found = []
    with borrowed(model), torch.no_grad():
        for rows, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            clean, labels = rows.detach().to(device), labels.to(device)
            low, high = threat.bounds(clean, epsilon)
            broken = checked_logits(model, clean).argmax(dim=1) != labels
            for _ in range(draws):
                noise = torch.rand(clean.shape, generator=generator).to(clean)
                points = threat.project(low + (high - low) * noise, low, high)
                broken |= checked_logits(model, points).argmax(dim=1) != labels
            found.append(broken.cpu())
    return torch.cat(found)


def zero_gradient(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    loss: str = "cross_entropy",
    batch_size: int = 4096,
) -> Tensor:
    """Rows whose loss has an exactly zero gradient in every mutable feature, `(N,)` of bool.

    A gradient attack started there cannot move: standing under it says nothing about robustness.

    Examples
    --------
    >>> zero_gradient(nn.Linear(1, 2), torch.zeros(1, 1), torch.tensor([0]), threat=LinfThreat())
    tensor([False])
    """
    climb, device = get_loss(loss), device_of(model)
    found = []
    with borrowed(model), torch.enable_grad():
        for rows, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            point = rows.detach().to(device).requires_grad_(True)
            value = climb(checked_logits(model, point), labels.to(device)).sum()
            (gradient,) = torch.autograd.grad(value, point)
            still = (gradient == 0) | ~(threat.radius(point.detach(), 1.0) > 0)
            found.append(still.flatten(1).all(dim=1).cpu())
    return torch.cat(found)
