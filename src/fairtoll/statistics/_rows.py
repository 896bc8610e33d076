"""How far the choice of rows, which runs and arms share, moves means over runs of chosen contrasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairtoll.statistics._groups import Arm, Floats
from fairtoll.statistics._thinning import Thinned


def row_variances(arms: tuple[Arm, ...], thinned: tuple[Thinned, ...], *, paired: bool) -> Floats:
    """Variance `(G,)` that each group's rows give to the value of one arm, or to the second's minus the first's.

    In each draw a run's value weighs its highest group's rows with +1 and its lowest group's with -1. What rows do
    to two different runs is shared by all of them and counts here; what they do to one run alone is new in each
    run, and so is in the variance between runs already. With one run all of it counts here.
    """
    partition = arms[0].partition
    variances = np.zeros(len(partition.rows))
    chosen = np.unique([position for one in thinned for position in (*np.unique(one.highest), *np.unique(one.lowest))])
    for group in chosen[chosen >= 0]:
        start, rows = partition.starts[group], partition.rows[group]
        within = [arm.deviations[:, start : start + rows] for arm in arms]
        signs = [_signs(one, int(group)) for one in thinned]
        total = 0.0
        for arm, deviations, sign in zip(arms, within, signs, strict=True):
            # As if rows moved all runs alike by the least that they can be credited with.
            least = float(arm.floor[group] * (sign.mean(axis=0) ** 2).mean())
            total += max(_mean_product(deviations, deviations, sign, sign, same=True), least)
        if len(arms) == 2:
            total -= 2 * _mean_product(within[0], within[1], signs[0], signs[1], same=paired)
        variances[group] = max(total, 0.0)
    return variances


def variances_of(arm: Arm, thinned: Thinned) -> tuple[Floats, Floats]:
    """Variances that each group's rows and, in the last place, the runs give to one arm's value, `(G + 1,)`.

    And their degrees of freedom.
    """
    runs = len(thinned.per_run)
    between = float(thinned.per_run.var(ddof=1)) / runs if runs > 1 else 0.0
    parts = np.append(row_variances((arm,), (thinned,), paired=False), between)
    return parts, np.append(arm.included_rows - 1.0, max(runs - 1, 1))


def _signs(thinned: Thinned, group: int) -> NDArray[np.float32]:
    """+1 where a group was chosen as highest, -1 where as lowest: `(S, D)`."""
    signs: NDArray[np.float32] = (thinned.highest == group).astype(np.float32) - (thinned.lowest == group)
    return signs


def _mean_product(
    first: Floats, second: Floats, first_signs: NDArray[np.float32], second_signs: NDArray[np.float32], *, same: bool
) -> float:
    """Mean over pairs of runs and over draws of the covariance that rows give; `same` runs are no pair with another."""
    rows = first.shape[1]
    covariance = first @ second.T / (rows * (rows - 1))
    covariance *= first_signs @ second_signs.T / first_signs.shape[1]
    if same and len(first) > 1:
        return float((covariance.sum() - np.trace(covariance)) / (len(first) * (len(first) - 1)))
    return float(covariance.mean())
