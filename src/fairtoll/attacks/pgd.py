"""Projected gradient descent that stops for each row at its first success."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_randomness, check_starts
from fairtoll.attacks.engine.descent import Descent
from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.loss import get_loss
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Threat


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent as a value; see `pgd` for what each setting means.

    Examples
    --------
    >>> PGD(steps=20).name, PGD(steps=20) == PGD(steps=20), PGD(loss="margin").name
    ('pgd-20', True, 'pgd-50-loss-margin')
    """

    steps: int = 50
    restarts: int = 1
    random_start: bool = False
    loss: str = "cross_entropy"
    relative_step: float = 2.5
    stop_at_success: bool = True

    def __post_init__(self) -> None:
        check_starts(self.steps, self.restarts)
        get_loss(self.loss)

    @property
    def name(self) -> str:
        """Such as "pgd-20", with what else is not the default."""
        return name_of(self, f"pgd-{self.steps}", named=("steps",))

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilon: float | Tensor,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Run `pgd` with these settings."""
        shared: dict[str, Any] = {"generator": generator, "batch_size": batch_size}
        return pgd(model, x, y, threat=threat, epsilon=epsilon, **shared, **vars(self))


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float | Tensor,
    steps: int = 50,
    restarts: int = 1,
    random_start: bool = False,
    loss: str = "cross_entropy",
    relative_step: float = 2.5,
    stop_at_success: bool = True,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
    batch_size: int = 4096,
) -> AttackResult:
    """Projected gradient descent under an L-infinity threat (Madry et al. 2018).

    Each step moves every mutable feature by ``relative_step * epsilon * scale / steps`` along the sign
    of the loss's gradient, then projects. Only the input's gradient is computed. A row leaves the batch
    at its first success, or once a step no longer moves it; a misclassified row never enters.

    Parameters
    ----------
    model : Module
        Returns logits `(N, C)`; left as it was.
    x : Tensor, (N, ...)
        Clean rows in the data's units.
    y : Tensor of int64, (N,)
        True classes.
    threat : LinfThreat
        What may move, and how far per unit of epsilon.
    epsilon : float or Tensor, (N,)
        Bound, 0 or more: one for all rows, or one for each.
    steps : int
        Gradient steps of each start.
    restarts : int
        Starts; all after the first are random.
    random_start : bool
        Whether the first start is random too, uniform over the admissible inputs.
    loss : {"cross_entropy", "margin"}
        The loss to maximise.
    relative_step : float
        Step size times `steps`, in radii.
    stop_at_success : bool
        False runs every step and returns the last iterate, as for crafting training examples.
    start : Tensor, (N, ...), optional
        Where the first start begins instead of at `x`.
    generator : torch.Generator, optional
        On the CPU, for random starts; needed where there are any.
    batch_size : int
        Rows held at once.

    Returns
    -------
    AttackResult

    Raises
    ------
    FairtollError
        For a negative epsilon, bounds that are not one for each row, no steps or restarts, a random start without a
        generator, an unknown loss, labels outside the model's classes, or a model that returns the wrong shape or NaN
        (naming the row and the step).

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> pgd(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0).success
    tensor([ True, False])
    """
    check_starts(steps, restarts)
    check_randomness(restarts, generator, random_start=random_start)
    climb = get_loss(loss)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=_telling(epsilon, len(x)), batch_size=batch_size)
    if start is not None and start.shape != x.shape:
        raise FairtollError(f"start has shape {tuple(start.shape)} and x {tuple(x.shape)}; expected the same")

    def attack(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        search = Descent(model, clean, labels, threat=threat, loss=climb, offset=batch.start)
        radii = epsilon[batch].to(clean.device) if isinstance(epsilon, Tensor) and epsilon.ndim else epsilon
        if stop_at_success:
            search.settle(search.clean, search.left, step=0)
        for restart in range(restarts):
            if not len(search.left):
                break
            bounds = search.bounds(radii, search.left)
            if restart or random_start:
                begin = search.random_points(bounds, generator)
            elif start is not None:
                begin = search.layout.pack(start[batch].detach().to(clean.device))[search.left]
            else:
                begin = search.clean[search.left]
            run = search.descend if stop_at_success else search.run_out
            run(begin, bounds, steps=steps, relative_step=relative_step)
        return search.success, search.found()

    return attack_in_batches(model, x, y, attack, batch_size=batch_size, generator=generator)


def _telling(epsilon: float | Tensor, rows: int) -> float:
    """Of one bound for each row, the one that fails the check, if any does."""
    if not isinstance(epsilon, Tensor) or not epsilon.ndim:
        return float(epsilon)
    if epsilon.shape != (rows,):
        raise FairtollError(f"epsilon has shape {tuple(epsilon.shape)} for {rows} rows; expected one for each")
    if not rows:
        return 0.0
    return float(epsilon.min() if bool((epsilon < 0).any()) else epsilon.max())
