"""From evidence to the numbers whose group means a question compares, whatever the metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.findings.questions import Question
from fairtoll.findings.readings import MEASURED, Readings
from fairtoll.metrics import METRICS, Metric
from fairtoll.metrics.metric import NotMeasurableError

#: What a metric's outcome may need beside what is measured.
GIVEN = {"labels", "correct", "counted", "target", "rate"}


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One arm's numbers for one question.

    Attributes
    ----------
    values : ndarray, (S, n)
        The metric's outcome of n rows in S training runs.
    included : ndarray of bool, (S, n), optional
        Rows that count in each run.
    rows : ndarray of int, (n,)
        Their row numbers, ascending.
    censored : float
        Share of the counted values that are lower limits.
    missing : str, optional
        Why the question has no answer for this arm; then `values` mean nothing.
    runs : tuple
        Names of the training runs; their positions where none are given.
    ends : pair of ndarray, each (S, n), optional
        Where proofs are known: the smallest and the largest value that each row may have.

    Examples
    --------
    >>> Outcomes(np.ones((2, 3)), None, np.arange(3)).take([0]).values.shape
    (1, 3)
    """

    values: NDArray[np.float64]
    included: NDArray[np.bool_] | None
    rows: NDArray[np.int64]
    censored: float = 0.0
    missing: str | None = None
    runs: tuple[Any, ...] = ()
    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def __post_init__(self) -> None:
        if not self.runs:
            object.__setattr__(self, "runs", tuple(range(len(self.values))))

    def take(self, positions: Sequence[int]) -> Outcomes:
        """The same of some training runs."""
        if len(positions) == len(self.values) and list(positions) == list(range(len(self.values))):
            return self
        chosen = list(positions)
        included = None if self.included is None else self.included[chosen]
        runs = tuple(self.runs[position] for position in chosen)
        ends = None if self.ends is None else (self.ends[0][chosen], self.ends[1][chosen])
        return replace(self, values=self.values[chosen], included=included, runs=runs, ends=ends)

    def slack(self, groups: NDArray[np.intp]) -> float:
        """By how much the plain gap may be off through rows that are neither broken nor proved, in the mean over runs.

        The largest width of a group's mean: no gap of means moves further when each mean moves within its own.

        Examples
        --------
        >>> none, half = np.zeros((1, 4)), np.array([[0.0, 1.0, 0.0, 0.0]])
        >>> Outcomes(none, None, np.arange(4), ends=(none, half)).slack(np.array([0, 0, 1, 1]))
        0.5
        """
        if self.ends is None:
            return 0.0
        widths = []
        for run, width in enumerate(self.ends[1] - self.ends[0]):
            counts = np.ones(len(width)) if self.included is None else self.included[run].astype(float)
            sizes = np.bincount(groups, weights=counts)
            sums = np.bincount(groups, weights=np.where(counts > 0, width * counts, 0.0))
            widths.append(float((sums[sizes > 0] / sizes[sizes > 0]).max(initial=0.0)))
        return float(np.mean(widths))

    @property
    def mean(self) -> float:
        """Mean over the counted rows, averaged over training runs."""
        return float(np.mean([run.mean() if len(run) else 0.0 for run in self._counted()]))

    def _counted(self) -> list[NDArray[np.float64]]:
        if self.included is None:
            return list(self.values)
        return [run[counts] for run, counts in zip(self.values, self.included, strict=True)]


def metric_of(question: Question) -> Metric:
    """The record of the question's metric.

    Raises
    ------
    FairtollError
        If there is no such metric, or it is not one of evidence.

    Examples
    --------
    >>> metric_of(Question("cau", "class")).symbol
    'CAU'
    """
    metric = METRICS.get(question.metric)
    if metric is None or not _computable(metric):
        computable = ", ".join(name for name, one in METRICS.items() if _computable(one))
        raise FairtollError(f"unknown metric '{question.metric}'; expected one of {computable}")
    return metric


def outcomes_of(readings: Readings, arm: str, question: Question) -> Outcomes:
    """The numbers of one arm, of every row that its attack covers.

    Raises
    ------
    FairtollError
        If the evidence lacks the arm, the attack or the class, the metric is unknown, or the question lacks what the
        metric needs or has what it has no use for.
    """
    metric, evidence = metric_of(question), readings.evidence
    given = _parameters(evidence, metric, question)
    proofs = metric.ends_need if readings.has_proofs(arm, question.measured_under) else ()
    measured, covered = readings.read(arm, question.measured_under, (*metric.needs, *proofs))
    kept, rows = _restrict(evidence, question, covered)
    if not len(rows):
        count = len(next(iter(measured.values())))
        missing = f"no row has the true class '{question.label}'"
        return Outcomes(np.zeros((count, 0)), None, rows, missing=missing)
    measured = {name: values[:, kept] for name, values in measured.items()}
    right = readings.correct(arm, rows) if question.denominator == "correct" or "correct" in metric.needs else None
    included = right if question.denominator == "correct" else None
    shape = next(iter(measured.values())).shape[:2]
    runs = tuple(readings.training_runs(arm, question.measured_under, metric.needs))
    counted = np.ones(shape, dtype=np.bool_) if included is None else included
    by_run = {**measured, "counted": counted} | ({} if right is None else {"correct": right})
    given["labels"] = evidence.labels[rows]
    censored = 0.0
    if metric.scale == "amount" and "censored" in measured:
        # Radii that are lower limits count with the largest radius; rates derived from them hold no limits.
        censored = float((measured["censored"] & counted).sum() / max(counted.sum(), 1))
    outcomes: list[NDArray[Any]] = []
    ends: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for run in range(shape[0]):
        known = given | {name: values[run] for name, values in by_run.items()}
        try:
            outcomes.append(metric.outcome(**{name: known[name] for name in metric.needs}))
        except NotMeasurableError as error:
            missing = f"training run {run + 1} of '{arm}': {error}"
            return Outcomes(np.zeros(shape), included, rows, censored, missing, runs)
        if proofs and metric.ends is not None:
            ends.append(metric.ends(**{name: known[name] for name in proofs}))
    low, high = (np.stack(one).astype(np.float64) for one in zip(*ends, strict=True)) if ends else (None, None)
    both = None if low is None or high is None else (low, high)
    return Outcomes(np.stack(outcomes).astype(np.float64), included, rows, censored, runs=runs, ends=both)


def _computable(metric: Metric) -> bool:
    return {*metric.needs} <= {*MEASURED} | GIVEN and not {*MEASURED}.isdisjoint(metric.needs)


def _parameters(evidence: Evidence, metric: Metric, question: Question) -> dict[str, Any]:
    """The question's target class and rate, as far as the metric has such; checks the rest of it."""
    if metric.needs_attack and question.attack is None:
        raise FairtollError(f"{metric.name} needs an attack; give the question one")
    if metric.needs_claims != (question.certificate is not None):
        wanted = (
            "needs a certificate; give the question one"
            if metric.needs_claims
            else ("has a certificate; expected none; leave it out of the question")
        )
        raise FairtollError(f"{metric.name} {wanted}")
    if question.denominator is not None and question.denominator not in metric.denominators:
        allowed = " or ".join(f"'{one}'" for one in metric.denominators) or "none"
        raise FairtollError(
            f"{metric.name} has the denominator '{question.denominator}'; expected {allowed}; change the question"
        )
    for name, value in (("target", question.target), ("rate", question.rate)):
        if value is not None and name not in metric.needs:
            raise FairtollError(f"{metric.name} has the {name} {value}; expected none; leave it out of the question")
    given: dict[str, Any] = {}
    if "target" in metric.needs:
        if question.target is None:
            raise FairtollError(f"{metric.name} needs a target class; give the question one")
        given["target"] = _class_index(evidence, question.target)
    if "rate" in metric.needs:
        if question.rate is None or not 0 < question.rate < 1:
            raise FairtollError(
                f"{metric.name} has the rate {question.rate}; expected a mean success rate between 0 and 1"
            )
        given["rate"] = question.rate
    return given


def _restrict(
    evidence: Evidence, question: Question, covered: NDArray[np.int64]
) -> tuple[slice | NDArray[np.intp], NDArray[np.int64]]:
    """Positions among the covered rows that the question is about, and their row numbers."""
    if question.label is None:
        return slice(None), covered
    kept = np.flatnonzero(evidence.labels[covered] == _class_index(evidence, question.label))
    return kept, covered[kept]


def _class_index(evidence: Evidence, name: str) -> int:
    if name not in evidence.class_names:
        raise FairtollError(f"unknown class '{name}'; the data has {', '.join(evidence.class_names)}")
    return evidence.class_names.index(name)
