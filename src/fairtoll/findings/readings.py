"""What questions read from evidence, each array once however many questions need it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.refuted import largest_proved
from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.questions import Attack, Certificate

#: Arrays by the name that a metric's outcome has for them, each (S, n, ...), and the n row numbers.
Reading = tuple[Mapping[str, NDArray[Any]], NDArray[np.int64]]
#: What was measured beside clean rows; None: they alone.
Under = Attack | Certificate | None


class Readings:
    """One evidence, read once for all questions.

    Predicted classes are kept for every arm and attack; probabilities, C times as large, for the attack that was read
    last of each arm.

    Parameters
    ----------
    evidence : Evidence

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> readings = Readings(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    >>> readings.read("model", None, ["predicted"])[0]["predicted"]
    array([[0, 1]])
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._predicted: dict[tuple[str, Attack | None], Reading] = {}
        self._probabilities: dict[str, tuple[Attack | None, Reading]] = {}
        self._groups: dict[str, tuple[tuple[str, ...], NDArray[np.intp]]] = {}
        #: What was computed from them before: the arm that others are compared with is described once a question.
        self.described: dict[Hashable, results.ArmValue] = {}

    def read(self, arm: str, under: Under, needs: Sequence[str]) -> Reading:
        """Whatever of `needs` is measured for each run and row, and the rows that all of it covers.

        Raises
        ------
        FairtollError
            If the evidence lacks the arm, the attack or the claims, or what is needed covers different rows.
        """
        found: dict[str, NDArray[Any]] = {}
        covered: NDArray[np.int64] | None = None
        for read in dict.fromkeys(MEASURED[name] for name in needs if name in MEASURED):
            values, rows = read(self, arm, under)
            if covered is not None and not np.array_equal(covered, rows):
                raise FairtollError(
                    f"predictions and attack of '{arm}' cover different rows; expected the same rows in both; evaluate "
                    "both on the same rows"
                )
            covered = rows
            found |= values
        assert covered is not None
        return found, covered

    def training_runs(self, arm: str, under: Under, needs: Sequence[str]) -> list[Any]:
        """Names of the training runs that `read` gives, in order."""
        if under is None:
            return self.evidence.training_runs(arm)
        if isinstance(under, Certificate):
            return self.evidence.certified_radius(arm, **asdict(under))[2]
        address = _address(under)
        if {"success", "least_epsilon", "censored"}.isdisjoint(needs):
            del address["attack"]
        return self.evidence.training_runs(arm, **address)

    def groups(self, partition: str) -> tuple[tuple[str, ...], NDArray[np.intp]]:
        """The groups of a partition, with or without rows, and the position among them of each row's, (N,)."""
        if partition not in self._groups:
            self._groups[partition] = self.evidence.groups(partition)
        return self._groups[partition]

    def correct(self, arm: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some rows are classified correctly unattacked, (S, n)."""
        values, _ = self.predicted(arm, None)
        return np.asarray(values["predicted"][:, rows] == self.evidence.labels[rows])

    def predicted(self, arm: str, under: Under) -> Reading:
        """The class of largest probability."""
        attack = _attack(under)
        if (arm, attack) not in self._predicted:
            values, rows = self.probabilities(arm, attack)
            self._predicted[arm, attack] = {"predicted": values["probabilities"].argmax(axis=2)}, rows
        return self._predicted[arm, attack]

    def probabilities(self, arm: str, under: Under) -> Reading:
        """The probabilities, (S, n, C): clean ones of every row, attacked ones of the rows that the attack covers."""
        attack = _attack(under)
        last = self._probabilities.get(arm)
        if last is None or last[0] != attack:
            if attack is None:
                values, rows = self.evidence.probabilities(arm), np.arange(len(self.evidence.rows))
            else:
                values, rows = self.evidence.probabilities_of_rows(
                    arm, evaluation=attack.evaluation, threat=attack.threat, epsilon=attack.epsilon
                )
            last = attack, ({"probabilities": values}, rows)
            self._probabilities[arm] = last
        return last[1]

    def success(self, arm: str, under: Under) -> Reading:
        """Whether the attack broke each row."""
        values, rows = self.evidence.success_of_rows(arm, **_address(under))
        return {"success": values}, rows

    def least_epsilon(self, arm: str, under: Under) -> Reading:
        """The least radius that breaks each row, and whether it is a lower limit."""
        values, censored, rows = self.evidence.least_epsilon(arm, **_address(under))
        return {"least_epsilon": values, "censored": censored}, rows

    def has_proofs(self, arm: str, under: Under) -> bool:
        """Whether proofs were tried on every row that the attack covers."""
        attack = _attack(under)
        if attack is None:
            return False
        name = (attack.evaluation, attack.threat, attack.name, attack.epsilon)
        return name in self.evidence.proof_names(arm)

    def proved_radius(self, arm: str, under: Under) -> Reading:
        """The radius within which each row that the attack covers is proved robust, by any proof of the evidence."""
        attack = _attack(under)
        assert attack is not None
        own, _, rows = self.evidence.proved_radius(arm, **_address(under))
        radius = largest_proved(self.evidence, arm, threat=attack.threat, rows=rows, runs=len(own))
        # Radii go through text and single precision.
        return {"proved_radius": radius, "proved": radius >= attack.epsilon * (1 - 1e-9)}, rows

    def certified_radius(self, arm: str, under: Under) -> Reading:
        """The radius that others claim for each row."""
        assert isinstance(under, Certificate)
        values, rows, _ = self.evidence.certified_radius(arm, **asdict(under))
        return {"certified_radius": values}, rows


#: How each measured input of a metric's outcome is read.
MEASURED: dict[str, Callable[[Readings, str, Under], Reading]] = {
    "probabilities": Readings.probabilities,
    "predicted": Readings.predicted,
    "success": Readings.success,
    "least_epsilon": Readings.least_epsilon,
    "censored": Readings.least_epsilon,
    "certified_radius": Readings.certified_radius,
    "proved_radius": Readings.proved_radius,
    "proved": Readings.proved_radius,
}


def _attack(under: Under) -> Attack | None:
    """The attack that predictions are read under; beside claims they are the clean ones."""
    return under if isinstance(under, Attack) else None


def _address(under: Under) -> dict[str, Any]:
    attack = _attack(under)
    assert attack is not None
    return {
        "evaluation": attack.evaluation,
        "threat": attack.threat,
        "attack": attack.name,
        "epsilon": attack.epsilon,
    }
