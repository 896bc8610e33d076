"""What a caller says about the features of a table, by name: one-hot columns, directions, ranges, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature
from fairtoll.threats._terms import place_of
from fairtoll.threats.table_threat import Way

#: What stands between the name of one-hot columns and that of each.
MARKS = "_=:."


@dataclass(frozen=True)
class Groups:
    """The features of a table, and which of its columns are one-hot together.

    Attributes
    ----------
    features : sequence of Feature
        One a column.
    names : tuple of tuple of str
        The members of each one-hot group.
    titles : tuple of str
        The group's name: given, or its members' common prefix.
    """

    features: Sequence[Feature]
    names: tuple[tuple[str, ...], ...]
    titles: tuple[str, ...]

    @classmethod
    def read(cls, features: Sequence[Feature], given: Any, rows: NDArray[np.float32] | None) -> Groups:
        """Groups as they are given, or an error for columns of which one of `rows` does not have exactly one."""
        listed = list(given.values()) if isinstance(given, Mapping) else given
        if isinstance(listed, str) or any(isinstance(one, str) for one in listed):
            raise FairtollError(
                f"one_hot is {given!r}; expected sets of columns, such as [['job_cook', 'job_nurse'], ...]"
            )
        names = tuple(tuple(members) for members in listed)
        titles = tuple(given) if isinstance(given, Mapping) else tuple(_prefix(members) for members in names)
        taken: list[str] = []
        for members in names:
            places = [place_of(name, features, what="one_hot") for name in members]
            if any(features[place].categories for place in places) or len(places) < 2 or len(set(places)) < len(places):
                raise FairtollError(
                    f"one_hot has {list(members)}; expected two columns or more of numbers, such as 0 and 1, each once"
                )
            if rows is not None:
                _require_one_each(members, rows[:, places], [features[place] for place in places])
            if twice := [name for name in members if name in taken]:
                raise FairtollError(f"one_hot has {', '.join(twice)} in two sets; expected each column in one")
            taken += members
        return cls(features, names, titles)

    @property
    def places(self) -> list[list[int]]:
        """The members' positions."""
        return [[place_of(name, self.features, what="one_hot") for name in members] for members in self.names]

    def members_of(self, name: str) -> tuple[str, ...]:
        """The group of that name, of which `name` is one; of any other feature, itself alone."""
        for title, members in zip(self.titles, self.names, strict=True):
            if name == title and name not in [feature.name for feature in self.features]:
                return members
        return (name,)

    def is_choice(self, name: str) -> bool:
        """Whether the feature is a category or a one-hot column."""
        feature = self.features[place_of(name, self.features, what="a feature")]
        return bool(feature.categories) or any(name in members for members in self.names)


def read_names(given: Sequence[str], groups: Groups, *, what: str) -> list[str]:
    """Names of features; that of a one-hot group stands for its members."""
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise FairtollError(f"{what} is {given!r}; expected a list of features, such as ['age']")
    names = [name for one in given for name in groups.members_of(one)]
    for name in names:
        place_of(name, groups.features, what=what)
    return list(dict.fromkeys(names))


def read_monotone(given: Mapping[str, Way], groups: Groups, chosen: Sequence[str]) -> dict[str, Way]:
    """Directions by feature."""
    for name, way in given.items():
        _require_moving(name, groups, chosen, what="monotone")
        if way not in ("up", "down"):
            raise FairtollError(f"monotone says {way!r} of {name}; expected 'up' or 'down'")
        if not groups.features[place_of(name, groups.features, what="monotone")].categories and groups.is_choice(name):
            raise FairtollError(f"monotone has {name}, a one-hot column, which has no order; state a relation instead")
    return dict(given)


def read_costs(given: Mapping[str, float], groups: Groups, chosen: Sequence[str]) -> dict[str, float]:
    """Costs by feature; that of a one-hot group stands at its first member."""
    costs: dict[str, float] = {}
    for name, cost in given.items():
        own = groups.members_of(name)[0]
        _require_moving(own, groups, chosen, what="costs")
        if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not isfinite(cost) or cost < 0:
            raise FairtollError(
                f"the cost of {name} is {cost!r}; expected a finite number of 0 or more; leave what may not move "
                "out of the mutable features"
            )
        first = next((members[0] for members in groups.names if own in members), own)
        if costs.get(first, cost) != cost:
            raise FairtollError(f"costs names columns of one one-hot set with different costs, {name} among them")
        costs[first] = float(cost)
    return costs


def read_ranges(
    given: Mapping[str, Any], groups: Groups, chosen: Sequence[str]
) -> tuple[list[float], list[float], list[str]]:
    """Lowest and highest values of all features, and relations for the ends that depend on others."""
    low, high = ([getattr(one, end) for one in groups.features] for end in ("low", "high"))
    relations: list[str] = []
    for name, pair in given.items():
        _require_moving(name, groups, chosen, what="ranges")
        if groups.is_choice(name):
            raise FairtollError(f"ranges has {name}, a category; state its values as a relation: {name} in {{...}}")
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise FairtollError(f"the range of {name} is {pair!r}; expected a pair (low, high)")
        place = place_of(name, groups.features, what="ranges")
        for ends, value, operator in ((low, pair[0], ">="), (high, pair[1], "<=")):
            if isinstance(value, str):
                relations.append(f"`{name}` {operator} {value}")
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
                raise FairtollError(f"the range of {name} has {value!r}; expected a finite number or an expression")
            else:
                ends[place] = float(value)
        if low[place] > high[place]:
            raise FairtollError(f"the range of {name} is {low[place]:g} to {high[place]:g}; give (low, high)")
    return low, high, relations


def _require_moving(name: str, groups: Groups, chosen: Sequence[str], *, what: str) -> None:
    place_of(name, groups.features, what=what)
    if name not in chosen:
        raise FairtollError(
            f"{what} has {name}, which may not move; the features that may are {', '.join(chosen)}; name it among the "
            "mutable ones, or leave it out here"
        )


def _require_one_each(members: Sequence[str], columns: NDArray[np.float32], features: Sequence[Feature]) -> None:
    set_to = columns == np.array([one.high for one in features], dtype=np.float32)
    clear = columns == np.array([one.low for one in features], dtype=np.float32)
    wrong = int(((set_to.sum(axis=1) != 1) | ~(set_to | clear).all(axis=1)).sum())
    if wrong:
        raise FairtollError(
            f"one_hot has {', '.join(members)}, of which {wrong} of {len(columns)} rows do not have exactly one; leave "
            "the set out, or correct its columns"
        )


def _prefix(members: Sequence[str]) -> str:
    shortest, longest = min(members, default=""), max(members, default="")
    same = next((at for at, (a, b) in enumerate(zip(shortest, longest, strict=False)) if a != b), len(shortest))
    return shortest[:same].rstrip(MARKS)
