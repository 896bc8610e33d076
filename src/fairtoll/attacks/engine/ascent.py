"""Auto-PGD's ascent: momentum, and an adaptive step size for each row."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from fairtoll.attacks._batches import like
from fairtoll.attacks.engine.descent import BatchedModel, EarlyStopping, Loss
from fairtoll.attacks.engine.inputs import require_finite_rows
from fairtoll.threats.any import Threat

#: Croce and Hein's constants: weight of the new direction against the last one; share of steps that must have risen
#: since the last checkpoint; in shares of all steps, first checkpoint, shrinkage and least distance of checkpoints.
MOMENTUM = 0.75
RISING = 0.75
FIRST, SHRINKAGE, LEAST = 0.22, 0.03, 0.06


@dataclass
class Rows:
    """The rows still under attack, `(n, ...)` each."""

    position: Tensor
    number: Tensor
    y: Tensor
    #: What the loss is told of each row: its class, or its class and the one aimed at.
    aim: Tensor
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

    def take(self, keep: Tensor) -> Rows:
        """Some of the rows."""
        return Rows(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})


@dataclass
class Ascent:
    """One start of some rows.

    Parameters
    ----------
    climb : callable
        The loss to maximise, of logits and what it is told of each row.
    ahead : callable
        What must exceed 0 for success, of the same: by it `patience` gives rows up (see `EarlyStopping`).
    """

    batched: BatchedModel
    threat: Threat
    climb: Loss
    ahead: Loss
    steps: int
    patience: int | None = None

    def run(
        self, numbers: Tensor, y: Tensor, low: Tensor, high: Tensor, radius: Tensor, begin: Tensor,
        aim: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Whether each row was broken, and the input that did it or the best found."""
        aim = y if aim is None else aim
        success = torch.zeros(len(y), dtype=torch.bool, device=y.device)
        found = begin.clone()
        _, value, gradient, wrong, shown = self._look(begin, numbers, y, aim, low, high, step=1)
        success[wrong], found[wrong] = True, shown[wrong]
        none, off = torch.zeros_like(value), torch.zeros_like(success)
        # In the precision of the rows, whatever that of the model's logits.
        ones = torch.ones(len(y), dtype=begin.dtype, device=y.device)
        rows = Rows(
            torch.arange(len(y), device=y.device), numbers, y, aim, low, high, radius, begin, begin, gradient, value,
            begin, gradient, value, ones, none, value, ~off,
        ).take(~wrong)  # fmt: skip
        last, checks, pace = 0, checkpoints(self.steps), EarlyStopping(self.steps, self.patience)
        for step in range(1, self.steps + 1):
            if not len(rows.y):
                break
            moved = self._move(rows, momentum=step > 1)
            still = _every((moved == rows.point) & (rows.previous == rows.point) & (rows.best == rows.point))
            rows.previous, rows.point = rows.point, moved
            if still.any():
                found[rows.position[still]] = self._project(rows)[still]
                keep = torch.nonzero(~still).flatten()
                rows = rows.take(keep)
                pace.keep(keep)
                if not len(rows.y):
                    break
            logits, value, rows.gradient, wrong, shown = self._look(
                rows.point, rows.number, rows.y, rows.aim, rows.low, rows.high, step=step + 1
            )
            rows.rises = rows.rises + (value > rows.value)
            rows.value = value
            given_up = self._given_up(pace, logits, rows, step)
            _keep_best(rows)
            if wrong.any() or given_up.any():
                broken = rows.position[wrong]
                success[broken], found[broken] = True, shown[wrong]
                left = ~wrong & given_up
                found[rows.position[left]] = self.threat.project(rows.best, rows.low, rows.high)[left]
                keep = torch.nonzero(~(wrong | given_up)).flatten()
                rows = rows.take(keep)
                pace.keep(keep)
            if step in checks:
                _check(rows, since=step - last)
                last = step
        found[rows.position] = self.threat.project(rows.best, rows.low, rows.high)
        return success, found

    def _move(self, rows: Rows, *, momentum: bool) -> Tensor:
        ahead = rows.point + 2 * like(rows.step, rows.point) * rows.radius * rows.gradient.sign()
        ahead = torch.minimum(torch.maximum(ahead, rows.low), rows.high)
        if not momentum:
            return ahead
        moved = rows.point + MOMENTUM * (ahead - rows.point) + (1 - MOMENTUM) * (rows.point - rows.previous)
        return torch.minimum(torch.maximum(moved, rows.low), rows.high)

    def _project(self, rows: Rows) -> Tensor:
        return self.threat.project(rows.point, rows.low, rows.high)

    def _look(
        self, points: Tensor, numbers: Tensor, y: Tensor, aim: Tensor, low: Tensor, high: Tensor, *, step: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Logits, loss, its gradient, which rows are misclassified, and the admissible inputs that were evaluated."""
        shown = self.threat.project(points, low, high)
        logits, gradient = self.batched.gradient(shown, aim, self.climb)
        require_finite_rows(logits, where=f"at step {step} of the attack", rows=numbers)
        return logits, self.climb(logits, aim), gradient, logits.argmax(dim=1) != y, shown

    def _given_up(self, pace: EarlyStopping, logits: Tensor, rows: Rows, step: int) -> Tensor:
        if self.patience is None:
            return torch.zeros_like(rows.y, dtype=torch.bool)
        return pace.short(self.ahead(logits, rows.aim), step)


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


def _keep_best(rows: Rows) -> None:
    better = rows.value > rows.best_value
    rows.best = torch.where(like(better, rows.point), rows.point, rows.best)
    rows.best_gradient = torch.where(like(better, rows.point), rows.gradient, rows.best_gradient)
    rows.best_value = torch.where(better, rows.value, rows.best_value)


def _check(rows: Rows, *, since: int) -> None:
    """Halve the step of rows that rise too rarely or have found no new maximum, and return them to their best point."""
    seldom = rows.rises <= RISING * since
    halve = seldom | (~rows.halved_then & (rows.best_value <= rows.value_then))
    rows.step = torch.where(halve, rows.step / 2, rows.step)
    rows.point = torch.where(like(halve, rows.point), rows.best, rows.point)
    rows.gradient = torch.where(like(halve, rows.point), rows.best_gradient, rows.gradient)
    rows.rises, rows.value_then, rows.halved_then = torch.zeros_like(rows.rises), rows.best_value, halve


def _every(flags: Tensor) -> Tensor:
    return flags.flatten(1).all(dim=1)
