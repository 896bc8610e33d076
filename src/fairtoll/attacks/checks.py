"""Cheap attacks that expose a flawed evaluation: noise, and vanishing gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, needed
from fairtoll.attacks.engine.inputs import check_inputs, finite_logits
from fairtoll.attacks.loss import get_loss
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.models.batches import in_batches
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.threats.any import Norm, Threat


@dataclass(frozen=True)
class RandomNoise:
    """Random noise as a value; see `random_noise` for what `draws` means.

    Examples
    --------
    >>> RandomNoise(draws=20).name
    'noise-20'
    """

    scores_only: ClassVar[bool] = True
    #: Of the threats that it keeps.
    norms: ClassVar[tuple[Norm, ...]] = ("linf", "table")
    draws: int = 20

    def __post_init__(self) -> None:
        _check_draws(self.draws)

    @property
    def name(self) -> str:
        """Such as "noise-20"."""
        return name_of(self, f"noise-{self.draws}", named=("draws",))

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilon: float,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Run `random_noise` with this setting."""
        shared: dict[str, Any] = {"generator": needed(generator, self.name), "batch_size": batch_size}
        return random_noise(model, x, y, threat=threat, epsilon=epsilon, draws=self.draws, **shared)


def random_noise(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float,
    generator: torch.Generator,
    draws: int = 20,
    batch_size: int = 4096,
) -> AttackResult:
    """Break rows by uniform draws inside the threat; no gradient is used.

    Parameters
    ----------
    model, x, y, threat, epsilon, batch_size
        As in `pgd`.
    generator : torch.Generator
        On the CPU, for the draws.
    draws : int
        Draws a row.

    Returns
    -------
    AttackResult
        Of a row that is not broken, the clean row.

    Raises
    ------
    FairtollError
        For no draws, and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> random_noise(model, torch.tensor([[-0.5], [-2.0]]), torch.tensor([0, 0]), threat=LinfThreat(),
    ...              epsilon=1.0, generator=torch.Generator().manual_seed(0)).success
    tensor([ True, False])
    """
    _check_draws(draws)
    model, x, y = check_inputs(
        model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, gradients=False, norms=RandomNoise.norms
    )

    def attack(model: nn.Module, clean: Tensor, classes: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        rows, found = torch.arange(batch.start, batch.stop), clean.clone()
        low, high = threat.bounds(clean, epsilon)
        broken = finite_logits(model, clean, where="of the clean data", rows=rows).argmax(dim=1) != classes
        for draw in range(1, draws + 1):
            noise = torch.rand(clean.shape, generator=generator).to(clean)
            points = threat.project(low + (high - low) * noise, low, high)
            if threat.norm == "table":
                points = threat.confine(clean, points, epsilon)
            wrong = finite_logits(model, points, where=f"at draw {draw}", rows=rows).argmax(dim=1) != classes
            first = wrong & ~broken
            found[first] = points[first]
            broken |= wrong
        return broken, found

    with torch.no_grad():
        return attack_in_batches(model, x, y, attack, batch_size=batch_size, generator=generator)


def zero_gradient(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    loss: str = "cross_entropy",
    batch_size: int = 4096,
) -> Tensor:
    """Rows whose loss has an exactly zero gradient in every mutable feature, `(N,)` of bool.

    A gradient attack started there cannot move: that it fails says nothing about robustness.

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
    >>> from fairtoll import LinfThreat
    >>> zero_gradient(nn.Linear(1, 2), torch.zeros(1, 1), torch.tensor([0]), threat=LinfThreat())
    tensor([False])
    """
    climb, device = get_loss(loss), device_of(model)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=0.0, batch_size=batch_size, norms=RandomNoise.norms)

    def look(batch: slice) -> Tensor:
        point = x[batch].detach().to(device).requires_grad_(True)
        logits = finite_logits(model, point, where="of the clean data", rows=torch.arange(batch.start, batch.stop))
        (gradient,) = torch.autograd.grad(climb(logits, y[batch].to(device)).sum(), point)
        still = (gradient == 0) | ~(threat.radius(point.detach(), 1.0) > 0)
        return still.flatten(1).all(dim=1).cpu()

    with borrowed(model) as model, torch.enable_grad():
        parts = in_batches(len(x), batch_size, look)
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.bool)


def _check_draws(draws: int) -> None:
    if draws < 1:
        raise FairtollError(f"draws is {draws}; expected 1 or more")
