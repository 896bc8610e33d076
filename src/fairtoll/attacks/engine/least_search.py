"""The search behind `least_epsilon`: a ball around each row that shrinks to its nearest misclassified input."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.attacks.engine.descent import BatchedModel
from fairtoll.attacks.engine.inputs import FiniteWatch
from fairtoll.attacks.engine.layout import steps_between_looks
from fairtoll.attacks.engine.least_rows import COARSE, FINE, TRYING, WALKING, Found, Rows
from fairtoll.attacks.engine.linear import linear_radius
from fairtoll.attacks.loss import lead, margin
from fairtoll.threats.any import Threat

#: Failed steps at one radius before their rate of gain is checked, steps within which it must reach success, and steps
#: after which the radius has failed in any case; the same for tries that are not repeated, and for walks.
LEAST_VAIN, HORIZON, MOST_VAIN = 2, 4, 6
HARD_LEAST, HARD_MOST = 3, 12
WALK_LEAST, WALK_MOST, WALK_HORIZON = 20, 30, 15
#: How far inside the best radius the next ball is at first, as a share of it, halved at each failure; below the second
#: the coarse phase ends.
SHRINK, COARSE_SHRINK = 0.05, 0.025
#: Step sizes in radii, halved at each failure: at first, towards a rival, on a walk, in the fine phase, the least one.
STEP, TRY_STEP, WALK_STEP, FINE_STEP, LEAST_STEP = 2.0, 1.0, 0.1, 0.5, 0.02
#: Before the first success: how far past the tangent's radius a ball extends, and how it grows after a failure.
OVERSHOOT, GROWTH = 0.02, 1.3
#: Weight of the previous directions.
MOMENTUM = 0.5
#: Number of other target classes after the coarse search; how far their tangents may be, in best radii;
#: and how much nearer the first success must be, as a share.
RIVALS, REACH, NEARER = 2, 1.25, 0.01
#: By what factor the best radius must exceed the tangent's for a walk to be tried: the model is curved there.
CURVED = 1.3
#: By how much of its largest logit a row must be misclassified, so that it stays so in a batch of another size.
CLEARLY = 1e-6
#: The target width of the bracket, in tolerances: the rest allows for rounding and for clear misclassification.
AIM = 0.8


class LeastSearch:
    """Searches all rows of a batch at once; all of them are classified correctly before the search.

    Each step follows the sign of the margin's gradient, averaged over the last steps, inside a ball of the row's
    own radius. A misclassified point shrinks the ball to just inside it; failed steps expand it half the way
    back. Once a row's bracket is a few percent wide, other classes whose tangents are about as near are tried in turn
    from the clean row; where the model is so curved that the tangent misled, a path of small steps is tried too. A
    row is done when a ball one tolerance inside the best radius has failed.
    """

    def __init__(
        self, batched: BatchedModel, x: Tensor, *, threat: Threat, epsilon_max: float, tolerance: float
    ) -> None:
        self.batched, self.shape = batched, batched.layout.pack(x).shape
        self.epsilon_max, self.tolerance = epsilon_max, AIM * tolerance
        self.between_looks = steps_between_looks(x.device)
        self.x = self._flat(x)
        self.low, self.high = (self._flat(end) for end in threat.bounds(x, epsilon_max))
        self.scale = self._flat(threat.radius(x[:1], 1.0))
        self.per_radius = torch.where(self.scale > 0, 1 / self.scale, 0)

    def run(self, y: Tensor, numbers: Tensor, *, steps: int, targets: int) -> Found:
        """Search all rows; `numbers` are the row numbers in errors."""
        found = Found(self.x.new_full((len(y),), torch.inf), self.x.new_zeros(len(y)), self.x.clone())
        rows = self._first_guess(y, targets)
        watch = FiniteWatch(numbers)
        for step in range(1, steps + 1):
            logits = [self._advance(rows.take(chunk), step) for chunk in self._chunks(len(rows.y))]
            watch.note(torch.cat(logits), rows.number, step)
            if step % self.between_looks == 0 or step == steps:
                watch.raise_if_bad()
                if step == steps:
                    found.record(rows)
                elif rows.done.any():
                    found.record(rows.take(torch.nonzero(rows.done).flatten()))
                    rows = rows.take(torch.nonzero(~rows.done).flatten())
                    if not len(rows.y):
                        break
        return found

    def _first_guess(self, y: Tensor, targets: int) -> Rows:
        """Every row at the point where its tangent first meets another class."""
        parts = [self._nearest_class(self.x[chunk], y[chunk], chunk, targets) for chunk in self._chunks(len(y))]
        radius, direction, nearest, rivals, rival_radius = (torch.cat(part) for part in zip(*parts, strict=True))
        radius = (radius * (1 + OVERSHOOT) + self.tolerance / 2).clamp(max=self.epsilon_max)
        rows = Rows(
            number=torch.arange(len(y), device=y.device), y=y, x=self.x, low=self.low, high=self.high,
            point=self.x.clone(), best=self.x.clone(), direction=direction, radius=radius,
            step=torch.full_like(radius, STEP), shrink=torch.full_like(radius, SHRINK),
            found=torch.full_like(radius, torch.inf), failed=torch.zeros_like(radius),
            vain=torch.zeros_like(y), ahead=torch.zeros_like(radius), stuck=torch.zeros_like(y, dtype=torch.bool),
            phase=torch.full_like(y, COARSE), ended=torch.zeros_like(y, dtype=torch.bool),
            closed=torch.zeros_like(y, dtype=torch.bool), done=torch.zeros_like(y, dtype=torch.bool),
            target=nearest, home=nearest.clone(), rivals=rivals, rival_radius=rival_radius,
        )  # fmt: skip
        for chunk in self._chunks(len(y)):
            self._move(rows.take(chunk))
        return rows

    def _nearest_class(self, x: Tensor, y: Tensor, chunk: slice, targets: int) -> tuple[Tensor, ...]:
        """The tangent's radius to the nearest of the likeliest wrong classes, its direction, and the next nearest."""
        nearest, direction = torch.full_like(x[:, 0], torch.inf), torch.zeros_like(x)
        classes, radii = [], []
        for which, lacking, gradient in self.batched.class_gradients(x.reshape(-1, *self.shape[1:]), y, targets):
            gradient = gradient.flatten(1)
            room = torch.where(gradient > 0, self.high[chunk] - x, x - self.low[chunk]) * self.per_radius
            radius = linear_radius(lacking, gradient.abs() * self.scale, room)
            classes.append(which)
            radii.append(radius)
            first = (radius < nearest) | ~direction.any(dim=1)
            nearest = torch.where(first, radius, nearest)
            direction = torch.where(first.unsqueeze(1), gradient, direction)
        # Padding where there are too few classes: rivals that are never tried.
        classes += [classes[0]] * RIVALS
        radii += [torch.full_like(nearest, torch.inf)] * RIVALS
        order = torch.stack(radii, dim=1).argsort(dim=1, stable=True)[:, : 1 + RIVALS]
        gain = (direction.abs() * self.scale).sum(dim=1, keepdim=True)
        near, reach = torch.stack(classes, dim=1).gather(1, order), torch.stack(radii, dim=1).gather(1, order)
        # Without a success, or one at the tangent, a walk is tried in any case.
        walk = torch.where(reach[:, :1].isinf(), 0, (reach[:, :1] * CURVED).clamp(max=self.epsilon_max))
        near = torch.cat([near, near[:, :1]], dim=1)
        reach = torch.cat([reach[:, :1], reach[:, 1:] / REACH, walk], dim=1)
        return reach[:, 0], direction / torch.where(gain > 0, gain, 1), near[:, 0], near[:, 1:], reach[:, 1:]

    def _advance(self, rows: Rows, step: int) -> Tensor:
        """One step of some rows, in place; returns their logits."""
        classes = torch.stack([rows.y, rows.target], dim=1)
        logits, gradient = self.batched.gradient(rows.point.reshape(-1, *self.shape[1:]), classes, lead)
        gradient = gradient.flatten(1)
        wrong = margin(logits, rows.y) > CLEARLY * logits.abs().amax(dim=1)
        distance = ((rows.point - rows.x).abs() * self.per_radius).amax(dim=1)
        better = wrong & (distance < rows.found)
        first = better & rows.found.isinf()
        rows.found.copy_(torch.where(better, distance, rows.found))
        if self._any(better):
            torch.where(better.unsqueeze(1), rows.point, rows.best, out=rows.best)
        fails = self._fails(rows, lead(logits, classes), wrong)
        gain = (gradient.abs() * self.scale).sum(dim=1)
        ahead = torch.where(gain > 0, margin(logits, rows.y) / gain, -torch.inf)
        self._set_radius(rows, ahead, first, fails, step)
        rival, back = self._set_phase(rows, fails)
        rows.vain.masked_fill_(fails, 0)
        rows.direction.mul_(MOMENTUM).add_(gradient * ((1 - MOMENTUM) / torch.where(gain > 0, gain, 1)).unsqueeze(1))
        self._move(rows)
        if self._any(rival | back):
            self._start_over(rows, rival=rival, back=back)
        return logits

    def _fails(self, rows: Rows, ahead: Tensor, wrong: Tensor) -> Tensor:
        """Rows that will not be broken at their radius: their rate of gain or their patience is used up."""
        rows.vain.copy_(torch.where(wrong, 0, rows.vain + 1))
        # A successful try becomes the row's search from now on.
        tried = wrong & rows.away
        rows.phase.masked_fill_(tried, COARSE)
        rows.shrink.masked_fill_(tried, SHRINK)
        rows.home.copy_(torch.where(tried, rows.target, rows.home))
        hard = (rows.phase == TRYING) | self._at_the_end(rows)
        walking = rows.phase == WALKING
        least = torch.where(walking, WALK_LEAST, torch.where(hard, HARD_LEAST, LEAST_VAIN))
        most = torch.where(walking, WALK_MOST, torch.where(hard, HARD_MOST, MOST_VAIN))
        slow = ahead + torch.where(walking, WALK_HORIZON, HORIZON) * (ahead - rows.ahead) < 0
        rows.ahead.copy_(ahead)
        return ~wrong & (rows.stuck | ((rows.vain >= least) & slow) | (rows.vain >= most))

    def _at_the_end(self, rows: Rows) -> Tensor:
        """Rows without a success that have the largest radius."""
        return rows.found.isinf() & (rows.radius >= self.epsilon_max)

    def _set_radius(self, rows: Rows, ahead: Tensor, first: Tensor, fails: Tensor, step: int) -> None:
        """Shrink the ball after a success, expand it after a failure; `ahead` is the margin in radii."""
        hit, ends = rows.found.isfinite(), self._at_the_end(rows)
        # A failure at a radius above the best one does not count, nor does that of a single class.
        failed = torch.where(rows.failed < rows.found, rows.failed, 0)
        rows.failed.copy_(torch.where(fails & ~rows.away, torch.maximum(failed, rows.radius), failed))
        halfway = ((rows.found - rows.failed) / (2 * rows.found)).clamp(min=SHRINK)
        shrink = torch.where(first & (rows.failed > 0), halfway, rows.shrink)
        rows.shrink.copy_(torch.where(fails & hit, shrink / 2, shrink))
        rows.step.copy_(torch.where(fails & (hit | ends), (rows.step / 2).clamp(min=LEAST_STEP), rows.step))
        # Slightly more than the tolerance: the best radius minus the tolerance is rounded.
        rows.closed.copy_(rows.found - rows.radius <= self.tolerance * 1.001)
        inside = (rows.found - (rows.found * rows.shrink).clamp(min=self.tolerance)).clamp(min=0)
        tangent = rows.radius - ahead
        outside = torch.maximum(tangent * (1 + OVERSHOOT), rows.radius * (GROWTH if step > 2 else 1 + OVERSHOOT))
        outside = torch.where(fails | (step <= 2), outside, rows.radius).clamp(max=self.epsilon_max)
        rows.ended.copy_(fails & ends)
        radius = torch.where(hit, inside, outside)
        rows.radius.copy_(torch.where(rows.away, rows.radius, radius))

    def _set_phase(self, rows: Rows, fails: Tensor) -> tuple[Tensor, Tensor]:
        """From coarse to each rival in turn, to fine, to done; returns which rows start a rival, and which return."""
        coarse, fine, away = rows.phase == COARSE, rows.phase == FINE, rows.away
        leaves = fails & torch.where(coarse, rows.ended | rows.closed | (rows.shrink < COARSE_SHRINK), away)
        walk = rows.rivals.shape[1] - 1
        # A successful walk may be repeated.
        rows.rival_radius[:, walk].masked_fill_(fails & (rows.phase == WALKING), torch.inf)
        rival_radius, position = rows.rival_radius.min(dim=1)
        rival = leaves & (rival_radius < rows.found)
        walks = rival & (position == walk)
        chosen = torch.where(walks, rows.home, rows.rivals.gather(1, position.unsqueeze(1)).squeeze(1))
        rows.target.copy_(torch.where(rival, chosen, rows.target))
        tried = functional.one_hot(position, walk + 1).bool() & (rival & ~walks).unsqueeze(1)
        rows.rival_radius.masked_fill_(tried, torch.inf)
        back = leaves & ~rival & away
        rows.phase.masked_fill_(leaves & ~rival, FINE).masked_fill_(rival, TRYING).masked_fill_(walks, WALKING)
        rows.done |= (fails & rows.closed & (fine | (coarse & ~rival))) | (leaves & ~rival & rows.found.isinf())
        rows.done |= rows.found <= self.tolerance
        return rival, back

    def _start_over(self, rows: Rows, *, rival: Tensor, back: Tensor) -> None:
        """Rows that try a rival begin at the clean row, just inside the best radius; others return."""
        point = torch.where(rival.unsqueeze(1), rows.x, torch.where(back.unsqueeze(1), rows.best, rows.point))
        rows.point.copy_(point)
        rows.direction.masked_fill_((rival | back).unsqueeze(1), 0)
        # Beyond the reach of the nearest class, so that this one need not be tried again.
        nearer = torch.where(rows.failed > 0, rows.failed, rows.found * (1 - NEARER)).clamp(max=self.epsilon_max)
        rows.radius.copy_(torch.where(rival, nearer, rows.radius))
        rows.shrink.masked_fill_(back, COARSE_SHRINK / 2)
        rows.step.masked_fill_(rival, TRY_STEP).masked_fill_(back, FINE_STEP)
        rows.step.masked_fill_(rival & (rows.phase == WALKING), WALK_STEP)
        rows.target.copy_(torch.where(back, rows.home, rows.target))
        # The clean row itself does not count as a failed step.
        rows.vain.masked_fill_(rival, -1)
        rows.stuck &= ~(rival | back)

    def _move(self, rows: Rows) -> None:
        """A step along the direction, then back into the ball, the box and the largest radius."""
        reach = rows.radius.unsqueeze(1) * self.scale
        moved = rows.point + rows.step.unsqueeze(1) * reach * rows.direction.sign()
        moved = torch.minimum(torch.maximum(moved, rows.x - reach), rows.x + reach)
        moved = torch.minimum(torch.maximum(moved, rows.low), rows.high)
        rows.stuck.copy_((moved == rows.point).all(dim=1))
        rows.point.copy_(moved)

    def _any(self, rows: Tensor) -> bool:
        """Whether there are such rows; on an accelerator always True, to avoid waiting for it."""
        return self.between_looks > 1 or bool(rows.any())

    def _chunks(self, rows: int) -> list[slice]:
        return [slice(first, first + self.batched.chunk) for first in range(0, rows, self.batched.chunk)]

    def _flat(self, x: Tensor) -> Tensor:
        return self.batched.layout.pack(x).flatten(1)
