"""Intervals of means and of one gap, over training runs and the rows that they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from fairtoll.statistics._freedom import combined_freedom
from fairtoll.statistics._groups import Arm, Floats, check_confidence, check_count, read_arms
from fairtoll.statistics.spread import Spread, wilson

#: Groups with fewer rows have at least the variance within groups of all rows.
SMALL_GROUP = 50


@dataclass(frozen=True)
class Interval:
    """An interval from `low` to `high`, in the unit of what it is of, at `confidence`; its `spread` where known."""

    low: float
    high: float
    confidence: float
    spread: Spread | None = field(default=None, compare=False, repr=False)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def bonferroni(confidence: float, family_size: int) -> float:
    """Confidence of each of `family_size` intervals for joint coverage of `confidence`.

    Examples
    --------
    >>> round(bonferroni(0.95, 6), 4)
    0.9917
    """
    family_size = check_count(family_size, name="family_size", least=1)
    return 1 - (1 - check_confidence(confidence)) / family_size


def group_intervals(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
    weights: ArrayLike | None = None,
) -> dict[Any, Interval]:
    """Interval of each group's mean over new training runs and new rows; with one run, new rows alone.

    The variance is that of the runs plus that of the rows, with Satterthwaite's degrees of freedom,
    lowered for few runs. For rates it is Wilson's interval at the number of rows that would
    give that variance, so it stays within 0 and 1 and has a width when every outcome is the same.

    Parameters
    ----------
    outcomes
        `(S, N)` one number for each training run and row, or `(N,)` for one run.
    groups
        `(N,)` the group of each row.
    included
        `(S, N)` booleans: which rows count in which run. All, when not given.
    confidence
        Of each interval.
    minimum_rows
        Groups with fewer rows in any run are left out.
    rates
        Whether outcomes are rates, whose groups of all 0 or all 1 are not known without error. Default: if
        every outcome is 0 or 1. Give False for numbers in a unit, such as least epsilon.
    weights
        `(N,)` how much each row counts in a mean, such as its class's share of all rows over its share of these. All
        alike, when not given.

    Returns
    -------
    dict
        Group name to Interval, in the unit of the outcomes.

    Raises
    ------
    FairtollError
        For malformed input, or when no group has enough rows.

    Examples
    --------
    >>> found = group_intervals([[1, 1, 1, 0] * 5, [1, 1, 0, 0] * 5], ["a"] * 20)
    >>> found["a"].low < 0.625 < found["a"].high
    True
    """
    check_confidence(confidence)
    (arm,) = read_arms(
        groups,
        (("outcomes", outcomes, included),),
        minimum_rows=minimum_rows,
        fewest_groups=1,
        rates=rates,
        weights=weights,
    )
    parts, freedoms = _group_variances(arm)
    variance, freedom = parts.sum(axis=0), combined_freedom(parts, freedoms, confidence)
    quantile: Floats = np.asarray(stdtrit(freedom, (1 + confidence) / 2), dtype=np.float64)
    means = arm.means
    reach = quantile * np.sqrt(variance)
    low, high = means - reach, means + reach
    rows: list[float | None] = [None] * len(means)
    if arm.rates:
        effective = _effective_rows(means, variance, arm.included_rows.astype(np.float64))
        low, high = wilson(means, quantile, effective)
        rows = list(effective.tolist())
    # Rates that are all alike have no variance, and still an interval: no part is left out.
    pairs = [tuple(zip(*both, strict=True)) for both in zip(parts.T.tolist(), freedoms.T.tolist(), strict=True)]
    spreads = [Spread(pair, of) for pair, of in zip(pairs, rows, strict=True)]
    return {
        name: Interval(low=float(lower), high=float(upper), confidence=confidence, spread=spread)
        for name, lower, upper, spread in zip(arm.partition.names, low, high, spreads, strict=True)
    }


def gap_interval(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
) -> Interval:
    """Interval of one arm's gap of expected group means, valid with ties.

    The lower limit is the largest gap that any two groups support once all pairs are allowed for (Bonferroni), at
    least 0; it is above 0 for equal groups in a share of at most 1 - confidence of cases. The upper limit is the
    largest that any pair allows by its own t interval. Each pair has its own error and degrees of freedom, since runs
    may move one group more than the others and groups may be small. It is of the gap of the arm's *expected* group
    means, its systematic part: the mean of single runs' gaps, which training noise widens, may lie above it
    (`mean_gap`).

    Parameters
    ----------
    outcomes
        `(S, N)` one number for each training run and row, or `(N,)` for one run.
    groups
        `(N,)` the group of each row.
    included
        `(S, N)` booleans: which rows count in which run. All, when not given.
    confidence
        Of the interval.
    minimum_rows
        Groups with fewer rows in any run are left out.
    rates
        Whether outcomes are rates, whose groups of all 0 or all 1 are not known without error. Default: if
        every outcome is 0 or 1. Give False for numbers in a unit, such as least epsilon.

    Returns
    -------
    Interval
        In the unit of the outcomes.

    Raises
    ------
    FairtollError
        For malformed input, or when fewer than two groups have enough rows.

    Examples
    --------
    >>> import numpy as np
    >>> correct = np.random.default_rng(0).random(4000) < np.repeat([0.9, 0.7], 2000)
    >>> 0.2 in gap_interval(correct, np.repeat(["a", "b"], 2000))
    True
    """
    check_confidence(confidence)
    (arm,) = read_arms(groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows, rates=rates)
    upper, lower = np.triu_indices(len(arm.partition.names), 1)
    pairs = np.abs(arm.means[upper] - arm.means[lower])
    low = float((pairs - _pair_reach(arm, upper, lower, bonferroni(confidence, len(pairs)))).max())
    high = float((pairs + _pair_reach(arm, upper, lower, confidence)).max())
    return Interval(low=max(low, 0.0), high=high, confidence=confidence)


def _group_variances(arm: Arm) -> tuple[Floats, Floats]:
    """The variances of each group's mean, of the rows and of the runs, and their degrees of freedom: both `(2, G)`."""
    runs = len(arm.runs)
    between = arm.runs.var(axis=0, ddof=1) / runs if runs > 1 else np.zeros_like(arm.row_variance)
    parts = np.stack([arm.row_variance, between])
    freedom = np.stack([arm.included_rows - 1.0, np.full_like(between, max(runs - 1, 1))])
    return parts, freedom


def _pair_reach(arm: Arm, upper: NDArray[np.intp], lower: NDArray[np.intp], confidence: float) -> Floats:
    """Half the t interval of the difference of each pair of groups, `(P,)`, of these two alone."""
    runs = len(arm.runs)
    rows = arm.row_variance
    # A small group's own variance is too often too small; that of all rows is not.
    within = float((arm.deviations**2).sum()) / (runs * float((arm.partition.rows - 1).sum()))
    rows = np.where(arm.included_rows < SMALL_GROUP, np.maximum(rows, within / arm.included_rows), rows)
    between = np.zeros(len(upper))
    if runs > 1:
        between = (arm.runs[:, upper] - arm.runs[:, lower]).var(axis=0, ddof=1) / runs
    parts = np.stack([rows[upper], rows[lower], between])
    counts = arm.included_rows - 1.0
    freedom = np.stack([counts[upper], counts[lower], np.full(len(upper), max(runs - 1.0, 1.0))])
    degrees = combined_freedom(parts, freedom, confidence)
    return np.asarray(stdtrit(degrees, (1 + confidence) / 2) * np.sqrt(parts.sum(axis=0)), dtype=np.float64)


def _effective_rows(means: Floats, variance: Floats, rows: Floats) -> Floats:
    """The number of rows that a simple sample of a rate with this variance would have."""
    binomial = means * (1 - means)
    return np.where((binomial > 0) & (variance > 0), binomial / np.maximum(variance, 1e-300), rows)
