"""What an adversary may change in a table: measurements, in standard deviations, within the range of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.dataset import Dataset
from fairtoll.errors import FairtollError
from fairtoll.threats.linf import LinfThreat


def table_threat(rows: Dataset, *, mutable: Sequence[str] | None = None) -> LinfThreat:
    """A threat for a table: numbers move by epsilon standard deviations, within their range; integers stay integers.

    Parameters
    ----------
    rows : Dataset
        Of a table, with its features; the training rows, so that neither scale nor range depend on the rows that are
        evaluated.
    mutable : sequence of str, optional
        Features that may move. Default: `movable`.

    Returns
    -------
    LinfThreat

    Raises
    ------
    FairtollError
        If the rows have no features, a named feature does not exist, belongs to one-hot columns or has only one value
        alone, or none may move.

    Examples
    --------
    >>> from fairtoll.data import Feature
    >>> age = Feature("age", "continuous", integer=True, low=20, high=60, unit="years")
    >>> sex = Feature("sex", "continuous", integer=True, low=0, high=1, unit="code")
    >>> rows = Dataset([[20, 0], [60, 1]], [0, 1], ("no", "yes"), {"sex": ["f", "m"]}, features=(age, sex))
    >>> table_threat(rows).mutable.tolist()
    [True, False]
    """
    if not rows.features:
        raise FairtollError("these rows have no features with names and ranges; load a table with load_frame")
    names = [feature.name for feature in rows.features]
    chosen = movable(rows) if mutable is None else list(mutable)
    _check(rows, chosen)
    if not chosen:
        raise FairtollError(
            f"no feature may move: {', '.join(names)} are protected, codes of categories, indicators or constants; "
            "name those that may with mutable (--mutable)"
        )
    return LinfThreat(
        scale=rows.x.std(axis=0, dtype=np.float64),
        box=([feature.low for feature in rows.features], [feature.high for feature in rows.features]),
        mutable=[name in chosen for name in names],
        integer=[feature.integer for feature in rows.features],
    )


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
        and np.ptp(rows.x[:, place]) > 0
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
        for members in by_stem.values()
        if len(members) > 1 and _one_in_each_row(rows.x[:, [names.index(one) for one in members]])
    ]


def _one_in_each_row(columns: NDArray[np.float32]) -> bool:
    return bool(((columns == columns.max(axis=0)).sum(axis=1) == 1).all())


def _indicators(rows: Dataset) -> list[str]:
    """Numbers with two codes for values, both of which occur: 0 and 1, 1 and 2, or -1 and 1."""
    return [
        feature.name
        for place, feature in enumerate(rows.features)
        if feature.kind == "continuous" and _are_codes(np.unique(rows.x[:, place]))
    ]


def _are_codes(values: NDArray[np.float32]) -> bool:
    """Whether a column's sorted values are two whole numbers that follow on each other, or -1 and 1."""
    if len(values) != 2 or (values != np.floor(values)).any():
        return False
    return bool(values[1] - values[0] == 1 or (values == (-1, 1)).all())


def _check(rows: Dataset, chosen: Sequence[str]) -> None:
    names = [feature.name for feature in rows.features]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise FairtollError(f"unknown feature {', '.join(unknown)}; the features are {', '.join(names)}")
    for members in one_hot_sets(rows):
        moved = [name for name in members if name in chosen]
        if moved:
            raise FairtollError(
                f"{', '.join(moved)} may not move: of {', '.join(members)} each row has one (a one-hot column), and an "
                "attack that moves them independently makes impossible rows; leave them out of the mutable features"
            )
    constant = [name for name in chosen if np.ptp(rows.x[:, names.index(name)]) == 0]
    if constant:
        raise FairtollError(
            f"{', '.join(constant)} may move by no more than 0: every row has the same value, so its standard "
            "deviation is 0; give training rows in which it varies, or leave it out of the mutable features"
        )
