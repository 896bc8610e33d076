"""The difference of two trained arms' gaps, robust minus standard, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from fairtoll.errors import FairtollError
from fairtoll.statistics._freedom import combined_freedom
from fairtoll.statistics._groups import Arm, Floats, check_confidence, read_arms
from fairtoll.statistics._row_part import Side, row_parts
from fairtoll.statistics._thinning import correct_gap, correct_runs, draw_noise, draw_run_weights
from fairtoll.statistics.interval import Interval

POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """Robust gap minus standard gap, in the unit of the outcomes.

    `value` is exactly `robust - standard`, the two arms' corrected gaps, either of which may fall just below 0 for an
    arm without a gap. `plain` the robust plain gap minus the standard one. `p_value` one-sided, of a difference of at
    most 0. `row_error` the part of the standard error that the rows alone give, the rest being the runs'. `below` and
    `above` are allowances for groups chosen wrongly, which the interval adds on either side. The `highest` and `lowest`
    group of each arm are those most often chosen.
    """

    value: float
    standard: float
    robust: float
    interval: Interval
    confidence: float
    p_value: float
    plain: float
    standard_error: float
    row_error: float
    degrees_of_freedom: float
    below: float
    above: float
    standard_per_run: tuple[float, ...]
    robust_per_run: tuple[float, ...]
    standard_highest: Any
    standard_lowest: Any
    robust_highest: Any
    robust_lowest: Any
    standard_runs: int
    robust_runs: int
    paired: bool

    def interval_at(self, confidence: float) -> Interval:
        """The interval at another confidence."""
        reach = self._quantile((1 + check_confidence(confidence)) / 2) * self.standard_error
        return Interval(self.value - reach - self.below, self.value + reach + self.above, confidence)

    def least_detectable(self, margin: float) -> float:
        """The smallest true difference whose whole interval lies above the margin with a probability of 80%."""
        reach = self._quantile((1 + self.confidence) / 2) + self._quantile(POWER)
        return margin + reach * self.standard_error + max(self.below, self.above)

    def _quantile(self, probability: float) -> float:
        return float(stdtrit(self.degrees_of_freedom, probability))


def difference(
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
    """Difference of the gaps of two trained arms over training runs and the rows that they share.

    The gap of an arm is the mean over training runs of one model's gap, largest minus smallest group, without what the
    noise of the rows adds: in each run the extreme groups are chosen with one half of the information in the rows and
    measured with the other, averaged over many halves, the same in every run and arm. The variance is that of the
    runs plus that of the rows (the same in every run and both arms), with Satterthwaite's degrees of freedom, lowered
    for few runs. To the t interval each arm adds an allowance on the side that a wrong choice between nearly tied
    groups would err to; it vanishes where the extreme groups are well separated.

    Parameters
    ----------
    standard, robust
        `(S, N)` one number for each training run and row, or `(N,)` for one run. The arms may have
        different numbers of runs, not different rows.
    groups
        `(N,)` the group of each row.
    paired
        Whether run k of both arms belong together, as where they share initial weights and the order of batches: the
        runs' part is then the variance of their differences. Both arms then need as many runs.
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
        For malformed input, or paired arms of different numbers of runs; its subclass InsufficientDataError when fewer
        than two groups have enough rows.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> groups = np.repeat(["a", "b"], 500)
    >>> standard = generator.random((3, 1000)) < 0.8
    >>> robust = generator.random((3, 1000)) < np.where(groups == "a", 0.9, 0.6)
    >>> found = difference(standard, robust, groups)
    >>> found.interval.low > 0, found.robust_lowest, found.value == found.robust - found.standard
    (True, 'b', True)
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    first, second = _read(
        standard, robust, groups, standard_included, robust_included, minimum_rows=minimum_rows, rates=rates,
        paired=paired,
    )  # fmt: skip
    names = first.partition.names
    # Both arms use the same draws, so exchanging the arms changes the sign and nothing else.
    noise = draw_noise(len(names), generator)
    of_standard, of_robust = correct_runs(first, noise), correct_runs(second, noise)
    rows = row_parts(Side.of(first, of_standard), Side.of(second, of_robust), paired=paired)
    high, low = (
        [np.bincount(chosen.ravel(), minlength=len(names)).argmax() for chosen in of]
        for of in ((of_standard.highest, of_robust.highest), (of_standard.lowest, of_robust.lowest))
    )
    return _conclude(
        (of_standard.values, of_robust.values),
        (float(of_standard.values.mean()), float(of_robust.values.mean())),
        rows,
        _between(of_standard.values[:, np.newaxis], of_robust.values[:, np.newaxis], paired=paired),
        np.asarray(first.partition.rows - 1.0, dtype=np.float64),
        allowances=(of_standard.allowance, of_robust.allowance),
        plain=float(of_robust.plain.mean() - of_standard.plain.mean()),
        confidence=confidence,
        extremes=(names[high[0]], names[low[0]], names[high[1]], names[low[1]]),
        paired=paired,
    )


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
    """As `difference`, of the gaps of the groups' expected means over training runs.

    What every run of a recipe has in the same direction: where runs disagree on which group is worse it is smaller
    than the mean of their gaps. Here the noise of the runs chooses and measures in halves, too.

    Examples
    --------
    >>> groups = np.repeat(["a", "b"], 500)
    >>> signs = np.where(groups == "a", 1, -1) * np.array([[1], [-1], [1], [-1]])
    >>> level = np.zeros((4, 1000))
    >>> systematic_difference(level, level + signs, groups, rates=False).value < 1 < difference(
    ...     level, level + signs, groups, rates=False).value
    True
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    first, second = _read(
        standard, robust, groups, standard_included, robust_included, minimum_rows=minimum_rows, rates=rates,
        paired=paired,
    )  # fmt: skip
    names = first.partition.names
    counts: Floats = first.partition.rows.astype(np.float64)
    noise = draw_noise(len(names), generator)
    seed = int(generator.integers(2**63))
    from_standard, from_robust = (
        correct_gap(arm, noise, draw_run_weights(len(arm.runs), np.random.default_rng(seed))) for arm in (first, second)
    )
    shared = first.partition.total(first.influence * second.influence) / (counts * (counts - 1))
    rows = (
        from_standard.chosen * first.row_variance
        + from_robust.chosen * second.row_variance
        - 2 * from_standard.weights * from_robust.weights * shared
    )
    return _conclude(
        tuple(np.ptp(arm.runs, axis=1) for arm in (first, second)),
        (from_standard.value, from_robust.value),
        np.maximum(rows, 0.0),
        _between(from_standard.contrasts, from_robust.contrasts, paired=paired),
        np.asarray(counts - 1.0, dtype=np.float64),
        allowances=(from_standard.allowance, from_robust.allowance),
        plain=float(np.ptp(second.means) - np.ptp(first.means)),
        confidence=confidence,
        extremes=(
            names[from_standard.highest],
            names[from_standard.lowest],
            names[from_robust.highest],
            names[from_robust.lowest],
        ),
        paired=paired,
    )


def _read(
    standard: ArrayLike,
    robust: ArrayLike,
    groups: ArrayLike,
    standard_included: ArrayLike | None,
    robust_included: ArrayLike | None,
    *,
    minimum_rows: int,
    rates: bool | None,
    paired: bool,
) -> tuple[Arm, Arm]:
    first, second = read_arms(
        groups,
        (("standard", standard, standard_included), ("robust", robust, robust_included)),
        minimum_rows=minimum_rows,
        rates=rates,
    )
    if paired and len(first.runs) != len(second.runs):
        raise FairtollError(
            f"standard has {len(first.runs)} runs and robust has {len(second.runs)}; expected as many where they are "
            "paired; leave out the runs that one arm lacks, or give paired=False"
        )
    return first, second


def _between(standard: Floats, robust: Floats, *, paired: bool) -> list[tuple[float, float]]:
    """Variances between training runs of the mean over them, and their degrees of freedom; columns are averaged."""
    each = [robust - standard] if paired else [standard, robust]
    return [(_variance(one), float(max(len(one) - 1, 1))) for one in each]


def _variance(values: Floats) -> float:
    runs = len(values)
    return float(values.var(axis=0, ddof=1).mean()) / runs if runs > 1 else 0.0


def _conclude(
    per_run: tuple[Floats, ...],
    values: tuple[float, float],
    rows: Floats,
    runs: list[tuple[float, float]],
    row_freedom: Floats,
    *,
    allowances: tuple[float, float],
    plain: float,
    confidence: float,
    extremes: tuple[Any, Any, Any, Any],
    paired: bool,
) -> Difference:
    parts = np.append(rows, [part for part, _ in runs])
    degrees = float(combined_freedom(parts, np.append(row_freedom, [freedom for _, freedom in runs])))
    error = float(np.sqrt(parts.sum()))
    value = values[1] - values[0]
    # A standard gap that falls short makes the robust arm look worse than it is, and the other way round.
    below, above = allowances
    reach = float(stdtrit(degrees, (1 + confidence) / 2)) * error
    return Difference(
        value=value,
        standard=values[0],
        robust=values[1],
        interval=Interval(low=value - reach - below, high=value + reach + above, confidence=confidence),
        confidence=confidence,
        p_value=float(stdtr(degrees, -(value - below) / error)) if error > 0 else float(value - below <= 0),
        plain=plain,
        standard_error=error,
        row_error=float(np.sqrt(rows.sum())),
        degrees_of_freedom=degrees,
        below=below,
        above=above,
        standard_per_run=tuple(per_run[0].tolist()),
        robust_per_run=tuple(per_run[1].tolist()),
        standard_highest=extremes[0],
        standard_lowest=extremes[1],
        robust_highest=extremes[2],
        robust_lowest=extremes[3],
        standard_runs=len(per_run[0]),
        robust_runs=len(per_run[1]),
        paired=paired,
    )
