"""From evidence to the numbers whose group means a question compares, whatever the metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.findings.questions import Attack, Question
from fairtoll.metrics import METRICS, Metric, intersect
from fairtoll.metrics.metric import NotMeasurableError

#: What one reading of the evidence gives: arrays by name, each (S, n, ...), and the n row numbers.
Reading = tuple[Mapping[str, NDArray[Any]], NDArray[np.int64]]


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

    Examples
    --------
    >>> Outcomes(np.ones((2, 3)), None, np.arange(3)).mean
    1.0
    """

    values: NDArray[np.float64]
    included: NDArray[np.bool_] | None
    rows: NDArray[np.int64]
    censored: float = 0.0
    missing: str | None = None

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
    computable = {name: one for name, one in METRICS.items() if {*_READINGS} & {*one.needs} and _known(one)}
    if question.metric not in computable:
        raise FairtollError(f"unknown metric '{question.metric}'; expected one of {', '.join(computable)}")
    return computable[question.metric]


def outcomes_of(evidence: Evidence, arm: str, question: Question) -> Outcomes:
    """The numbers of one arm, of every row that its attack covers.

    Raises
    ------
    FairtollError
        If the evidence lacks the arm, the attack or the class, the metric is unknown, or the question lacks what the
        metric needs or has what it has no use for.
    """
    metric = metric_of(question)
    given = _parameters(evidence, metric, question)
    measured, covered = _measure(evidence, arm, question, metric.needs)
    kept, rows = _restrict(evidence, question, covered)
    measured = {name: values[:, kept] for name, values in measured.items()}
    right = _correct(evidence, arm, rows) if question.denominator == "correct" or "correct" in metric.needs else None
    included = right if question.denominator == "correct" else None
    shape = next(iter(measured.values())).shape[:2]
    counted = np.ones(shape, dtype=np.bool_) if included is None else included
    by_run = {**measured, "counted": counted} | ({} if right is None else {"correct": right})
    given["labels"] = evidence.labels[rows]
    censored = 0.0
    if metric.scale == "amount" and "censored" in measured:
        # Radii that are lower limits count with the largest radius; rates derived from them hold no limits.
        censored = float((measured["censored"] & counted).sum() / max(counted.sum(), 1))
    outcomes = []
    for run in range(shape[0]):
        known = given | {name: values[run] for name, values in by_run.items()}
        try:
            outcomes.append(metric.outcome(**{name: known[name] for name in metric.needs}))
        except NotMeasurableError as error:
            missing = f"training run {run + 1} of '{arm}': {error}"
            return Outcomes(np.zeros(shape), included, rows, censored, missing)
    return Outcomes(np.stack(outcomes).astype(np.float64), included, rows, censored)


def groups_of(evidence: Evidence, question: Question, rows: NDArray[np.int64]) -> NDArray[Any]:
    """The group of each of `rows`, `(n,)` of text."""
    columns = [evidence.partition(part) for part in question.partition.split(" & ")]
    groups = columns[0] if len(columns) == 1 else intersect(*columns)
    return np.asarray(groups[rows])


def _parameters(evidence: Evidence, metric: Metric, question: Question) -> dict[str, Any]:
    """The question's target class and rate, as far as the metric has such; checks the rest of it."""
    if metric.needs_attack and question.attack is None:
        raise FairtollError(f"{metric.name} needs an attack; give the question one")
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


def _measure(evidence: Evidence, arm: str, question: Question, needs: Sequence[str]) -> Reading:
    """Whatever of `needs` is measured for each run and row, and the rows that all of it covers."""
    found: dict[str, NDArray[Any]] = {}
    covered: NDArray[np.int64] | None = None
    for read in dict.fromkeys(_READINGS[name] for name in needs if name in _READINGS):
        values, rows = read(evidence, arm, question)
        if covered is not None and not np.array_equal(covered, rows):
            raise FairtollError(
                f"predictions and attack of '{arm}' cover different rows; expected the same rows in both for "
                f"{question.metric}; evaluate both on the same rows"
            )
        covered = rows
        found |= {name: array for name, array in values.items() if name in needs}
    assert covered is not None
    return found, covered


def _read_predictions(evidence: Evidence, arm: str, question: Question) -> Reading:
    attack = question.attack
    if attack is None:
        probabilities, rows = evidence.probabilities(arm), np.arange(len(evidence.rows))
    else:
        probabilities, rows = evidence.probabilities_of_rows(
            arm, evaluation=attack.evaluation, threat=attack.threat, epsilon=attack.epsilon
        )
    return {"probabilities": probabilities, "predicted": probabilities.argmax(axis=2)}, rows


def _read_success(evidence: Evidence, arm: str, question: Question) -> Reading:
    success, rows = evidence.success_of_rows(arm, **_address(question.attack))
    return {"success": success}, rows


def _read_least_epsilon(evidence: Evidence, arm: str, question: Question) -> Reading:
    least, censored, rows = evidence.least_epsilon(arm, **_address(question.attack))
    return {"least_epsilon": least, "censored": censored}, rows


_READINGS: dict[str, Callable[[Evidence, str, Question], Reading]] = {
    "probabilities": _read_predictions,
    "predicted": _read_predictions,
    "success": _read_success,
    "least_epsilon": _read_least_epsilon,
    "censored": _read_least_epsilon,
}
#: What is known of rows beside what is measured.
_GIVEN = {"labels", "correct", "counted", "target", "rate"}


def _known(metric: Metric) -> bool:
    return {*metric.needs} <= {*_READINGS} | _GIVEN


def _address(attack: Attack | None) -> dict[str, Any]:
    assert attack is not None
    return {
        "evaluation": attack.evaluation,
        "threat": attack.threat,
        "attack": attack.name,
        "epsilon": attack.epsilon,
    }


def _restrict(
    evidence: Evidence, question: Question, covered: NDArray[np.int64]
) -> tuple[slice | NDArray[np.intp], NDArray[np.int64]]:
    """Positions among the covered rows that the question is about, and their row numbers."""
    if question.label is None:
        return slice(None), covered
    kept = np.flatnonzero(evidence.labels[covered] == _class_index(evidence, question.label))
    if not len(kept):
        raise FairtollError(f"no row has the true class '{question.label}'; expected at least one")
    return kept, covered[kept]


def _correct(evidence: Evidence, arm: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are classified correctly unattacked, `(S, n)`."""
    return np.asarray(evidence.probabilities(arm)[:, rows].argmax(axis=2) == evidence.labels[rows])


def _class_index(evidence: Evidence, name: str) -> int:
    if name not in evidence.class_names:
        raise FairtollError(f"unknown class '{name}'; the data has {', '.join(evidence.class_names)}")
    return evidence.class_names.index(name)
