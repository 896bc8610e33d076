"""The engine of gradient attacks, which drop a row once its outcome is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import like
from fairtoll.attacks.engine.inputs import FiniteWatch
from fairtoll.attacks.engine.layout import best_layout, steps_between_looks
from fairtoll.attacks.loss import SLOPES, margin
from fairtoll.models.batches import chunk_rows
from fairtoll.models.dense import QuickChain
from fairtoll.models.predict import checked_logits
from fairtoll.threats.any import Threat

#: How many times the last gain a remaining step may make; a row that needs more is given up. With patience 10 this cost
#: none of 1,000 images on two networks, and 0.02 points of success on saturated networks of a table, 0.15 at worst.
SLACK = 3.0

#: Once no more than this share of the rows move, those that are still leave the batch.
MOVING = 0.9

Loss = Callable[[Tensor, Tensor], Tensor]


class BatchedModel:
    """A borrowed model, run on packed rows in cache-sized batches."""

    def __init__(self, model: nn.Module, x: Tensor, *, packed: bool = True) -> None:
        self.model, self.chunk = model, chunk_rows(x)
        self.layout = best_layout(model, x[:2] if packed else x[:0])

    def logits(self, points: Tensor) -> Tensor:
        """Logits of packed rows, without a gradient."""
        with torch.no_grad():
            parts = [checked_logits(self.model, self.layout.show(part)) for part in points.split(self.chunk)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def gradient(self, points: Tensor, y: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
        """Logits, and the gradient of `loss` in the input alone, both detached."""
        logits, gradients = [], []
        for part, labels in zip(points.split(self.chunk), y.split(self.chunk), strict=True):
            if isinstance(self.model, QuickChain) and loss in SLOPES and self.model.suits(part):
                answer, gradient = self.model.logits_and_slopes(part, SLOPES[loss](labels))
                logits.append(answer)
                gradients.append(gradient)
                continue
            leaf = part.detach().requires_grad_(True)
            with torch.enable_grad():
                answer = checked_logits(self.model, self.layout.show(leaf))
                (gradient,) = torch.autograd.grad(loss(answer, labels).sum(), leaf)
            logits.append(answer.detach())
            gradients.append(gradient)
        return (logits[0], gradients[0]) if len(logits) == 1 else (torch.cat(logits), torch.cat(gradients))

    def class_gradients(self, points: Tensor, y: Tensor, classes: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The likeliest wrong classes in turn: the class, its logit minus the true one's, the input's gradient."""
        leaf = points.detach().requires_grad_(True)
        with torch.enable_grad():
            answer = checked_logits(self.model, self.layout.show(leaf))
            wrong = answer.detach().scatter(1, y.unsqueeze(1), -torch.inf)
            likeliest = wrong.topk(min(classes, wrong.shape[1] - 1), dim=1).indices
            ahead = (answer.gather(1, likeliest) - answer.gather(1, y.unsqueeze(1))).unbind(dim=1)
            totals = [one.sum() for one in ahead]
        for which, one, total in zip(likeliest.unbind(dim=1), ahead, totals, strict=True):
            (gradient,) = torch.autograd.grad(total, leaf, retain_graph=total is not totals[-1])
            # In the precision of the rows, not of the logits.
            yield which, -one.detach().to(points.dtype), gradient


class Descent:
    """Rows under attack: which are not broken yet, and the best input found for each."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, *, threat: Threat, loss: Loss, offset: int = 0) -> None:
        # Whole numbers are projected in the model's own shape.
        self.batched = BatchedModel(model, x, packed=threat.integer is None)
        self.threat, self.loss, self.x, self.y = threat, loss, x, y
        self.layout = self.batched.layout
        self.clean = self.layout.pack(x)
        self.best = self.clean.clone()
        self.numbers = torch.arange(offset, offset + len(x), device=x.device)
        self.success = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        self.left = torch.arange(len(x), device=x.device)
        self.between_looks = steps_between_looks(x.device)

    def bounds(self, epsilon: float | Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Lowest and highest admissible values of `rows`, and the radius of each feature, packed."""
        epsilon = epsilon[rows] if isinstance(epsilon, Tensor) and epsilon.ndim else epsilon
        low, high = self.threat.bounds(self.x[rows], epsilon)
        radius = self.threat.radius(self.x[rows], epsilon)
        return self.layout.pack(low), self.layout.pack(high), self.layout.pack(radius)

    def random_points(self, bounds: tuple[Tensor, Tensor, Tensor], generator: torch.Generator | None) -> Tensor:
        """One uniform draw for each remaining row; the number of draws does not depend on how many remain."""
        noise = torch.rand(self.x.shape, generator=generator).to(self.x)
        low, high, _ = bounds
        return low + (high - low) * self.layout.pack(noise)[self.left]

    def found(self) -> Tensor:
        """The best inputs in the model's shape, on the CPU."""
        return self.layout.show(self.best).contiguous().cpu()

    def settle(self, points: Tensor, rows: Tensor, *, step: int) -> None:
        """Evaluate `points` of `rows` and record their outcomes."""
        watch = FiniteWatch(self.numbers)
        logits = self.batched.logits(points)
        watch.note(logits, rows, step)
        watch.raise_if_bad()
        self._record(points, rows, logits.argmax(dim=1) != self.y[rows])
        self._refresh()

    def withdraw(self, epsilon: float) -> None:
        """To a smaller radius: of the broken rows, those whose input lies outside it are to be attacked again."""
        broken = torch.nonzero(self.success).flatten()
        low, high, _ = self.bounds(epsilon, broken)
        inside = ((self.best[broken] >= low) & (self.best[broken] <= high)).flatten(1).all(dim=1)
        self.success = torch.zeros_like(self.success).index_fill(0, broken[inside], True)
        self.left = broken[~inside]

    def descend(
        self,
        begin: Tensor,
        bounds: tuple[Tensor, Tensor, Tensor],
        *,
        steps: int,
        relative_step: float,
        patience: int | None = None,
    ) -> None:
        """One start from `begin` for the remaining rows, within their `bounds`."""
        rows, y = self.left, self.y[self.left]
        low, high, radius = bounds
        radius = radius * (relative_step / steps)
        point = torch.minimum(torch.maximum(begin, low), high)
        watch, pace = FiniteWatch(self.numbers), EarlyStopping(steps, patience)
        for step in range(1, steps + 1):
            candidate = self.threat.project(point, low, high)
            logits, gradient = self.batched.gradient(candidate, y, self.loss)
            watch.note(logits, rows, step)
            wrong = logits.argmax(dim=1) != y
            moved = torch.minimum(torch.maximum(point + radius * gradient.sign(), low), high)
            # If a step changes nothing, no later step of this start will.
            done = wrong | (moved == point).flatten(1).all(dim=1) | pace.unreachable(logits, y, step)
            if self.between_looks > 1:
                # A finished row stays in place until the next check.
                moved = torch.where(like(done, point), point, moved)
            if step % self.between_looks == 0 or step == steps:
                watch.raise_if_bad()
                if done.any():
                    self._record(candidate[done], rows[done], wrong[done])
                    keep = torch.nonzero(~done).flatten()
                    rows, y, moved, low, high, radius = (part[keep] for part in (rows, y, moved, low, high, radius))
                    pace.keep(keep)
                    if not len(rows):
                        break
            point = moved
        if len(rows):
            self.settle(self.threat.project(point, low, high), rows, step=steps + 1)
        self._refresh()

    def run_out(
        self, begin: Tensor, bounds: tuple[Tensor, Tensor, Tensor], *, steps: int, relative_step: float
    ) -> None:
        """One start for all rows with every step, as for crafting training examples.

        A row that a step does not move would not be moved by any later one: it takes no further part.
        """
        low, high, radius = bounds
        radius = radius * (relative_step / steps)
        point = torch.minimum(torch.maximum(begin, low), high)
        rows, watch = torch.arange(len(point), device=point.device), FiniteWatch(self.numbers)
        moved = point
        moving, begun, lowest, highest, size, y = rows, point, low, high, radius, self.y
        for step in range(1, steps + 1):
            logits, gradient = self.batched.gradient(self.threat.project(begun, lowest, highest), y, self.loss)
            watch.note(logits, moving, step)
            moved = torch.minimum(torch.maximum(begun + size * gradient.sign(), lowest), highest)
            if step % self.between_looks == 0:
                watch.raise_if_bad()
                left = (moved != begun).flatten(1).any(dim=1)
                # Until a few rows are still, to pick the others takes longer than to go on with all.
                if left.sum() <= MOVING * len(moving):
                    point = point.index_copy(0, moving, moved)
                    keep = torch.nonzero(left).flatten()
                    moving, moved, lowest, highest, size, y = (
                        part[keep] for part in (moving, moved, lowest, highest, size, y)
                    )
                    if not len(moving):
                        break
            begun = moved
        point = point.index_copy(0, moving, moved)
        point = self.threat.project(point, low, high)
        logits = self.batched.logits(point)
        watch.note(logits, rows, steps + 1)
        watch.raise_if_bad()
        wrong = logits.argmax(dim=1) != self.y
        # A later start must not overwrite the input that an earlier one found.
        self.best = torch.where(like(self.success & ~wrong, point), self.best, point)
        self.success |= wrong

    def _record(self, points: Tensor, rows: Tensor, wrong: Tensor) -> None:
        """Keep the input last tried for each row, and whether it succeeded."""
        self.best[rows] = points
        self.success[rows[wrong]] = True

    def _refresh(self) -> None:
        self.left = self.left[~self.success[self.left]]


class EarlyStopping:
    """Which rows will not be broken, even if each remaining step gained three times as much margin as the last ones.

    The margin (best wrong logit minus the true one) must exceed 0 within the remaining steps. Ascent slows down as it
    nears its bound, so its past rate is an optimistic estimate.
    """

    def __init__(self, steps: int, patience: int | None) -> None:
        self.steps, self.patience = steps, patience
        self.best: Tensor | None = None
        self.before: Tensor | None = None
        self.given_up: Tensor | None = None

    def unreachable(self, logits: Tensor, y: Tensor, step: int) -> Tensor:
        """Rows to give up, `(N,)` of bool; a row that is given up stays so."""
        if self.patience is None:
            return torch.zeros_like(y, dtype=torch.bool)
        return self.short(margin(logits, y), step)

    def short(self, now: Tensor, step: int) -> Tensor:
        """The same of another quantity that must exceed 0 for success, `(N,)`; with patience."""
        assert self.patience is not None
        if self.best is None or self.before is None or self.given_up is None:
            self.best, self.before, self.given_up = now, now, torch.zeros_like(now, dtype=torch.bool)
        self.best = torch.maximum(self.best, now)
        if step % self.patience == 0:
            if step > self.patience:
                gained = (self.best - self.before) * (SLACK * (self.steps - step) / self.patience)
                self.given_up = self.given_up | (self.best + gained < 0)
            self.before = self.best
        return self.given_up

    def keep(self, rows: Tensor) -> None:
        """Drop all other rows."""
        if self.best is not None and self.before is not None and self.given_up is not None:
            self.best, self.before, self.given_up = (part[rows] for part in (self.best, self.before, self.given_up))
