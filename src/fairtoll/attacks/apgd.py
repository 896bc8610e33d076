"""Auto-PGD: ascent with momentum and an adaptive step size for each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_randomness, check_starts, like
from fairtoll.attacks.engine.descent import BatchedModel
from fairtoll.attacks.engine.inputs import check_inputs, require_finite_rows
from fairtoll.attacks.loss import get_loss
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.threats.linf import LinfThreat

#: Croce and Hein's constants: weight of the new direction against the last one; share of steps that must have risen
#: since the last checkpoint; in shares of all steps, first checkpoint, shrinkage and least distance of checkpoints.
MOMENTUM = 0.75
RISING = 0.75
FIRST, SHRINKAGE, LEAST = 0.22, 0.03, 0.06


@dataclass(frozen=True)
class APGD:
    """Auto-PGD as a value; see `apgd` for what each setting means.

    Examples
    --------
    >>> APGD().name, APGD(loss="margin", restarts=5).name
    ('apgd-100', 'apgd-100-restarts-5-loss-margin')
    """

    steps: int = 100
    restarts: int = 1
    random_start: bool = False
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        check_starts(self.steps, self.restarts)
        get_loss(self.loss)

    @property
    def name(self) -> str:
        """Such as "apgd-100", with what else is not the default."""
        return name_of(self, f"apgd-{self.steps}", named=("steps",))

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: LinfThreat,
        epsilon: float,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Run `apgd` with these settings."""
        shared: dict[str, Any] = {"generator": generator, "batch_size": batch_size}
        return apgd(model, x, y, threat=threat, epsilon=epsilon, **shared, **vars(self))


def apgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int = 100,
    restarts: int = 1,
    random_start: bool = False,
    loss: str = "cross_entropy",
    generator: torch.Generator | None = None,
    batch_size: int = 4096,
) -> AttackResult:
    """Break rows by Auto-PGD (Croce and Hein 2020, algorithm 1), which needs no step size.

    Steps start at two radii and carry momentum. At checkpoints, at decreasing distances, a row whose loss
    rose in less than three quarters of the steps, or found no new maximum, halves its step and continues
    from its best point. A row leaves at its first success, or once no step moves it; a
    misclassified row never enters.

    Parameters
    ----------
    model, x, y, threat, epsilon, restarts, random_start, generator, batch_size
        As in `pgd`.
    steps : int
        Gradient steps of each start.
    loss : {"cross_entropy", "margin"}
        The loss to maximise. The margin replaces the authors' difference-of-logits ratio, which needs three classes.

    Returns
    -------
    AttackResult
        Of a row that is not broken, the input with the highest loss of the last start.

    Raises
    ------
    FairtollError
        As `pgd` does.

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities, or a batch does not fit the device's memory.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> apgd(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0).success
    tensor([ True, False])
    """
    check_starts(steps, restarts)
    check_randomness(restarts, generator, random_start=random_start)
    climb = get_loss(loss)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)

    def attack(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        # Whole numbers are projected in the model's own shape.
        batched = BatchedModel(model, clean, packed=threat.integer is None)
        pack = batched.layout.pack
        low, high = map(pack, threat.bounds(clean, epsilon))
        radius, origin = pack(threat.radius(clean, epsilon)), pack(clean)
        numbers = torch.arange(batch.start, batch.stop, device=clean.device)
        logits = batched.logits(origin)
        require_finite_rows(logits, where="at step 0 of the attack", rows=numbers)
        success, found = logits.argmax(dim=1) != labels, origin.clone()
        for restart in range(restarts):
            left = torch.nonzero(~success).flatten()
            if not len(left):
                break
            begin = origin
            if restart or random_start:
                noise = pack(torch.rand(clean.shape, generator=generator).to(clean))
                begin = threat.project(low + (high - low) * noise, low, high)
            ascent = _Ascent(batched, threat, climb, steps)
            rows = (numbers, labels, low, high, radius, begin)
            success[left], found[left] = ascent.run(*(value[left] for value in rows))
        return success, batched.layout.show(found).contiguous()

    return attack_in_batches(model, x, y, attack, batch_size=batch_size, generator=generator)


@dataclass
class _Rows:
    """The rows still under attack, `(n, ...)` each."""

    position: Tensor
    number: Tensor
    y: Tensor
    low: Tensor
    high: Tensor
    radius: Tensor
    point: Tensor
    previous: Tensor
    gradient: Tensor
    value: Tensor
    best: Tensor
    best_gradient: Tensor
    best_value: Tensor
    #: In units of two radii.
    step: Tensor
    #: Steps since the last checkpoint that raised the loss, the best loss then, and whether the step was halved then.
    rises: Tensor
    value_then: Tensor
    halved_then: Tensor

    def take(self, keep: Tensor) -> _Rows:
        return _Rows(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})


@dataclass
class _Ascent:
    """One start of some rows."""

    batched: BatchedModel
    threat: LinfThreat
    climb: Callable[[Tensor, Tensor], Tensor]
    steps: int

    def run(
        self, numbers: Tensor, y: Tensor, low: Tensor, high: Tensor, radius: Tensor, begin: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Whether each row was broken, and the input that did it or the best found."""
        success = torch.zeros(len(y), dtype=torch.bool, device=y.device)
        found = begin.clone()
        value, gradient, wrong, shown = self._look(begin, numbers, y, low, high, step=1)
        success[wrong], found[wrong] = True, shown[wrong]
        none, off = torch.zeros_like(value), torch.zeros_like(success)
        # In the precision of the rows, whatever that of the model's logits.
        ones = torch.ones(len(y), dtype=begin.dtype, device=y.device)
        rows = _Rows(
            torch.arange(len(y), device=y.device), numbers, y, low, high, radius, begin, begin, gradient, value, begin,
            gradient, value, ones, none, value, ~off,
        ).take(~wrong)  # fmt: skip
        last, checks = 0, checkpoints(self.steps)
        for step in range(1, self.steps + 1):
            if not len(rows.y):
                break
            moved = self._move(rows, momentum=step > 1)
            still = _every((moved == rows.point) & (rows.previous == rows.point) & (rows.best == rows.point))
            rows.previous, rows.point = rows.point, moved
            if still.any():
                found[rows.position[still]] = self._project(rows)[still]
                rows = rows.take(~still)
                if not len(rows.y):
                    break
            value, rows.gradient, wrong, shown = self._look(
                rows.point, rows.number, rows.y, rows.low, rows.high, step=step + 1
            )
            rows.rises = rows.rises + (value > rows.value)
            rows.value = value
            if wrong.any():
                broken = rows.position[wrong]
                success[broken], found[broken] = True, shown[wrong]
                rows = rows.take(~wrong)
            _keep_best(rows)
            if step in checks:
                _check(rows, since=step - last)
                last = step
        found[rows.position] = self.threat.project(rows.best, rows.low, rows.high)
        return success, found

    def _move(self, rows: _Rows, *, momentum: bool) -> Tensor:
        ahead = rows.point + 2 * like(rows.step, rows.point) * rows.radius * rows.gradient.sign()
        ahead = torch.minimum(torch.maximum(ahead, rows.low), rows.high)
        if not momentum:
            return ahead
        moved = rows.point + MOMENTUM * (ahead - rows.point) + (1 - MOMENTUM) * (rows.point - rows.previous)
        return torch.minimum(torch.maximum(moved, rows.low), rows.high)

    def _project(self, rows: _Rows) -> Tensor:
        return self.threat.project(rows.point, rows.low, rows.high)

    def _look(
        self, points: Tensor, numbers: Tensor, y: Tensor, low: Tensor, high: Tensor, *, step: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss, its gradient, which rows are misclassified, and the admissible inputs that were evaluated."""
        shown = self.threat.project(points, low, high)
        logits, gradient = self.batched.gradient(shown, y, self.climb)
        require_finite_rows(logits, where=f"at step {step} of the attack", rows=numbers)
        return self.climb(logits, y), gradient, logits.argmax(dim=1) != y, shown


def checkpoints(steps: int) -> set[int]:
    """Steps after which the step size is checked.

    Examples
    --------
    >>> sorted(checkpoints(100))
    [22, 41, 57, 70, 80, 87, 93, 99]
    """
    distance, shrinkage, least = (max(int(share * steps), 1) for share in (FIRST, SHRINKAGE, LEAST))
    found, step = set(), distance
    while step <= steps:
        found.add(step)
        distance = max(distance - shrinkage, least)
        step += distance
    return found


def _keep_best(rows: _Rows) -> None:
    better = rows.value > rows.best_value
    rows.best = torch.where(like(better, rows.point), rows.point, rows.best)
    rows.best_gradient = torch.where(like(better, rows.point), rows.gradient, rows.best_gradient)
    rows.best_value = torch.where(better, rows.value, rows.best_value)


def _check(rows: _Rows, *, since: int) -> None:
    """Halve the step of rows that rise too rarely or have found no new maximum, and return them to their best point."""
    seldom = rows.rises <= RISING * since
    halve = seldom | (~rows.halved_then & (rows.best_value <= rows.value_then))
    rows.step = torch.where(halve, rows.step / 2, rows.step)
    rows.point = torch.where(like(halve, rows.point), rows.best, rows.point)
    rows.gradient = torch.where(like(halve, rows.point), rows.best_gradient, rows.gradient)
    rows.rises, rows.value_then, rows.halved_then = torch.zeros_like(rows.rises), rows.best_value, halve


def _every(flags: Tensor) -> Tensor:
    return flags.flatten(1).all(dim=1)
