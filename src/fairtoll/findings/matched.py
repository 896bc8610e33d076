"""Tolls of families of recipes at equal average robust accuracy: against the standard arm, and against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.attacked_rows import class_weights, run_means
from fairtoll.findings.compare import parameters_of
from fairtoll.findings.judged import CONFIDENCE, Rules, describe_needed, describe_reason, ends
from fairtoll.findings.levels_of_robustness import choose_levels
from fairtoll.findings.outcomes import Outcomes, metric_of, outcomes_of
from fairtoll.findings.questions import Attack, Comparison, Question
from fairtoll.findings.readings import Readings
from fairtoll.findings.recipes import main_attack
from fairtoll.statistics import (
    LOOKS,
    Difference,
    InsufficientDataError,
    Strengths,
    judge,
    level_range,
    matched_differences,
)

#: The measures of the paper that compare groups.
MEASURES = ("cau", "cru_epsilon", "cru_s", "eou")
Plan = Sequence[tuple[Comparison, Question]]


@dataclass(frozen=True, eq=False)
class Level:
    """The robust accuracy of every arm over the rows of the evidence.

    `reached` 1 where a row is right under `attack`, `(S, N)` by arm, of the `runs` that all arms have; `counted (N,)`
    which rows were attacked.
    """

    attack: Attack
    reached: Mapping[str, NDArray[np.float64]]
    counted: NDArray[np.bool_]
    runs: Sequence[object]


def match_recipes(
    evidence: Evidence,
    readings: Readings,
    plan: Plan,
    recipes: Sequence[results.Recipe],
    *,
    rules: Rules,
) -> tuple[list[results.Reach], list[results.Matched]]:
    """What every family with several strengths reaches, and its tolls at the levels that many reach.

    The standard gap is subtracted run by run. Verdicts share the error within a metric; where several families reach
    a level the one with the smallest toll between the classes is compared with the others, at confidences that hold
    whichever it is.
    """
    families = _families(recipes)
    standard = next((one.arm for one in recipes if one.role == "standard"), None)
    attack = main_attack(plan)
    if not families or standard is None or attack is None:
        return [], []
    level = _level(evidence, readings, [standard, *(arm for arms in families.values() for arm in arms)], attack, rules)
    if level is None:
        return [], []
    ranges = {
        name: level_range([level.reached[arm] for arm in arms], counted=level.counted)
        for name, arms in families.items()
    }
    levels = choose_levels({name: one for name, one in ranges.items() if one is not None})
    reach = [_reach(name, families[name], found, levels) for name, found in ranges.items()]
    questions = _questions(plan, standard, attack)
    matching = _Matching(readings, level, rules, standard)
    tolls = _tolls(matching, families, reach, questions)
    return reach, [*tolls, *_against_least(matching, families, tolls, questions)]


def _families(recipes: Sequence[results.Recipe]) -> dict[str, list[str]]:
    """The arms of every family with two strengths or more, from weak to strong."""
    found: dict[str, list[str]] = {}
    for one in recipes:
        if one.role not in ("standard", "control") and one.strength is not None:
            found.setdefault(one.family, []).append(one.arm)
    return {name: arms for name, arms in found.items() if len(arms) > 1}


def _level(evidence: Evidence, readings: Readings, arms: Sequence[str], attack: Attack, rules: Rules) -> Level | None:
    question = Question("cru_s", "class", attack, denominator="all")
    found = {arm: outcomes_of(readings, arm, question) for arm in arms}
    first = next(iter(found.values()))
    runs = [run for run in first.runs if all(run in one.runs for one in found.values())]
    if rules.sequential:
        # How many runs an arm has then depends on what was found: the first so many were fixed before.
        runs = runs[: LOOKS[0]]
    if not runs or any(not np.array_equal(one.rows, first.rows) for one in found.values()):
        return None
    weights = class_weights(evidence, first.rows)
    if weights is not None:
        found = {arm: _weighted(one, weights) for arm, one in found.items()}
    counted = np.zeros(len(evidence.rows), dtype=np.bool_)
    counted[first.rows] = True
    reached = {arm: 1.0 - _spread(one.take([one.runs.index(run) for run in runs]), len(counted), fill=1.0)
               for arm, one in found.items()}  # fmt: skip
    return Level(attack, reached, counted, runs)


def _weighted(outcomes: Outcomes, weights: NDArray[np.float64]) -> Outcomes:
    """Values whose mean is the weighted one, and that each row moves from it as far as it moves that."""
    means = run_means(outcomes.values, weights)[:, None]
    return replace(outcomes, values=means + weights * (outcomes.values - means))


def _spread(outcomes: Outcomes, rows: int, *, fill: float = 0.0) -> NDArray[np.float64]:
    """The numbers over all rows of the evidence, `(S, N)`."""
    values = np.full((len(outcomes.values), rows), fill)
    values[:, outcomes.rows] = outcomes.values
    return values


def _reach(name: str, arms: list[str], found: tuple[float, float] | None, levels: Sequence[float]) -> results.Reach:
    low, high = (None, None) if found is None else found
    within = [] if found is None else [one for one in levels if found[0] - 1e-9 <= one <= found[1] + 1e-9]
    return results.Reach(family=name, strengths=arms, low=low, high=high, levels=within)


def _questions(plan: Plan, standard: str, attack: Attack) -> list[Question]:
    """The paper's measures, over all rows, under the attack that the levels are of."""
    return list(
        dict.fromkeys(
            one
            for comparison, one in plan
            if comparison.standard == standard
            and one.metric in MEASURES
            and one.denominator != "correct"
            and (one.attack is None or one.metric == "cru_epsilon" or one.attack == attack)
        )
    )


class _Matching:
    """Reads the arms of one question, and compares them at levels."""

    def __init__(self, readings: Readings, level: Level, rules: Rules, standard: str) -> None:
        self.readings, self.level, self.rules, self.standard = readings, level, rules, standard

    def compare(
        self, question: Question, arms: Sequence[str], levels: Sequence[float], *, other: Sequence[str] = ()
    ) -> list[Difference | None]:
        """The differences from the standard arm, or from another family, at each level."""
        names, codes = self.readings.groups(question.partition)
        given = [self._outcomes(arm, question) for arm in (*arms, *(other or [self.standard]))]
        if any(one is None for one in given):
            return [None] * len(levels)
        values = [one for one in given if one is not None]
        family = self._strengths(arms, values[: len(arms)])
        base = self._strengths(other, values[len(arms) :]) if other else values[-1][0]
        try:
            return matched_differences(
                base,
                family,
                np.asarray(names, dtype=object)[codes].astype(str),
                levels=levels,
                standard_included=None if other else values[-1][1],
                minimum_rows=self.rules.minimum_rows,
                rates=metric_of(question).rates,
            )
        except InsufficientDataError:
            return [None] * len(levels)

    def margin(self, question: Question) -> float:
        """The largest difference that does not matter."""
        return self.rules.margin_for(metric_of(question), outcomes_of(self.readings, self.standard, question).mean)

    def rows(self, question: Question) -> int:
        """How many rows the gap is over."""
        return len(outcomes_of(self.readings, self.standard, question).rows)

    def _strengths(
        self, arms: Sequence[str], values: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]]
    ) -> Strengths:
        return Strengths(
            [one for one, _ in values],
            [self.level.reached[arm] for arm in arms],
            [mask for _, mask in values],
            self.level.counted,
        )

    def _outcomes(self, arm: str, question: Question) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
        found = outcomes_of(self.readings, arm, question)
        if found.missing is not None or any(run not in found.runs for run in self.level.runs):
            return None
        found = found.take([found.runs.index(run) for run in self.level.runs])
        values = _spread(found, len(self.level.counted))
        mask = np.zeros(values.shape, dtype=np.bool_)
        mask[:, found.rows] = True if found.included is None else found.included
        return values, mask


def _tolls(
    matching: _Matching,
    families: Mapping[str, Sequence[str]],
    reach: Sequence[results.Reach],
    questions: Sequence[Question],
) -> list[results.Matched]:
    found = [
        (question, one.family, level, difference)
        for question in questions
        for one in reach
        if one.levels
        for level, difference in zip(
            one.levels, matching.compare(question, families[one.family], one.levels), strict=True
        )
        if difference is not None
    ]
    judged = {question.metric: sum(other.metric == question.metric for other, *_ in found) for question, *_ in found}
    return [
        _matched(matching, question, family, matching.standard, level, difference, judged[question.metric])
        for question, family, level, difference in found
    ]


def _against_least(
    matching: _Matching,
    families: Mapping[str, Sequence[str]],
    tolls: Sequence[results.Matched],
    questions: Sequence[Question],
) -> list[results.Matched]:
    """Each family against the one with the smallest toll between the classes at the level, where others reach it.

    Which one it is was not fixed before, so every pair counts.
    """
    found = []
    for question in questions:
        at = [one for one in tolls if one.metric == question.metric and one.parameters.partition == question.partition]
        if question.partition != "class":
            continue
        levels = {level: [one for one in at if one.level == level] for level in dict.fromkeys(one.level for one in at)}
        pairs = sum(len(there) * (len(there) - 1) // 2 for there in levels.values())
        for level, there in levels.items():
            least = min(there, key=lambda one: one.value).family
            for one in there:
                if one.family == least:
                    continue
                (difference,) = matching.compare(question, families[one.family], [level], other=families[least])
                if difference is not None:
                    found.append(_matched(matching, question, one.family, least, level, difference, pairs))
    return found


def _matched(
    matching: _Matching,
    question: Question,
    family: str,
    against: str,
    level: float,
    difference: Difference,
    judged: int,
) -> results.Matched:
    metric, margin = metric_of(question), matching.margin(question)
    judgement = judge(
        lambda _, confidence: replace(difference, confidence=confidence, limit=metric.upper_limit),
        runs=difference.robust_runs,
        margin=margin,
        family=judged,
        confidence=CONFIDENCE,
    )
    assert judgement is not None  # the difference is there
    last, attack = judgement.last.difference, matching.level.attack
    return results.Matched(
        family=family,
        against=against,
        metric=question.metric,
        parameters=parameters_of(question, metric),
        level=level,
        evaluation=attack.evaluation,
        attack=attack.name,
        epsilon=attack.epsilon,
        other=last.standard,
        gap=last.robust,
        value=last.value,
        interval=ends(last.interval),
        confidence=last.confidence,
        p_value=judgement.p_value,
        margin=margin,
        judged=judged,
        runs=last.robust_runs,
        per_run=[after - before for before, after in zip(last.standard_per_run, last.robust_per_run, strict=True)],
        verdict=judgement.last.verdict.kind.value,
        reason=describe_reason(judgement.last, metric, margin),
        needed=describe_needed(judgement.needed, matching.rows(question)),
    )
