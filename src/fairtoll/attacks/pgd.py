"""Projected gradient descent that stops, row by row, where the question is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks._inputs import check_inputs, finite_logits
from fairtoll.attacks.loss import get_loss
from fairtoll.errors import FairtollError
from fairtoll.inference import borrowed, device_of
from fairtoll.threat import LinfThreat


@dataclass(frozen=True)
class AttackResult:
    """What an attack found, on the CPU.

    Attributes
    ----------
    success : Tensor of bool, (N,)
        Rows with a misclassified admissible input; a row that is misclassified as it stands counts.
    perturbed : Tensor, (N, ...)
        That input, or the last one tried.

    Examples
    --------
    >>> AttackResult(torch.tensor([True, False]), torch.zeros(2, 3)).success.float().mean()
    tensor(0.5000)
    """

    success: Tensor
    perturbed: Tensor


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilon: float,
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
    epsilon : float
        Bound, 0 or more.
    steps : int
        Gradient steps of each start.
    restarts : int
        Starts; all after the first are random.
    random_start : bool
        Whether the first start is random too, uniform over the admissible inputs.
    loss : {"cross_entropy", "margin"}
        What is climbed.
    relative_step : float
        Step size times `steps`, in radii.
    stop_at_success : bool
        False runs every step and returns the last iterate, as examples for training are crafted.
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
        For a negative epsilon, no steps or restarts, a random start without a generator, an unknown
        loss, labels outside the model's classes, or a model that returns the wrong shape or NaN (naming
        the row and the step).

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> pgd(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0).success
    tensor([ True, False])
    """
    if steps < 1 or restarts < 1:
        raise FairtollError(f"steps is {steps} and restarts is {restarts}; expected 1 or more of each")
    if generator is None and (random_start or restarts > 1):
        raise FairtollError("random starts need a generator; pass generator=torch.Generator().manual_seed(...)")
    climb = get_loss(loss)
    check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)
    if start is not None and start.shape != x.shape:
        raise FairtollError(f"start has shape {tuple(start.shape)} and x {tuple(x.shape)}; expected the same")
    device = device_of(model)
    success = torch.zeros(len(x), dtype=torch.bool)
    perturbed = x.detach().cpu().clone()
    with borrowed(model):
        for first in range(0, len(x), batch_size):
            rows = slice(first, first + batch_size)
            search = _Search(model, x[rows].detach().to(device), y[rows].to(device), threat, epsilon, climb, first)
            if stop_at_success:
                search.settle(search.clean, search.standing, step=0)
            for restart in range(restarts):
                if not len(search.standing):
                    break
                if restart or random_start:
                    assert generator is not None
                    noise = torch.rand(search.clean.shape, generator=generator).to(device, x.dtype)[search.standing]
                    begin = search.low[search.standing] + (search.high - search.low)[search.standing] * noise
                elif start is not None:
                    begin = start[rows].to(device)[search.standing]
                else:
                    begin = search.clean[search.standing]
                search.descend(begin, steps, relative_step / steps, stop_at_success)
            success[rows] = search.success.cpu()
            perturbed[rows] = search.best.cpu()
    return AttackResult(success, perturbed)


class _Search:
    """One batch: which rows still stand, and the best input found for each."""

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        threat: LinfThreat,
        epsilon: float,
        climb: Callable[[Tensor, Tensor], Tensor],
        offset: int,
    ) -> None:
        self.model, self.threat, self.climb, self.offset = model, threat, climb, offset
        self.clean, self.y, self.best = x, y, x.clone()
        self.low, self.high = threat.bounds(x, epsilon)
        self.radius = threat.radius(x, epsilon)
        self.success = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        self.standing = torch.arange(len(x), device=x.device)

    def settle(self, points: Tensor, rows: Tensor, *, step: int) -> None:
        """Test `points` of `rows` and record the misclassified ones."""
        with torch.no_grad():
            logits = self._logits(points, rows, step)
        self._record(points, rows, logits.argmax(dim=1) != self.y[rows])
        self.standing = torch.nonzero(~self.success).flatten()

    def descend(self, begin: Tensor, steps: int, relative_step: float, stop_at_success: bool) -> None:
        """Run one start for the standing rows."""
        rows = self.standing
        low, high, radius = self.low[rows], self.high[rows], self.radius[rows] * relative_step
        point = torch.minimum(torch.maximum(begin, low), high)
        for step in range(1, steps + 1):
            candidate = self.threat.project(point, low, high).requires_grad_(True)
            with torch.enable_grad():
                logits = self._logits(candidate, rows, step)
                value = self.climb(logits, self.y[rows]).sum()
            (gradient,) = torch.autograd.grad(value, candidate)
            moved = torch.minimum(torch.maximum(point + radius * gradient.sign(), low), high)
            if stop_at_success:
                wrong = logits.detach().argmax(dim=1) != self.y[rows]
                # Where a step changes nothing, no later step of this start will.
                done = wrong | (moved == point).flatten(1).all(dim=1)
                if done.any():
                    self._record(candidate.detach()[done], rows[done], wrong[done])
                    keep = ~done
                    rows, moved, low, high, radius = rows[keep], moved[keep], low[keep], high[keep], radius[keep]
                    if not len(rows):
                        break
            point = moved
        if stop_at_success:
            if len(rows):
                self.settle(self.threat.project(point, low, high), rows, step=steps + 1)
            self.standing = torch.nonzero(~self.success).flatten()
            return
        point = self.threat.project(point, low, high)
        with torch.no_grad():
            wrong = self._logits(point, rows, steps + 1).argmax(dim=1) != self.y
        # A later start must not overwrite the input that an earlier one found.
        self.best = torch.where(_like(self.success & ~wrong, point), self.best, point)
        self.success |= wrong

    def _logits(self, points: Tensor, rows: Tensor, step: int) -> Tensor:
        return finite_logits(self.model, points, where=f"at step {step} of the attack", rows=rows + self.offset)

    def _record(self, points: Tensor, rows: Tensor, wrong: Tensor) -> None:
        """Keep the input last tried for each row, and whether it succeeded."""
        self.best[rows] = points
        self.success[rows[wrong]] = True


def _like(rows: Tensor, x: Tensor) -> Tensor:
    """A flag a row, shaped so that it broadcasts against `x`."""
    return rows.reshape(-1, *[1] * (x.ndim - 1))
