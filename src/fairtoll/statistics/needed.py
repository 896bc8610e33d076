"""What an inconclusive comparison would take: more training runs, or more rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtoll.statistics._freedom import quantiles
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

    def reach(self, row_variance: Floats, run_variance: Floats, runs: Floats, tail: float) -> Floats:
        """Half an interval that misses on one side with a probability of `tail`; of many cases at once, `(n,)`."""
        of_runs = np.minimum((runs - 1) * (1 if self.found.paired else 2), 1e4)
        parts = np.stack(np.broadcast_arrays(row_variance, run_variance))
        freedom = np.stack(np.broadcast_arrays(np.full(1, 1e4), np.maximum(of_runs, 1.0)))
        return np.asarray(quantiles(parts, freedom, tail) * np.sqrt(parts.sum(axis=0)), dtype=np.float64)

    def decides(
        self, value: Floats | float, *, runs: Sequence[float] = (np.inf,), rows: Floats | float = 1.0
    ) -> NDArray[np.bool_]:
        """Whether a verdict comes of so many runs, and of so many times as many rows, at an estimate of `value`."""
        runs_of, rows_of = np.asarray(runs, dtype=np.float64), np.atleast_1d(rows)
        row_variance = self.found.row_error**2 / rows_of
        run_variance = self.run_variance * self.runs / runs_of
        error = 1 - self.found.confidence
        outer, inner = (self.reach(row_variance, run_variance, runs_of, tail) for tail in (error / 2, min(error, 0.5)))
        below, above = self.found.below / rows_of**0.5, self.found.above / rows_of**0.5
        apart = (value - outer - below > self.margin) | (value + outer + above < -self.margin)
        within = (value - inner - below > -self.margin) & (value + inner + above < self.margin)
        return np.asarray(apart | within)

    def plausible(self) -> Floats:
        """Where more runs may bring the estimate."""
        none, runs = np.zeros(1), np.full(1, float(self.runs))
        reach = float(self.reach(none, np.full(1, self.run_variance), runs, (1 - SURE) / 2)[0])
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
    candidates = _candidates(outlook.runs, at)
    deciding = outlook.decides(found.value, runs=candidates)
    if deciding.any():
        runs = candidates[int(deciding.argmax())]
        sentence = f"about {runs} training runs would decide it if the estimate stays as it is"
        return Needed(runs=runs, rows=None, hopeless=False, sentence=sentence)
    hopeless = not outlook.decides(outlook.plausible()).any()
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
    times = np.geomspace(1.1, MOST_ROWS, 200)
    deciding = outlook.decides(outlook.found.value, rows=times)
    return float(times[deciding.argmax()]) if deciding.any() else None
