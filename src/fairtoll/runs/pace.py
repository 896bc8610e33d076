"""How long stages take on this machine: expected at first, corrected as others of their kind finish."""

from __future__ import annotations

from collections import defaultdict

from fairtoll.runs.stages import Stage

#: Seconds of finished work that count as much as what was expected beforehand.
PRIOR = 2.0
#: Kinds of work that run no model: how long a network takes here says nothing of them, and they say nothing of it.
WITHOUT_MODELS = ("statistics", "report", "other")


class Pace:
    """Expected seconds of stages; an estimate for a person alone, which no result and no order depends on.

    Parameters
    ----------
    slower : float
        How many times as long as `Stage.seconds` says work with models is expected to take here.

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
    >>> pace.expected(Stage("report", "", (), lambda: None, seconds=10.0, kind="report"))
    10.0
    """

    def __init__(self, slower: float = 1.0) -> None:
        self._slower = slower
        self._expected: defaultdict[str, float] = defaultdict(float)
        self._observed: defaultdict[str, float] = defaultdict(float)

    def expected(self, stage: Stage) -> float:
        """Seconds that a stage is expected to take, by what others of its kind took.

        Where none has finished, of those with models by what any of them took.
        """
        whole = 1.0
        if stage.kind not in WITHOUT_MODELS:
            of_models = [kind for kind in self._expected if kind not in WITHOUT_MODELS]
            observed, expected = (sum(one[kind] for kind in of_models) for one in (self._observed, self._expected))
            whole = self._ratio(observed, expected, 1.0)
        own = self._ratio(self._observed[stage.kind], self._expected[stage.kind], whole)
        return self._beforehand(stage) * own

    def finished(self, stage: Stage, seconds: float) -> None:
        """Learn from a stage that took so long."""
        self._expected[stage.kind] += self._beforehand(stage)
        self._observed[stage.kind] += seconds

    def _beforehand(self, stage: Stage) -> float:
        return stage.seconds * (1.0 if stage.kind in WITHOUT_MODELS else self._slower)

    def _ratio(self, observed: float, expected: float, prior: float) -> float:
        return (observed + PRIOR * prior) / (expected + PRIOR)
