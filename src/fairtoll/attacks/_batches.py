"""Common to all attacks: the rows are taken in batches, and the model is restored."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks.spec import AttackResult
from fairtoll.errors import FairtollError
from fairtoll.models.batches import in_batches
from fairtoll.models.borrow import borrowed, device_of

#: Model, clean rows, their classes and the caller's row numbers, to success `(n,)` and inputs `(n, ...)`.
Work = Callable[[nn.Module, Tensor, Tensor, slice], tuple[Tensor, Tensor]]


def attack_in_batches(
    model: nn.Module, x: Tensor, y: Tensor, work: Work, *, batch_size: int, generator: torch.Generator | None = None
) -> AttackResult:
    """Run `work` on every batch and join the results on the CPU."""
    device = device_of(model)

    def attack(batch: slice) -> tuple[Tensor, Tensor]:
        success, found = work(used, x[batch].detach().to(device), y[batch].to(device), batch)
        return success.cpu(), found.cpu()

    with borrowed(model) as used:
        parts = in_batches(len(x), batch_size, attack, generator=generator)
    if not parts:
        return AttackResult(torch.zeros(0, dtype=torch.bool), x.detach().cpu().clone())
    return AttackResult(torch.cat([success for success, _ in parts]), torch.cat([found for _, found in parts]))


def check_starts(steps: Any, restarts: Any) -> None:
    """Raise for no steps or no starts, or what is no whole number of them."""
    whole = all(isinstance(count, Integral) and not isinstance(count, bool) for count in (steps, restarts))
    if not whole or steps < 1 or restarts < 1:
        raise FairtollError(
            f"steps is {steps!r} and restarts is {restarts!r}; expected 1 or more of each, in whole numbers"
        )


def check_patience(patience: Any) -> None:
    """Raise for a patience below 1; None is never to give a row up."""
    whole = isinstance(patience, Integral) and not isinstance(patience, bool)
    if patience is not None and (not whole or patience < 1):
        raise FairtollError(f"patience is {patience}; expected 1 or more, or None")


def check_randomness(restarts: int, generator: torch.Generator | None, *, random_start: bool = False) -> None:
    """Raise for random starts without a generator."""
    if generator is None and (random_start or restarts > 1):
        raise FairtollError("random starts need a generator; pass generator=torch.Generator().manual_seed(...)")


def needed(generator: torch.Generator | None, name: str) -> torch.Generator:
    """The generator, or an error that says which attack needs one."""
    if generator is None:
        raise FairtollError(f"{name} draws at random and got no generator; pass torch.Generator().manual_seed(...)")
    return generator


def like(value: Tensor, x: Tensor) -> Tensor:
    """One value a row, shaped so that it broadcasts against `x`."""
    return value.reshape(-1, *[1] * (x.ndim - 1))
