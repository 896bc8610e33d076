"""The difference of two trained arms' gaps, robust minus standard, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from fairtoll.statistics._freedom import combined_freedom
from fairtoll.statistics._groups import check_confidence, read_arms
from fairtoll.statistics._thinning import correct_gap, draw_noise, draw_run_weights
from fairtoll.statistics.interval import Interval

POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """Robust gap minus standard gap, in the unit of the outcomes.

    `value` the cross-fitted difference; `corrected_robust - corrected_standard`, either of which may fall
    just below 0 for an arm without a gap. `plain` the robust plain gap minus the standard one.
    `least_detectable` the least true difference that would have been found with a power of 80%.
    The `highest` and `lowest` group of each arm are those most often chosen.
    """

    value: float
    interval: Interval
    p_value: float
    confidence: float
    plain: float
    least_detectable: float
    standard_error: float
    degrees_of_freedom: float
    corrected_standard: float
    corrected_robust: float
    standard_highest: Any
    standard_lowest: Any
    robust_highest: Any
    robust_lowest: Any
    standard_runs: int
    robust_runs: int


def difference(
    standard: ArrayLike,
    robust: ArrayLike,
    groups: ArrayLike,
    *,
    standard_included: ArrayLike | None = None,
    robust_included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
    generator: np.random.Generator | None = None,
) -> Difference:
    """Difference of the gaps of two trained arms over training runs and the rows that they share.

    The gap of an arm is the largest minus the smallest of its groups' expected means, over training runs
    and rows; with one run, of that run alone. Where the groups are equal the plain gap is positive by
    chance; so the groups are chosen with one half of the information and measured with the other, averaged
    over all such halves. The variance is that of the runs (independent in the two arms) plus that of the
    rows (the same in every run and both arms), with Satterthwaite's degrees of freedom, lowered for few
    runs. To the t interval
    each arm adds an allowance on the side that a wrong choice between nearly tied groups would err to; it
    vanishes where the extreme groups are well separated. The p-value is 1 minus the confidence at which the interval
    just excludes 0.

    Parameters
    ----------
    standard, robust
        `(S, N)` one number for each training run and row, or `(N,)` for one run. The arms may have
        different numbers of runs, not different rows.
    groups
        `(N,)` the group of each row.
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

    Raises
    ------
    FairtollError
        For malformed input; its subclass InsufficientDataError when fewer than two groups have enough rows.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> groups = np.repeat(["a", "b"], 500)
    >>> standard = generator.random((3, 1000)) < 0.8
    >>> robust = generator.random((3, 1000)) < np.where(groups == "a", 0.9, 0.6)
    >>> found = difference(standard, robust, groups)
    >>> found.interval.low > 0, found.robust_lowest
    (True, 'b')
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    first, second = read_arms(
        groups,
        (("standard", standard, standard_included), ("robust", robust, robust_included)),
        minimum_rows=minimum_rows,
        rates=rates,
    )
    rows = first.partition.rows.astype(np.float64)
    # Both arms use the same draws, so exchanging the arms changes the sign and nothing else.
    noise = draw_noise(len(rows), generator)
    seed = int(generator.integers(2**63))
    from_standard, from_robust = (
        correct_gap(arm, noise, draw_run_weights(len(arm.runs), np.random.default_rng(seed))) for arm in (first, second)
    )
    shared = first.partition.total(first.influence * second.influence) / (rows * (rows - 1))
    by_group = (
        from_standard.chosen * first.row_variance
        + from_robust.chosen * second.row_variance
        - 2 * from_standard.weights * from_robust.weights * shared
    )
    parts = np.append(np.maximum(by_group, 0.0), [from_standard.runs_variance, from_robust.runs_variance])
    freedom = np.append(rows - 1, [max(len(first.runs) - 1, 1), max(len(second.runs) - 1, 1)])
    variance = float(parts.sum())
    degrees = float(combined_freedom(parts, freedom))
    error = float(np.sqrt(variance))
    value = from_robust.value - from_standard.value
    reach = float(stdtrit(degrees, (1 + confidence) / 2)) * error
    # A standard gap that falls short makes the robust arm look worse than it is, and the other way round.
    below, above = from_standard.allowance, from_robust.allowance
    beyond = max(value - below, -value - above, 0.0)
    names = first.partition.names
    return Difference(
        value=value,
        interval=Interval(low=value - reach - below, high=value + reach + above, confidence=confidence),
        p_value=float(2 * stdtr(degrees, -beyond / error)) if error > 0 else float(beyond == 0),
        confidence=confidence,
        plain=second.plain - first.plain,
        least_detectable=reach + float(stdtrit(degrees, POWER)) * error + max(below, above),
        standard_error=error,
        degrees_of_freedom=degrees,
        corrected_standard=from_standard.value,
        corrected_robust=from_robust.value,
        standard_highest=names[from_standard.highest],
        standard_lowest=names[from_standard.lowest],
        robust_highest=names[from_robust.highest],
        robust_lowest=names[from_robust.lowest],
        standard_runs=len(first.runs),
        robust_runs=len(second.runs),
    )
