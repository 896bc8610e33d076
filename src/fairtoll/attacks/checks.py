"""Cheap attacks that exist to expose a flawed evaluation: noise, and vanished gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtoll.attacks._inputs import check_inputs, finite_logits
from fairtoll.attacks.loss import get_loss
from fairtoll.errors import FairtollError
from fairtoll.models.batches import in_batches
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.threats.linf import LinfThreat


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

    Parameters
    ----------
    model, x, y, threat, epsilon, batch_size
        As in `pgd`.
    generator : torch.Generator
        On the CPU, for the draws.
    draws : int
        Draws a row.

    Raises
    ------
    FairtollError
        For no draws, and as `pgd` does.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> random_noise(model, torch.tensor([[-0.5], [-2.0]]), torch.tensor([0, 0]), threat=LinfThreat(),
    ...              epsilon=1.0, generator=torch.Generator().manual_seed(0))
    tensor([ True, False])
    """
    if draws < 1:
        raise FairtollError(f"draws is {draws}; expected 1 or more")
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, gradients=False)
    device = device_of(model)

    def attack(batch: slice) -> Tensor:
        clean, classes, rows = x[batch].detach().to(device), y[batch].to(device), torch.arange(batch.start, batch.stop)
        low, high = threat.bounds(clean, epsilon)
        broken = finite_logits(model, clean, where="of the clean data", rows=rows).argmax(dim=1) != classes
        for draw in range(1, draws + 1):
            noise = torch.rand(clean.shape, generator=generator).to(clean)
            points = threat.project(low + (high - low) * noise, low, high)
            broken |= finite_logits(model, points, where=f"at draw {draw}", rows=rows).argmax(dim=1) != classes
        return broken.cpu()

    with borrowed(model) as model, torch.no_grad():
        return _join(in_batches(len(x), batch_size, attack, generator=generator))


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

    Parameters
    ----------
    model, x, y, threat, loss, batch_size
        As in `pgd`.

    Raises
    ------
    FairtollError
        As `pgd` does.

    Examples
    --------
    >>> zero_gradient(nn.Linear(1, 2), torch.zeros(1, 1), torch.tensor([0]), threat=LinfThreat())
    tensor([False])
    """
    climb, device = get_loss(loss), device_of(model)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=0.0, batch_size=batch_size)

    def look(batch: slice) -> Tensor:
        point = x[batch].detach().to(device).requires_grad_(True)
        logits = finite_logits(model, point, where="of the clean data", rows=torch.arange(batch.start, batch.stop))
        (gradient,) = torch.autograd.grad(climb(logits, y[batch].to(device)).sum(), point)
        still = (gradient == 0) | ~(threat.radius(point.detach(), 1.0) > 0)
        return still.flatten(1).all(dim=1).cpu()

    with borrowed(model) as model, torch.enable_grad():
        return _join(in_batches(len(x), batch_size, look))


def _join(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.bool)
