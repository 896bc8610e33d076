"""How much each group's own mean changes from one arm to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.statistics._freedom import quantile, tail_beyond
from fairtoll.statistics._groups import check_confidence
from fairtoll.statistics.difference import read_pair, variance_of_runs
from fairtoll.statistics.interval import Interval
from fairtoll.statistics.systematic import row_covariance


@dataclass(frozen=True)
class Change:
    """One group's means in both arms and their difference, robust minus standard, in the unit of the outcomes.

    `p_value` is one-sided, of the null that the mean did not increase.
    """

    standard: float
    robust: float
    value: float
    interval: Interval
    standard_error: float
    p_value: float


def group_changes(
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
) -> dict[Any, Change]:
    """Change of every group's mean, robust minus standard, over training runs and the rows that both arms share.

    A t interval: the variance is that of the runs (of both arms, or of the differences where runs are paired) plus
    that of the rows, with Satterthwaite's degrees of freedom, lowered for few runs. With one run an arm it is of
    these two models, over rows alone.

    Parameters
    ----------
    standard, robust
        `(S, N)` one number for each training run and row, or `(N,)` for one run.
    groups
        `(N,)` the group of each row.
    paired
        Whether run k of both arms belongs together, as where both began with the same weights.
    standard_included, robust_included
        `(S, N)` booleans: which rows count in which run. All, when not given.
    confidence
        Of each interval.
    minimum_rows
        Groups with fewer rows in any run of either arm are left out.
    rates
        Whether outcomes are rates. Default: if every outcome of an arm is 0 or 1.
    weights
        `(N,)` how much each row counts in a mean, such as its class's share of all rows over its share of these. All
        alike, when not given.

    Returns
    -------
    dict
        Group name to Change.

    Raises
    ------
    FairtollError
        For malformed input, paired arms with different numbers of runs, or when no group has enough rows.

    Examples
    --------
    >>> found = group_changes([[1, 1, 1, 0] * 25], [[1, 0, 0, 0] * 25], ["a"] * 100)["a"]
    >>> found.value, found.interval.high < 0, found.p_value > 0.99
    (-0.5, True, True)
    """
    check_confidence(confidence)
    first, second = read_pair(
        groups,
        (standard, robust),
        (standard_included, robust_included),
        paired=paired,
        minimum_rows=minimum_rows,
        fewest_groups=1,
        rates=rates,
        weights=weights,
    )
    covariance = row_covariance(first, second, paired=paired)
    shared = np.maximum(first.row_variance + second.row_variance - 2 * covariance, 0.0)
    counted = np.minimum(first.included_rows, second.included_rows)
    changes = {}
    for place, name in enumerate(first.partition.names):
        between, freedom = variance_of_runs(first.runs[:, place], second.runs[:, place], paired=paired)
        parts = np.append(between, shared[place])
        freedom = np.append(freedom, counted[place] - 1.0)
        error = float(np.sqrt(parts.sum()))
        before, after = float(first.means[place]), float(second.means[place])
        value = after - before
        reach = quantile(parts, freedom, (1 - confidence) / 2) * error
        changes[name] = Change(
            standard=before,
            robust=after,
            value=value,
            interval=Interval(low=value - reach, high=value + reach, confidence=confidence),
            standard_error=error,
            p_value=tail_beyond(parts, freedom, value / error) if error > 0 else float(value <= 0),
        )
    return changes
