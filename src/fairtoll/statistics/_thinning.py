"""Choosing the extreme groups and measuring their gap with independent halves of the information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtoll.statistics._groups import Arm, Floats

# Noise added to choose and subtracted to measure, in units of the estimate's own: 1 splits the information in halves.
STRENGTH = 1.0
DRAWS = 1000
# Where groups are nearly tied the wrong ones are sometimes chosen and the cross-fitted gap falls short, by
# less than the plain gap exceeds it. This share of that distance keeps the coverage of a difference at 93%
# or more for every pair of profiles tried (docs/coverage.md): flat, graded, one or two apart, in halves.
ALLOWANCE = 0.6


@dataclass(frozen=True)
class Corrected:
    """One arm's gap, corrected for the choice of groups.

    `value` the cross-fitted gap; `allowance` how far it may fall short for groups chosen wrongly, near 0
    where the extreme groups are well separated; `weights (G,)` mean over draws of +1 for the group chosen as
    highest, -1 for the lowest; `chosen (G,)` the share of draws a group was either; `contrasts (S, draws)` of the
    chosen groups in each run; `highest`, `lowest` the positions most often chosen.
    """

    value: float
    allowance: float
    weights: Floats
    chosen: Floats
    contrasts: Floats
    highest: int
    lowest: int


def draw_noise(groups: int, generator: np.random.Generator) -> Floats:
    """Draw standard normals `(draws, G)`, each with its mirror image."""
    half = generator.standard_normal((DRAWS // 2, groups))
    return np.concatenate([half, -half])


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
    groups = arm.runs.shape[1]
    shifts = noise * np.sqrt(arm.row_variance) + run_weights @ arm.runs
    choosing = means + STRENGTH * shifts
    highest = choosing.argmax(axis=1)
    lowest = choosing.argmin(axis=1)
    measuring = means - shifts / STRENGTH
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


@dataclass(frozen=True)
class Runs:
    """The gaps of one arm's single runs, corrected for the choice of groups.

    `values (S,)` the cross-fitted gap of each run; `plain (S,)` largest minus smallest group mean; `highest`,
    `lowest (S, draws)` the groups chosen; `allowance` how far the mean of the values may fall short for groups chosen
    wrongly.
    """

    values: Floats
    plain: Floats
    highest: NDArray[np.intp]
    lowest: NDArray[np.intp]
    allowance: float

    def contrasts(self, groups: int) -> Floats:
        """+1 for the group chosen as highest, -1 for the lowest, 0 for the others: `(G, S, draws)`."""
        found = np.zeros((groups, *self.highest.shape))
        np.put_along_axis(found, self.highest[np.newaxis], 1.0, axis=0)
        np.put_along_axis(found, self.lowest[np.newaxis], -1.0, axis=0)
        # A group that is both, where all are equal, contributes nothing.
        found[:, self.highest == self.lowest] = 0.0
        return found


def correct_runs(arm: Arm, noise: Floats) -> Runs:
    """Cross-fit the gap of every single run by thinning the noise of its rows.

    As `correct_gap`, with each run's own row noise and the same draws in every run: what differs between the groups
    of one trained model counts as its gap, whether other runs repeat it or not.
    """
    values = np.empty(len(arm.runs))
    highest = np.empty((len(arm.runs), len(noise)), dtype=np.intp)
    lowest = np.empty_like(highest)
    each = np.arange(len(noise))
    for run, (means, variance) in enumerate(zip(arm.runs, arm.run_variance, strict=True)):
        shifts = noise * np.sqrt(variance)
        choosing = means + STRENGTH * shifts
        highest[run], lowest[run] = choosing.argmax(axis=1), choosing.argmin(axis=1)
        measuring = means - shifts / STRENGTH
        values[run] = (measuring[each, highest[run]] - measuring[each, lowest[run]]).mean()
    plain = np.ptp(arm.runs, axis=1)
    return Runs(
        values=values,
        plain=plain,
        highest=highest,
        lowest=lowest,
        allowance=ALLOWANCE * float(np.maximum(plain - values, 0.0).mean()),
    )
