"""The worst group of one model, in the mean over training runs, and how it differs between two arms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.statistics._freedom import quantile
from fairtoll.statistics._groups import check_confidence, read_arms
from fairtoll.statistics._rows import row_variances, variances_of
from fairtoll.statistics._thinning import draw_noise, thin_lowest
from fairtoll.statistics.difference import Difference, limit_of, read_pair, variance_of_runs
from fairtoll.statistics.interval import Interval
from fairtoll.statistics.spread import parts_of


@dataclass(frozen=True)
class Worst:
    """The mean over training runs of the smallest of a run's group means, in the unit of the outcomes.

    `value` is without what the noise of the rows takes off, at most the average of the same rows, and the mean of
    `per_run`; `plain` is the mean of the smallest group means as measured, which lies lower. `interval` is over new
    training runs and rows like these; with one run, of that model and over rows alone. `group` is the one most often
    chosen.
    """

    value: float
    plain: float
    per_run: tuple[float, ...]
    interval: Interval
    row_error: float
    group: Any
    runs: int


def mean_worst(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
    weights: ArrayLike | None = None,
    average: float | None = None,
    generator: np.random.Generator | None = None,
) -> Worst:
    """Mean over training runs of the smallest of a run's expected group means, such as the worst class's accuracy.

    The smallest of noisy group means is too small, and the group that is worst in the mean over runs flatters runs that
    do not agree on it. So each run's worst group is chosen, with one half of the rows' information, and measured with
    the other, averaged over all such halves, as in `mean_gap`. Where groups are nearly tied a better one is
    sometimes chosen, and the value is too large by less than `plain` is too small: the interval's lower limit is lower
    by that. Where the value lies above the average of the same rows, which the worst group of no model does, it is
    lowered to it; the interval is the one around what was found, and holds both.

    Parameters
    ----------
    outcomes
        `(S, N)` one number for each training run and row, or `(N,)` for one run; larger is better.
    groups
        `(N,)` the group of each row.
    included
        `(S, N)` booleans: which rows count in which run. All, when not given.
    confidence
        Of the interval.
    minimum_rows
        Groups with fewer rows in any run are left out.
    rates
        Whether outcomes are rates; see `mean_gap`.
    weights
        `(N,)` how much each row counts in a mean, such as its class's share of all rows over its share of these. All
        alike, when not given.
    average
        The value is at most this; of the rows of the groups that are kept, when not given. Give that of all rows where
        it is shown beside the value.
    generator
        Source of the random halves; `numpy.random.default_rng(0)` when not given.

    Returns
    -------
    Worst

    Raises
    ------
    FairtollError
        For malformed input; its subclass InsufficientDataError when fewer than two groups have enough rows.

    Examples
    --------
    >>> import numpy as np
    >>> correct = np.random.default_rng(0).random((3, 4000)) < np.repeat([0.9, 0.7], 2000)
    >>> found = mean_worst(correct, np.repeat(["a", "b"], 2000))
    >>> round(found.value, 1), 0.7 in found.interval, found.group
    (0.7, True, 'b')
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    (arm,) = read_arms(
        groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows, rates=rates, weights=weights
    )
    thinned = thin_lowest(arm, draw_noise(len(arm.partition.rows), generator), average)
    parts, freedom = variances_of(arm, thinned)
    reach = quantile(parts, freedom, (1 - confidence) / 2) * float(np.sqrt(parts.sum()))
    value = 0.0 - thinned.value  # not -0.0
    found = value + thinned.held
    low, high = found - reach - thinned.correction, found + reach
    if arm.rates:
        low, high = max(low, 0.0), min(high, 1.0)
    return Worst(
        value=value,
        plain=-float(thinned.plain.mean()),
        per_run=tuple((0.0 - thinned.per_run).tolist()),
        interval=Interval(low=min(low, value), high=max(high, value), confidence=confidence),
        row_error=float(np.sqrt(parts[:-1].sum())),
        group=arm.partition.names[int(np.bincount(thinned.lowest.ravel()).argmax())],
        runs=len(thinned.per_run),
    )


def worst_difference(
    standard: ArrayLike,
    robust: ArrayLike,
    groups: ArrayLike,
    *,
    paired: bool = False,
    standard_included: ArrayLike | None = None,
    robust_included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
    weights: ArrayLike | None = None,
    averages: tuple[float, float] | None = None,
    generator: np.random.Generator | None = None,
) -> Difference:
    """Difference of two arms' worst groups, robust minus standard, over training runs and the rows that they share.

    The value is the robust arm's `mean_worst` minus the standard arm's exactly, each with its own worst group in each
    run; variance, degrees of freedom and allowances for near ties are as in `difference`. The interval holds, too, what
    the difference is without lowering either arm to its average.

    Parameters
    ----------
    standard, robust
        `(S, N)` one number for each training run and row, or `(N,)` for one run; larger is better.
    groups, paired, standard_included, robust_included, confidence, minimum_rows, rates, generator
        As in `difference`.
    weights
        As in `mean_worst`.
    averages
        Of the standard and the robust arm, as in `mean_worst`.

    Returns
    -------
    Difference
        The highest groups in it are none.

    Raises
    ------
    FairtollError
        For malformed input, or paired arms with different numbers of runs; its subclass InsufficientDataError when
        fewer than two groups have enough rows.

    Examples
    --------
    >>> groups = ["a"] * 200 + ["b"] * 200
    >>> found = worst_difference([1] * 300 + [0] * 100, [1] * 360 + [0] * 40, groups)
    >>> round(found.standard, 2), round(found.robust, 2), found.standard_lowest
    (0.5, 0.8, 'b')
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    arms = read_pair(
        groups,
        (standard, robust),
        (standard_included, robust_included),
        paired=paired,
        minimum_rows=minimum_rows,
        rates=rates,
        weights=weights,
    )
    noise = draw_noise(len(arms[0].partition.rows), generator)
    first, second = (thin_lowest(arm, noise, most) for arm, most in zip(arms, averages or (None, None), strict=True))
    by_group = row_variances(arms, (first, second), paired=paired)
    between, between_freedom = variance_of_runs(first.per_run, second.per_run, paired=paired)
    counted = np.minimum(arms[0].included_rows, arms[1].included_rows)
    lowered = second.held - first.held
    lowest = [arms[0].partition.names[int(np.bincount(one.lowest.ravel()).argmax())] for one in (first, second)]
    return Difference(
        standard=0.0 - first.value,
        robust=0.0 - second.value,
        confidence=confidence,
        plain=float(first.plain.mean() - second.plain.mean()),
        row_error=float(np.sqrt(by_group.sum())),
        parts=parts_of((by_group, counted - 1.0), (between, between_freedom)),
        # A worst group that is taken for a better one than it is makes the arm look better.
        below=second.allowance + max(-lowered, 0.0),
        above=first.allowance + max(lowered, 0.0),
        standard_per_run=tuple((0.0 - first.per_run).tolist()),
        robust_per_run=tuple((0.0 - second.per_run).tolist()),
        standard_highest=None,
        standard_lowest=lowest[0],
        robust_highest=None,
        robust_lowest=lowest[1],
        standard_runs=len(first.per_run),
        robust_runs=len(second.per_run),
        paired=paired,
        limit=limit_of(arms),
    )
