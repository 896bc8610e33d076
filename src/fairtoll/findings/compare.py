"""Answering a question: values, nulls, intervals, differences and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.arm_values import arm_value, sufficient_groups
from fairtoll.findings.changes import describe_changes
from fairtoll.findings.judged import Compared, Rules, count_judgements, describe_difference
from fairtoll.findings.model_pairs import describe_models
from fairtoll.findings.outcomes import Outcomes, metric_of, outcomes_of
from fairtoll.findings.questions import Comparison, Question
from fairtoll.findings.readings import Readings
from fairtoll.metrics import Metric
from fairtoll.progress import tracked
from fairtoll.statistics import LOOKS, levelling_down

#: The paper's values for a question: of the arms, and of single groups as (arm, group).
PublishedValues = Mapping[str, Mapping[Any, Any]]
ROLES = ("standard", "robust", "control", "noise_control")


def answer_all(
    evidence: Evidence,
    plan: Sequence[tuple[Comparison, Question]],
    *,
    dataset: str,
    published: PublishedValues | None = None,
    rules: Rules = Rules(),
) -> list[results.Finding]:
    """Answer every question of a plan; the error is shared within (data, protocol, metric).

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
    rules : Rules
        How differences are judged.

    Returns
    -------
    list of Finding
    """
    readings, families = Readings(evidence), count_judgements(plan)
    return [
        answer(
            evidence,
            comparison,
            question,
            dataset=dataset,
            family=families[comparison.protocol, question.metric],
            published=(published or {}).get(f"{comparison.protocol}/{question.key}", {}),
            rules=rules,
            readings=readings,
        )
        for comparison, question in tracked(plan)
    ]


def open_arms(
    evidence: Evidence, plan: Sequence[tuple[Comparison, Question]], *, rules: Rules
) -> tuple[list[str], int, int]:
    """The arms that an open judgement still needs, and how many judgements are final, of how many.

    Where runs are added until a comparison is decided: those that are neither decided at the runs of the evidence nor
    beyond what more runs can decide.
    """
    readings, families = Readings(evidence), count_judgements(plan)
    needed: set[str] = set()
    final = total = 0
    for comparison, question in tracked(plan):
        family = families[comparison.protocol, question.metric]
        for role, compared in compare_arms(readings, comparison, question, family=family, rules=rules)[1].items():
            total += 1
            judgement = compared.judgement
            if judgement is None or judgement.final:
                final += 1
            else:
                needed |= {getattr(comparison, role), comparison.robust}
    return [arm for arm in evidence.arms if arm in needed], final, total


def answer(
    evidence: Evidence,
    comparison: Comparison,
    question: Question,
    *,
    dataset: str,
    family: int = 1,
    published: Mapping[Any, Any] | None = None,
    rules: Rules = Rules(),
    readings: Readings | None = None,
) -> results.Finding:
    """Answer one question of one comparison.

    Parameters
    ----------
    family : int
        Judgements that share the error.
    published : mapping, optional
        "standard" and "robust" for the gaps, `(arm, group)` for single groups, "note".
    rules : Rules
        How differences are judged.
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
    metric, arms = metric_of(question), _arms(comparison)
    readings = Readings(evidence) if readings is None else readings
    outcomes, judged = compare_arms(readings, comparison, question, family=family, rules=rules)
    names, of_every_row = readings.groups(question.partition)
    groups = of_every_row[outcomes["standard"].rows]
    main = judged["standard"]
    found = describe_difference(main, (comparison.standard, comparison.robust), names, limits=_limits(outcomes, arms))
    from_control = (
        describe_difference(judged["control"], (str(comparison.control), comparison.robust), names)
        if "control" in judged
        else None
    )
    runs = found.runs if found is not None else main.count
    at_look = _at_look(outcomes, main, runs)
    both = [sufficient_groups(at_look[role], groups, len(names), rules.minimum_rows) for role in ("standard", "robust")]
    systematic = {} if found is None or found.systematic is None else found.systematic.model_dump()
    values = {
        role: _described(
            readings,
            arm,
            question,
            at_look[role],
            published={key[1]: one for key, one in published.items() if isinstance(key, tuple) and key[0] == role},
            minimum_rows=rules.minimum_rows,
            compared=both[0] & both[1] if role in ("standard", "robust") else None,
            systematic=systematic.get(role),
        )
        for role, arm in arms.items()
    }
    missing = outcomes["standard"].missing or outcomes["robust"].missing
    return results.Finding(
        id=f"{comparison.protocol}/{comparison.name}/{question.key}",
        dataset=dataset,
        protocol=comparison.protocol,
        metric=question.metric,
        parameters=parameters_of(question, metric),
        standard=values["standard"],
        robust=values["robust"],
        control=values.get("control"),
        noise_control=values.get("noise_control"),
        difference=found,
        difference_from_control=from_control,
        changes=describe_changes(main, names, runs=runs),
        models=describe_models(main, runs=runs if rules.sequential else None),
        verdict="insufficient data" if found is None else found.verdict,
        verdict_from_control=None
        if "control" not in judged
        else "insufficient data"
        if from_control is None
        else from_control.verdict,
        reason=(missing or "fewer than two groups have enough rows to compare") if found is None else found.reason,
        levelling_down=_levelled(values["standard"], values["robust"], metric),
        margin=main.margin,
        family=family,
        runs=runs,
        published=results.Published(
            standard=published["standard"], robust=published["robust"], note=published.get("note")
        )
        if "standard" in published
        else None,
    )


def _described(
    readings: Readings,
    arm: str,
    question: Question,
    outcomes: Outcomes,
    *,
    published: Mapping[Any, float],
    minimum_rows: int,
    compared: NDArray[np.bool_] | None,
    systematic: float | None,
) -> results.ArmValue:
    """One arm's value, computed once for all comparisons that it has the same part in."""
    names, codes = readings.groups(question.partition)
    same = None if compared is None else compared.tobytes()
    key = arm, question, outcomes.runs, same, minimum_rows, tuple(published.items())
    if key not in readings.described:
        readings.described[key] = arm_value(
            arm,
            outcomes,
            codes[outcomes.rows],
            names,
            metric=metric_of(question),
            published=published,
            minimum_rows=minimum_rows,
            compared=compared,
        )
    return readings.described[key].model_copy(update={"systematic": systematic})


def compare_arms(
    readings: Readings, comparison: Comparison, question: Question, *, family: int, rules: Rules
) -> tuple[dict[str, Outcomes], dict[str, Compared]]:
    """The numbers of every arm of a comparison by role, and the robust arm beside the standard one and the control.

    Raises
    ------
    FairtollError
        If the evidence does not hold what the question needs.
    """
    metric, arms = metric_of(question), _arms(comparison)
    outcomes = {role: outcomes_of(readings, arm, question) for role, arm in arms.items()}
    _require_same_rows(outcomes, arms, question)
    groups = readings.groups(question.partition)[1][outcomes["standard"].rows]
    standard = outcomes["standard"]
    # A margin that more runs moved would undo verdicts.
    first = standard.take(range(min(LOOKS[0], len(standard.values)))) if rules.sequential else standard
    margin = rules.margin_for(metric, first.mean)
    judged: dict[str, Compared] = {}
    for role in ("standard", "control"):
        if role in outcomes:
            judged[role] = Compared(outcomes[role], outcomes["robust"], groups, metric, margin, family, rules)
    return outcomes, judged


def _arms(comparison: Comparison) -> dict[str, str]:
    return {role: arm for role in ROLES if (arm := getattr(comparison, role)) is not None}


def _at_look(outcomes: Mapping[str, Outcomes], main: Compared, runs: int) -> dict[str, Outcomes]:
    """Every arm's numbers over the training runs that the verdict is read from."""
    first, second = main.taken(runs)
    found = {}
    for role, one in outcomes.items():
        kept = min(runs, len(one.values)) if main.rules.sequential else len(one.values)
        found[role] = one.take({"standard": first, "robust": second}.get(role, range(kept)))
    return found


def _limits(outcomes: Mapping[str, Outcomes], arms: Mapping[str, str]) -> str:
    """What censored rows mean for a gap, where there are any."""
    standard, robust = outcomes["standard"], outcomes["robust"]
    if not (standard.censored or robust.censored):
        return ""
    return (
        f"{standard.censored:.2%} of the rows of '{arms['standard']}' and {robust.censored:.2%} of '{arms['robust']}' "
        "are not broken at the largest radius and count with it"
    )


def _require_same_rows(outcomes: Mapping[str, Outcomes], arms: Mapping[str, str], question: Question) -> None:
    rows = outcomes["standard"].rows
    for role, found in outcomes.items():
        if not np.array_equal(found.rows, rows):
            under = question.certificate.text if question.certificate else question.metric
            what = question.attack.name if question.attack else under
            raise FairtollError(
                f"{what} covers {len(rows)} rows of '{arms['standard']}' and {len(found.rows)} of '{arms[role]}', not "
                "the same; expected the same rows in all arms of a comparison; measure the same rows of each"
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


def parameters_of(question: Question, metric: Metric) -> results.Parameters:
    """What exactly a question measures, as results have it."""
    attack = question.attack
    return results.Parameters(
        partition=question.partition,
        evaluation=attack.evaluation if attack else "clean",
        attack=attack.name if attack and metric.needs_attack else None,
        denominator=question.denominator,
        epsilon=attack.epsilon if attack else None,
        threat=attack.threat if attack else None,
        certificate=question.certificate.text if question.certificate else None,
        attribute=None if question.partition == "class" else question.partition,
        label=question.label,
        target=question.target,
        matched_rate=question.rate,
    )
