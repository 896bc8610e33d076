"""Intervals of means and of one gap, over training runs and the rows that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from fairtoll.statistics._freedom import combined_freedom
from fairtoll.statistics._groups import Arm, Floats, check_confidence, check_count, read_arms

#: Groups with fewer rows have at least the variance of a rate over all rows.
SMALL_GROUP = 50


@dataclass(frozen=True)
class Interval:
    """An interval from `low` to `high`, in the unit of what it is of, at `confidence`."""

    low: float
    high: float
    confidence: float

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
        groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows, fewest_groups=1, rates=rates
    )
    variance, freedom = _group_variances(arm)
    quantile: Floats = np.asarray(stdtrit(freedom, (1 + confidence) / 2), dtype=np.float64)
    means = arm.means
    reach = quantile * np.sqrt(variance)
    low, high = means - reach, means + reach
    if arm.rates:
        low, high = _wilson(means, variance, quantile, arm.included_rows.astype(np.float64))
    return {
        name: Interval(low=float(lower), high=float(upper), confidence=confidence)
        for name, lower, upper in zip(arm.partition.names, low, high, strict=True)
    }


def gap_interval(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
    resamples: int = 8000,
    generator: np.random.Generator | None = None,
) -> Interval:
    """Interval of one arm's gap of expected group means, valid with ties.

    The lower limit is the largest gap that any two groups support once all pairs are allowed for (a
    studentised range, as in Tukey's and Kramer's test), at least 0; it is above 0 for equal groups in a
    share of 1 - confidence of cases. The upper limit is the largest that any pair allows by its own t
    interval. It is of the gap of the arm's *expected* group means, its systematic part: the mean of single runs' gaps,
    which training noise widens, may lie above it (`mean_gap`).

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
    resamples
        Draws for the studentised range.
    generator
        Source of the draws; `numpy.random.default_rng(0)` when not given.

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
    resamples = check_count(resamples, name="resamples", least=100)
    generator = np.random.default_rng(0) if generator is None else generator
    (arm,) = read_arms(groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows, rates=rates)
    upper, lower = np.triu_indices(len(arm.partition.names), 1)
    variance, degrees = _comparable_variances(arm)
    errors = np.sqrt(variance[upper] + variance[lower])
    pairs = np.abs(arm.means[upper] - arm.means[lower])
    noise = generator.standard_normal((resamples, len(variance))) * np.sqrt(variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.abs(noise[:, upper] - noise[:, lower]) / errors
    scale = np.sqrt(generator.chisquare(degrees, len(noise)) / degrees)
    studentised = np.nan_to_num(ratios, nan=0.0).max(axis=1) / scale
    low = float((pairs - np.quantile(studentised, confidence) * errors).max())
    high = float((pairs + stdtrit(degrees, (1 + confidence) / 2) * errors).max())
    return Interval(low=max(low, 0.0), high=high, confidence=confidence)


def _group_variances(arm: Arm) -> tuple[Floats, Floats]:
    """Variance of each group's mean over runs, and its degrees of freedom: both `(G,)`."""
    runs = len(arm.runs)
    between = arm.runs.var(axis=0, ddof=1) / runs if runs > 1 else np.zeros_like(arm.row_variance)
    parts = np.stack([arm.row_variance, between])
    freedom = np.stack([arm.included_rows - 1.0, np.full_like(between, max(runs - 1, 1))])
    return parts.sum(axis=0), combined_freedom(parts, freedom)


def _comparable_variances(arm: Arm) -> tuple[Floats, float]:
    """Variances `(G,)` for comparing groups, the runs' part pooled over groups, and degrees of freedom.

    What a run shifts in every group alike does not matter to a comparison, so it is taken out first; what
    is new in each row and run depends on the group's size, and stays with the group.
    """
    runs, groups = arm.runs.shape
    rows = arm.row_variance + arm.interaction
    if arm.rates:
        # A small group's own variance is too often too small; that of a rate over all rows is not.
        share = float(np.average(arm.means, weights=arm.included_rows))
        small = arm.included_rows < SMALL_GROUP
        rows = np.where(small, np.maximum(rows, share * (1 - share) / arm.included_rows), rows)
    row_freedom = float((arm.included_rows - 1).sum())
    if runs == 1:
        return rows, row_freedom
    residuals = arm.runs - arm.runs.mean(axis=0)
    residuals = residuals - residuals.mean(axis=1, keepdims=True)
    freedom = (runs - 1) * (groups - 1)
    pooled = float((residuals**2).sum()) / freedom / runs
    parts = np.array([arm.row_variance.mean(), pooled])
    degrees = combined_freedom(parts, np.array([row_freedom, freedom]))
    # One group may vary more between runs than the others: its own variance, where it is larger.
    between = np.maximum(pooled, (residuals**2).sum(axis=0) / (runs - 1) / runs)
    return rows + np.maximum(between - float(arm.interaction.mean()), 0.0), float(degrees)


def _wilson(means: Floats, variance: Floats, quantile: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Wilson's limits at the number of rows that a simple sample of this variance would have."""
    binomial = means * (1 - means)
    effective = np.where((binomial > 0) & (variance > 0), binomial / np.maximum(variance, 1e-300), rows)
    square = quantile**2 / effective
    centre = (means + square / 2) / (1 + square)
    reach = np.sqrt(square * binomial + square**2 / 4) / (1 + square)
    return np.clip(centre - reach, 0.0, 1.0), np.clip(centre + reach, 0.0, 1.0)
