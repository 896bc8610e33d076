"""The search behind `least_epsilon`: a ball around each row that closes in on its nearest misclassified input."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from fairtoll.attacks._descent import Asked
from fairtoll.attacks._inputs import FiniteWatch
from fairtoll.attacks._layout import steps_between_looks
from fairtoll.attacks._linear import linear_radius
from fairtoll.attacks.loss import margin
from fairtoll.threat import LinfThreat

#: Steps in vain at one radius before it has failed, and at the largest one before the row is censored.
PATIENCE, LAST_PATIENCE = 3, 12
#: How far inside the best radius the next try lies at first, in shares of it; halved at each failure.
SHRINK = 0.05
#: First step size in radii, halved at each failure, and the least one.
STEP, LEAST_STEP = 2.0, 0.02
#: Until something is found: how far past the tangent's radius a try lies, and how it grows where it fails.
OVERSHOOT, GROWTH = 0.02, 1.3
#: Weight of the directions so far.
MOMENTUM = 0.5
#: By how much of its largest logit a row must be misclassified, so that it stays so in a batch of another size.
CLEARLY = 2e-6
#: The bracket aimed at, in tolerances: what is left is for rounding and for being clearly misclassified.
AIM = 0.9


@dataclass
class Found:
    """What was found for each row of a batch.

    Parameters
    ----------
    radius : Tensor, (N,)
        Of the smallest ball found; infinite where there is none.
    failed : Tensor, (N,)
        The largest radius below it at which the search failed; 0 where there is none.
    point : Tensor, (N, D)
        The input that the ball is the smallest around, or the last one tried.
    """

    radius: Tensor
    failed: Tensor
    point: Tensor


@dataclass
class Rows:
    """The rows still searched, a field for each quantity; features are flat, `(N, D)`."""

    number: Tensor
    x: Tensor
    y: Tensor
    low: Tensor
    high: Tensor
    point: Tensor
    best: Tensor
    direction: Tensor
    radius: Tensor
    found: Tensor
    failed: Tensor
    vain: Tensor
    shrink: Tensor
    step: Tensor
    stuck: Tensor
    done: Tensor

    def take(self, rows: slice | Tensor) -> Rows:
        """Some of them: views for a slice, copies for an index."""
        return Rows(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


class LeastSearch:
    """Closes in on all rows of a batch at once; all of them are correctly classified as they stand.

    Each step follows the sign of the margin's gradient, averaged over the last steps, inside a ball of the row's
    own radius. A misclassified point draws the ball in to just inside it; steps in vain let it out half the way
    back. A row is done when a try one tolerance inside its best radius has failed.
    """

    def __init__(self, asked: Asked, x: Tensor, *, threat: LinfThreat, epsilon_max: float, tolerance: float) -> None:
        self.asked, self.shape = asked, asked.layout.pack(x).shape
        self.epsilon_max, self.tolerance = epsilon_max, AIM * tolerance
        self.x = self._flat(x)
        self.low, self.high = (self._flat(end) for end in threat.bounds(x, epsilon_max))
        self.scale = self._flat(threat.radius(x[:1], 1.0))
        self.per_radius = torch.where(self.scale > 0, 1 / self.scale, 0)

    def run(self, y: Tensor, numbers: Tensor, *, steps: int, targets: int) -> Found:
        """Search all rows; `numbers` are theirs in errors."""
        found = Found(self.x.new_full((len(y),), torch.inf), self.x.new_zeros(len(y)), self.x.clone())
        rows = self._first_guess(y, targets)
        watch, between_looks = FiniteWatch(numbers), steps_between_looks(y.device)
        for step in range(1, steps + 1):
            logits = [self._advance(rows.take(chunk), step) for chunk in self._chunks(len(rows.y))]
            watch.note(torch.cat(logits), rows.number, step)
            if step % between_looks == 0 or step == steps:
                watch.raise_if_bad()
                if step == steps or rows.done.any():
                    self._record(found, rows)
                    rows = rows.take(torch.nonzero(~rows.done).flatten())
                    if not len(rows.y):
                        break
        return found

    def _first_guess(self, y: Tensor, targets: int) -> Rows:
        """Every row at the point where its tangent first meets another class."""
        parts = [self._nearest_class(self.x[chunk], y[chunk], chunk, targets) for chunk in self._chunks(len(y))]
        radius, direction = (torch.cat(part) for part in zip(*parts, strict=True))
        radius = (radius * (1 + OVERSHOOT) + self.tolerance / 2).clamp(max=self.epsilon_max)
        nothing = torch.zeros_like(radius)
        rows = Rows(
            number=torch.arange(len(y), device=y.device), x=self.x, y=y, low=self.low, high=self.high,
            point=self.x.clone(), best=self.x.clone(), direction=direction, radius=radius,
            found=torch.full_like(radius, torch.inf), failed=nothing, vain=nothing.clone(),
            shrink=torch.full_like(radius, SHRINK), step=torch.full_like(radius, STEP),
            stuck=nothing.bool(), done=nothing.bool(),
        )  # fmt: skip
        for chunk in self._chunks(len(y)):
            self._move(rows.take(chunk))
        return rows

    def _nearest_class(self, x: Tensor, y: Tensor, chunk: slice, targets: int) -> tuple[Tensor, Tensor]:
        """The tangent's radius to the nearest of the `targets` likeliest wrong classes, and its gradient."""
        nearest, direction = torch.full_like(x[:, 0], torch.inf), torch.zeros_like(x)
        for lacking, gradient in self.asked.class_gradients(x.reshape(-1, *self.shape[1:]), y, targets):
            gradient = gradient.flatten(1)
            room = torch.where(gradient > 0, self.high[chunk] - x, x - self.low[chunk]) * self.per_radius
            radius = linear_radius(lacking, gradient.abs() * self.scale, room)
            first = (radius < nearest) | ~direction.any(dim=1)
            nearest = torch.where(first, radius, nearest)
            direction = torch.where(first.unsqueeze(1), gradient, direction)
        return nearest, self._normalised(direction)

    def _advance(self, rows: Rows, step: int) -> Tensor:
        """One step of some rows, in place; returns their logits."""
        shown = rows.point.reshape(-1, *self.shape[1:])
        logits, gradient = self.asked.gradient(shown, rows.y, margin)
        gradient = gradient.flatten(1)
        wrong = margin(logits, rows.y) > CLEARLY * logits.abs().amax(dim=1)
        distance = ((rows.point - rows.x).abs() * self.per_radius).amax(dim=1)
        better = wrong & (distance < rows.found)
        first = better & rows.found.isinf()
        rows.found.copy_(torch.where(better, distance, rows.found))
        torch.where(better.unsqueeze(1), rows.point, rows.best, out=rows.best)
        self._set_radius(rows, logits, gradient, wrong, first, step)
        rows.direction.mul_(MOMENTUM).add_(self._normalised(gradient), alpha=1 - MOMENTUM)
        self._move(rows)
        return logits

    def _set_radius(
        self, rows: Rows, logits: Tensor, gradient: Tensor, wrong: Tensor, first: Tensor, step: int
    ) -> None:
        """Draw the ball in after a success, let it out after a failure."""
        hit = rows.found.isfinite()
        last = ~hit & (rows.radius >= self.epsilon_max)
        vain = torch.where(wrong, 0, rows.vain + 1)
        fails = ~wrong & (rows.stuck | (vain >= torch.where(last, LAST_PATIENCE, PATIENCE)))
        # A failure outside the ball that was found since then was none.
        failed = torch.where(rows.failed < rows.found, rows.failed, 0)
        rows.failed.copy_(torch.where(fails, torch.maximum(failed, rows.radius), failed))
        # A hair more than the tolerance: found minus tolerance is rounded.
        close = rows.found - rows.radius <= self.tolerance * 1.001
        rows.done |= (fails & (last | close)) | (rows.found <= self.tolerance)
        halfway = ((rows.found - rows.failed) / (2 * rows.found)).clamp(min=SHRINK)
        shrink = torch.where(first & (rows.failed > 0), halfway, rows.shrink)
        rows.shrink.copy_(torch.where(fails & hit, shrink / 2, shrink))
        rows.step.copy_(torch.where(fails & (hit | last), (rows.step / 2).clamp(min=LEAST_STEP), rows.step))
        rows.vain.copy_(torch.where(fails, 0, vain))

        inside = (rows.found - (rows.found * rows.shrink).clamp(min=self.tolerance)).clamp(min=0)
        tangent = rows.radius - margin(logits, rows.y) / (gradient.abs() * self.scale).sum(dim=1)
        outside = torch.maximum(tangent * (1 + OVERSHOOT), rows.radius * (GROWTH if step > 2 else 1 + OVERSHOOT))
        outside = torch.where(fails | (step <= 2), outside, rows.radius).clamp(max=self.epsilon_max)
        rows.radius.copy_(torch.where(hit, inside, outside))

    def _move(self, rows: Rows) -> None:
        """A step along the direction, then back into the ball, the box and the largest radius."""
        reach = rows.radius.unsqueeze(1) * self.scale
        moved = rows.point + rows.step.unsqueeze(1) * reach * rows.direction.sign()
        moved = torch.minimum(torch.maximum(moved, rows.x - reach), rows.x + reach)
        moved = torch.minimum(torch.maximum(moved, rows.low), rows.high)
        rows.stuck.copy_((moved == rows.point).all(dim=1))
        rows.point.copy_(moved)

    def _record(self, found: Found, rows: Rows) -> None:
        """Keep what is known of the rows."""
        found.radius[rows.number] = rows.found
        found.failed[rows.number] = rows.failed
        hit = rows.found.isfinite().unsqueeze(1)
        found.point[rows.number] = torch.where(hit, rows.best, rows.point)

    def _chunks(self, rows: int) -> list[slice]:
        return [slice(first, first + self.asked.chunk) for first in range(0, rows, self.asked.chunk)]

    def _flat(self, x: Tensor) -> Tensor:
        return self.asked.layout.pack(x).flatten(1)

    def _normalised(self, gradient: Tensor) -> Tensor:
        """Each row's share of what its margin gains for a unit of radius; zeros stay zeros."""
        gain = (gradient.abs() * self.scale).sum(dim=1, keepdim=True)
        return gradient / torch.where(gain > 0, gain, 1)
