"""Several comparisons that one gate judges: which of them fail, all taken together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fairtoll.findings.spreads import Ends
from fairtoll.statistics import bonferroni

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Comparison:
    """One number that is held against a limit, and may fail by chance.

    Attributes
    ----------
    ends : callable
        Its interval at a confidence.
    limit : float
    above : bool
        Whether it fails where all of its interval is above the limit; else below.
    judged : bool
        Whether it may fail: False where it was judged before, by rules of its own, and did not.
    """

    ends: Callable[[float], Ends]
    limit: float
    above: bool
    judged: bool = True

    @property
    def alone(self) -> bool:
        """Whether it fails by itself."""
        return self.fails_at(CONFIDENCE)

    def fails_at(self, confidence: float) -> bool:
        """Whether it fails at this confidence."""
        low, high = self.ends(confidence)
        return self.judged and (low > self.limit if self.above else high < self.limit)


def fail_together(comparisons: Sequence[Comparison]) -> tuple[list[bool], float]:
    """Which comparisons fail, and the confidence of the intervals that say so (Holm 1979).

    If no more than the limit is true of any of them, one or more fails in at most 2.5% of cases, however many there
    are and whatever they share: half of the 5% that two-sided intervals of 95% leave. Of m comparisons the first fail
    at Bonferroni's 1 - 0.05 / m; with r of those, more may at 1 - 0.05 / (m - r), and so on.

    Examples
    --------
    >>> from statistics import NormalDist
    >>> def ends(value):
    ...     return lambda confidence: (value - NormalDist().inv_cdf((1 + confidence) / 2), float("inf"))
    >>> two = [Comparison(ends(value), 0.0, above=True) for value in (2.3, 2.1)]
    >>> fail_together(two)[0], fail_together([*two, Comparison(ends(0.1), 0.0, above=True)])[0]
    ([True, True], [False, False, False])
    """
    count, failed = len(comparisons), 0
    while True:
        confidence = bonferroni(CONFIDENCE, max(count - failed, 1))
        fails = [one.fails_at(confidence) for one in comparisons]
        if sum(fails) <= failed:
            return fails, confidence
        failed = sum(fails)
