"""Answering a question: values, nulls, intervals, differences and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.arm_values import CONFIDENCE, arm_value
from fairtoll.findings.outcomes import Outcomes, metric_of, outcomes_of
from fairtoll.findings.questions import Comparison, Question
from fairtoll.findings.readings import Readings
from fairtoll.metrics import Metric
from fairtoll.statistics import (
    Difference,
    InsufficientDataError,
    Verdict,
    VerdictKind,
    bonferroni,
    difference,
    levelling_down,
    state_verdict,
)

#: The paper's values for a question: of the arms, and of single groups as (arm, group).
PublishedValues = Mapping[str, Mapping[Any, Any]]


def answer_all(
    evidence: Evidence,
    plan: Sequence[tuple[Comparison, Question]],
    *,
    dataset: str,
    published: PublishedValues | None = None,
    minimum_rows: int = 10,
) -> list[results.Finding]:
    """Answer every question of a plan; confidence is widened within (data, protocol, metric).

    Parameters
    ----------
    evidence : Evidence
        Where every number comes from.
    plan : sequence of (Comparison, Question)
        What to answer, in the order of the report.
    dataset : str
        Its name.
    published : mapping, optional
        The paper's values by ``f"{protocol}/{question.key}"``.
    minimum_rows : int
        Smaller groups are shown and flagged, and excluded from gaps.

    Returns
    -------
    list of Finding
    """
    readings = Readings(evidence)
    families = Counter((comparison.protocol, question.metric) for comparison, question in plan)
    return [
        answer(
            evidence,
            comparison,
            question,
            dataset=dataset,
            confidence=bonferroni(CONFIDENCE, families[comparison.protocol, question.metric]),
            published=(published or {}).get(f"{comparison.protocol}/{question.key}", {}),
            minimum_rows=minimum_rows,
            readings=readings,
        )
        for comparison, question in plan
    ]


def answer(
    evidence: Evidence,
    comparison: Comparison,
    question: Question,
    *,
    dataset: str,
    confidence: float = CONFIDENCE,
    published: Mapping[Any, Any] | None = None,
    minimum_rows: int = 10,
    readings: Readings | None = None,
) -> results.Finding:
    """Answer one question of one comparison.

    Parameters
    ----------
    confidence : float
        Of the interval of the difference; widen it for several comparisons.
    published : mapping, optional
        "standard" and "robust" for the gaps, `(arm, group)` for single groups, "note".
    readings : Readings, optional
        Of the same evidence, kept from other questions.

    Returns
    -------
    Finding

    Raises
    ------
    FairtollError
        If the evidence does not hold what the question needs.
    """
    published = published or {}
    metric = metric_of(question)
    arms = {
        role: arm
        for role in ("standard", "robust", "control", "noise_control")
        if (arm := getattr(comparison, role)) is not None
    }
    readings = Readings(evidence) if readings is None else readings
    outcomes = {role: outcomes_of(readings, arm, question) for role, arm in arms.items()}
    _require_same_rows(outcomes, arms, question)
    names, of_every_row = readings.groups(question.partition)
    groups = of_every_row[outcomes["standard"].rows]
    differences = {
        role: _difference(outcomes[role], outcomes["robust"], groups, metric, confidence, minimum_rows)
        for role in ("standard", "control")
        if role in outcomes
    }
    values = {
        role: arm_value(
            arm,
            outcomes[role],
            groups,
            names,
            metric=metric,
            published={key[1]: one for key, one in published.items() if isinstance(key, tuple) and key[0] == role},
            minimum_rows=minimum_rows,
        )
        for role, arm in arms.items()
    }
    found = differences["standard"]
    if found is not None:
        values["standard"].corrected, values["robust"].corrected = found.corrected_standard, found.corrected_robust
    if (against := differences.get("control")) is not None:
        values["control"].corrected = against.corrected_standard
    margin = metric.margin_for(outcomes["standard"].mean)
    verdict = _verdict(found, outcomes["standard"], outcomes["robust"], arms, margin)
    from_control = _verdict_name(state_verdict(against, margin=margin)) if "control" in arms else None
    return results.Finding(
        id=f"{comparison.protocol}/{comparison.robust}/{question.key}",
        dataset=dataset,
        protocol=comparison.protocol,
        metric=question.metric,
        parameters=_parameters(question, metric),
        standard=values["standard"],
        robust=values["robust"],
        control=values.get("control"),
        noise_control=values.get("noise_control"),
        difference=_describe(found, values["standard"], values["robust"], names, metric),
        difference_from_control=_describe(against, values["control"], values["robust"], names, metric)
        if "control" in arms
        else None,
        verdict=_verdict_name(verdict),
        verdict_from_control=from_control,
        reason=verdict.reason,
        levelling_down=_levelled(values["standard"], values["robust"], metric),
        margin=margin,
        runs=min(len(one.values) for one in outcomes.values()),
        published=results.Published(
            standard=published["standard"], robust=published["robust"], note=published.get("note")
        )
        if "standard" in published
        else None,
    )


def _require_same_rows(outcomes: Mapping[str, Outcomes], arms: Mapping[str, str], question: Question) -> None:
    rows = outcomes["standard"].rows
    for role, found in outcomes.items():
        if not np.array_equal(found.rows, rows):
            what = question.attack.name if question.attack else question.metric
            raise FairtollError(
                f"{what} covers {len(rows)} rows of '{arms['standard']}' and {len(found.rows)} of '{arms[role]}', not "
                "the same; expected the same rows in all arms of a comparison; attack the same rows of each"
            )


def _difference(
    base: Outcomes,
    robust: Outcomes,
    groups: NDArray[np.intp],
    metric: Metric,
    confidence: float,
    minimum_rows: int,
) -> Difference | None:
    if base.missing or robust.missing:
        return None
    try:
        return difference(
            base.values,
            robust.values,
            groups,
            standard_included=base.included,
            robust_included=robust.included,
            confidence=confidence,
            minimum_rows=minimum_rows,
            rates=metric.rates,
        )
    except InsufficientDataError:
        return None


def _verdict(
    found: Difference | None, standard: Outcomes, robust: Outcomes, arms: Mapping[str, str], margin: float
) -> Verdict:
    if missing := standard.missing or robust.missing:
        return Verdict(VerdictKind.INSUFFICIENT_DATA, missing, margin)
    verdict = state_verdict(found, margin=margin)
    if standard.censored or robust.censored:
        limits = (
            f"{standard.censored:.2%} of the rows of '{arms['standard']}' and {robust.censored:.2%} of '"
            f"{arms['robust']}' are not broken at the largest radius and count with it"
        )
        verdict = replace(verdict, reason=f"{verdict.reason}; {limits}")
    return verdict


def _describe(
    found: Difference | None,
    base: results.ArmValue,
    robust: results.ArmValue,
    names: Sequence[str],
    metric: Metric,
) -> results.Difference | None:
    if found is None:
        return None
    # Gaps of rates or confidences lie between 0 and 1, so their differences within -1 and 1.
    limit = metric.upper_limit

    def extremes(high: Any, low: Any) -> str:
        return f"{names[high]} over {names[low]}"

    return results.Difference(
        value=min(max(found.value, -limit), limit),
        interval=(max(found.interval.low, -limit), min(found.interval.high, limit)),
        p_value=found.p_value,
        confidence=found.confidence,
        plain=found.plain,
        least_detectable=found.least_detectable,
        groups=f"{base.arm}: {extremes(found.standard_highest, found.standard_lowest)}; "
        f"{robust.arm}: {extremes(found.robust_highest, found.robust_lowest)}",
    )


def _levelled(standard: results.ArmValue, robust: results.ArmValue, metric: Metric) -> results.LevellingDown | None:
    kept = [
        (one.group, one.value, other.value)
        for one, other in zip(standard.groups, robust.groups, strict=True)
        if one.sufficient and other.sufficient and one.value is not None and other.value is not None
    ]
    if len(kept) < 2 or not metric.levels_down:
        return None
    before, after = {name: value for name, value, _ in kept}, {name: value for name, _, value in kept}
    found = levelling_down(before, after, higher_is_better=metric.higher_is_better)

    def change(name: str) -> results.GroupChange:
        return results.GroupChange(group=name, standard=before[name], robust=after[name])

    return (
        results.LevellingDown(
            standard_gap=found.standard_gap,
            robust_gap=found.robust_gap,
            best=change(found.best),
            worst=change(found.worst_standard),
            robust_worst=change(found.worst_robust),
        )
        if found.levelled_down
        else None
    )


def _verdict_name(verdict: Verdict) -> results.VerdictName:
    return verdict.kind.value


def _parameters(question: Question, metric: Metric) -> results.Parameters:
    attack = question.attack
    return results.Parameters(
        partition=question.partition,
        evaluation=attack.evaluation if attack else "clean",
        attack=attack.name if attack and metric.needs_attack else None,
        denominator=question.denominator,
        epsilon=attack.epsilon if attack else None,
        threat=attack.threat if attack else None,
        attribute=None if question.partition == "class" else question.partition,
        label=question.label,
        target=question.target,
        matched_rate=question.rate,
    )
