"""The systematic part of a toll: the difference of two arms' gaps of expected group means."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.statistics._groups import Arm, Floats, check_confidence
from fairtoll.statistics._systematic import correct_gap, draw_run_weights
from fairtoll.statistics._thinning import draw_noise
from fairtoll.statistics.difference import Difference, limit_of, read_pair, variance_of_runs
from fairtoll.statistics.spread import parts_of


def systematic_difference(
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
    generator: np.random.Generator | None = None,
) -> Difference:
    """Difference of two arms' gaps of group means over all runs, which says if every deployment hurts the same group.

    The gap here is the largest minus the smallest of an arm's expected group means, over training runs and rows.
    Where runs disagree on which group is worse it is smaller than the mean over runs of one model's gap, which
    `difference` compares. The groups are chosen with one half of the information of runs and rows and measured
    with the other, averaged over all such halves; variance, allowance and interval are as in `difference`.

    Parameters
    ----------
    standard, robust
        `(S, N)` one number for each training run and row, or `(N,)` for one run. The arms may have
        different numbers of runs, not different rows.
    groups
        `(N,)` the group of each row.
    paired
        Whether run k of both arms belongs together, as where both began with the same weights.
    standard_included, robust_included
        `(S, N)` booleans: which rows count in which run. All, when not given.
    confidence
        Of the interval; widen it for several comparisons by `bonferroni`.
    minimum_rows
        Groups with fewer rows in any run of either arm are left out.
    rates
        Whether outcomes are rates, whose groups of all 0 or all 1 are not known without error. Default: if
        every outcome of an arm is 0 or 1. Give False for numbers in a unit, such as least epsilon.
    generator
        Source of the random halves; `numpy.random.default_rng(0)` when not given.

    Returns
    -------
    Difference
        Its `per_run` values are each run's mean of the contrasts chosen; their mean is not the gap.

    Raises
    ------
    FairtollError
        For malformed input, or paired arms with different numbers of runs; its subclass InsufficientDataError when
        fewer than two groups have enough rows.

    Examples
    --------
    >>> groups = ["a"] * 20 + ["b"] * 20
    >>> one, other = [1, 1, 1, 0] * 5 + [1, 0, 0, 0] * 5, [1, 0, 0, 0] * 5 + [1, 1, 1, 0] * 5
    >>> found = systematic_difference([one, other], [one, one], groups)
    >>> found.standard < 0.1 < 0.4 < found.robust
    True
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
    )
    counted = np.minimum(arms[0].included_rows, arms[1].included_rows)
    # Both arms use the same draws, so exchanging the arms changes the sign and nothing else.
    noise = draw_noise(len(counted), generator)
    seed = int(generator.integers(2**63))
    first, second = (
        correct_gap(arm, noise, draw_run_weights(len(arm.runs), np.random.default_rng(seed))) for arm in arms
    )
    by_group = np.maximum(
        first.chosen * arms[0].row_variance
        + second.chosen * arms[1].row_variance
        - 2 * first.weights * second.weights * row_covariance(*arms, paired=paired),
        0.0,
    )
    between, between_freedom = variance_of_runs(first.contrasts, second.contrasts, paired=paired)
    names = arms[0].partition.names
    return Difference(
        standard=first.value,
        robust=second.value,
        confidence=confidence,
        plain=float(np.ptp(arms[1].means) - np.ptp(arms[0].means)),
        row_error=float(np.sqrt(by_group.sum())),
        parts=parts_of((by_group, counted - 1.0), (between, between_freedom)),
        below=first.allowance,
        above=second.allowance,
        standard_per_run=tuple(first.contrasts.mean(axis=1).tolist()),
        robust_per_run=tuple(second.contrasts.mean(axis=1).tolist()),
        standard_highest=names[first.highest],
        standard_lowest=names[first.lowest],
        robust_highest=names[second.highest],
        robust_lowest=names[second.lowest],
        standard_runs=len(arms[0].runs),
        robust_runs=len(arms[1].runs),
        paired=paired,
        limit=limit_of(arms),
    )


def row_covariance(standard: Arm, robust: Arm, *, paired: bool) -> Floats:
    """Covariance `(G,)` that the choice of rows gives to the two arms' group means.

    Less what is new in each pair of runs, where they are paired: that is in the variance between pairs already.
    """
    partition = standard.partition
    rows = partition.rows.astype(np.float64)
    shared = partition.total(standard.influence * robust.influence)
    runs = len(standard.runs)
    if paired and runs > 1:
        own = partition.total((standard.deviations * robust.deviations).sum(axis=0))
        shared = (shared * runs**2 - own) / (runs * (runs - 1))
    return np.asarray(shared / (rows * (rows - 1)), dtype=np.float64)
