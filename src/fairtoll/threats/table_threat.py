"""What an adversary may do to the raw rows of a table: numbers, categories, one-hot groups, costs and relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature
from fairtoll.threats._features import Norm, keeps_bounds
from fairtoll.threats._repair import repaired
from fairtoll.threats.l1 import L1Threat
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.range_of import RangeOf
from fairtoll.threats.relations import Relation

#: Which way a monotone feature may move.
Way = Literal["up", "down"]


@dataclass(frozen=True, eq=False)
class TableThreat:
    """An adversary who changes raw features of a table, each at a cost, and keeps rows possible.

    A number costs its move in units of its scale; a category, or a one-hot group, costs a fixed amount however it
    changes. A row is admissible at epsilon if the largest of its costs, or their sum, is at most epsilon. What costs
    nothing is free at every radius above 0. A missing value never moves, and nothing moves to one. Of the relations
    those bind a row that its clean values satisfy and whose features are all there (`violated` counts the others).
    Made by `table_threat`.

    Parameters
    ----------
    features : sequence of Feature
        One a column.
    scale : array-like, (D,)
        Of each number, the move that costs 1, in its own units, above 0; infinite for a number that moves for nothing.
    box : pair of array-like, (D,)
        Lowest and highest value of each number. A row that already lies outside keeps its own value.
    mutable : array-like of bool, (D,)
        Which features may change.
    costs : mapping of str to float
        What a change of a category costs, by the feature's name, or that of the first member of a one-hot group.
        Default: 0.
    cost_norm : {"max", "sum"}
        How the costs of a row count together.
    monotone : mapping of str to {"up", "down"}
        Which way a feature may move at most.
    one_hot : sequence of sequence of int
        Positions of columns of which one is set in each row.
    relations : sequence of Relation
        What has to hold between the features of a row.
    range_of : RangeOf, optional
        Of what rows the box is the range, where it is one.

    Raises
    ------
    FairtollError
        If any of these does not fit the features; `table_threat` explains by name.

    Examples
    --------
    >>> pay = Feature("pay", "continuous", True, 0, 100, "euro")
    >>> job = Feature("job", "categorical", True, 0, 2, "code", ("cook", "driver", "nurse"))
    >>> threat = TableThreat((pay, job), scale=[10.0, 1.0], box=([0, 0], [100, 2]), mutable=[True, True])
    >>> clean, moved = torch.tensor([[50.0, 0.0]]), torch.tensor([[53.4, 1.6]])
    >>> threat.confine(clean, moved, 0.2).tolist(), threat.admits(clean, moved, 0.5).item()
    ([[52.0, 2.0]], False)
    """

    #: How it measures the whole of a row's moves.
    norm: ClassVar[Norm] = "table"

    features: Sequence[Feature]
    scale: Any
    box: tuple[Any, Any]
    mutable: Any
    costs: Mapping[str, float] = field(default_factory=dict)
    cost_norm: Literal["max", "sum"] = "max"
    monotone: Mapping[str, Way] = field(default_factory=dict)
    one_hot: Sequence[Sequence[int]] = ()
    relations: Sequence[Relation] = ()
    range_of: RangeOf | None = None
    integer: Tensor = field(init=False, repr=False)
    _around: LinfThreat = field(init=False, repr=False)
    _choice: Tensor = field(init=False, repr=False)
    _price: Tensor = field(init=False, repr=False)
    _up: Tensor = field(init=False, repr=False)
    _down: Tensor = field(init=False, repr=False)
    _missing: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        if self.cost_norm not in ("max", "sum"):
            raise FairtollError(f"cost_norm is {self.cost_norm!r}; expected 'max' or 'sum'")
        members = {place for group in self.one_hot for place in group}
        choice = torch.tensor(
            [bool(one.categories) or place in members for place, one in enumerate(self.features)], dtype=torch.bool
        )
        scale, mutable = torch.as_tensor(self.scale, dtype=torch.float64), torch.as_tensor(self.mutable)
        low, high = (torch.as_tensor(end, dtype=torch.float64).clone() for end in self.box)
        shapes = {tuple(one.shape) for one in (scale, mutable, low, high)}
        if shapes != {(len(names),)} or mutable.dtype != torch.bool:
            raise FairtollError(
                f"scale, box and mutable have shapes {sorted(shapes)}; expected ({len(names)},) and booleans"
            )
        if not (scale[mutable & ~choice] > 0).all():
            raise FairtollError("scale holds 0 or less for a number that may move; expected a move above 0")
        for place in choice.nonzero().flatten().tolist():
            one = self.features[place]
            low[place], high[place] = (0, len(one.categories) - 1) if one.categories else (one.low, one.high)
        price = torch.zeros(len(names), dtype=torch.float64)
        for name, cost in self.costs.items():
            price[names.index(name)] = cost
        for group in self.one_hot:
            price[list(group)] = price[group[0]].item()
        integer = torch.tensor([one.integer for one in self.features], dtype=torch.bool) | choice
        ways = [self.monotone.get(name) for name in names]
        missing = torch.tensor(
            [torch.nan if one.missing is None else one.missing for one in self.features], dtype=torch.float64
        )
        numbers = mutable & ~choice
        around = LinfThreat(
            scale=torch.where(numbers & scale.isfinite(), scale, 0.0), box=(low, high), integer=integer,
        )  # fmt: skip
        # A number that moves for nothing goes as far as its box; one whose box has no end would have no candidates.
        free = numbers & ~scale.isfinite()
        if not (low[free].isfinite() & high[free].isfinite()).all():
            raise FairtollError("box has no end for a number that costs nothing; expected finite ends")
        for name, value in {
            "scale": torch.where(choice | ~mutable, 0.0, scale), "mutable": mutable, "box": (low, high),
            "integer": integer, "_around": around, "_choice": choice | free, "_price": price, "_missing": missing,
            "_up": torch.tensor([way == "up" for way in ways]), "_down": torch.tensor([way == "down" for way in ways]),
            "features": tuple(self.features), "one_hot": tuple(tuple(group) for group in self.one_hot),
            "relations": tuple(self.relations),
        }.items():  # fmt: skip
            object.__setattr__(self, name, value)

    def bounds(self, x: Tensor, epsilon: float | Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest value that each feature can take alone: a box around all that is admissible.

        Inside the box a row may still break a one-hot group, a relation or the sum of costs: `confine` it.

        Raises
        ------
        FairtollError
            If epsilon is negative or not finite, or a row has another number of features.
        """
        self._require_table(x)
        low, high = self._around.bounds(x, epsilon)
        free = self._affordable(x, epsilon)
        ends = [end.to(x.device, x.dtype) for end in self.box]
        whole = self.integer.to(x.device)
        ends = [torch.where(whole, end, own) for end, own in zip((ends[0].ceil(), ends[1].floor()), ends, strict=True)]
        low, high = (
            torch.where(free, torch.minimum(ends[0], x), low),
            torch.where(free, torch.maximum(ends[1], x), high),
        )
        still = self.missing(x)
        return (
            torch.where(still | self._up.to(x.device), x, low),
            torch.where(still | self._down.to(x.device), x, high),
        )

    def radius(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        """How far each feature may move where nothing else stands in its way, in its own units, the shape of `x`."""
        self._require_table(x)
        width = (self.box[1] - self.box[0]).to(x.device, x.dtype)
        return torch.where(self._affordable(x, epsilon), width, self._around.radius(x, epsilon))

    def missing(self, x: Tensor) -> Tensor:
        """Which values are missing, the shape of `x`."""
        missing: Tensor = torch.eq(x, self._missing.to(x.device, x.dtype))
        return missing

    def _affordable(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        """Which features may change to anything in their box, the shape of `x`."""
        bound = torch.as_tensor(epsilon, dtype=torch.float64, device=x.device).expand(len(x)).unsqueeze(1)
        own = (self._choice & self.mutable).to(x.device)
        paid: Tensor = self._price.to(x.device) <= bound
        affordable: Tensor = paid & (bound > 0) & own
        return affordable

    def frees_every_feature(self, x: Tensor) -> bool:
        """Whether every feature of a row may move, in any direction, and no relation ties it."""
        return bool(self.mutable.all()) and not (self.monotone or self.relations or self.missing(x).any())

    def outside_box(self, x: Tensor) -> Tensor:
        """Values that may move and lie outside the box, `(N, D)` of bool: they may only move towards the box."""
        low, high = (end.to(x.device, x.dtype) for end in self.box)
        outside: Tensor = ((x < low) | (x > high)) & self.mutable.to(x.device) & ~self.missing(x)
        return outside

    def project(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The nearest value between `low` and `high` of each feature alone, rounded where it must be a whole number."""
        return self._around.project(x, low, high)

    def distance(self, x: Tensor, perturbed: Tensor) -> Tensor:
        """What each row's changes cost, float64 `(N,)`; infinite if a feature changed that may not."""
        costs = self.each_cost(x, perturbed)
        if not costs.shape[1]:
            return costs.new_zeros(len(x))
        return costs.amax(dim=1) if self.cost_norm == "max" else costs.sum(dim=1)

    def each_cost(self, x: Tensor, perturbed: Tensor) -> Tensor:
        """What the change of each feature costs, float64 `(N, D)`; a one-hot group's stands at its first column."""
        if perturbed.shape != x.shape:
            raise FairtollError(
                f"the perturbed rows have shape {tuple(perturbed.shape)} and the rows {tuple(x.shape)}; expected the "
                "same"
            )
        self._require_table(x)
        move, scale = (perturbed.double() - x.double()).abs(), self.scale.to(x.device)
        changed = ~(move == 0)
        price = self._price.to(x.device).expand(x.shape)
        numbers = torch.where(scale > 0, move / torch.where(scale > 0, scale, 1.0), 0.0)
        costs = torch.where(self._choice.to(x.device), torch.where(changed, price, 0.0), numbers)
        for group in self.one_hot:
            places = list(group)
            any_changed = changed[:, places].any(dim=1)
            costs[:, places] = 0.0
            costs[:, places[0]] = torch.where(any_changed, price[:, places[0]], 0.0)
        fixed = changed & ~self.mutable.to(x.device)
        return torch.where(fixed | ~move.isfinite(), torch.inf, costs)

    def price(self, place: int) -> float:
        """What any change of the category in a column costs; 0 for a number."""
        return float(self._price[place])

    def admits(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Whether each row of `x` may become that of `perturbed` at radius `epsilon`, `(N,)` of bool."""
        return self.keeps_cells(x, perturbed, epsilon) & self.keeps_relations(x, perturbed)

    def keeps_cells(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """As `admits`, whatever the relations."""
        kept = keeps_bounds(self, x, perturbed, epsilon)
        changed = perturbed != x
        kept &= ~(changed & (self.missing(perturbed) | self.missing(x))).any(dim=1)
        for group in self.one_hot:
            places = list(group)
            set_to = perturbed[:, places] == self.box[1][places].to(x.device, x.dtype)
            clear = perturbed[:, places] == self.box[0][places].to(x.device, x.dtype)
            one = (set_to.sum(dim=1) == 1) & (set_to | clear).all(dim=1)
            kept &= one | ~changed[:, places].any(dim=1)
        if self.cost_norm == "sum":
            kept &= self.distance(x, perturbed) <= torch.as_tensor(epsilon, dtype=torch.float64, device=x.device)
        return kept

    def keeps_relations(self, x: Tensor, perturbed: Tensor) -> Tensor:
        """Whether every relation that binds a row of `x` holds in that of `perturbed`, `(N,)` of bool."""
        kept = torch.ones(len(x), dtype=torch.bool, device=x.device)
        clean, moved, missing = x.double(), perturbed.double(), self.missing(x)
        for relation in self.relations:
            kept &= relation.holds(clean, moved) | ~self.binds(relation, clean, missing)
        return kept

    def binds(self, relation: Relation, clean: Tensor, missing: Tensor) -> Tensor:
        """The clean rows that a relation binds: it holds there, and none of its features is missing; `(N,)` of bool."""
        return relation.holds(clean, clean) & ~missing[:, relation.reads].any(dim=1)

    def violated(self, x: Tensor) -> dict[str, int]:
        """How many clean rows do not satisfy each relation, so that it does not bind them; by the relation's text.

        A row in which a feature of the relation is missing is not counted.
        """
        self._require_table(x)
        clean, missing = x.double(), self.missing(x)
        return {
            one.text: int((~one.holds(clean, clean) & ~missing[:, one.reads].any(dim=1)).sum())
            for one in self.relations
        }

    def confine(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Admissible rows near `perturbed`; a row for which none is found becomes that of `x`.

        Every feature goes to its nearest admissible value; a one-hot group to its largest member; where costs add up,
        numbers go back on the straight way to `x` after the categories, the dearest of which are undone where they
        alone cost too much. A relation that is broken is repaired by what it sets (``total == a + b``), else by moving
        one feature back as little as necessary; where that fails, ever shorter moves are tried.
        """
        return repaired(self, x, perturbed, epsilon)

    def numbers_only(self) -> LinfThreat | L1Threat:
        """The threat to the numbers alone, categories, relations and directions left out: what a gradient follows."""
        numbers = (self.scale > 0) & self.mutable
        kind = LinfThreat if self.cost_norm == "max" else L1Threat
        width = self.box[1] - self.box[0]
        scale = torch.where(self.scale.isfinite(), self.scale, width)
        return kind(torch.where(numbers, scale, 0.0), self.box, numbers, self.integer)

    def categories_fixed(self) -> TableThreat:
        """The same threat to the numbers alone: categories and one-hot columns keep their values, all else holds."""
        return replace(self, mutable=self.mutable & (self.scale > 0))

    def to_dict(self) -> dict[str, Any]:
        """The threat as plain values, for a run's configuration."""
        names = [feature.name for feature in self.features]
        lookups = {
            names[place]: {"by": [names[key] for key in keys], "table": table.to_list()}
            for relation in self.relations
            for (place, keys), table in relation.lookups.items()
        }
        return {
            "norm": self.norm,
            "features": names,
            "scale": [None if one == torch.inf else one for one in self.scale.tolist()],
            "box": [end.tolist() for end in self.box],
            "integer": self.integer.tolist(),
            "mutable": self.mutable.tolist(),
            "categories": {one.name: list(one.categories) for one in self.features if one.categories},
            "missing": {one.name: one.missing for one in self.features if one.missing is not None},
            "one_hot": [[names[place] for place in group] for group in self.one_hot],
            "monotone": dict(self.monotone),
            "costs": dict(self.costs),
            "cost_norm": self.cost_norm,
            "relations": [relation.text for relation in self.relations],
            "lookups": lookups,
        }

    def _require_table(self, x: Tensor) -> None:
        if x.ndim != 2 or x.shape[1] != len(self.features):
            raise FairtollError(
                f"rows have shape {tuple(x.shape)}; expected (rows, {len(self.features)}), a column for each feature"
            )
