"""A swap test of two fixed trained models: it does not cover new training runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.statistics._groups import check_count, read_arms

#: From so many rows on, none of which moves the sum by much, coins are drawn as a normal number.
MANY = 10_000
ABOUT = "about these two trained models, not about training them again"


@dataclass(frozen=True)
class SwapTest:
    """The difference of two models' gaps, and how often swapping rows between them gives as much."""

    value: float
    p_value: float
    resamples: int
    about: str = ABOUT


def swap_test(
    standard: ArrayLike,
    robust: ArrayLike,
    groups: ArrayLike,
    *,
    resamples: int = 2000,
    minimum_rows: int = 10,
    generator: np.random.Generator | None = None,
) -> SwapTest:
    """Test two fixed trained models by swapping their outcomes row by row.

    For each row a fair coin decides which model gets which of the two outcomes; the p-value is the share
    of draws (the observed one counted too) whose absolute difference of gaps is at least the observed one.
    It tests two *fixed models* on new rows; a difference between trained arms needs `difference`.

    Parameters
    ----------
    standard, robust
        `(N,)` the outcome of each row under each model.
    groups
        `(N,)` the group of each row.
    resamples
        Number of random swaps, B.
    minimum_rows
        Groups with fewer rows are left out.
    generator
        Source of the coins; `numpy.random.default_rng(0)` when not given.

    Returns
    -------
    SwapTest
        `value` is the robust gap minus the standard gap.

    Raises
    ------
    FairtollError
        For malformed input, more than one run an arm, or fewer than two groups with enough rows.

    Examples
    --------
    >>> outcome = [1, 0] * 20
    >>> swap_test(outcome, outcome, ["a"] * 20 + ["b"] * 20).p_value
    1.0
    """
    resamples = check_count(resamples, name="resamples", least=1)
    first, second = read_arms(
        groups, (("standard", standard, None), ("robust", robust, None)), minimum_rows=minimum_rows
    )
    if len(first.runs) > 1 or len(second.runs) > 1:
        raise FairtollError(
            f"{len(first.runs)} and {len(second.runs)} runs were given; expected one model an arm; "
            "call swap_test on one run of each, or `difference` on all"
        )
    generator = np.random.default_rng(0) if generator is None else generator
    partition = first.partition
    change = second.pseudo[0] - first.pseudo[0]
    moved = np.zeros((resamples, len(partition.names)))
    for column, (start, rows) in enumerate(zip(partition.starts, partition.rows, strict=True)):
        steps = change[start : start + rows]
        # Rows with the same change are alike, so how many of them swap is binomial.
        sizes, counts = np.unique(steps[steps != 0.0], return_counts=True)
        if len(sizes) <= 16:
            for size, count in zip(sizes, counts, strict=True):
                moved[:, column] += size * generator.binomial(count, 0.5, resamples)
        elif _is_nearly_normal(steps):
            # The sum of so many independent coins is normal to within what 2,000 draws can show.
            middle, spread = steps.sum() / 2, np.sqrt((steps**2).sum()) / 2
            moved[:, column] = generator.normal(middle, spread, resamples)
        else:
            for draw in range(resamples):
                moved[draw, column] = generator.integers(0, 2, rows, dtype=np.int8) @ steps
    moved /= partition.rows
    value = second.plain - first.plain
    swapped = np.ptp(second.runs - moved, axis=1) - np.ptp(first.runs + moved, axis=1)
    # The tolerance keeps draws equal to the observed one from being lost to rounding, in any unit.
    tolerance = 1e-12 * max(np.abs(first.pseudo).max(), np.abs(second.pseudo).max())
    extreme = int((np.abs(swapped) >= abs(value) - tolerance).sum())
    return SwapTest(value=value, p_value=(extreme + 1) / (resamples + 1), resamples=resamples)


def _is_nearly_normal(steps: NDArray[np.float64]) -> bool:
    """Whether a sum of these steps, each taken or not by a fair coin, is normal to within a ten-thousandth.

    Each half-step is symmetric, so that the error is of the order of the largest share of the variance.
    """
    squares = steps**2
    return bool(len(steps) >= MANY and squares.max() <= squares.sum() / MANY)
