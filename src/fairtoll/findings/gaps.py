"""The gaps of one model alone: each beside what chance gives, with a verdict from its own interval."""

from __future__ import annotations

from collections.abc import Sequence

from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.arm_values import arm_value
from fairtoll.findings.compare import parameters_of
from fairtoll.findings.gap_types import GapVerdictName
from fairtoll.findings.judged import Rules
from fairtoll.findings.outcomes import metric_of, outcomes_of
from fairtoll.findings.questions import Question
from fairtoll.findings.readings import Readings
from fairtoll.findings.units import spoken
from fairtoll.metrics import Metric
from fairtoll.progress import tracked


def measure_gaps(
    evidence: Evidence, arm: str, questions: Sequence[Question], *, dataset: str, rules: Rules
) -> list[results.Gap]:
    """Every gap of one arm.

    Parameters
    ----------
    evidence : Evidence
        Where every number comes from.
    arm : str
        Its name.
    questions : sequence of Question
        Which gaps, in the order of the report.
    dataset : str
        Its name.
    rules : Rules
        The smallest group, and margins.

    Returns
    -------
    list of Gap

    Raises
    ------
    FairtollError
        If the evidence does not hold what a question needs.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"] * 50, "p": [0.9, 0.6] * 50})  # every b is taken for an a
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"a": "p"})
    >>> (gap,) = measure_gaps(evidence, "model", [Question("cau", "class")], dataset="toy", rules=Rules())
    >>> gap.value.plain, gap.verdict
    (1.0, 'above margin')
    """
    readings = Readings(evidence)
    return [_measure(readings, arm, question, dataset=dataset, rules=rules) for question in tracked(questions)]


def _measure(readings: Readings, arm: str, question: Question, *, dataset: str, rules: Rules) -> results.Gap:
    metric, outcomes = metric_of(question), outcomes_of(readings, arm, question)
    names, of_every_row = readings.groups(question.partition)
    groups = of_every_row[outcomes.rows]
    value = arm_value(
        arm, outcomes, groups, names, metric=metric, published={}, minimum_rows=rules.minimum_rows
    )  # fmt: skip
    margin = rules.margin_for(metric, outcomes.mean if outcomes.missing is None else 0.0)
    verdict = state_gap(value, margin)
    runs = len(outcomes.values)
    return results.Gap(
        id=f"audit/{arm}/{question.key}",
        dataset=dataset,
        protocol="audit",
        metric=question.metric,
        parameters=parameters_of(question, metric),
        value=value,
        margin=margin,
        verdict=verdict,
        reason=outcomes.missing or _reason(value, verdict, metric, margin, runs),
        runs=runs,
    )


def state_gap(value: results.ArmValue, margin: float) -> GapVerdictName:
    """What the 95% interval of a gap says of it: above the margin, within it, or neither.

    Each error is at most 2.5%: one end of the interval decides.
    """
    if value.interval is None:
        return "insufficient data"
    low, high = value.interval
    if low > margin:
        return "above margin"
    return "within margin" if high <= margin else "inconclusive"


def _reason(value: results.ArmValue, verdict: str, metric: Metric, margin: float, runs: int) -> str:
    """Why the verdict is what it is, in the metric's unit."""
    if value.interval is None or value.value is None:
        return "fewer than two groups have enough rows to compare"
    unit = spoken(metric.name)
    low, high = (unit.number(end) for end in value.interval)
    over = "new rows alone" if runs == 1 else "new training runs and new rows"
    where = {"above margin": "the whole interval is above", "within margin": "the whole interval is within"}
    said = where.get(verdict, "the interval holds values on both sides of")
    return (
        f"the gap is {unit.number(value.value)}{unit.name}, from {low} to {high} over {over}; {said} the margin of "
        f"{unit.number(margin)}{unit.name}"
    )
