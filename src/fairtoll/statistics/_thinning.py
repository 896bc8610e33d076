"""Choosing the extreme groups of every run with one half of the rows' information and measuring with the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtoll.statistics._groups import Arm, Floats

# Each with its mirror image. The noise of a difference from so few is a thirtieth of its standard error.
DRAWS = 1000
# Where groups are nearly tied the wrong ones are sometimes chosen and the corrected gap falls short, by less than
# the plain gap exceeds it. This share of that distance keeps the coverage near ties (docs/coverage.md).
ALLOWANCE = 0.6


@dataclass(frozen=True)
class Thinned:
    """The gap of every run of an arm, corrected for the choice of groups.

    `per_run (S,)` the corrected gap of each run, `plain (S,)` its largest minus its smallest group mean;
    `highest`, `lowest (S, D)` the positions of the groups chosen in each run and draw; `correction` by how
    much the plain gaps exceed the corrected ones on average, near 0 where the extreme groups are well apart; `held`
    by how much a smallest group mean lay above the average of all rows, and was lowered to it.
    """

    per_run: Floats
    plain: Floats
    highest: NDArray[np.intp]
    lowest: NDArray[np.intp]
    correction: float
    held: float = 0.0

    @property
    def allowance(self) -> float:
        """How far a value in a difference of two arms may fall short for groups chosen wrongly."""
        return ALLOWANCE * self.correction

    @property
    def value(self) -> float:
        """The mean over runs of the corrected gap."""
        return float(self.per_run.mean())

    def most_chosen(self) -> tuple[int, int]:
        """The positions most often chosen as highest and as lowest."""
        return int(np.bincount(self.highest.ravel()).argmax()), int(np.bincount(self.lowest.ravel()).argmax())


def draw_noise(groups: int, generator: np.random.Generator) -> Floats:
    """Draw standard normals `(D, G)`, each with its mirror image."""
    half = generator.standard_normal((DRAWS // 2, groups))
    return np.concatenate([half, -half])


def thin(arm: Arm, noise: Floats) -> Thinned:
    """Correct the gap of each run by thinning, the limit of averaging over every split of the rows into halves.

    With e of the variance that rows give to a run's group means y, the vectors y + e and y - e are independent:
    the first chooses the groups, the second measures them. `noise (D, G)` is the same in every run and arm, as the
    halves would be.
    """
    errors = np.sqrt(arm.run_row_variance)[:, np.newaxis, :] * noise
    choosing = arm.runs[:, np.newaxis, :] + errors
    highest, lowest = choosing.argmax(axis=2), choosing.argmin(axis=2)
    measuring = arm.runs[:, np.newaxis, :] - errors
    contrasts = _at(measuring, highest) - _at(measuring, lowest)
    per_run = np.asarray(contrasts.mean(axis=1), dtype=np.float64)
    plain = np.asarray(np.ptp(arm.runs, axis=1), dtype=np.float64)
    correction = float(np.maximum(plain - per_run, 0.0).mean())
    return Thinned(per_run=per_run, plain=plain, highest=highest, lowest=lowest, correction=correction)


def thin_lowest(arm: Arm, noise: Floats, average: float | None = None) -> Thinned:
    """Correct each run's smallest group mean in the same way; `plain` and `per_run` are its negative, a gap below 0.

    Its groups `highest` are none: -1. No model's worst group is better than its average. Where groups are nearly tied
    noise may put the mean over runs above the average (of the same rows, where no other is given): every run's is then
    lowered alike, so that the mean is that average. That is nearer to the truth: in simulation the mean squared error
    is smaller for it in every scenario with ties, and the same in the others. Lowering each run to its own average
    would take more off than noise had added, since runs in which noise points the other way stay as they are.
    """
    errors = np.sqrt(arm.run_row_variance)[:, np.newaxis, :] * noise
    lowest = (arm.runs[:, np.newaxis, :] + errors).argmin(axis=2)
    measured = _at(arm.runs[:, np.newaxis, :] - errors, lowest)
    per_run = -np.asarray(measured.mean(axis=1), dtype=np.float64)
    plain = -np.asarray(arm.runs.min(axis=1), dtype=np.float64)
    if arm.rates:
        # Rounding alone puts the mean over mirrored draws below 0 where a group has nothing right.
        per_run = np.minimum(per_run, 0.0)
    held = max(-float(per_run.mean()) - (float(arm.averages.mean()) if average is None else average), 0.0)
    return Thinned(
        per_run=per_run + held,
        plain=plain,
        highest=np.full_like(lowest, -1),
        lowest=lowest,
        correction=float(np.maximum(plain - per_run, 0.0).mean()),
        held=held,
    )


def _at(values: Floats, positions: NDArray[np.intp]) -> Floats:
    return np.asarray(np.take_along_axis(values, positions[..., np.newaxis], axis=2)[..., 0], dtype=np.float64)
