"""Who loses: classes and groups whose own accuracy, clean or robust, is shown to be lower than in another arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairtoll.findings.results import Finding
from fairtoll.metrics import METRICS
from fairtoll.statistics.verdict import MINIMUM_RUNS


@dataclass(frozen=True)
class Loss:
    """A class or group that is worse off: in which accuracy, and by how much.

    Attributes
    ----------
    group, partition : str
        Such as "Female" of "sex"; a class of "class".
    how : str
        "clean" or "robust".
    change : float
        Of its accuracy, below 0.
    interval : (float, float)
        At 95% for this change alone.

    Examples
    --------
    >>> Loss("Female", "sex", "clean", -0.02, (-0.03, -0.01)).name
    'sex Female'
    """

    group: str
    partition: str
    how: str
    change: float
    interval: tuple[float, float]

    @property
    def name(self) -> str:
        """The group with what it is a group of: "no" alone would read as nobody."""
        return f"{self.partition} {self.group}"


def losses(findings: Sequence[Finding], arm: str, against: str) -> list[Loss]:
    """Return the classes and groups whose accuracy is lower in one arm than in another, by the whole of an interval.

    Parameters
    ----------
    findings : sequence of Finding
        All of a report; those of combinations of attributes are left out, and those of correct rows alone.
    arm, against : str
        Names of arms.

    Returns
    -------
    list of Loss
        Empty for fewer than three training runs: as with verdicts, nothing is shown of recipes by so few.

    Examples
    --------
    >>> losses([], "online", "standard")
    []
    """
    found = []
    for finding in findings:
        if (finding.robust.arm, finding.standard.arm) != (arm, against) or not _is_accuracy(finding):
            continue
        if (
            finding.runs < MINIMUM_RUNS
            or finding.parameters.denominator == "correct"
            or " & " in finding.parameters.partition
        ):
            continue
        sign = 1.0 if METRICS[finding.metric].higher_is_better else -1.0
        how = "clean" if finding.parameters.evaluation == "clean" else "robust"
        for change in finding.changes:
            low, high = sorted(sign * end for end in change.interval)
            if high < 0:
                found.append(Loss(change.group, finding.parameters.partition, how, sign * change.value, (low, high)))
    return found


def _is_accuracy(finding: Finding) -> bool:
    """Whether the values of its groups are accuracies, or rates of success under attack."""
    metric = METRICS.get(finding.metric)
    return metric is not None and metric.unit == "points" and metric.levels_down
