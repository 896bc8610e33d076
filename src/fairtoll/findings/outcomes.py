"""From evidence to the numbers whose group means a question compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.findings.questions import Attack, Question
from fairtoll.metrics import intersect

#: Metrics whose group means are rates; least epsilon has a unit, and confidences are told by their values.
RATES: dict[str, bool | None] = {
    "cau": True,
    "cru_s": True,
    "cru_s_matched": True,
    "cru_epsilon": False,
    "cru_epsilon_relative": False,
    "eou": None,
    "equalized_odds_rate": True,
}


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One arm's numbers for one question.

    Attributes
    ----------
    values : ndarray, (S, n)
        Correctness, success, least epsilon, confidence or prediction of n rows in S training runs.
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


def outcomes_of(evidence: Evidence, arm: str, question: Question) -> Outcomes:
    """The numbers of one arm, of every row that its attack covers.

    Raises
    ------
    FairtollError
        If the evidence lacks the arm, the attack or the class, or the metric is unknown.
    """
    if question.metric not in RATES:
        raise FairtollError(f"unknown metric '{question.metric}'; expected one of {', '.join(RATES)}")
    if question.metric in ("cru_epsilon", "cru_epsilon_relative", "cru_s_matched"):
        return _least_epsilons(evidence, arm, question)
    if question.metric == "cru_s":
        attack = _attack_of(question)
        success, covered = evidence.success_of_rows(
            arm, evaluation=attack.evaluation, threat=attack.threat, attack=attack.name, epsilon=attack.epsilon
        )
        kept, rows = _restrict(evidence, question, covered)
        included = _correct(evidence, arm, rows) if question.denominator == "correct" else None
        return Outcomes(success[:, kept].astype(np.float64), included, rows)
    probabilities, covered = _probabilities(evidence, arm, question)
    kept, rows = _restrict(evidence, question, covered)
    if question.metric == "cau":
        correct = probabilities[:, kept].argmax(axis=2) == evidence.labels[rows]
        return Outcomes(correct.astype(np.float64), None, rows)
    if question.target is None:
        raise FairtollError(f"{question.metric} needs a target class; give the question one")
    target = _class_index(evidence, question.target)
    if question.metric == "eou":
        return Outcomes(probabilities[:, kept, target], None, rows)
    return Outcomes((probabilities[:, kept].argmax(axis=2) == target).astype(np.float64), None, rows)


def groups_of(evidence: Evidence, question: Question, rows: NDArray[np.int64]) -> NDArray[Any]:
    """The group of each of `rows`, `(n,)` of text."""
    columns = [evidence.partition(part) for part in question.partition.split(" & ")]
    groups = columns[0] if len(columns) == 1 else intersect(*columns)
    return np.asarray(groups[rows])


def match_rate(
    least: NDArray[np.float64], censored: NDArray[np.bool_], counted: NDArray[np.bool_], *, rate: float
) -> NDArray[np.float64]:
    """Success of each row at the radius that breaks a share `rate` of the counted rows, `(n,)`.

    Least epsilon is known to a tolerance, so rows share values: those tied at that radius succeed with the
    share that makes the mean over counted rows `rate` exactly.

    Examples
    --------
    >>> none = np.zeros(4, dtype=bool)
    >>> match_rate(np.array([0.0, 0.1, 0.2, 0.2]), none, ~none, rate=0.75).tolist()
    [1.0, 1.0, 0.5, 0.5]
    """
    radius = np.where(censored, np.inf, least)
    wanted = rate * counted.sum()
    edge = np.sort(radius[counted])[int(np.ceil(wanted)) - 1]
    below, tied = radius < edge, radius == edge
    share = (wanted - (below & counted).sum()) / (tied & counted).sum()
    return np.asarray(below + share * tied, dtype=np.float64)


def _least_epsilons(evidence: Evidence, arm: str, question: Question) -> Outcomes:
    attack = _attack_of(question)
    least, stood, covered = evidence.least_epsilon(
        arm, evaluation=attack.evaluation, threat=attack.threat, attack=attack.name, epsilon=attack.epsilon
    )
    kept, rows = _restrict(evidence, question, covered)
    least, stood = least[:, kept], stood[:, kept]
    included = _correct(evidence, arm, rows) if question.denominator == "correct" else None
    counted = np.ones_like(stood) if included is None else included
    censored = float((stood & counted).sum() / max(counted.sum(), 1))
    found = Outcomes(least, included, rows, censored)
    if question.metric == "cru_s_matched":
        return _matched(found, stood, counted, arm, question)
    told = (counted & ~stood & (least > 0)).any(axis=1)
    if not told.all():
        missing = (
            f"no counted row of '{arm}' breaks between 0 and {attack.epsilon:g} in some training run: each is "
            "misclassified unattacked or stands at the largest radius"
        )
        return Outcomes(least, included, rows, censored, missing)
    if question.metric == "cru_epsilon":
        return found
    means = np.array([run[counts].mean() for run, counts in zip(least, counted, strict=True)])
    return Outcomes(least / means[:, np.newaxis], included, rows, censored)


def _matched(
    found: Outcomes, stood: NDArray[np.bool_], counted: NDArray[np.bool_], arm: str, question: Question
) -> Outcomes:
    """Success at the radius that breaks the asked share of rows in each run, where there is one."""
    rate = question.rate
    if rate is None or not 0 < rate < 1:
        raise FairtollError(f"cru_s_matched has the rate {rate}; expected a mean success rate between 0 and 1")
    totals = np.maximum(counted.sum(axis=1), 1)
    wrong = float((((found.values == 0) & counted).sum(axis=1) / totals).max())
    broken = float(((~stood & counted).sum(axis=1) / totals).min())
    if not wrong < rate < broken:
        missing = (
            f"a mean success rate of {rate:g} cannot be had on '{arm}': unattacked {wrong:.3g} of its counted rows "
            f"are misclassified, and {broken:.3g} break at the largest radius (of its training runs, the extreme)"
        )
        return Outcomes(found.values, found.included, found.rows, found.censored, missing)
    runs = [
        match_rate(least, stands, counts, rate=rate)
        for least, stands, counts in zip(found.values, stood, counted, strict=True)
    ]
    return Outcomes(np.stack(runs), found.included, found.rows)


def _restrict(
    evidence: Evidence, question: Question, covered: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Positions among the covered rows that the question is about, and their row numbers."""
    if question.label is None:
        return np.arange(len(covered)), covered
    kept = np.flatnonzero(evidence.labels[covered] == _class_index(evidence, question.label))
    if not len(kept):
        raise FairtollError(f"no row has the true class '{question.label}'; expected at least one")
    return kept, covered[kept]


def _attack_of(question: Question) -> Attack:
    if question.attack is None:
        raise FairtollError(f"{question.metric} needs an attack; give the question one")
    return question.attack


def _correct(evidence: Evidence, arm: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are classified correctly unattacked, `(S, n)`."""
    return np.asarray(evidence.probabilities(arm)[:, rows].argmax(axis=2) == evidence.labels[rows])


def _probabilities(evidence: Evidence, arm: str, question: Question) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if question.attack is None:
        return evidence.probabilities(arm), np.arange(len(evidence.rows))
    attack = question.attack
    return evidence.probabilities_of_rows(
        arm, evaluation=attack.evaluation, threat=attack.threat, epsilon=attack.epsilon
    )


def _class_index(evidence: Evidence, name: str) -> int:
    if name not in evidence.class_names:
        raise FairtollError(f"unknown class '{name}'; the data has {', '.join(evidence.class_names)}")
    return evidence.class_names.index(name)
