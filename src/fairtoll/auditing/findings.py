"""Answering a question: values, nulls, intervals, differences and a verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll import results
from fairtoll.auditing.outcomes import Outcomes, groups_of, outcomes_of
from fairtoll.auditing.questions import Comparison, Question
from fairtoll.evidence import Evidence
from fairtoll.metrics import group_means
from fairtoll.statistics import (
    Difference,
    InsufficientDataError,
    Verdict,
    bonferroni,
    difference,
    gap_interval,
    group_intervals,
    levelling_down,
    margin_for,
    null_gap,
    state_verdict,
)

CONFIDENCE = 0.95
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
        Smaller groups are shown and flagged, and take no part in a gap.

    Returns
    -------
    list of Finding
    """
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
) -> results.Finding:
    """Answer one question of one comparison.

    Parameters
    ----------
    confidence : float
        Of the interval of the difference; widen it for several comparisons.
    published : mapping, optional
        "standard" and "robust" for the gaps, `(arm, group)` for single groups, "note".

    Returns
    -------
    Finding

    Raises
    ------
    FairtollError
        If the evidence does not hold what the question asks for.
    """
    published = published or {}
    names, groups = np.unique(groups_of(evidence, question).astype(np.str_), return_inverse=True)
    arms = {
        role: arm
        for role in ("standard", "robust", "control", "noise_control")
        if (arm := getattr(comparison, role)) is not None
    }
    outcomes = {role: outcomes_of(evidence, arm, question) for role, arm in arms.items()}
    differences = {
        role: _difference(outcomes[role], outcomes["robust"], groups, confidence, minimum_rows)
        for role in ("standard", "control")
        if role in outcomes
    }
    values = {
        role: _arm_value(arm, role, outcomes[role], groups, names, question, published, minimum_rows)
        for role, arm in arms.items()
    }
    found = differences["standard"]
    if found is not None:
        values["standard"].corrected, values["robust"].corrected = found.corrected_standard, found.corrected_robust
    if (against := differences.get("control")) is not None:
        values["control"].corrected = against.corrected_standard
    margin = margin_for(question.metric)
    verdict = state_verdict(found, margin=margin)
    from_control = _verdict_name(state_verdict(against, margin=margin)) if "control" in arms else None
    return results.Finding(
        id=f"{comparison.protocol}/{comparison.robust}/{question.key}",
        dataset=dataset,
        protocol=comparison.protocol,
        metric=question.metric,
        parameters=_parameters(question),
        standard=values["standard"],
        robust=values["robust"],
        control=values.get("control"),
        noise_control=values.get("noise_control"),
        difference=_describe(found, values["standard"], values["robust"], names),
        difference_from_control=_describe(against, values["control"], values["robust"], names)
        if "control" in arms
        else None,
        verdict=_verdict_name(verdict),
        verdict_from_control=from_control,
        reason=verdict.reason,
        levelling_down=_levelled(values["standard"], values["robust"], question),
        margin=margin,
        seeds=min(len(one.values) for one in outcomes.values()),
        published=results.Published(
            standard=published["standard"], robust=published["robust"], note=published.get("note")
        )
        if "standard" in published
        else None,
    )


def higher_is_better(metric: str) -> bool:
    """Whether a group is better off with a larger mean: accuracy and confidence yes, attack success no."""
    return metric != "cru_s"


def _arm_value(
    arm: str,
    role: str,
    outcomes: Outcomes,
    groups: NDArray[np.intp],
    names: NDArray[np.str_],
    question: Question,
    published: Mapping[Any, Any],
    minimum_rows: int,
) -> results.ArmValue:
    weights = [None] * len(outcomes.values) if outcomes.included is None else list(outcomes.included.astype(float))
    runs = [
        group_means(values, groups, weights=weight, minimum_rows=minimum_rows)
        for values, weight in zip(outcomes.values, weights, strict=True)
    ]
    gaps = [run.gap for run in runs]
    options: dict[str, Any] = {"included": outcomes.included, "minimum_rows": minimum_rows}
    chance: tuple[float | None, float | None] = (None, None)
    pair = None
    try:
        null = null_gap(outcomes.values, groups, **options)
        interval = gap_interval(outcomes.values, groups, confidence=CONFIDENCE, **options)
        # Few rows make the interval wider than any gap of rates or confidences can be.
        chance, pair = (null.mean, null.q95), (max(interval.low, 0.0), min(interval.high, 1.0))
    except InsufficientDataError:
        pass  # the value is then shown alone, and the verdict says so
    intervals = group_intervals(
        outcomes.values, groups, confidence=CONFIDENCE, included=outcomes.included, minimum_rows=2
    )
    # A run in which no row of a group counts (denominator "correct") leaves the group's mean to the others.
    table = np.stack([_aligned(run.groups, run.values, len(names)) for run in runs])
    counted = np.stack([_aligned(run.groups, run.rows.astype(float), len(names)) for run in runs])
    sufficient = np.stack([_aligned(run.groups, run.sufficient.astype(float), len(names)) for run in runs]) > 0
    enough: NDArray[np.bool_] = np.all(sufficient, axis=0)
    means = np.array([_mean(column) for column in table.T])
    order = [code for code in np.argsort(means) if enough[code] and math.isfinite(means[code])]
    worst, best = (order[0], order[-1]) if order else (None, None)
    if not higher_is_better(question.metric):
        worst, best = best, worst
    return results.ArmValue(
        arm=arm,
        value=_known(_mean(np.array(gaps))),
        corrected=None,
        interval=pair,
        null_mean=chance[0],
        null_95=chance[1],
        worst_group=None if worst is None else str(names[worst]),
        worst_value=None if worst is None else float(means[worst]),
        best_group=None if best is None else str(names[best]),
        best_value=None if best is None else float(means[best]),
        per_seed=[_known(gap) for gap in gaps],
        groups=[
            results.GroupValue(
                group=str(name),
                value=_known(means[code]),
                interval=(intervals[code].low, intervals[code].high) if code in intervals else None,
                rows=round(float(np.nanmean(counted[:, code]))),
                sufficient=bool(enough[code]),
                published=published.get((role, str(name))),
            )
            for code, name in enumerate(names)
        ],
    )


def _aligned(codes: Sequence[Any], values: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    full = np.zeros(groups) if values.dtype == bool else np.full(groups, np.nan)
    full[np.asarray(codes, dtype=int)] = values
    return full


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _difference(
    base: Outcomes, robust: Outcomes, groups: NDArray[np.intp], confidence: float, minimum_rows: int
) -> Difference | None:
    try:
        return difference(
            base.values,
            robust.values,
            groups,
            standard_included=base.included,
            robust_included=robust.included,
            confidence=confidence,
            minimum_rows=minimum_rows,
        )
    except InsufficientDataError:
        return None


def _describe(
    found: Difference | None, base: results.ArmValue, robust: results.ArmValue, names: NDArray[np.str_]
) -> results.Difference | None:
    if found is None:
        return None

    def extremes(high: Any, low: Any) -> str:
        return f"{names[high]} over {names[low]}"

    return results.Difference(
        # Every metric asked here is a gap of rates or confidences: differences lie within -1 and 1.
        value=min(max(found.value, -1.0), 1.0),
        interval=(max(found.interval.low, -1.0), min(found.interval.high, 1.0)),
        p_value=found.p_value,
        confidence=found.confidence,
        plain=found.plain,
        least_detectable=found.least_detectable,
        groups=f"{base.arm}: {extremes(found.standard_highest, found.standard_lowest)}; "
        f"{robust.arm}: {extremes(found.robust_highest, found.robust_lowest)}",
    )


def _levelled(standard: results.ArmValue, robust: results.ArmValue, question: Question) -> str | None:
    kept = [
        (one.group, one.value, other.value)
        for one, other in zip(standard.groups, robust.groups, strict=True)
        if one.sufficient and other.sufficient and one.value is not None and other.value is not None
    ]
    if len(kept) < 2 or question.metric in ("eou", "equalized_odds_rate"):
        # Confidence in a class is not a good that a group has more or less of.
        return None
    before, after = {name: value for name, value, _ in kept}, {name: value for name, _, value in kept}
    return levelling_down(before, after, higher_is_better=higher_is_better(question.metric)).sentence


def _verdict_name(verdict: Verdict) -> results.VerdictName:
    return verdict.kind.value


def _parameters(question: Question) -> results.Parameters:
    attack = question.attack
    return results.Parameters(
        partition=question.partition,
        evaluation=attack.evaluation if attack else "clean",
        attack=attack.name if attack and question.metric == "cru_s" else None,
        denominator=question.denominator,
        epsilon=attack.epsilon if attack else None,
        threat=attack.threat if attack else None,
        attribute=None if question.partition == "class" else question.partition,
        label=question.label,
        target=question.target,
    )
