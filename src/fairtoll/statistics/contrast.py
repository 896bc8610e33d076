"""A weighted sum of group means: one group below another, in one arm or its change between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.statistics._freedom import combined_freedom, quantile, tail_beyond
from fairtoll.statistics._groups import Arm, Floats, InsufficientDataError, check_confidence, read_arms
from fairtoll.statistics.difference import check_paired
from fairtoll.statistics.interval import Interval
from fairtoll.statistics.systematic import row_covariance


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval, and the one-sided p-value of its being at most 0."""

    value: float
    interval: Interval
    standard_error: float
    degrees_of_freedom: float
    p_value: float


def contrast(
    outcomes: ArrayLike,
    groups: ArrayLike,
    weights: Mapping[Any, float],
    *,
    minus: ArrayLike | None = None,
    included: ArrayLike | None = None,
    minus_included: ArrayLike | None = None,
    paired: bool = False,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
) -> Estimate:
    """The sum of group means times their weights, in one arm, or in one arm minus another.

    The variance is that of the training runs plus that of the rows (the same in every run and both arms), with
    Satterthwaite's degrees of freedom.

    Parameters
    ----------
    outcomes
        `(S, N)` one number for each training run and row, or `(N,)` for one run.
    groups
        `(N,)` the group of each row.
    weights
        Of groups; those not named have none. ``{"Male": 1, "Female": -1}`` is by how much Male is above Female.
    minus
        `(S', N)` the outcomes of another arm, whose sum is subtracted.
    included, minus_included
        Booleans of the same shapes: which rows count in which run. All, when not given.
    paired
        Whether run k of both arms belong together; they then need as many runs.
    confidence
        Of the interval.
    minimum_rows
        Groups with fewer rows in any run are left out.
    rates
        Whether outcomes are rates; see `difference`.

    Returns
    -------
    Estimate
        In the unit of the outcomes; with one run, of that model alone.

    Raises
    ------
    FairtollError
        For malformed input, weights of an unknown group, or paired arms of different numbers of runs; its subclass
        InsufficientDataError when a group of the weights has too few rows.

    Examples
    --------
    >>> correct = [[1, 1, 1, 0] * 10 + [1, 0, 0, 0] * 10]
    >>> round(contrast(correct, ["a"] * 40 + ["b"] * 40, {"a": 1, "b": -1}).value, 2)
    0.5
    """
    check_confidence(confidence)
    given: tuple[tuple[str, ArrayLike, ArrayLike | None], ...] = (("outcomes", outcomes, included),)
    if minus is not None:
        given = (*given, ("minus", minus, minus_included))
    arms = read_arms(groups, given, minimum_rows=minimum_rows, fewest_groups=1, rates=rates)
    names = arms[0].partition.names
    if unknown := [name for name in weights if name not in names]:
        raise InsufficientDataError(
            f"weights name {', '.join(map(str, unknown))}; expected groups with {minimum_rows} rows or more in every "
            f"run, {', '.join(map(str, names))}; leave the others out"
        )
    if paired and len(arms) == 2:
        check_paired(arms)
    weighted = np.array([float(weights.get(name, 0.0)) for name in names])
    runs, errors = _runs(arms, weighted, paired=paired), _rows(arms, weighted, paired=paired)
    value = float(sum(sign * (arm.means @ weighted) for sign, arm in zip((1.0, -1.0), arms, strict=False)))
    parts = [(part, freedom) for part, freedom in (*errors, *runs) if part > 0]
    return _estimate(value, parts, confidence)


def paired_estimate(
    per_run: Sequence[float], row_error: float, *, below: float = 0.0, above: float = 0.0, confidence: float = 0.95
) -> Estimate:
    """The mean of one number of each training run, of which rows give `row_error` in every run alike.

    Parameters
    ----------
    per_run
        `(S,)` such as how much larger one gap is than another in the same run.
    row_error
        Its standard error from the rows alone. The variance between runs holds a part of it already, which is counted
        twice: on the safe side.
    below, above
        Allowances that are added to the interval on either side.
    confidence
        Of the interval.

    Examples
    --------
    >>> found = paired_estimate([0.1, 0.3, 0.2], 0.01)
    >>> round(found.value, 2), found.p_value < 0.05, paired_estimate([0.2], 0.01).interval.low > 0
    (0.2, True, True)
    """
    check_confidence(confidence)
    values = np.asarray(per_run, dtype=np.float64)
    parts = [(row_error**2, np.inf)] if row_error > 0 else []
    if len(values) > 1 and values.var() > 0:
        parts.append((float(values.var(ddof=1)) / len(values), len(values) - 1.0))
    return _estimate(float(values.mean()), parts, confidence, below=below, above=above)


def _estimate(
    value: float, parts: Sequence[tuple[float, float]], confidence: float, *, below: float = 0.0, above: float = 0.0
) -> Estimate:
    variance = sum(part for part, _ in parts)
    error = float(np.sqrt(variance))
    known = np.array([part for part, _ in parts])
    freedom = np.minimum(np.array([of for _, of in parts]), 1e9)
    reach = quantile(known, freedom, (1 - confidence) / 2) * error if error > 0 else 0.0
    beyond = value - below
    return Estimate(
        value=value,
        interval=Interval(low=value - reach - below, high=value + reach + above, confidence=confidence),
        standard_error=error,
        degrees_of_freedom=float(combined_freedom(known, freedom, confidence)) if error > 0 else np.inf,
        p_value=tail_beyond(known, freedom, beyond / error) if error > 0 else float(beyond <= 0),
    )


def _runs(arms: Sequence[Arm], weights: Floats, *, paired: bool) -> list[tuple[float, float]]:
    """Variance between training runs of the mean over them, and its degrees of freedom."""
    each = [arm.runs @ weights for arm in arms]
    if paired and len(each) == 2:
        each = [each[0] - each[1]]
    return [(float(one.var(ddof=1)) / len(one), len(one) - 1.0) for one in each if len(one) > 1]


def _rows(arms: Sequence[Arm], weights: Floats, *, paired: bool) -> list[tuple[float, float]]:
    """Variance that the choice of rows gives, group by group, and its degrees of freedom."""
    rows = arms[0].partition.rows.astype(np.float64)
    variance = sum((arm.row_variance for arm in arms), np.zeros_like(rows))
    if len(arms) == 2:
        variance = np.maximum(variance - 2 * row_covariance(*arms, paired=paired), 0.0)
    return [
        (float(weight**2 * part), float(count - 1))
        for weight, part, count in zip(weights, variance, rows, strict=True)
        if weight
    ]
