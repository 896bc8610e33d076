"""Arms with a known gap: runs that share rows, rows that both arms share, and noise of either kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtri

BASE = 0.72


@dataclass(frozen=True)
class Scenario:
    """One way the two arms may be; `noise` is where most of the variance of a group's mean comes from.

    `uneven` groups have fewer rows the later they come; `lopsided` runs move only the last group, and only
    in the robust arm.
    """

    standard: str
    robust: str
    groups: int
    runs: int
    noise: str
    binary: bool = True
    uneven: bool = False
    lopsided: bool = False

    @property
    def rows(self):
        sizes = np.full(self.groups, 1000 if self.groups == 2 else 400)
        return sizes // np.arange(1, self.groups + 1) + 50 if self.uneven else sizes

    @property
    def row_error(self):
        return float(np.sqrt(BASE * (1 - BASE) / self.rows.min()))

    @property
    def run_deviation(self):
        if self.runs == 1:
            return 0.0
        return self.row_error * {"rows": 0.3, "runs": 3.0}[self.noise]

    @property
    def error(self):
        """Standard error of a group's mean over runs."""
        return float(np.sqrt(self.row_error**2 + self.run_deviation**2 / self.runs))

    def profile(self, shape):
        """Expected group means: apart by 12 standard errors, or in steps over an interval of 0.05."""
        values = np.full(self.groups, BASE)
        if shape == "separated":
            # At most 0.4 wide, so that rates stay rates.
            width = min(12 * self.error, 0.4)
            values[0] -= width / 2
            values[-1] += width / 2
        elif shape == "nearly tied":
            values[0] -= 2 * self.error
            values[-1] += 2 * self.error
        elif shape == "halves":
            values[: self.groups // 2] -= 4 * self.error
        elif shape == "graded":
            values += np.linspace(-0.025, 0.025, self.groups)
        elif shape != "flat":
            raise ValueError(shape)
        return values

    @property
    def systematic(self):
        """Difference of the gaps of expected group means."""
        return float(np.ptp(self.profile(self.robust)) - np.ptp(self.profile(self.standard)))

    @cached_property
    def truth(self):
        """Difference of the expected gaps of one run, over many runs without rows."""
        generator = np.random.default_rng(12345)
        found = []
        for place, shape in enumerate((self.standard, self.robust)):
            runs = self.rates(shape, generator, runs=40_000, robust=place == 1)
            found.append(np.ptp(runs, axis=1).mean())
        return float(found[1] - found[0])

    def rates(self, shape, generator, *, runs, robust):
        """Expected group means in each run, `(runs, G)`."""
        shift = self.run_deviation * generator.standard_normal((runs, self.groups))
        if self.lopsided:
            shift *= (np.arange(self.groups) == self.groups - 1) & robust
        return np.clip(self.profile(shape) + shift, 0.001, 0.999)

    @property
    def labels(self):
        return np.repeat(np.arange(self.groups), self.rows)

    def draw(self, generator):
        """Outcomes of both arms, each `(S, N)`.

        A row is right when its difficulty (half of it the same in both arms) plus a little noise of the
        run's own is below the quantile of the group's rate in that run: rates are exact.
        """
        total = int(self.rows.sum())
        shared = generator.standard_normal(total)
        arms = []
        for shape in (self.standard, self.robust):
            own = generator.standard_normal(total)
            of_groups = self.rates(shape, generator, runs=self.runs, robust=len(arms) == 1)
            rates = np.repeat(of_groups, self.rows, axis=1)
            difficulty = np.sqrt(0.45) * shared + np.sqrt(0.45) * own
            difficulty = difficulty + np.sqrt(0.1) * generator.standard_normal((self.runs, total))
            if self.binary:
                arms.append((difficulty < ndtri(rates)).astype(float))
            else:
                arms.append(rates + 0.45 * difficulty)
        return arms
