"""How long stages take on this machine: expected at first, corrected as others of their kind finish."""

from __future__ import annotations

from collections import defaultdict

from fairtoll.runs.stages import Stage

#: Seconds of finished work that count as much as what was expected beforehand.
PRIOR = 2.0


class Pace:
    """Expected seconds of stages; an estimate for a person alone, which no result and no order depends on.

    Parameters
    ----------
    slower : float
        How many times as long as `Stage.seconds` says work is expected to take here.

    Examples
    --------
    >>> pace = Pace(2.0)
    >>> train, attack = (
    ...     Stage(kind, "", (), lambda: None, seconds=100.0, kind=kind) for kind in ("training", "attacks")
    ... )
    >>> pace.expected(train)
    200.0
    >>> pace.finished(train, 400.0)
    >>> round(pace.expected(train)), round(pace.expected(attack))
    (400, 398)
    """

    def __init__(self, slower: float = 1.0) -> None:
        self._slower = slower
        self._expected: defaultdict[str, float] = defaultdict(float)
        self._observed: defaultdict[str, float] = defaultdict(float)

    def expected(self, stage: Stage) -> float:
        """Seconds that a stage is expected to take, by what others of its kind took, or any where none has finished."""
        whole = self._ratio(sum(self._observed.values()), sum(self._expected.values()), 1.0)
        own = self._ratio(self._observed[stage.kind], self._expected[stage.kind], whole)
        return stage.seconds * self._slower * own

    def finished(self, stage: Stage, seconds: float) -> None:
        """Learn from a stage that took so long."""
        self._expected[stage.kind] += stage.seconds * self._slower
        self._observed[stage.kind] += seconds

    def _ratio(self, observed: float, expected: float, prior: float) -> float:
        return (observed + PRIOR * prior) / (expected + PRIOR)
