"""Arms with a known gap: runs that share rows, rows that both arms share, and noise of either kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy import stats
from scipy.special import ndtri

BASE = 0.72
# Of numbers: their standard deviation within a group, and the largest number that can be told, as of least epsilon.
DEVIATION, CAP = 0.45, BASE + 0.2
# The sizes of Adult's smaller races and larger ones, about.
UNEVEN = (15, 40, 200, 1000, 3000)


@dataclass(frozen=True)
class Scenario:
    """One way the two arms may be; `noise` is where most of the variance of a group's mean comes from.

    `sizes` of the groups, when they are not equal. `kind` of outcome: "rates", "numbers", or "censored", numbers cut
    at a cap. `lopsided` runs move only the last group, and only in the robust arm. `spread` how many times further
    runs move the last group than the others. `correlation` over runs of what run k moves in both arms.
    """

    standard: str
    robust: str
    groups: int
    runs: int
    noise: str
    kind: str = "rates"
    sizes: tuple[int, ...] | None = None
    lopsided: bool = False
    spread: float = 1.0
    correlation: float = 0.0

    @property
    def rows(self):
        if self.sizes is not None:
            return np.array(self.sizes)
        return np.full(self.groups, 1000 if self.groups == 2 else 400)

    @property
    def labels(self):
        return np.repeat(np.arange(self.groups), self.rows)

    @property
    def row_error(self):
        """Standard error that the rows give to the mean of the group of median size."""
        return float(np.sqrt(BASE * (1 - BASE) / np.median(self.rows)))

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

    def shifts(self, generator, runs):
        """How far runs move the groups of both arms, each `(runs, G)`."""
        normal = generator.standard_normal((2, runs, self.groups))
        normal[1] = self.correlation * normal[0] + np.sqrt(1 - self.correlation**2) * normal[1]
        scale = np.ones((2, 1, self.groups))
        if self.lopsided:
            scale[0] = 0
            scale[1, 0, :-1] = 0
        scale[..., -1] *= self.spread
        return self.run_deviation * scale * normal

    def rates(self, shape, shift):
        """Expected group means of runs: of rates, or of numbers before they are cut, `(runs, G)`."""
        moved = self.profile(shape) + shift
        return np.clip(moved, 0.001, 0.999) if self.kind == "rates" else moved

    @cached_property
    def _expected(self):
        """Expected group means of many runs of both arms, each `(runs, G)`."""
        both = self.shifts(np.random.default_rng(12345), runs=40_000)
        found = [self.rates(shape, shift) for shape, shift in zip((self.standard, self.robust), both, strict=True)]
        if self.kind != "censored":
            return found
        # The mean of a normal number that is cut at the cap.
        ends = [(CAP - means) / DEVIATION for means in found]
        return [
            means * stats.norm.cdf(end) - DEVIATION * stats.norm.pdf(end) + CAP * stats.norm.sf(end)
            for means, end in zip(found, ends, strict=True)
        ]

    @cached_property
    def gaps(self):
        """Expected gap of one run of each arm, as of endless rows."""
        return tuple(float(np.ptp(means, axis=1).mean()) for means in self._expected)

    @property
    def truth(self):
        """Difference of the expected gaps of one run."""
        return self.gaps[1] - self.gaps[0]

    @cached_property
    def worst(self):
        """Expected lowest group mean of one run of each arm, as of endless rows."""
        return tuple(float(means.min(axis=1).mean()) for means in self._expected)

    @cached_property
    def systematic_gaps(self):
        """The gap of the expected group means of each arm."""
        if self.kind != "censored":
            return tuple(float(np.ptp(self.profile(shape))) for shape in (self.standard, self.robust))
        return tuple(float(np.ptp(means.mean(axis=0))) for means in self._expected)

    @property
    def systematic(self):
        """Difference of the gaps of expected group means."""
        return self.systematic_gaps[1] - self.systematic_gaps[0]

    def draw(self, generator):
        """Outcomes of both arms, each `(S, N)`.

        A row is right when its difficulty (half of it the same in both arms) plus a little noise of the
        run's own is below the quantile of the group's rate in that run: rates are exact.
        """
        total = int(self.rows.sum())
        shared = generator.standard_normal(total)
        both = self.shifts(generator, self.runs)
        arms = []
        for shape, shift in zip((self.standard, self.robust), both, strict=True):
            rates = np.repeat(self.rates(shape, shift), self.rows, axis=1)
            difficulty = np.sqrt(0.45) * shared + np.sqrt(0.45) * generator.standard_normal(total)
            difficulty = difficulty + np.sqrt(0.1) * generator.standard_normal((self.runs, total))
            if self.kind == "rates":
                arms.append((difficulty < ndtri(rates)).astype(float))
            else:
                numbers = rates + DEVIATION * difficulty
                arms.append(np.minimum(numbers, CAP) if self.kind == "censored" else numbers)
        return arms


@dataclass(frozen=True)
class Opposed:
    """Two groups of which runs disagree which is worse: the standard gap always the same, the robust one normal.

    Toll: the robust gap's expected size, of a normal number of mean 0, less the standard one.
    """

    standard_gap: float = 0.03
    deviation: float = 0.04
    runs: int = 5
    rows: int = 1000

    @property
    def labels(self):
        return np.repeat([0, 1], self.rows)

    @property
    def truth(self):
        return self.deviation * float(np.sqrt(2 / np.pi)) - self.standard_gap

    def draw(self, generator):
        gaps = [np.full(self.runs, self.standard_gap), self.deviation * generator.standard_normal(self.runs)]
        shared = generator.standard_normal(2 * self.rows)
        arms = []
        for gap in gaps:
            rates = BASE + np.outer(gap, np.repeat([0.5, -0.5], self.rows))
            difficulty = np.sqrt(0.45) * (shared + generator.standard_normal(2 * self.rows))
            difficulty = difficulty + np.sqrt(0.1) * generator.standard_normal((self.runs, 2 * self.rows))
            arms.append((difficulty < ndtri(rates)).astype(float))
        return arms


#: Where the gaps of `Curves` are compared: between its strengths' levels in every run.
LEVEL = 0.5


@dataclass(frozen=True)
class Curves:
    """A standard arm and a recipe at three strengths whose gaps grow with the level, with rows and runs of their own.

    `gaps` of the standard arm and of each strength; `deviation` of group means over runs; runs move levels too.
    """

    gaps: tuple[float, ...]
    groups: int
    runs: int
    deviation: float
    rows: int = 500

    LEVELS: ClassVar = (0.35, 0.55, 0.68)

    @property
    def labels(self):
        return np.repeat(np.arange(self.groups), self.rows)

    def rates(self, generator, runs):
        """Expected group means `(4, runs, G)` of the standard arm and the strengths, and of rows that are robust."""
        tilt = np.linspace(-0.5, 0.5, self.groups)
        shared = generator.standard_normal((runs, self.groups))
        right, robust = [], []
        for gap, level in zip(self.gaps, (0.1, *self.LEVELS), strict=True):
            own = generator.standard_normal((runs, self.groups))
            right.append(0.75 + gap * tilt + self.deviation * (0.6 * shared + 0.8 * own))
            moved = level + 0.03 * generator.standard_normal((runs, 1)) + 0.1 * tilt
            robust.append(np.minimum(moved, right[-1] - 0.02))
        return np.stack(right), np.stack(robust)

    @cached_property
    def truth(self):
        """The expected toll of one run at the level, as of endless rows: by `numpy.interp` run by run."""
        right, robust = self.rates(np.random.default_rng(9), 20_000)
        gaps, levels = np.ptp(right, axis=2), robust.mean(axis=2)
        read = [np.interp(LEVEL, levels[1:, run], gaps[1:, run]) for run in range(gaps.shape[1])]
        return float(np.mean(read) - gaps[0].mean())

    def draw(self, generator):
        """Outcomes of every arm, and which rows are robust; half of a row's difficulty is the same in every arm."""
        right, robust = (np.repeat(one, self.rows, axis=2) for one in self.rates(generator, self.runs))
        count = len(self.labels)
        difficulty = np.sqrt(0.45) * generator.standard_normal(count) + np.sqrt(0.45) * generator.standard_normal(
            (4, 1, count)
        )
        difficulty = difficulty + np.sqrt(0.1) * generator.standard_normal((4, self.runs, count))
        return (difficulty < ndtri(right)).astype(float), (difficulty < ndtri(robust)).astype(float)
