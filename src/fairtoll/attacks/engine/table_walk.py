"""The rows of one batch on a search over their features, and the best input found for each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtoll.attacks.engine.choices import TRIED, Choices
from fairtoll.attacks.engine.inputs import finite_logits
from fairtoll.attacks.loss import margin

#: Inputs in one call of a model: enough that a pipeline's start does not count.
IN_ONE_CALL = 8192


class Walk:
    """Rows, what has been found of each, and how many evaluations each has left.

    Attributes
    ----------
    best : Tensor, (n, D)
        The input with the largest margin so far; of a broken row, the one that is misclassified.
    value, start : Tensor, (n,)
        Its margin, and that of the clean row.
    broken, done : Tensor of bool, (n,)
        Rows that are misclassified, and rows of which nothing more is to be tried.
    left : Tensor of int64, (n,)
        Evaluations that remain.
    """

    def __init__(
        self, model: nn.Module, choices: Choices, labels: Tensor, numbers: Tensor, logits: Tensor, queries: int,
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        self.model, self.choices, self.labels, self.numbers = model, choices, labels, numbers
        self.generator, self.queries = generator, queries
        self.best, self.value = choices.clean.clone(), margin(logits, labels).double()
        self.start = self.value.clone()
        self.broken, self.done = torch.zeros_like(labels, dtype=torch.bool), torch.zeros_like(labels, dtype=torch.bool)
        self.left = torch.full_like(labels, queries)

    @property
    def going(self) -> Tensor:
        """Positions of the rows that are still searched."""
        return (~self.broken & ~self.done & (self.left > 0)).nonzero().flatten()

    def ask(self, rows: Tensor, points: Tensor, current: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The margin of each proposal `(r, m)` and the proposals confined `(r, m, D)`; of what is not asked, -inf.

        A proposal is not asked if it is the clean row or `current`, or the row has no evaluations left.
        """
        r, m, width = points.shape
        each, flat = rows.repeat_interleave(m), points.reshape(r * m, width)
        clean = self.choices.clean[each]
        flat = self.choices.threat.confine(clean, flat, self.choices.epsilon[each])
        new = (flat != clean).any(dim=1)
        if current is not None:
            new &= (flat != current.repeat_interleave(m, 0)).any(dim=1)
        # A value that is there again, as where a coordinate has few.
        new.reshape(r, m)[:, 1:] &= (flat.reshape(r, m, width)[:, 1:] != flat.reshape(r, m, width)[:, :-1]).any(dim=2)
        new &= (new.reshape(r, m).cumsum(dim=1) <= self.left[rows].unsqueeze(1)).flatten()
        asked = new.nonzero().flatten()
        values = torch.full((r * m,), -torch.inf, dtype=torch.float64, device=flat.device)
        wrong = torch.zeros_like(new)
        for part in asked.split(IN_ONE_CALL) if len(asked) else ():
            logits = finite_logits(
                self.model, flat[part], where="at a query of the attack", rows=self.numbers[each[part]]
            )  # fmt: skip
            own = self.labels[each[part]]
            # Not "margin above 0": where two logits tie, argmax decides.
            values[part], wrong[part] = margin(logits, own).double(), logits.argmax(dim=1) != own
        self.left[rows] -= new.reshape(r, m).sum(dim=1)
        values, wrong, flat = values.reshape(r, m), wrong.reshape(r, m), flat.reshape(r, m, width)
        self._note(rows, values, wrong, flat)
        return values, flat

    def _note(self, rows: Tensor, values: Tensor, wrong: Tensor, points: Tensor) -> None:
        at, broke = torch.arange(len(rows), device=rows.device), wrong.any(dim=1)
        top = torch.where(broke, wrong.to(torch.int64).argmax(dim=1), values.argmax(dim=1))
        better = broke | (values[at, top] > self.value[rows])
        kept = rows[better]
        self.best[kept], self.value[kept] = points[at, top][better], values[at, top][better]
        self.broken[rows] |= broke

    def run(self, start: Tensor | None = None) -> None:
        """Search until every row is broken or has no evaluations left, first from `start` where it is given."""
        clean, count = self.choices.clean, len(self.choices.coordinates)
        if start is not None and len(rows := self.going):
            self._climb(rows, start[rows].clone(), self._shuffled(rows, count))
        gains = self._alone()
        for gain in gains:
            rows = self.going
            if not len(rows):
                return
            self._climb(rows, clean[rows].clone(), gain[rows].argsort(dim=1, descending=True, stable=True))
        before = self.left.clone()
        while len(rows := self.going):
            self._climb(rows, self._kicked(rows), self._shuffled(rows, count))
            # A row with nothing new to ask in several rounds has been seen whole.
            idle = self.left == before
            self.done |= idle & torch.isin(torch.arange(len(idle), device=idle.device), rows)
            before = self.left.clone()

    def _shuffled(self, rows: Tensor, count: int) -> Tensor:
        """The coordinates in an order of each row's own."""
        return torch.rand(len(rows), count, generator=self.generator).argsort(dim=1).to(rows.device)

    def _alone(self) -> list[Tensor]:
        """What the best value of every coordinate gains alone, `(n, K)`; where costs add up, for its cost too."""
        choices = self.choices
        shape = (len(self.labels), len(choices.coordinates))
        gain = torch.full(shape, -torch.inf, dtype=torch.float64, device=self.labels.device)
        rate = gain.clone()
        for positions in self._together(len(choices.coordinates)):
            rows = self.going
            if not len(rows):
                break
            clean = choices.clean[rows]
            tried = [self._tried(position, rows, clean) for position in positions]
            margins, found = self.ask(rows, torch.cat(tried, dim=1))
            sizes = [one.shape[1] for one in tried]
            for position, own, points in zip(
                positions, margins.split(sizes, dim=1), found.split(sizes, dim=1), strict=True
            ):
                gain[rows, position] = own.amax(dim=1) - self.start[rows]
                if choices.adds_up:
                    top = points[torch.arange(len(rows), device=rows.device), own.argmax(dim=1)]
                    rate[rows, position] = gain[rows, position] / choices.threat.distance(clean, top).clamp(min=1e-9)
        return [rate, gain] if choices.adds_up else [gain]

    def _together(self, count: int) -> list[range]:
        """Coordinates that are tried in one call: a call's start may cost as much as a thousand rows."""
        at_once = max(1, IN_ONE_CALL // (TRIED * max(1, len(self.labels))))
        return [range(first, min(first + at_once, count)) for first in range(0, count, at_once)]

    def _tried(self, position: int, rows: Tensor, current: Tensor) -> Tensor:
        """Rows with a coordinate at each of its values `(r, m, D)`; as they are where it has fewer."""
        which = self.choices.coordinates[position]
        values, there = self.choices.some(which, rows, current, self.generator)
        return torch.where(there.unsqueeze(2), self.choices.put(which, current, values), current.unsqueeze(1))

    def _climb(self, rows: Tensor, current: Tensor, order: Tensor) -> None:
        """Coordinates in each row's order `(r, K)`, the best value of each kept."""
        value = torch.full((len(rows),), -torch.inf, dtype=torch.float64, device=rows.device)
        same = (current == self.choices.clean[rows]).all(dim=1)
        value[same] = self.start[rows][same]
        fresh = (~same).nonzero().flatten()
        if len(fresh):
            asked, point = self.ask(rows[fresh], current[fresh].unsqueeze(1))
            value[fresh], current[fresh] = asked[:, 0], point[:, 0]
        for turn in range(order.shape[1]):
            live = (~self.broken[rows] & (self.left[rows] > 0)).nonzero().flatten()
            if not len(live):
                return
            parts = [live[order[live, turn] == position] for position in range(order.shape[1])]
            tried = [
                self._tried(position, rows[here], current[here]) for position, here in enumerate(parts) if len(here)
            ]
            here = torch.cat(parts)
            most = max(one.shape[1] for one in tried)
            # One call for all of them: where a coordinate has fewer values, its last is there again.
            points = torch.cat([torch.cat([one, one[:, -1:].expand(-1, most - one.shape[1], -1)], 1) for one in tried])
            margins, found = self.ask(rows[here], points, current[here])
            at, top = torch.arange(len(here), device=rows.device), margins.argmax(dim=1)
            better = margins[at, top] > value[here]
            current[here[better]], value[here[better]] = found[at, top][better], margins[at, top][better]

    def _kicked(self, rows: Tensor) -> Tensor:
        """The best inputs with some coordinates drawn anew, from one to all."""
        choices = self.choices
        points, count = self.best[rows].clone(), len(choices.coordinates)
        most = torch.randint(1, count + 1, (len(rows), 1), generator=self.generator)
        drawn = torch.rand(len(rows), count, generator=self.generator).argsort(dim=1).argsort(dim=1) < most
        for position, which in enumerate(choices.coordinates):
            here = drawn[:, position].nonzero().flatten().to(rows.device)
            if not len(here):
                continue
            values, there = choices.some(which, rows[here], points[here], self.generator)
            taken = (torch.rand(values.shape, generator=self.generator).to(values) * there).argmax(dim=1, keepdim=True)
            points[here] = choices.put(which, points[here], values.gather(1, taken))[:, 0]
        return points


def enumerated(walk: Walk) -> None:
    """Try everything that differs to the model in the rows for which that is within the queries; they are then done."""
    choices, count = walk.choices, len(walk.labels)
    every = torch.arange(count, device=walk.labels.device)
    lists = [choices.every(which, every, walk.queries) for which in choices.coordinates]
    if any(one is None for one in lists):
        return
    tables = [_compressed(*one) for one in lists if one is not None]
    sizes = torch.stack([size for _, size in tables], dim=1)
    total = sizes.double().prod(dim=1)
    rows = (total - 1 <= walk.queries).nonzero().flatten()
    if not len(rows):
        return
    most = int(total[rows].max())
    # At random, so that what breaks many rows is met early.
    order = torch.randperm(most, generator=walk.generator).to(rows.device)
    for indices in order.split(max(1, IN_ONE_CALL // len(rows))):
        live = rows[~walk.broken[rows]]
        if not len(live):
            break
        points = choices.clean[live].unsqueeze(1).expand(-1, len(indices), -1).flatten(0, 1)
        rest = indices.expand(len(live), -1)
        there = rest < total[live].unsqueeze(1)
        for (values, _), size, which in zip(tables, sizes.T, choices.coordinates, strict=True):
            at = rest % size[live].unsqueeze(1)
            rest = torch.div(rest, size[live].unsqueeze(1), rounding_mode="floor")
            picked = values[live].gather(1, at).reshape(-1, 1)
            moved = choices.put(which, points, picked)[:, 0]
            points = torch.where((at.reshape(-1, 1) > 0), moved, points)
        points = points.reshape(len(live), len(indices), -1)
        points = torch.where(there.unsqueeze(2), points, choices.clean[live].unsqueeze(1))
        walk.ask(live, points)
    walk.done[rows] = True


def _compressed(values: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """The values that exist at the front, and how many they are."""
    order = (~there).to(torch.int64).argsort(dim=1, stable=True)
    return values.gather(1, order), there.sum(dim=1)
