"""The definition of an alarm, and how its figures are read from evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.measures import CHECK
from fairtoll.evidence.store import Evidence
from fairtoll.findings.results import Alarm, Reading

#: Differences of accuracy up to this are attributed to rounding and chance.
TOLERANCE = 0.002
#: (evaluation, threat, attack, epsilon), as evidence names an attack.
Name = tuple[str, str, str, float]


@dataclass(frozen=True, eq=False)
class Checked:
    """The evidence of one arm under one threat, as alarms read it."""

    evidence: Evidence
    arm: str
    threat: str

    @cached_property
    def names(self) -> list[Name]:
        """Every attack on the arm, whatever the threat."""
        return self.evidence.attack_names(self.arm)

    def checks(self, name: str) -> list[Name]:
        """A check at each of its radii, ascending."""
        return [one for one in self.names if one[1] == self.threat and one[2] == name]

    def figures(self, evaluation: str) -> list[Name]:
        """Attacks of one evaluation under the threat that a report has figures of."""
        searches = self.evidence.least_epsilon_names(self.arm)
        return [
            one
            for one in self.names
            if one[0] == evaluation and one[1] == self.threat and not one[2].startswith(CHECK) and one not in searches
        ]

    @property
    def own(self) -> list[Name]:
        """The attacks on the model itself that its figures come from: white-box, else by scores alone."""
        return self.figures("white-box") or self.figures("scores-only")

    def broken(self, attack: Name) -> NDArray[np.bool_]:
        """Which rows an attack broke in each training run, `(S, n)`."""
        evaluation, threat, name, epsilon = attack
        return self.evidence.success_of_rows(
            self.arm, evaluation=evaluation, threat=threat, attack=name, epsilon=epsilon
        )[0]

    def rows(self, attack: Name) -> NDArray[np.int64]:
        """The rows that an attack covers, ascending."""
        evaluation, threat, name, epsilon = attack
        return self.evidence.success_of_rows(
            self.arm, evaluation=evaluation, threat=threat, attack=name, epsilon=epsilon
        )[1]

    def accuracy(self, attack: Name) -> float:
        """Robust accuracy, mean over training runs."""
        return 1.0 - float(self.broken(attack).mean())

    def clean_accuracy(self, attack: Name) -> float:
        """Accuracy on the clean rows that an attack covers, mean over training runs."""
        right = self.evidence.probabilities(self.arm).argmax(axis=2) == self.evidence.labels
        return float(right[:, self.rows(attack)].mean())


@dataclass(frozen=True)
class Seen:
    """The finding of one kind of alarm: the questionable figure, whether it fires, and the reason."""

    value: float
    fired: bool
    message: str
    readings: Mapping[str, float]


@dataclass(frozen=True)
class AlarmKind:
    """One kind of alarm.

    Attributes
    ----------
    id, title : str
        Its name in results, and on the page.
    meaning : str
        What it means where it fires.
    look : callable
        Returns what the evidence shows, or None where it cannot decide.
    """

    id: str
    title: str
    meaning: str
    look: Callable[[Checked], Seen | None]

    def alarm(self, checked: Checked) -> Alarm | None:
        """The record of one arm, or None where the evidence cannot decide."""
        seen = self.look(checked)
        if seen is None:
            return None
        return Alarm(
            id=self.id,
            title=self.title,
            arm=checked.arm,
            fired=seen.fired,
            message=seen.message,
            value=seen.value,
            meaning=self.meaning,
            readings=[Reading(label=label, value=share) for label, share in seen.readings.items()],
        )
