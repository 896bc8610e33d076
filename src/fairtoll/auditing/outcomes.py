"""From evidence to the numbers whose group means a question compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.auditing.questions import Question
from fairtoll.errors import FairtollError
from fairtoll.evidence import Evidence
from fairtoll.metrics import intersect


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One arm's numbers for one question.

    Attributes
    ----------
    values : ndarray, (S, n)
        Correctness, success, confidence or prediction of n rows in S training runs.
    included : ndarray of bool, (S, n), optional
        Rows that count in each run.

    Examples
    --------
    >>> Outcomes(np.ones((2, 3)), None).values.shape
    (2, 3)
    """

    values: NDArray[np.float64]
    included: NDArray[np.bool_] | None


def rows_of(evidence: Evidence, question: Question) -> NDArray[np.intp]:
    """Positions of the rows a question is about."""
    if question.label is None:
        return np.arange(len(evidence.rows))
    found = np.flatnonzero(evidence.labels == _class_index(evidence, question.label))
    if not len(found):
        raise FairtollError(f"no row has the true class '{question.label}'; expected at least one")
    return found


def groups_of(evidence: Evidence, question: Question) -> NDArray[Any]:
    """The group of each of those rows, `(n,)` of text."""
    columns = [evidence.partition(part) for part in question.partition.split(" & ")]
    groups = columns[0] if len(columns) == 1 else intersect(*columns)
    return np.asarray(groups[rows_of(evidence, question)])


def outcomes_of(evidence: Evidence, arm: str, question: Question) -> Outcomes:
    """The numbers of one arm.

    Raises
    ------
    FairtollError
        If the evidence lacks the arm, the attack or the class, or the metric is unknown.
    """
    rows = rows_of(evidence, question)
    labels = evidence.labels[rows]
    if question.metric == "cau":
        predictions = _probabilities(evidence, arm, question)[:, rows].argmax(axis=2)
        return Outcomes((predictions == labels).astype(np.float64), None)
    if question.metric == "cru_s":
        attack = question.attack
        if attack is None:
            raise FairtollError("a success rate needs an attack; give the question one")
        success = evidence.success(
            arm, evaluation=attack.evaluation, threat=attack.threat, attack=attack.name, epsilon=attack.epsilon
        )[:, rows].astype(np.float64)
        if question.denominator != "correct":
            return Outcomes(success, None)
        clean = evidence.probabilities(arm)[:, rows].argmax(axis=2)
        return Outcomes(success, clean == labels)
    if question.metric in ("eou", "equalized_odds_rate"):
        if question.target is None:
            raise FairtollError(f"{question.metric} needs a target class; give the question one")
        target = _class_index(evidence, question.target)
        probabilities = _probabilities(evidence, arm, question)[:, rows]
        if question.metric == "eou":
            return Outcomes(probabilities[:, :, target], None)
        return Outcomes((probabilities.argmax(axis=2) == target).astype(np.float64), None)
    raise FairtollError(f"unknown metric '{question.metric}'; expected cau, cru_s, eou or equalized_odds_rate")


def _probabilities(evidence: Evidence, arm: str, question: Question) -> NDArray[np.float64]:
    if question.attack is None:
        return evidence.probabilities(arm)
    attack = question.attack
    return evidence.probabilities(arm, evaluation=attack.evaluation, threat=attack.threat, epsilon=attack.epsilon)


def _class_index(evidence: Evidence, name: str) -> int:
    if name not in evidence.class_names:
        raise FairtollError(f"unknown class '{name}'; the data has {', '.join(evidence.class_names)}")
    return evidence.class_names.index(name)
