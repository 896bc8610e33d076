"""One arm's gap with its null, interval and groups, as a report shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.findings import results
from fairtoll.findings.outcomes import Outcomes
from fairtoll.metrics import Metric, group_means
from fairtoll.statistics import InsufficientDataError, Interval, gap_interval, group_intervals, null_gap

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
) -> results.ArmValue:
    """Describe one arm.

    Parameters
    ----------
    groups : ndarray of int, (n,)
        Position in `names` of each row's group; a name may have no row.
    published : mapping
        The paper's values of single groups.
    """
    included = outcomes.included
    if outcomes.missing is not None:
        return _blank(arm, outcomes, groups, names, published, minimum_rows)
    weights = [None] * len(outcomes.values) if included is None else list(included.astype(float))
    runs = [
        group_means(values, groups, weights=weight, minimum_rows=minimum_rows)
        for values, weight in zip(outcomes.values, weights, strict=True)
    ]
    gaps = [run.gap for run in runs]
    options: dict[str, Any] = {"included": included, "minimum_rows": minimum_rows}
    rates = metric.rates
    chance: tuple[float | None, float | None] = (None, None)
    pair = None
    with suppress(InsufficientDataError):  # the value is then shown alone, and the verdict says so
        null = null_gap(outcomes.values, groups, **options)
        interval = gap_interval(outcomes.values, groups, confidence=CONFIDENCE, rates=rates, **options)
        # Few rows make the interval wider than any gap of rates or confidences can be.
        chance, pair = (null.mean, null.q95), (max(interval.low, 0.0), min(interval.high, metric.upper_limit))
    intervals: dict[Any, Interval] = {}
    with suppress(InsufficientDataError):  # where not one group has two rows that count
        intervals = group_intervals(
            outcomes.values, groups, confidence=CONFIDENCE, included=included, minimum_rows=2, rates=rates
        )
    # A run in which no row of a group counts (denominator "correct") leaves the group's mean to the others.
    table = np.stack([_aligned(run.groups, run.values, len(names)) for run in runs])
    counted = np.stack([_aligned(run.groups, run.rows.astype(float), len(names), missing=0.0) for run in runs])
    sufficient = np.stack([_aligned(run.groups, run.sufficient.astype(float), len(names)) for run in runs]) > 0
    enough: NDArray[np.bool_] = np.all(sufficient, axis=0)
    means = np.array([_mean(column) for column in table.T])
    order = [code for code in np.argsort(means) if enough[code] and math.isfinite(means[code])]
    worst, best = (order[0], order[-1]) if order else (None, None)
    if not metric.higher_is_better:
        worst, best = best, worst
    return results.ArmValue(
        arm=arm,
        value=_known(_mean(np.array(gaps))),
        corrected=None,
        interval=pair,
        null_mean=chance[0],
        null_95=chance[1],
        worst_group=None if worst is None else names[worst],
        worst_value=None if worst is None else float(means[worst]),
        best_group=None if best is None else names[best],
        best_value=None if best is None else float(means[best]),
        per_run=[_known(gap) for gap in gaps],
        groups=[
            results.GroupValue(
                group=name,
                value=_known(means[code]),
                interval=(intervals[code].low, intervals[code].high) if code in intervals else None,
                rows=round(float(counted[:, code].mean())),
                sufficient=bool(enough[code]),
                published=published.get(name),
            )
            for code, name in enumerate(names)
        ],
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
    return results.ArmValue(
        arm=arm,
        value=None,
        corrected=None,
        interval=None,
        null_mean=None,
        null_95=None,
        worst_group=None,
        worst_value=None,
        best_group=None,
        best_value=None,
        per_run=[None] * len(outcomes.values),
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


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
