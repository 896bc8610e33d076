"""The threat of a table: what may move by default, by how much, and what more may be said about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.dataset import Dataset
from fairtoll.data.derived import deciding_features
from fairtoll.errors import FairtollError, note
from fairtoll.inputs.features import Feature
from fairtoll.threats._table_options import Groups, read_costs, read_monotone, read_names, read_ranges
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.range_of import RangeOf
from fairtoll.threats.relations import read_relations
from fairtoll.threats.table_threat import TableThreat, Way


def table_threat(
    rows: Dataset,
    *,
    mutable: Sequence[str] | Literal["all"] | None = None,
    immutable: Sequence[str] = (),
    one_hot: Sequence[Sequence[str]] | Mapping[str, Sequence[str]] | None = None,
    monotone: Mapping[str, Way] | None = None,
    ranges: Mapping[str, tuple[float | str, float | str]] | None = None,
    relations: Sequence[str] = (),
    costs: Mapping[str, float] | None = None,
    cost_norm: Literal["max", "sum"] = "max",
) -> LinfThreat | TableThreat:
    """A threat for a table: numbers move by epsilon standard deviations, within their range; integers stay integers.

    Categories move among their values, one-hot columns stay one-hot, missing values stay missing, and relations between
    features are kept, where these are named: then it is a `TableThreat`, and a `LinfThreat` where numbers alone move,
    each within its own range.

    Parameters
    ----------
    rows : Dataset
        Of a table, with its features; the training rows, so that neither scale nor range depend on the rows that are
        evaluated.
    mutable : sequence of str, or "all", optional
        Features that may move; of one-hot columns all or their common prefix. "all": every feature that is no protected
        attribute and not constant. Default: `movable`, numbers alone.
    immutable : sequence of str
        Features that may not, of those that move by default or by "all".
    one_hot : sequence of sequence of str, or mapping of str to such, optional
        Sets of columns of which each row has one set. Default: those that `one_hot_sets` finds.
    monotone : mapping of str to {"up", "down"}, optional
        Features that move in one direction alone, such as an age.
    ranges : mapping of str to pair, optional
        Lowest and highest value of a number, instead of the training rows'; a text is an expression of other features,
        such as ``"age * 12"``.
    relations : sequence of str
        What stays true of a row for which it is true; see `fairtoll.threats.relations.Relation` for the language.
    costs : mapping of str to float, optional
        Of a number, what one standard deviation costs (default 1); of a category or one-hot columns, what any change
        costs (default 0). What costs 0 moves freely at every radius above 0.
    cost_norm : {"max", "sum"}
        Whether the largest cost of a row or their sum is at most epsilon.

    Returns
    -------
    LinfThreat or TableThreat

    Raises
    ------
    FairtollError
        If the rows have no features, a named feature does not exist, belongs to one-hot columns or has only one value
        alone, none may move, or what is said about a feature does not fit it.

    Warns
    -----
    FairtollNote
        If a feature moves without being named, and says which group of a protected attribute a row is in.

    Examples
    --------
    >>> from fairtoll.data import Feature
    >>> age = Feature("age", "continuous", integer=True, low=20, high=60, unit="years")
    >>> sex = Feature("sex", "continuous", integer=True, low=0, high=1, unit="code")
    >>> rows = Dataset([[20, 0], [60, 1]], [0, 1], ("no", "yes"), {"sex": ["f", "m"]}, features=(age, sex))
    >>> table_threat(rows).mutable.tolist()
    [True, False]
    >>> table_threat(rows, monotone={"age": "up"}).norm
    'table'
    """
    if not rows.features:
        raise FairtollError("these rows have no features with names and ranges; load a table with load_frame")
    found = one_hot is None
    groups = Groups.read(rows.features, one_hot_sets(rows) if found else one_hot, None if found else rows.x)
    chosen = _chosen(rows, groups, mutable, immutable)
    if mutable is None or mutable == "all":
        _note_deciding(rows, chosen)
    ways = read_monotone(monotone or {}, groups, chosen)
    price = read_costs(costs or {}, groups, chosen)
    low, high, bounding = read_ranges(ranges or {}, groups, chosen)
    features, codes = _with_codes(rows, [name for name in chosen if name not in (ranges or {})], groups)
    bound = read_relations(
        [*relations, *bounding, *codes] if not isinstance(relations, str) else relations, rows.features, rows.x
    )
    if cost_norm not in ("max", "sum"):
        raise FairtollError(f"cost_norm is {cost_norm!r}; expected 'max' or 'sum'")
    plain = not (ways or price or ranges or bound) and cost_norm == "max"
    if plain and not any(_is_more(rows, groups, name) for name in chosen):
        return LinfThreat(
            scale=rows.x.std(axis=0, dtype=np.float64),
            box=([feature.low for feature in rows.features], [feature.high for feature in rows.features]),
            mutable=[feature.name in chosen for feature in rows.features],
            integer=[feature.integer for feature in features],
            range_of=_range_of(rows, chosen),
        )
    return TableThreat(
        features=features,
        scale=_scale(rows, groups, price),
        box=(low, high),
        mutable=[feature.name in chosen for feature in rows.features],
        costs={name: cost for name, cost in price.items() if groups.is_choice(name)},
        cost_norm=cost_norm,
        monotone=ways,
        one_hot=[members for members in groups.places if rows.features[members[0]].name in chosen],
        relations=bound,
        range_of=_range_of(rows, [name for name in chosen if name not in (ranges or {})]),
    )


def _with_codes(rows: Dataset, chosen: Sequence[str], groups: Groups) -> tuple[tuple[Feature, ...], list[str]]:
    """The features, of which indicators that may move are whole numbers; and relations that keep -1 and 1 from 0."""
    codes = [name for name in _indicators(rows) if name in chosen and not groups.is_choice(name)]
    features = tuple(replace(one, integer=True) if one.name in codes else one for one in rows.features)
    apart = [one for one in features if one.name in codes and one.high - one.low > 1]
    return features, [f"`{one.name}` in {{{one.low:g}, {one.high:g}}}" for one in apart]


def _chosen(
    rows: Dataset, groups: Groups, mutable: Sequence[str] | Literal["all"] | None, immutable: Sequence[str]
) -> list[str]:
    """The names of the features that may move."""
    names = [feature.name for feature in rows.features]
    fixed = read_names(immutable, groups, what="immutable")
    if mutable is None or mutable == "all":
        chosen = [name for name in (movable(rows) if mutable is None else _all(rows, groups)) if name not in fixed]
    else:
        chosen = read_names(mutable, groups, what="mutable")
        if both := [name for name in chosen if name in fixed]:
            raise FairtollError(f"{', '.join(both)} is both mutable and immutable; name it once")
    _check(rows, chosen, groups)
    if not chosen:
        raise FairtollError(
            f"no feature may move: {', '.join(names)} are protected, codes of categories, indicators or constants; "
            "name those that may with mutable (--mutable)"
        )
    return chosen


def _note_deciding(rows: Dataset, chosen: Sequence[str]) -> None:
    """Say which features move though the groups of a protected attribute are made from them."""
    for name, attributes in deciding_features(rows, chosen).items():
        note(
            f"'{name}' may move under attack, and each of its values belongs to one group of "
            f"{' and of '.join(map(repr, attributes))}, so that an attack moves rows from one group into another; if "
            f"it is protected too, keep it fixed with immutable=['{name}'] (--immutable {name}), else name it in "
            "mutable"
        )


def _all(rows: Dataset, groups: Groups) -> list[str]:
    """Every feature but protected attributes, also in one-hot columns, and those of one value."""
    protected = {*rows.groups, *(name for attribute in rows.groups for name in groups.members_of(attribute))}
    return [
        one.name
        for place, one in enumerate(rows.features)
        if one.name not in protected
        and (len(one.categories) > 1 if one.categories else np.ptp(_present(rows, place)) > 0)
    ]


def _is_more(rows: Dataset, groups: Groups, name: str) -> bool:
    """Whether a feature that moves needs more than a range: a category, one-hot columns, or missing values."""
    feature = next(one for one in rows.features if one.name == name)
    return groups.is_choice(name) or feature.missing is not None


def _scale(rows: Dataset, groups: Groups, price: Mapping[str, float]) -> list[float]:
    """Of each number the move that costs 1: its standard deviation over its cost; infinite if it costs nothing."""
    scale = []
    for place, feature in enumerate(rows.features):
        spread = float(_present(rows, place).std(dtype=np.float64))
        cost = 1.0 if groups.is_choice(feature.name) else price.get(feature.name, 1.0)
        scale.append(spread / cost if cost else float("inf"))
    return scale


def _range_of(rows: Dataset, chosen: Sequence[str]) -> RangeOf | None:
    """Of how many rows the range of the chosen numbers is, at how many ends; categories have no range."""
    ends = 2 * sum(one.name in chosen and not one.categories for one in rows.features)
    return RangeOf(len(rows), ends) if ends else None


def _present(rows: Dataset, place: int) -> NDArray[np.float32]:
    """The values of a feature that are not missing; of one that is missing everywhere, its lowest value."""
    feature, values = rows.features[place], rows.x[:, place]
    if feature.missing is None:
        return values
    there = values[values != np.float32(feature.missing)]
    return there if len(there) else np.array([feature.low], dtype=np.float32)


def movable(rows: Dataset) -> list[str]:
    """Features that may move by default: numbers that are no protected attribute, indicator or constant.

    Codes of categories have no distance, and an indicator (one of two codes in each row, such as 0 and 1, 1 and 2, or
    -1 and 1) has no values in between.

    Examples
    --------
    >>> from fairtoll.data import load_adult
    >>> movable(load_adult().train)
    ['age', 'fnlwgt', 'education-num', 'capital-gain', 'capital-loss', 'hours-per-week']
    """
    indicators = _indicators(rows)
    return [
        feature.name
        for place, feature in enumerate(rows.features)
        if feature.kind == "continuous"
        and feature.name not in rows.groups
        and feature.name not in indicators
        and np.ptp(_present(rows, place)) > 0
    ]


def one_hot_sets(rows: Dataset) -> list[list[str]]:
    """Sets of two indicators or more with a common prefix, such as job_a and job_b, of which each row has one.

    Examples
    --------
    >>> from fairtoll.data import Feature
    >>> jobs = [Feature(f"job_{one}", "continuous", True, 0, 1, "") for one in "abc"]
    >>> rows = Dataset([[0, 1, 0], [1, 0, 0], [0, 0, 1]], [0, 1, 1], ("no", "yes"), features=tuple(jobs))
    >>> one_hot_sets(rows)
    [['job_a', 'job_b', 'job_c']]
    """
    by_stem: dict[str, list[str]] = {}
    for name in _indicators(rows):
        for mark in ("_", "=", ":", "."):
            stem, found, _ = name.rpartition(mark)
            if found and stem:
                by_stem.setdefault(stem + mark, []).append(name)
    names = [feature.name for feature in rows.features]
    return [
        members
        for members in {tuple(members): members for members in by_stem.values()}.values()
        if len(members) > 1 and _one_in_each_row(rows.x[:, [names.index(one) for one in members]])
    ]


def _one_in_each_row(columns: NDArray[np.float32]) -> bool:
    return bool(((columns == columns.max(axis=0)).sum(axis=1) == 1).all())


def _indicators(rows: Dataset) -> list[str]:
    """Numbers with two codes for values, both of which occur: 0 and 1, 1 and 2, or -1 and 1."""
    return [
        feature.name
        for place, feature in enumerate(rows.features)
        if feature.kind == "continuous" and _are_codes(np.unique(_present(rows, place)))
    ]


def _are_codes(values: NDArray[np.float32]) -> bool:
    """Whether a column's sorted values are two whole numbers that follow on each other, or -1 and 1."""
    if len(values) != 2 or (values != np.floor(values)).any():
        return False
    return bool(values[1] - values[0] == 1 or (values == (-1, 1)).all())


def _check(rows: Dataset, chosen: Sequence[str], groups: Groups) -> None:
    for members in groups.names:
        moved = [name for name in members if name in chosen]
        if moved and len(moved) < len(members):
            raise FairtollError(
                f"{', '.join(moved)} may not move: of {', '.join(members)} each row has one (a one-hot column), and an "
                "attack that moves them independently makes impossible rows; leave them out of the mutable features, "
                "or name them all"
            )
    places = {feature.name: place for place, feature in enumerate(rows.features)}
    constant = [
        name
        for name in chosen
        if (len(rows.features[places[name]].categories) == 1 if rows.features[places[name]].categories
            else np.ptp(_present(rows, places[name])) == 0)
    ]  # fmt: skip
    if constant:
        raise FairtollError(
            f"{', '.join(constant)} may move by no more than 0: every row has the same value, so its standard "
            "deviation is 0; give training rows in which it varies, or leave it out of the mutable features"
        )
