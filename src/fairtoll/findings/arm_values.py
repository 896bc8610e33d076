"""One arm's gap with its null, interval and groups, as a report shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.findings import results
from fairtoll.findings.outcomes import Outcomes
from fairtoll.findings.spreads import stored_spread
from fairtoll.metrics import Metric, group_means
from fairtoll.statistics import (
    Gap,
    InsufficientDataError,
    Interval,
    group_intervals,
    mean_gap,
    null_gap,
)

CONFIDENCE = 0.95


def arm_value(
    arm: str,
    outcomes: Outcomes,
    groups: NDArray[np.intp],
    names: Sequence[str],
    *,
    metric: Metric,
    published: Mapping[str, float],
    minimum_rows: int,
    compared: NDArray[np.bool_] | None = None,
    systematic: float | None = None,
) -> results.ArmValue:
    """Describe one arm.

    Parameters
    ----------
    groups : ndarray of int, (n,)
        Position in `names` of each row's group; a name may have no row.
    published : mapping
        The paper's values of single groups.
    compared : ndarray of bool, (len(names),), optional
        The groups that have enough rows in both arms of a comparison: the gap is between those alone.
    systematic : float, optional
        Gap of the groups' means over training runs, where it is known from a comparison.
    """
    if outcomes.missing is not None:
        return _blank(arm, outcomes, groups, names, published, minimum_rows)
    included, rates = outcomes.included, metric.rates
    known = compared if compared is not None else sufficient_groups(outcomes, groups, len(names), minimum_rows)
    rows = known[groups]
    of_known: dict[str, Any] = {"included": None if included is None else included[:, rows]}
    gap: Gap | None = None
    chance: tuple[float | None, float | None] = (None, None)
    if known.sum() >= 2:  # the groups are otherwise shown alone, and the verdict says so
        of_known["minimum_rows"] = minimum_rows
        values = outcomes.values[:, rows]
        gap = mean_gap(values, groups[rows], confidence=CONFIDENCE, rates=rates, **of_known)
        null = null_gap(values, groups[rows], **of_known)
        chance = null.mean, null.q95
    intervals: dict[Any, Interval] = {}
    with suppress(InsufficientDataError):  # where not one group has two rows that count
        intervals = group_intervals(
            outcomes.values, groups, confidence=CONFIDENCE, included=included, minimum_rows=2, rates=rates
        )
    means, counted = _group_means(outcomes, groups, len(names), minimum_rows)
    ends = _ends(outcomes, groups, len(names), minimum_rows)
    slack = outcomes.slack(groups)
    order = [code for code in np.argsort(means) if known[code] and math.isfinite(means[code])]
    worst, best = (order[0], order[-1]) if order else (None, None)
    if not metric.higher_is_better:
        worst, best = best, worst
    enough = sufficient_groups(outcomes, groups, len(names), minimum_rows)
    blank: list[float | None] = [None] * len(outcomes.values)
    return results.ArmValue(
        arm=arm,
        value=None if gap is None else gap.value,
        plain=None if gap is None else gap.plain,
        interval=None if gap is None else _interval(gap, metric.upper_limit),
        spread=None if gap is None else stored_spread(gap.interval.spread),
        row_error=None if gap is None else gap.row_error,
        null_mean=chance[0],
        null_95=chance[1],
        systematic=systematic,
        worst_group=None if worst is None else names[worst],
        worst_value=None if worst is None else float(means[worst]),
        best_group=None if best is None else names[best],
        best_value=None if best is None else float(means[best]),
        # Of the plain gap: leaving out the noise of the rows may more than double what a nearly tied gap moves by.
        proved=(max(gap.plain - slack, 0.0), min(gap.plain + slack, metric.upper_limit))
        if gap is not None and outcomes.ends is not None
        else None,
        per_run=blank if gap is None else list(gap.per_run),
        plain_per_run=blank if gap is None else list(gap.plain_per_run),
        groups=[
            results.GroupValue(
                group=name,
                value=float(means[code]) if math.isfinite(means[code]) else None,
                interval=(intervals[code].low, intervals[code].high) if code in intervals else None,
                spread=stored_spread(intervals[code].spread) if code in intervals else None,
                rows=round(float(counted[code])),
                sufficient=bool(enough[code]),
                published=published.get(name),
                proved=None if ends is None or not np.isfinite(ends[:, code]).all() else (ends[0, code], ends[1, code]),
            )
            for code, name in enumerate(names)
        ],
    )


def _interval(gap: Gap, most: float) -> tuple[float, float]:
    """The interval, no further than any gap can be: few rows make it wider.

    No gap is below 0, but without the noise of the rows a measured one may be, and lies in its own interval.
    """
    return min(gap.interval.low, gap.value), min(gap.interval.high, most)


def sufficient_groups(outcomes: Outcomes, groups: NDArray[np.intp], count: int, minimum_rows: int) -> NDArray[np.bool_]:
    """Which of so many groups have enough rows that count in every training run.

    Examples
    --------
    >>> sufficient_groups(Outcomes(np.ones((1, 3)), None, np.arange(3)), np.array([0, 0, 1]), 3, 2).tolist()
    [True, False, False]
    """
    if outcomes.included is None:
        return np.bincount(groups, minlength=count) >= minimum_rows
    rows = np.stack([np.bincount(groups[run], minlength=count) for run in outcomes.included])
    enough: NDArray[np.bool_] = np.all(rows >= minimum_rows, axis=0)
    return enough


def _group_means(
    outcomes: Outcomes, groups: NDArray[np.intp], count: int, minimum_rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of each group, and how many of its rows count, over training runs.

    A run in which no row of a group counts (denominator "correct") leaves the group's mean to the others.
    """
    included = outcomes.included
    weights = [None] * len(outcomes.values) if included is None else list(included.astype(float))
    runs = [
        group_means(values, groups, weights=weight, minimum_rows=minimum_rows)
        for values, weight in zip(outcomes.values, weights, strict=True)
    ]
    table = np.stack([_aligned(run.groups, run.values, count) for run in runs])
    counted = np.stack([_aligned(run.groups, run.rows.astype(float), count, missing=0.0) for run in runs])
    finite = np.isfinite(table)
    known = finite.sum(axis=0)
    sums = np.where(finite, table, 0.0).sum(axis=0)
    return np.divide(sums, known, out=np.full(count, math.nan), where=known > 0), counted.mean(axis=0)


def _ends(outcomes: Outcomes, groups: NDArray[np.intp], count: int, minimum_rows: int) -> NDArray[np.float64] | None:
    """The smallest and the largest mean that each group may have, `(2, count)`, where proofs are known."""
    if outcomes.ends is None:
        return None
    return np.stack(
        [_group_means(replace(outcomes, values=end), groups, count, minimum_rows)[0] for end in outcomes.ends]
    )


def _blank(
    arm: str,
    outcomes: Outcomes,
    groups: NDArray[np.intp],
    names: Sequence[str],
    published: Mapping[str, float],
    minimum_rows: int,
) -> results.ArmValue:
    """An arm for which the question has no answer: its groups and how many rows they have."""
    counts = np.ones(outcomes.values.shape, dtype=np.bool_) if outcomes.included is None else outcomes.included
    rows = np.stack([np.bincount(groups[run], minlength=len(names)) for run in counts])
    blank: list[float | None] = [None] * len(outcomes.values)
    return results.ArmValue(
        arm=arm,
        value=None,
        plain=None,
        interval=None,
        row_error=None,
        null_mean=None,
        null_95=None,
        systematic=None,
        worst_group=None,
        worst_value=None,
        best_group=None,
        best_value=None,
        per_run=blank,
        plain_per_run=blank,
        groups=[
            results.GroupValue(
                group=name,
                value=None,
                interval=None,
                rows=round(float(rows[:, code].mean())),
                sufficient=bool((rows[:, code] >= minimum_rows).all()),
                published=published.get(name),
            )
            for code, name in enumerate(names)
        ],
    )


def _aligned(
    codes: Sequence[Any], values: NDArray[np.float64], groups: int, *, missing: float = math.nan
) -> NDArray[np.float64]:
    """The values by group, with `missing` for a group that has no row here."""
    full = np.full(groups, missing)
    full[np.asarray(codes, dtype=int)] = values
    return full
