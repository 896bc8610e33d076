"""What an inconclusive comparison would take: more training runs, or more rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtoll.statistics._freedom import quantile
from fairtoll.statistics._groups import Floats
from fairtoll.statistics.difference import Difference
from fairtoll.statistics.verdict import MINIMUM_RUNS

#: Larger numbers of runs, or of times as many rows, are not worth naming.
MOST_RUNS = 2000
MOST_ROWS = 1000.0
# The share of cases in which more runs would bring the estimate no further than this, to call it hopeless.
SURE = 0.95


@dataclass(frozen=True)
class Needed:
    """About what would decide a comparison if its estimate stays as it is.

    `runs` training runs of each arm in all, None where no number would do; `rows` times as many test rows, None where
    runs alone would do or rows would not; `hopeless` whether no verdict can come of more runs even if they move the
    estimate as far as the runs so far make plausible; `sentence` the same in words.
    """

    runs: int | None
    rows: float | None
    hopeless: bool
    sentence: str


@dataclass(frozen=True)
class _Outlook:
    """A comparison's estimate and the parts of its error, to be seen with more runs or rows."""

    found: Difference
    margin: float

    @property
    def run_variance(self) -> float:
        return max(self.found.standard_error**2 - self.found.row_error**2, 0.0)

    @property
    def runs(self) -> int:
        return min(self.found.standard_runs, self.found.robust_runs)

    def reach(self, row_variance: float, run_variance: float, runs: float, tail: float) -> float:
        """Half an interval that misses on one side with a probability of `tail`."""
        of_runs = min((runs - 1) * (1 if self.found.paired else 2), 1e4)
        parts, freedom = np.array([row_variance, run_variance]), np.array([1e4, max(of_runs, 1.0)])
        return quantile(parts, freedom, tail) * float(np.sqrt(parts.sum()))

    def decides(self, value: float, *, runs: float = np.inf, rows: float = 1.0) -> bool:
        """Whether a verdict comes of so many runs, and of so many times as many rows, at an estimate of `value`."""
        row_variance = self.found.row_error**2 / rows
        run_variance = 0.0 if np.isinf(runs) else self.run_variance * self.runs / runs
        error = 1 - self.found.confidence
        outer, inner = (self.reach(row_variance, run_variance, runs, tail) for tail in (error / 2, min(error, 0.5)))
        below, above = self.found.below / rows**0.5, self.found.above / rows**0.5
        apart = value - outer - below > self.margin or value + outer + above < -self.margin
        within = value - inner - below > -self.margin and value + inner + above < self.margin
        return bool(apart or within)

    def plausible(self) -> Floats:
        """Where more runs may bring the estimate."""
        reach = self.reach(0.0, self.run_variance, self.runs, (1 - SURE) / 2)
        return np.linspace(self.found.value - reach, self.found.value + reach, 201)


def runs_or_rows_needed(found: Difference, *, margin: float, at: Sequence[int] = ()) -> Needed:
    """Say how many more runs, or rows, an inconclusive comparison would take.

    Parameters
    ----------
    found
        At the confidence of its look.
    margin
        The largest difference that does not matter.
    at
        The numbers of runs at which a sequential design looks; any, when empty.
    """
    outlook = _Outlook(found, margin)
    if outlook.runs < MINIMUM_RUNS:
        least = at[0] if at else MINIMUM_RUNS
        sentence = (
            f"a verdict on the recipes takes {least} training runs of each arm, or more; so few do not say how many"
        )
        return Needed(runs=least, rows=None, hopeless=False, sentence=sentence)
    for runs in _candidates(outlook.runs, at):
        if outlook.decides(found.value, runs=runs):
            sentence = f"about {runs} training runs would decide it if the estimate stays as it is"
            return Needed(runs=runs, rows=None, hopeless=False, sentence=sentence)
    hopeless = not any(outlook.decides(value) for value in outlook.plausible())
    rows = _times_as_many(outlook)
    opening = (
        "more training runs cannot decide it"
        if hopeless
        else "more training runs alone decide it only if the estimate moves"
    )
    if rows is None:
        sentence = f"{opening}; nor would rows, since the estimate is about as large as the margin"
    else:
        sentence = f"{opening}; about {rows:.2g} times as many rows would"
    return Needed(runs=None, rows=rows, hopeless=hopeless, sentence=sentence)


def _candidates(runs: int, at: Sequence[int]) -> list[int]:
    beyond = max([runs, *at])
    grid = np.unique(np.round(np.geomspace(beyond + 1, max(beyond + 1, MOST_RUNS), 200)))
    return [look for look in at if look > runs] + [int(number) for number in grid]


def _times_as_many(outlook: _Outlook) -> float | None:
    for rows in np.geomspace(1.1, MOST_ROWS, 200):
        if outlook.decides(outlook.found.value, rows=float(rows)):
            return float(rows)
    return None
