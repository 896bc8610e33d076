"""One arm's gap: the mean over training runs of one model's gap, corrected for the noise of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.statistics._freedom import quantile
from fairtoll.statistics._groups import check_confidence, read_arms
from fairtoll.statistics._rows import variances_of
from fairtoll.statistics._thinning import draw_noise, thin
from fairtoll.statistics.interval import Interval
from fairtoll.statistics.spread import Spread, parts_of


@dataclass(frozen=True)
class Gap:
    """The mean over training runs of one model's gap, in the unit of the outcomes.

    `value` is corrected for the noise of rows and the mean of `per_run`; it may fall just below 0. `plain` is the
    mean of `plain_per_run`, each run's largest minus smallest group mean, as the paper defines it. `interval` is
    over new training runs and rows like these; with one run, of that model and over rows alone. `row_error` is the
    part of `standard_error` that more runs do not lower.
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
    """Mean over training runs of the largest minus the smallest of a run's expected group means.

    The largest difference of noisy group means is too large. So each run's extreme groups are chosen with one half
    of the rows' information and measured with the other, averaged over all such halves, the same in every run.
    The variance is that between runs plus that of the rows, which runs share. The interval's upper limit has an
    allowance for groups that are nearly tied, of which the wrong one may be chosen.

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
    >>> import numpy as np
    >>> correct = np.random.default_rng(0).random((3, 4000)) < np.repeat([0.9, 0.7], 2000)
    >>> found = mean_gap(correct, np.repeat(["a", "b"], 2000))
    >>> round(found.value, 1), 0.2 in found.interval, found.runs
    (0.2, True, 3)
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    (arm,) = read_arms(groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows, rates=rates)
    thinned = thin(arm, draw_noise(len(arm.partition.rows), generator))
    parts, freedom = variances_of(arm, thinned)
    error = float(np.sqrt(parts.sum()))
    reach = quantile(parts, freedom, (1 - confidence) / 2) * error
    value = thinned.value
    return Gap(
        value=value,
        plain=arm.plain,
        per_run=tuple(thinned.per_run.tolist()),
        plain_per_run=tuple(thinned.plain.tolist()),
        interval=Interval(
            low=max(value - reach, 0.0),
            # The whole correction: where a small group is the extreme one the value falls short by nearly so much.
            high=max(value + reach + thinned.correction, 0.0),
            confidence=confidence,
            spread=Spread(parts_of((parts, freedom))),
        ),
        standard_error=error,
        row_error=float(np.sqrt(parts[:-1].sum())),
        runs=len(thinned.per_run),
    )
