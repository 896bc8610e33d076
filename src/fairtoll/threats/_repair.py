"""A proposed row of a table becomes a possible one near it: cells first, then what they cost, then relations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from fairtoll.threats._features import BELOW
from fairtoll.threats.relations import Relation

#: How much of the numbers' moves is tried, with the categories' moves and without, where the whole cannot be repaired.
ATTEMPTS = ((0.75, True), (0.5, True), (0.25, True), (0.0, True), (1.0, False), (0.5, False), (0.25, False))
#: How often all relations are gone through: the repair of one may break another.
PASSES = 3
#: Halvings of the way back of one feature.
HALVINGS = 12


class Table(Protocol):
    """What is needed of a `TableThreat`."""

    @property
    def box(self) -> Any: ...
    @property
    def integer(self) -> Any: ...
    @property
    def scale(self) -> Any: ...
    @property
    def mutable(self) -> Any: ...
    @property
    def one_hot(self) -> Any: ...
    @property
    def cost_norm(self) -> Any: ...
    @property
    def relations(self) -> Any: ...
    def bounds(self, x: Tensor, epsilon: float | Tensor) -> tuple[Tensor, Tensor]: ...
    def project(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor: ...
    def missing(self, x: Tensor) -> Tensor: ...
    def each_cost(self, x: Tensor, perturbed: Tensor) -> Tensor: ...
    def binds(self, relation: Relation, clean: Tensor, missing: Tensor) -> Tensor: ...
    def admits(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor: ...


def repaired(threat: Table, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
    """Admissible rows near `perturbed`; a row for which none is found is that of `x`."""
    wanted = torch.where(perturbed.isfinite().all(dim=1, keepdim=True), perturbed, x)
    kept = threat.admits(x, wanted, epsilon)
    limit = torch.as_tensor(epsilon, dtype=torch.float64, device=x.device).expand(len(x))
    point = x.clone()
    point[kept] = wanted[kept]
    numbers = (threat.scale > 0).to(x.device)
    left = (~kept).nonzero().flatten()
    if not len(left):
        return point
    low, high = threat.bounds(x, epsilon)
    binding = _binding(threat, x)
    for share, choices in ((1.0, True), *ATTEMPTS):
        clean, own = x[left], wanted[left]
        shorter = own if share == 1.0 else clean + share * (own - clean)
        proposal = torch.where(numbers, shorter, own if choices else clean)
        found = _in_cells(threat, clean, proposal, low[left], high[left], limit[left])
        if binding:
            found = _related(threat, clean, found, low[left], high[left], [rows[left] for rows in binding])
        good = threat.admits(clean, found, limit[left])
        point[left[good]] = found[good]
        left = left[~good]
        if not len(left):
            break
    return point


def _binding(threat: Table, x: Tensor) -> list[Tensor]:
    clean, missing = x.double(), threat.missing(x)
    return [threat.binds(one, clean, missing) for one in threat.relations]


def _in_cells(
    threat: Table, clean: Tensor, wanted: Tensor, low: Tensor, high: Tensor, limit: Tensor
) -> Tensor:  # fmt: skip
    """Each feature at its nearest admissible value, at a cost of no more than `limit` `(n,)`."""
    point = torch.where(wanted == clean, clean, threat.project(wanted, low, high))
    point = torch.where(threat.missing(point), clean, point)
    for group in threat.one_hot:
        places = list(group)
        point[:, places] = _one_of(threat, places, clean, wanted, low, high)
    return _within_sum(threat, clean, point, limit) if threat.cost_norm == "sum" else point


def _one_of(threat: Table, places: list[int], clean: Tensor, wanted: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """A one-hot group with its largest member set; of equal ones, one that was not set before."""
    first, last = (end[places].to(clean) for end in threat.box)
    own, before = wanted[:, places], clean[:, places]
    height = (own - first) / (last - first) + 1e-3 * (before != last)
    chosen = torch.nn.functional.one_hot(height.argmax(dim=1), len(places)).bool()
    moved = torch.where(chosen, last, first)
    may = (high[:, places] > low[:, places]).all(dim=1) & (own != before).any(dim=1)
    return torch.where(may.unsqueeze(1), moved, before)


def _within_sum(threat: Table, clean: Tensor, point: Tensor, limit: Tensor) -> Tensor:
    """Categories undone from the dearest on while they alone cost too much, then numbers on the way back."""
    numbers = (threat.scale > 0).to(clean.device)
    costs = threat.each_cost(clean, point)
    prices = torch.where(numbers, 0.0, costs)
    order = prices.argsort(dim=1, descending=True, stable=True)
    dearest = prices.gather(1, order)
    # What stays if all dearer ones are undone; this one is undone too if that is still too much.
    rest = dearest.flip(1).cumsum(dim=1).flip(1)
    undone = torch.zeros_like(prices, dtype=torch.bool).scatter(1, order, rest > limit.unsqueeze(1))
    for group in threat.one_hot:
        undone[:, list(group)] = undone[:, [group[0]]]
    point = torch.where(undone, clean, point)
    paid = torch.where(undone, 0.0, prices).sum(dim=1)
    asked = torch.where(numbers, costs, 0.0).sum(dim=1)
    whole, reach = threat.integer.to(clean.device), point.clone()
    for below in (0.0, *BELOW):
        over = (threat.each_cost(clean, point).sum(dim=1) > limit).nonzero().flatten()
        if not len(over):
            break
        share = ((limit - paid)[over] / asked[over].clamp(min=1e-300) * (1 - below)).clamp(0.0, 1.0).unsqueeze(1)
        start, end = clean[over], reach[over]
        shrunk = start + ((end - start).double() * share).to(clean.dtype)
        towards = torch.where(shrunk > start, shrunk.floor().maximum(start), shrunk.ceil().minimum(start))
        shrunk = torch.where(whole, towards, shrunk)
        point[over] = torch.where(numbers, shrunk, end)
    return point


def _related(
    threat: Table, clean: Tensor, point: Tensor, low: Tensor, high: Tensor, binding: Sequence[Tensor]
) -> Tensor:  # fmt: skip
    """Relations repaired one by one, a few times over."""
    for _ in range(PASSES):
        calm = True
        for relation, bound in zip(threat.relations, binding, strict=True):
            broken = (bound & ~relation.holds(clean, point)).nonzero().flatten()
            if len(broken):
                calm = False
                point[broken] = _mended(threat, relation, *(one[broken] for one in (clean, point, low, high)))
        if calm:
            break
    return point


def _mended(threat: Table, relation: Relation, clean: Tensor, point: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Rows in which the relation holds, where setting or moving back one feature can bring that about."""
    point = point.clone()
    left = torch.arange(len(point), device=point.device)
    for one in relation.assignments:
        if not len(left):
            return point
        if threat.mutable[one.feature]:
            value = one.value(clean[left].double(), point[left].double())
            if threat.integer[one.feature]:
                value = {"==": value.round(), "<=": value.floor(), ">=": value.ceil()}[one.operator]
            left = _put(relation, clean, point, low, high, left, one.feature, value)
    for place in relation.reads:
        if not len(left):
            return point
        if threat.mutable[place]:
            left = _put(
                relation, clean, point, low, high, left, place, _way_back(threat, relation, clean, point, left, place)
            )
    if len(left):
        # No feature alone: all that the relation reads.
        places = relation.reads
        point[left[:, None], torch.tensor(places, device=left.device)] = clean[left][:, places]
    return point


def _put(
    relation: Relation, clean: Tensor, point: Tensor, low: Tensor, high: Tensor, left: Tensor, place: int, value: Tensor
) -> Tensor:
    """Set one feature where that mends the relation; returns the rows that are left."""
    moved = point[left].clone()
    moved[:, place] = value.to(point.dtype)
    inside = (moved[:, place] >= low[left, place]) & (moved[:, place] <= high[left, place])
    mended = inside & relation.holds(clean[left], moved)
    point[left[mended]] = moved[mended]
    return left[~mended]


def _way_back(threat: Table, relation: Relation, clean: Tensor, point: Tensor, left: Tensor, place: int) -> Tensor:
    """A value of one feature between that of the clean row and the proposed one: the furthest that halving finds."""
    start, end = clean[left, place].double(), point[left, place].double()
    if not threat.scale[place] > 0:
        return start
    near, far = torch.zeros_like(start), torch.ones_like(start)
    moved = point[left].clone()
    best = start
    for _ in range(HALVINGS):
        share = (near + far) / 2
        value = start + share * (end - start)
        if threat.integer[place]:
            value = torch.where(value > start, value.floor().maximum(start), value.ceil().minimum(start))
        moved[:, place] = value.to(point.dtype)
        holds = relation.holds(clean[left], moved)
        best = torch.where(holds, moved[:, place].double(), best)
        near, far = torch.where(holds, share, near), torch.where(holds, far, share)
    return best
