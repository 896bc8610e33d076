"""Judging how far two arms' gaps differ: at each look at their training runs, until it is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.findings import results
from fairtoll.findings.outcomes import Outcomes
from fairtoll.findings.questions import Comparison, Question
from fairtoll.findings.spreads import stored_spread
from fairtoll.findings.units import spoken
from fairtoll.metrics import Metric
from fairtoll.statistics import (
    Difference,
    InsufficientDataError,
    Interval,
    Judgement,
    Look,
    Needed,
    VerdictKind,
    difference,
    judge,
    state_verdict,
    systematic_difference,
)
from fairtoll.statistics.verdict import MINIMUM_RUNS

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rules:
    """How differences are judged.

    Attributes
    ----------
    sequential : bool
        Whether training runs are added until a comparison is decided, so that every look has a share of the error.
    paired : bool
        Whether run k of every arm shares its initial weights and batches.
    minimum_rows : int
        Smaller groups are excluded from gaps.
    margins : mapping of str to float
        By metric, in place of its own `Metric.margin`.

    Examples
    --------
    >>> from fairtoll.metrics import METRICS
    >>> Rules(margins={"cau": 0.02}).margin_for(METRICS["cau"], 0.5)
    0.02
    """

    sequential: bool = False
    paired: bool = False
    minimum_rows: int = 10
    margins: Mapping[str, float] = field(default_factory=dict)

    def margin_for(self, metric: Metric, standard_mean: float) -> float:
        """The largest difference of a metric that does not matter, given the standard arm's mean outcome."""
        return replace(metric, margin=self.margins.get(metric.name, metric.margin)).margin_for(standard_mean)


def count_judgements(plan: Iterable[tuple[Comparison, Question]]) -> Counter[tuple[str, str]]:
    """How many judgements each (protocol, metric) has: a question is judged from the control too where there is one.

    Examples
    --------
    >>> with_control = Comparison("sound", "standard", "online", control="online-noise")
    >>> count_judgements([(with_control, Question("cau", "class")), (with_control, Question("cau", "sex"))])
    Counter({('sound', 'cau'): 4})
    """
    counts: Counter[tuple[str, str]] = Counter()
    for comparison, question in plan:
        counts[comparison.protocol, question.metric] += 1 if comparison.control is None else 2
    return counts


@dataclass(frozen=True, eq=False)
class Compared:
    """Two arms' numbers for one question, over the rows that both cover.

    Attributes
    ----------
    base, robust : Outcomes
        The arm that is compared with, and the robust one.
    groups : ndarray of int, (n,)
        Each row's group.
    metric : Metric
        Which definition.
    margin : float
        The largest difference that does not matter.
    family : int
        Judgements that share the error.
    rules : Rules
        How it is judged.
    """

    base: Outcomes
    robust: Outcomes
    groups: NDArray[np.intp]
    metric: Metric
    margin: float
    family: int
    rules: Rules

    @cached_property
    def common(self) -> tuple[list[int], list[int]]:
        """Positions in each arm of the training runs that both have, in order."""
        both = [run for run in self.base.runs if run in set(self.robust.runs)]
        return [self.base.runs.index(run) for run in both], [self.robust.runs.index(run) for run in both]

    @cached_property
    def judgement(self) -> Judgement | None:
        """The verdict at its look; None where there are too few groups with enough rows."""
        if self.base.missing or self.robust.missing:
            return None
        return judge(
            self.difference,
            runs=self.count,
            margin=self.margin,
            family=self.family,
            sequential=self.rules.sequential,
            confidence=CONFIDENCE,
        )

    @property
    def count(self) -> int:
        """Training runs that may be looked at: those of both arms where they are paired."""
        if self.rules.paired:
            return len(self.common[0])
        return min(len(self.base.runs), len(self.robust.runs))

    def difference(self, runs: int, confidence: float) -> Difference | None:
        """The difference of the first so many runs."""
        return self._compute(difference, runs, confidence)

    def systematic(self, runs: int, confidence: float) -> Difference | None:
        """The same of the gaps of mean group values."""
        return self._compute(systematic_difference, runs, confidence)

    def taken(self, runs: int) -> tuple[Sequence[int], Sequence[int]]:
        """Positions in each arm of the first so many runs; all of them where runs are not paired nor added."""
        if self.rules.paired:
            return self.common[0][:runs], self.common[1][:runs]
        if not self.rules.sequential:
            return range(len(self.base.runs)), range(len(self.robust.runs))
        return range(runs), range(runs)

    def _compute(self, compute: Any, runs: int, confidence: float) -> Difference | None:
        first, second = self.taken(runs)
        base, robust = self.base.take(first), self.robust.take(second)
        try:
            found: Difference = compute(
                base.values,
                robust.values,
                self.groups,
                standard_included=base.included,
                robust_included=robust.included,
                paired=self.rules.paired,
                confidence=confidence,
                minimum_rows=self.rules.minimum_rows,
                rates=self.metric.rates,
            )
        except InsufficientDataError:
            return None
        return self.widened(found, first, second)

    def widened(self, found: Difference, first: Sequence[int], second: Sequence[int]) -> Difference:
        """Within the metric's range, and with all that rows that are neither broken nor proved may move the gaps."""
        slack = self.slack(first, second)
        return replace(found, below=found.below + slack, above=found.above + slack, limit=self.metric.upper_limit)

    def slack(self, first: Sequence[int], second: Sequence[int]) -> float:
        """By how much the difference may be off through such rows, of these runs of either arm."""
        return self.base.take(first).slack(self.groups) + self.robust.take(second).slack(self.groups)


def describe_difference(
    compared: Compared, arms: tuple[str, str], names: Sequence[str], *, limits: str = ""
) -> results.Difference | None:
    """The judgement as a report shows it; `limits` is added to the reason.

    Parameters
    ----------
    arms : (str, str)
        What the arm that is compared with and the robust one are called.
    names : sequence of str
        Of the groups.
    """
    judgement = compared.judgement
    if judgement is None:
        return None
    last = judgement.looks[-1]
    found = last.difference
    first, second = (
        f"{arm}: {names[high]} over {names[low]}"
        for arm, high, low in (
            (arms[0], found.standard_highest, found.standard_lowest),
            (arms[1], found.robust_highest, found.robust_lowest),
        )
    )
    slack = compared.slack(*compared.taken(last.runs))
    bracketed = compared.base.ends is not None and compared.robust.ends is not None
    open_ = last.verdict.kind == VerdictKind.INCONCLUSIVE
    return results.Difference(
        standard=found.standard,
        robust=found.robust,
        value=found.value,
        interval=ends(found.interval),
        confidence=found.confidence,
        p_value=judgement.p_value,
        plain=found.plain,
        proved=(found.plain - slack, found.plain + slack) if bracketed else None,
        row_error=found.row_error,
        least_detectable=found.least_detectable(compared.margin),
        runs=last.runs,
        share=last.share,
        paired=compared.rules.paired,
        verdict=last.verdict.kind.value,
        reason="; ".join(
            part
            for part in (describe_reason(last, compared.metric, compared.margin), _open_rows(slack, compared), limits)
            if part
        ),
        path=[_look(look) for look in judgement.looks],
        needed=describe_needed(judgement.needed, len(compared.groups)) if open_ else None,
        systematic=_systematic(compared, last),
        groups=f"{first}; {second}",
        spread=stored_spread(found.spread),
    )


def describe_reason(last: Look, metric: Metric, margin: float) -> str:
    """Why the verdict is what it is, in the metric's unit."""
    found, unit = last.difference, spoken(metric.name)
    runs = min(found.standard_runs, found.robust_runs)
    said = (
        f"the difference of gaps is {unit.change(found.value)}{unit.name}, from {unit.change_of(ends(found.interval))}"
    )
    allowed = f"{unit.number(margin)}{unit.name}"
    if runs == 1:
        return f"one training run: {said} over rows alone, and another run may differ"
    if runs < MINIMUM_RUNS:
        return f"two training runs: {said}, but two say too little about how far another may differ"
    match last.verdict.kind:
        case VerdictKind.LESS_FAIR:
            return f"{said}, above the margin of {allowed}"
        case VerdictKind.FAIRER:
            return f"{said}, below minus the margin of {allowed}"
        case VerdictKind.EQUIVALENT:
            return f"{said}, and by two one-sided tests within the margin of {allowed}"
    least = found.least_detectable(margin)
    if least > metric.upper_limit:
        return f"{said}; the largest difference that there can be would often not have been shown"
    return f"{said}; a difference under {unit.number(least)}{unit.name} would often not have been shown"


def _open_rows(slack: float, compared: Compared) -> str:
    """What rows that are neither broken nor proved mean for the difference, where there are any."""
    if not slack:
        return ""
    unit = spoken(compared.metric.name)
    return f"rows that are neither broken nor proved robust may move it by {unit.number(slack)}{unit.name} either way"


def ends(interval: Interval) -> tuple[float, float]:
    """An interval as results have it."""
    return interval.low, interval.high


def describe_needed(needed: Needed | None, rows: int) -> results.Needed | None:
    """In numbers of rows, to two digits: an estimate is not known better."""
    if needed is None:
        return None
    if needed.rows is None:
        return results.Needed(runs=needed.runs, rows=None, sentence=needed.sentence)
    number = float(f"{needed.rows * rows:.2g}")
    begin = needed.sentence.partition(";")[0]
    sentence = f"{begin}; about {number:,.0f} rows of this kind would, instead of {rows:,}"
    return results.Needed(runs=None, rows=round(number), sentence=sentence)


def _look(look: Look) -> results.Look:
    return results.Look(
        runs=look.runs,
        value=look.difference.value,
        interval=ends(look.difference.interval),
        confidence=look.difference.confidence,
        verdict=look.verdict.kind.value,
    )


def _systematic(compared: Compared, last: Look) -> results.Systematic | None:
    found = compared.systematic(last.runs, last.difference.confidence)
    if found is None:
        return None
    return results.Systematic(
        standard=found.standard,
        robust=found.robust,
        value=found.value,
        interval=ends(found.interval),
        verdict=state_verdict(found, margin=compared.margin).kind.value,
    )
