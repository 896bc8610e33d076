"""The values that a search tries for each feature of a table's row: categories, whole numbers, cells of trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairtoll.threats.any import AuditedThreat
from fairtoll.threats.table_threat import TableThreat

#: Values of one feature that are tried at a visit, where there are more.
TRIED = 10
#: Whole numbers of a feature that are counted out; of a wider range some are drawn.
COUNTED = 64


@dataclass(frozen=True, eq=False)
class Coordinate:
    """What moves as one: a number, a category, or a one-hot group.

    Attributes
    ----------
    places : tuple of int
        Its columns: one, or the members of a group.
    whole : bool
        Whether it is a whole number or a category.
    thresholds : Tensor, optional
        Where a model of trees may jump.
    both_ends : bool
        Whether a relation reads it, so that where it lies within a cell matters.
    """

    places: tuple[int, ...]
    whole: bool
    thresholds: Tensor | None
    both_ends: bool

    @property
    def is_group(self) -> bool:
        """Whether it is a one-hot group; its values are then members' positions in it."""
        return len(self.places) > 1


class Choices:
    """The coordinates of the rows of one batch, and the values that each can take.

    Parameters
    ----------
    threat : LinfThreat or TableThreat
    clean : Tensor, (n, D)
    epsilon : Tensor, (n,)
        The radius of each row.
    thresholds : mapping of int to Tensor
        See `fairtoll.models.cells.thresholds_of`.
    """

    def __init__(
        self, threat: AuditedThreat, clean: Tensor, epsilon: Tensor, thresholds: Mapping[int, Tensor]
    ) -> None:  # fmt: skip
        self.threat, self.clean, self.epsilon = threat, clean, epsilon
        self.low, self.high = threat.bounds(clean, epsilon)
        self.adds_up = isinstance(threat, TableThreat) and threat.cost_norm == "sum"
        groups: Sequence[Sequence[int]] = threat.one_hot if isinstance(threat, TableThreat) else ()
        if isinstance(threat, TableThreat):
            self._leave_to_relations(threat)
        # The members of a group that may not change in a row move in none of its columns.
        moving = (self.high > self.low).any(dim=0)
        read = {place for one in getattr(threat, "relations", ()) for place in one.reads}
        whole = torch.zeros(clean.shape[1], dtype=torch.bool) if threat.integer is None else threat.integer.cpu()
        whole = whole.expand(clean.shape[1])
        grouped = {place for group in groups for place in group}
        self.coordinates = [
            Coordinate(tuple(group), True, None, True) for group in groups if bool(moving[list(group)].any())
        ] + [
            Coordinate((place,), bool(whole[place]), _to(thresholds.get(place), clean), place in read)
            for place in range(clean.shape[1])
            if bool(moving[place]) and place not in grouped
        ]

    def _leave_to_relations(self, threat: TableThreat) -> None:
        """A feature that a relation sets, as in ``total == a + b``, is no choice: it follows the others."""
        clean, missing, left = self.clean.double(), threat.missing(self.clean), set[int]()
        grouped = {place for group in threat.one_hot for place in group}
        for relation in threat.relations:
            own = [place for place in relation.decides if threat.mutable[place] and place not in grouped]
            if own and not left & set(relation.reads):
                left.add(own[0])
                bound = threat.binds(relation, clean, missing)
                for end in (self.low, self.high):
                    end[bound, own[0]] = self.clean[bound, own[0]]

    def every(self, which: Coordinate, rows: Tensor, most: int) -> tuple[Tensor, Tensor] | None:
        """All values of a coordinate that differ to the model `(n, m)`, the clean row's first, and which exist.

        None if they cannot be counted.
        """
        low, high, clean = (end[rows] for end in (self.low, self.high, self.clean))
        if which.is_group:
            members = torch.arange(len(which.places), device=clean.device).expand(len(rows), -1).to(clean.dtype)
            may = (high > low)[:, list(which.places)].all(dim=1, keepdim=True)
            own = self._member(which, clean)
            return torch.cat([own, members], dim=1), torch.cat([torch.ones_like(may), may & (members != own)], dim=1)
        place = which.places[0]
        low, high, clean = (end[:, [place]] for end in (low, high, clean))
        if which.thresholds is not None:
            values, there = self._cells(which, low, high, clean)
        elif which.whole:
            span = int((high - low).max()) + 1 if len(rows) else 1
            if span > most:
                return None
            values = low.ceil() + torch.arange(span, device=low.device)
            there = (values <= high) & (values != clean)
        elif bool((high > low).any()):
            return None
        else:
            values, there = clean, torch.zeros_like(clean, dtype=torch.bool)
        return torch.cat([clean, values], dim=1), torch.cat([torch.ones_like(there[:, :1]), there], dim=1)

    def some(
        self, which: Coordinate, rows: Tensor, current: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Values to try next `(n, m)`, and which exist, given the rows' current state; the clean value among them."""
        counted = self.every(which, rows, COUNTED)
        if counted is None:
            values, there = self._drawn(which, rows, current, generator)
        else:
            values, there = counted
        if self.adds_up:
            left = self._left(which.places[0], rows, current).unsqueeze(1)
            there = there & (self._cost(which, rows, values) <= left)
        return _thinned(values, there, generator) if values.shape[1] > TRIED else (values, there)

    def put(self, which: Coordinate, points: Tensor, values: Tensor) -> Tensor:
        """Rows `(n, D)` with a coordinate set to each of the values `(n, m)`: `(n, m, D)`."""
        found = points.unsqueeze(1).repeat(1, values.shape[1], 1)
        if not which.is_group:
            found[:, :, which.places[0]] = values
            return found
        assert isinstance(self.threat, TableThreat)
        places = list(which.places)
        low, high = (end[places].to(points) for end in self.threat.box)
        chosen = torch.nn.functional.one_hot(values.long(), len(places)).bool()
        found[:, :, places] = torch.where(chosen, high, low)
        return found

    def _member(self, which: Coordinate, points: Tensor) -> Tensor:
        assert isinstance(self.threat, TableThreat)
        places = list(which.places)
        set_to: Tensor = points[:, places] == self.threat.box[1][places].to(points)
        return set_to.to(points.dtype).argmax(dim=1, keepdim=True).to(points.dtype)

    def _cells(self, which: Coordinate, low: Tensor, high: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        """A value in each cell, the nearest to the clean one; of a feature that relations read the furthest too."""
        assert which.thresholds is not None
        last = which.thresholds.to(clean.dtype)
        first = torch.nextafter(last, torch.full_like(last, torch.inf))
        if which.whole:
            last = last.floor().unique()
            first = last + 1
        # Up to a threshold, and from the next number on.
        up, down = (last >= clean) & (first <= high), (last < clean) & (last >= low)
        values = torch.cat([last.expand(len(clean), -1), first.expand(len(clean), -1)], dim=1)
        there = torch.cat([down, up], dim=1)
        if which.both_ends:
            far_up, far_down = (last > clean) & (last <= high), (first < clean) & (first >= low)
            values = torch.cat([values, values, low, high], dim=1)
            there = torch.cat([there, far_up, far_down, low < clean, high > clean], dim=1)
        return values, there

    def _drawn(
        self, which: Coordinate, rows: Tensor, current: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        place = which.places[0]
        low, high, clean = (end[rows][:, [place]] for end in (self.low, self.high, self.clean))
        if self.adds_up:
            low, high = self._rest(place, rows, current, low, high)
        own = current[:, [place]]
        anywhere = torch.rand(len(rows), 3, generator=generator).to(own)
        near = torch.randn(len(rows), 2, generator=generator).to(own) * 0.1
        values = torch.cat(
            [clean, low, high, low + anywhere * (high - low), own + near * (high - low)], dim=1
        )  # fmt: skip
        values = torch.maximum(torch.minimum(values.round() if which.whole else values, high), low)
        if which.whole:
            values = torch.cat([values, (own - 1).maximum(low), (own + 1).minimum(high)], dim=1)
        return values, torch.ones_like(values, dtype=torch.bool)

    def _rest(self, place: int, rows: Tensor, current: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """The bounds of a number that are left, given what the other features cost."""
        assert isinstance(self.threat, TableThreat)
        scale = self.threat.scale[place].item()
        if scale == torch.inf:
            return low, high
        clean = self.clean[rows][:, [place]]
        reach = (self._left(place, rows, current).unsqueeze(1) * scale * (1 - 1e-6)).to(clean)
        return torch.maximum(low, clean - reach).minimum(clean), torch.minimum(high, clean + reach).maximum(clean)

    def _left(self, place: int, rows: Tensor, current: Tensor) -> Tensor:
        """What of each row's radius the features but one leave, `(n,)`."""
        assert isinstance(self.threat, TableThreat)
        costs = self.threat.each_cost(self.clean[rows], current)
        return (self.epsilon[rows] - costs.sum(dim=1) + costs[:, place]).clamp(min=0.0)

    def _cost(self, which: Coordinate, rows: Tensor, values: Tensor) -> Tensor:
        """What each value of a coordinate costs, `(n, m)`."""
        assert isinstance(self.threat, TableThreat)
        place, clean = which.places[0], self.clean[rows]
        scale = self.threat.scale[place].item()
        if not which.is_group and scale > 0:
            cost: Tensor = (values.double() - clean[:, [place]].double()).abs() / scale
            return cost
        own = self._member(which, clean) if which.is_group else clean[:, [place]]
        changed: Tensor = values != own
        return changed.double() * self.threat.price(place)


def _to(thresholds: Tensor | None, clean: Tensor) -> Tensor | None:
    return None if thresholds is None else thresholds.to(clean.device)


def _thinned(values: Tensor, there: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The clean value, the lowest, the highest, and others drawn from those that exist."""
    rank = torch.rand(values.shape, generator=generator).to(values.device)
    rank[:, 0] = -2.0
    for fill, furthest in ((torch.inf, torch.argmin), (-torch.inf, torch.argmax)):
        rank.scatter_(1, furthest(values.masked_fill(~there, fill), dim=1, keepdim=True), -1.0)
    kept = rank.masked_fill(~there, 2.0).argsort(dim=1)[:, :TRIED]
    return values.gather(1, kept), there.gather(1, kept)
