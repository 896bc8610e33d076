"""The gap that chance of rows gives, given these models, if all groups are equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.statistics._groups import Arm, Floats, check_count, read_arms

# Above this many rows a group's mean is normal for all purposes; below, rows are drawn one by one.
LARGE_GROUP = 256


@dataclass(frozen=True)
class Null:
    """The plain gap's mean and 95% point were all groups equal, in the unit of the outcomes."""

    mean: float
    q95: float


def null_gap(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    included: ArrayLike | None = None,
    minimum_rows: int = 10,
    resamples: int = 2000,
    generator: np.random.Generator | None = None,
) -> Null:
    """Mean and 95% point of the plain gap by chance of rows alone, given these models, if all groups were equal.

    Every group's rows are resampled from all rows together, whole rows at a time: the runs see the same
    rows, so what they share stays shared. Noise of training runs that differs by group is not in it: where runs vary,
    groups that are equal in the mean over runs exceed it in 46 to 100% of cases. It says what these models would show.
    Groups of up to 256 rows are drawn row by row; larger ones by the normal law of their mean.

    Parameters
    ----------
    outcomes
        `(S, N)` one number for each training run and row, or `(N,)` for one run.
    groups
        `(N,)` the group of each row.
    included
        `(S, N)` booleans: which rows count in which run. All, when not given.
    minimum_rows
        Groups with fewer rows in any run are left out.
    resamples
        Number of draws, B.
    generator
        Source of the draws; `numpy.random.default_rng(0)` when not given.

    Returns
    -------
    Null
        Mean and 95% point of the gap, in the unit of the outcomes.

    Raises
    ------
    FairtollError
        For malformed input, or when fewer than two groups have enough rows.

    Examples
    --------
    >>> import numpy as np
    >>> correct = np.random.default_rng(0).random(10_000) < 0.72
    >>> null = null_gap(correct, np.repeat(np.arange(10), 1000))
    >>> round(null.mean, 2), round(null.q95, 2)
    (0.04, 0.06)
    """
    resamples = check_count(resamples, name="resamples", least=1)
    generator = np.random.default_rng(0) if generator is None else generator
    (arm,) = read_arms(groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows)
    deviations, effective = _pooled(arm)
    means = _draw_means(deviations, arm, effective, resamples=resamples, generator=generator)
    gaps = np.ptp(means, axis=2).mean(axis=1)
    return Null(mean=float(gaps.mean()), q95=float(np.quantile(gaps, 0.95)))


def _pooled(arm: Arm) -> tuple[Floats, Floats]:
    """Deviations `(S, M)` of every row from the mean of all, and each group's scale `(G,)`."""
    partition = arm.partition
    share = arm.included_rows / partition.rows
    # With a mask a row counts 1 / share times in its group's ratio; undone here, redone for each group.
    weight = partition.rows * share
    common = (arm.runs * weight).sum(axis=1, keepdims=True) / weight.sum()
    within = arm.pseudo - partition.spread(arm.runs)
    deviations = within * partition.spread(np.sqrt(share)) + partition.spread(arm.runs - common)
    return deviations - deviations.mean(axis=1, keepdims=True), 1.0 / np.sqrt(share)


def _draw_means(
    deviations: Floats, arm: Arm, scale: Floats, *, resamples: int, generator: np.random.Generator
) -> Floats:
    """Group means `(B, S, G)` with rows drawn from all groups together."""
    runs, total = deviations.shape
    # The root of the runs' covariance; eigenvalues below 0 are rounding.
    values, vectors = np.linalg.eigh(deviations @ deviations.T / total)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    means = np.empty((resamples, runs, len(scale)))
    for column, rows in enumerate(arm.partition.rows):
        if rows > LARGE_GROUP:
            drawn = generator.standard_normal((resamples, runs)) @ root.T / np.sqrt(rows)
        else:
            picked = generator.integers(0, total, (resamples, rows))
            drawn = np.stack([run[picked].mean(axis=1) for run in deviations], axis=1)
        means[:, :, column] = drawn * scale[column]
    return means
