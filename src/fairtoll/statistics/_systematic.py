"""Choosing the extreme groups of the mean over runs, and measuring them, with independent halves of runs and rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtoll.statistics._groups import Arm, Floats
from fairtoll.statistics._thinning import ALLOWANCE, DRAWS


@dataclass(frozen=True)
class Corrected:
    """One arm's gap of mean group values, corrected for the choice of groups.

    `value` the cross-fitted gap; `allowance` how far it may fall short for groups chosen wrongly, near 0
    where the extreme groups are well separated; `weights (G,)` mean over draws of +1 for the group chosen as
    highest, -1 for the lowest; `chosen (G,)` the share of draws a group was either; `contrasts (S, D)` each
    run's group chosen as highest minus the one chosen as lowest, in every draw; `highest`, `lowest` the
    positions most often chosen.
    """

    value: float
    allowance: float
    weights: Floats
    chosen: Floats
    contrasts: Floats
    highest: int
    lowest: int


def draw_run_weights(runs: int, generator: np.random.Generator) -> Floats:
    """Random weights of the runs `(draws, S)` that sum to 0 with squares summing to 1 / S, mirrored.

    For runs with independent normal noise, of any covariance over groups, the weighted sum is independent
    of the runs' mean and has the same covariance. With two runs it is half their difference: run one
    chooses and run two measures.
    """
    if runs == 1:
        return np.zeros((DRAWS, 1))
    half = generator.standard_normal((DRAWS // 2, runs))
    half -= half.mean(axis=1, keepdims=True)
    half /= np.sqrt((half**2).sum(axis=1, keepdims=True) * runs)
    return np.concatenate([half, -half])


def correct_gap(arm: Arm, noise: Floats, run_weights: Floats) -> Corrected:
    """Cross-fit the gap of one arm by thinning, the limit of averaging over every split into halves.

    With e of the same covariance as the group means m, the vectors m + e and m - e are independent: the
    first chooses the groups, the second measures them. Averaged over draws of e. The noise of training
    runs comes from the runs themselves and that of the rows from their variance within groups.
    """
    means = arm.means
    groups = len(means)
    shifts = noise * np.sqrt(arm.row_variance) + run_weights @ arm.runs
    choosing = means + shifts
    highest = choosing.argmax(axis=1)
    lowest = choosing.argmin(axis=1)
    measuring = means - shifts
    each = np.arange(len(shifts))
    share_high = np.bincount(highest, minlength=groups) / len(shifts)
    share_low = np.bincount(lowest, minlength=groups) / len(shifts)
    value = float((measuring[each, highest] - measuring[each, lowest]).mean())
    return Corrected(
        value=value,
        allowance=ALLOWANCE * max(float(np.ptp(means)) - value, 0.0),
        weights=share_high - share_low,
        chosen=share_high + share_low,
        contrasts=arm.runs[:, highest] - arm.runs[:, lowest],
        highest=int(share_high.argmax()),
        lowest=int(share_low.argmax()),
    )
