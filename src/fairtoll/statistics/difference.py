"""The difference of two trained arms' gaps, robust minus standard: of one model's gap, in the mean over runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.errors import FairtollError
from fairtoll.statistics._freedom import combined_freedom, quantile, tail_beyond
from fairtoll.statistics._groups import Arm, Floats, check_confidence, read_arms
from fairtoll.statistics._rows import row_variances
from fairtoll.statistics._thinning import draw_noise, thin
from fairtoll.statistics.interval import Interval
from fairtoll.statistics.spread import Spread, parts_of

POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """Robust gap minus standard gap, in the unit of the outcomes.

    `standard` and `robust` are the arms' corrected gaps, either of which may fall just below 0, and the means of
    the `per_run` ones. `plain` is the robust plain gap minus the standard one. `row_error` is the part of
    `standard_error` that more runs do not lower. `parts` are the variances that add up to its square, each with its
    degrees of freedom. `below` and `above` are the allowances that the interval has on
    either side for groups that are nearly tied. `limit` is the largest difference that there can be: without the noise
    of the rows a gap of 0 may be measured as less, and one of 1 beside it as further off. `paired` says whether run k
    of both arms is a pair. The `highest` and `lowest` group of each arm are those most often chosen.
    """

    standard: float
    robust: float
    confidence: float
    plain: float
    row_error: float
    parts: tuple[tuple[float, float], ...]
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
    limit: float = float("inf")

    @property
    def value(self) -> float:
        """The robust gap minus the standard gap, no further from 0 than any difference can be."""
        return self._within(self.robust - self.standard)

    @property
    def interval(self) -> Interval:
        """The interval at the confidence that was given."""
        return self.interval_at(self.confidence)

    @property
    def p_value(self) -> float:
        """One-sided, of the null that the difference is at most 0: half of 1 - confidence of an interval from 0 on."""
        beyond = self.robust - self.standard - self.below
        if self.standard_error == 0:
            return float(beyond <= 0)
        return tail_beyond(*self._split(), beyond / self.standard_error)

    @property
    def standard_error(self) -> float:
        """The standard error of the value."""
        return float(np.sqrt(sum(part for part, _ in self.parts)))

    @property
    def spread(self) -> Spread:
        """What the interval is made of, to widen it."""
        return Spread(self.parts)

    @property
    def degrees_of_freedom(self) -> float:
        """Of the interval at the confidence that was given."""
        return float(combined_freedom(*self._split(), self.confidence))

    def interval_at(self, confidence: float) -> Interval:
        """The interval at another confidence."""
        reach = self._quantile((1 - check_confidence(confidence)) / 2) * self.standard_error
        found = self.robust - self.standard
        return Interval(
            low=self._within(found - reach - self.below),
            high=self._within(found + reach + self.above),
            confidence=confidence,
        )

    def least_detectable(self, margin: float) -> float:
        """The least true difference that would have been called less fair, or minus it fairer, with a power of 80%."""
        reach = self._quantile((1 - self.confidence) / 2) + self._quantile(1 - POWER)
        return margin + reach * self.standard_error + max(self.below, self.above)

    def _within(self, value: float) -> float:
        return max(-self.limit, min(value, self.limit))

    def _quantile(self, tail: float) -> float:
        return quantile(*self._split(), tail) if self.parts else 0.0

    def _split(self) -> tuple[Floats, Floats]:
        return np.array([part for part, _ in self.parts]), np.array([freedom for _, freedom in self.parts])


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
    """Difference of two trained arms' gaps over training runs and the rows that they share.

    The gap of an arm is the mean over training runs of one model's gap, as in `mean_gap`: the value is the robust
    arm's minus the standard arm's exactly. The variance is that of the runs (of both arms, or of the differences
    where runs are paired) plus that of the rows (the same in every run and both arms), with Satterthwaite's degrees
    of freedom, lowered for few runs. To the t interval each arm adds an allowance on the side that a wrong choice
    between nearly tied groups would err to; it vanishes where the extreme groups are well apart. With one run an
    arm the interval is of these two models, over rows alone.

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

    Raises
    ------
    FairtollError
        For malformed input, or paired arms with different numbers of runs; its subclass InsufficientDataError when
        fewer than two groups have enough rows.

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
    first, second = thin(arms[0], noise), thin(arms[1], noise)
    by_group = row_variances(arms, (first, second), paired=paired)
    between, between_freedom = variance_of_runs(first.per_run, second.per_run, paired=paired)
    names = arms[0].partition.names
    (standard_highest, standard_lowest), (robust_highest, robust_lowest) = first.most_chosen(), second.most_chosen()
    return Difference(
        standard=first.value,
        robust=second.value,
        confidence=confidence,
        plain=arms[1].plain - arms[0].plain,
        row_error=float(np.sqrt(by_group.sum())),
        parts=parts_of((by_group, counted - 1.0), (between, between_freedom)),
        # A standard gap that falls short makes the robust arm look worse than it is, and the other way round.
        below=first.allowance,
        above=second.allowance,
        standard_per_run=tuple(first.per_run.tolist()),
        robust_per_run=tuple(second.per_run.tolist()),
        standard_highest=names[standard_highest],
        standard_lowest=names[standard_lowest],
        robust_highest=names[robust_highest],
        robust_lowest=names[robust_lowest],
        standard_runs=len(first.per_run),
        robust_runs=len(second.per_run),
        paired=paired,
        limit=limit_of(arms),
    )


def read_pair(
    groups: ArrayLike,
    outcomes: tuple[ArrayLike, ArrayLike],
    included: tuple[ArrayLike | None, ArrayLike | None],
    *,
    paired: bool,
    minimum_rows: int,
    fewest_groups: int = 2,
    rates: bool | None,
    weights: ArrayLike | None = None,
) -> tuple[Arm, ...]:
    """The standard and the robust arm over the rows that they share; with the same number of runs where they pair."""
    given = tuple(
        (name, values, mask) for name, values, mask in zip(("standard", "robust"), outcomes, included, strict=True)
    )
    arms = read_arms(
        groups, given, minimum_rows=minimum_rows, fewest_groups=fewest_groups, rates=rates, weights=weights
    )
    if paired:
        check_paired(arms)
    return arms


def limit_of(arms: Sequence[Arm]) -> float:
    """The largest difference of two gaps, or means: rates lie between 0 and 1."""
    return 1.0 if all(arm.rates for arm in arms) else float("inf")


def check_paired(arms: tuple[Arm, ...]) -> None:
    """Raise unless both arms have the same number of runs."""
    first, second = (len(arm.runs) for arm in arms)
    if first != second:
        raise FairtollError(
            f"paired arms have {first} and {second} training runs; expected the same runs in both, in the same order; "
            "give the runs that both have, or paired=False"
        )


def variance_of_runs(standard: Floats, robust: Floats, *, paired: bool) -> tuple[Floats, Floats]:
    """Variances that runs give to a difference of means over runs, and their degrees of freedom: `(2,)`, paired `(1,)`.

    `standard`, `robust` are `(S, ...)`, one number a run; over further axes variances are averaged. One run says
    nothing: 0.
    """
    samples = [robust - standard] if paired else [standard, robust]
    variances = [float(one.var(axis=0, ddof=1).mean()) / len(one) if len(one) > 1 else 0.0 for one in samples]
    return np.array(variances), np.array([max(len(one) - 1.0, 1.0) for one in samples])
