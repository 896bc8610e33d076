"""The gap of one arm: the mean over its training runs of one model's gap, without what the noise of the rows adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from fairtoll.statistics._freedom import combined_freedom
from fairtoll.statistics._groups import check_confidence, read_arms
from fairtoll.statistics._row_part import Side, row_parts
from fairtoll.statistics._thinning import correct_runs, draw_noise
from fairtoll.statistics.interval import Interval


@dataclass(frozen=True)
class Gap:
    """One arm's gap, in the unit of the outcomes.

    `value` the mean of `per_run`, corrected for the noise of the rows; `plain` the mean of `plain_per_run`, largest
    minus smallest group mean as it is. `row_error` the part of the standard error that the rows alone give.
    """

    value: float
    plain: float
    per_run: tuple[float, ...]
    plain_per_run: tuple[float, ...]
    interval: Interval
    standard_error: float
    row_error: float
    runs: int


def mean_gap(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
    generator: np.random.Generator | None = None,
) -> Gap:
    """Mean over training runs of one model's gap, with its interval over new runs and rows.

    In each run the extreme groups are chosen with one half of the information in the rows and measured with the
    other, averaged over many halves, so that groups that are equal have a gap of 0 on average. With one run the
    interval is over new rows alone, of that model.

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
        Whether outcomes are rates, whose groups of all 0 or all 1 are not known without error. Default: if every
        outcome is 0 or 1. Give False for numbers in a unit, such as least epsilon.
    generator
        Source of the random halves; `numpy.random.default_rng(0)` when not given.

    Returns
    -------
    Gap

    Raises
    ------
    FairtollError
        For malformed input; its subclass InsufficientDataError when fewer than two groups have enough rows.

    Examples
    --------
    >>> correct = np.random.default_rng(0).random((3, 4000)) < np.repeat([0.9, 0.7], 2000)
    >>> gap = mean_gap(correct, np.repeat(["a", "b"], 2000))
    >>> 0.2 in gap.interval, gap.value <= gap.plain
    (True, True)
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    (arm,) = read_arms(groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows, rates=rates)
    runs = correct_runs(arm, draw_noise(len(arm.partition.names), generator))
    rows = row_parts(Side.of(arm, runs))
    count = len(runs.values)
    between = float(runs.values.var(ddof=1)) / count if count > 1 else 0.0
    parts = np.append(rows, between)
    freedom = np.append(arm.partition.rows - 1.0, max(count - 1, 1))
    error = float(np.sqrt(parts.sum()))
    reach = float(stdtrit(float(combined_freedom(parts, freedom)), (1 + confidence) / 2)) * error
    value = float(runs.values.mean())
    return Gap(
        value=value,
        plain=float(runs.plain.mean()),
        per_run=tuple(runs.values.tolist()),
        plain_per_run=tuple(runs.plain.tolist()),
        interval=Interval(low=value - reach, high=value + reach + runs.allowance, confidence=confidence),
        standard_error=error,
        row_error=float(np.sqrt(rows.sum())),
        runs=count,
    )
