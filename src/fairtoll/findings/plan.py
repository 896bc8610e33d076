"""The questions of an audit: the inputs of each metric's record, where they are available."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fairtoll.findings.questions import Attack, Certificate, Question
from fairtoll.metrics import METRICS, Metric


def audit_questions(
    partitions: Sequence[str],
    *,
    class_names: Sequence[str],
    attacks: Sequence[Attack] = (),
    search: Attack | None = None,
    certificates: Sequence[Certificate] = (),
    metrics: Collection[str] | None = None,
) -> list[Question]:
    """Every metric that is in audits, or of these those that are named, over every partition.

    Parameters
    ----------
    partitions : sequence of str
        How rows are grouped.
    class_names : sequence of str
        The C classes. A metric of one class is taken among the rows of each true class: of that class's confidence,
        or of the second class's where there are two.
    attacks : sequence of Attack
        White-box attacks whose success is in the evidence.
    search : Attack, optional
        The search for least epsilon, if it is in the evidence.
    certificates : sequence of Certificate
        Whose claimed radii are in the evidence, for every arm.
    metrics : collection of str, optional
        Names of metrics.

    Examples
    --------
    >>> [question.key for question in audit_questions(["class", "sex"], class_names=("no", "yes"))]
    ['cau/class/clean', 'cau/sex/clean', 'eou/sex/clean/label-no/target-yes', 'eou/sex/clean/label-yes/target-yes']
    """
    return [
        question
        for metric in METRICS.values()
        if metric.in_audits and (metrics is None or metric.name in metrics)
        for partition in partitions
        for question in _of_metric(metric, partition, class_names, attacks, search, certificates)
    ]


def _of_metric(
    metric: Metric,
    partition: str,
    class_names: Sequence[str],
    attacks: Sequence[Attack],
    search: Attack | None,
    certificates: Sequence[Certificate],
) -> list[Question]:
    if metric.needs_claims:
        return [Question(metric.name, partition, certificate=claim) for claim in certificates]
    # Over all rows: among the correct ones every arm is compared on other rows.
    denominator = metric.denominators[0] if metric.denominators else None
    measured: list[Attack | None] = [None]
    if metric.needs_attack:
        found = attacks if "success" in metric.needs else [] if search is None else [search]
        measured = list(found)
    conditions: list[tuple[str | None, str | None]] = [(None, None)]
    if "target" in metric.needs:
        # Among the rows of one true class the classes are one group.
        conditions = [] if partition == "class" else list(_conditions(class_names))
    return [
        Question(metric.name, partition, attack, denominator=denominator, label=label, target=target)
        for attack in measured
        for label, target in conditions
    ]


def _conditions(class_names: Sequence[str]) -> list[tuple[str, str]]:
    """(true class, class whose confidence is averaged): two classes share the second as target."""
    if len(class_names) == 2:
        return [(label, class_names[1]) for label in class_names]
    return [(label, label) for label in class_names]
