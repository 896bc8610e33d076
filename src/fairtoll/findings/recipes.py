"""What the arms of a comparison of recipes are and what accuracy they reach, average and worst, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.attacked_rows import class_weights, run_means
from fairtoll.findings.judged import CONFIDENCE, Rules
from fairtoll.findings.outcomes import Outcomes, outcomes_of
from fairtoll.findings.questions import Attack, Comparison, Question
from fairtoll.findings.readings import Readings
from fairtoll.statistics import (
    InsufficientDataError,
    Interval,
    bonferroni,
    group_changes,
    group_intervals,
    mean_worst,
    worst_difference,
)
from fairtoll.statistics.verdict import MINIMUM_RUNS

#: What evidence says of an arm beside its title.
RECIPE = "recipe"


def main_attack(plan: Sequence[tuple[Comparison, Question]]) -> Attack | None:
    """The attack that robust accuracy is read from: the first one whose success over all rows a question compares.

    Examples
    --------
    >>> union = Attack("white-box", "union", 10.0)
    >>> plan = [(Comparison("defences", "standard", "online"), Question("cru_s", "class", union, denominator="all"))]
    >>> main_attack(plan) == union, main_attack([]) is None
    (True, True)
    """
    of_all = (one.attack for _, one in plan if one.metric == "cru_s" and one.denominator == "all")
    return next((attack for attack in of_all if attack is not None), None)


def describe_recipes(
    evidence: Evidence,
    readings: Readings,
    plan: Sequence[tuple[Comparison, Question]],
    *,
    rules: Rules,
    times: Sequence[results.StageTime] = (),
) -> list[results.Recipe]:
    """Every arm of which the evidence says what recipe it is; none where it says so of no arm.

    Parameters
    ----------
    plan : sequence of (Comparison, Question)
        Names the attack.
    times : sequence of StageTime
        Of the stages that trained them.
    """
    known = {arm["name"]: arm[RECIPE] for arm in evidence.about.get("arms", []) if RECIPE in arm}
    if not known:
        return []
    attack = main_attack(plan)
    spoken = {arm: _Accuracies(evidence, readings, arm, attack, rules) for arm in known}
    controls = {one.robust: one.control for one, _ in plan if one.control is not None}
    against = [arm for arm, about in known.items() if about["role"] in ("standard", "baseline")]
    shifts = {
        other: _shifts([one for arm, one in spoken.items() if _compared(arm, other, known)], spoken[other])
        for other in against
    }
    return [
        results.Recipe(
            arm=arm,
            **about,
            control=controls.get(arm),
            seconds=_seconds(times, arm, spoken[arm].runs),
            reached=spoken[arm].reached(),
            shifts=[shift for other in against for shift in shifts[other].get(arm, [])],
        )
        for arm, about in known.items()
    ]


def _compared(arm: str, other: str, known: Mapping[str, Mapping[str, Any]]) -> bool:
    """Own strengths are compared with the standard arm, and repairs with the baseline too."""
    about = known[arm]
    if arm == other or not about["own_strength"] or about["role"] == "control":
        return False
    return bool(known[other]["role"] == "standard" or about["role"] == "repair")


class _Accuracies:
    """What is right in one arm, clean and under attack: outcomes of 1 for every row that is."""

    def __init__(self, evidence: Evidence, readings: Readings, arm: str, attack: Attack | None, rules: Rules) -> None:
        self.arm, self.rules, self.readings = arm, rules, readings
        self.partitions = ["class", *evidence.attributes]
        self.outcomes: dict[Attack | None, Outcomes] = {None: outcomes_of(readings, arm, Question("cau", "class"))}
        measured = [] if attack is None else evidence.attack_names(arm)
        if attack is not None and (attack.evaluation, attack.threat, attack.name, attack.epsilon) in measured:
            found = outcomes_of(readings, arm, Question("cru_s", "class", attack, denominator="all"))
            self.outcomes[attack] = Outcomes(1.0 - found.values, None, found.rows, runs=found.runs)

    @property
    def runs(self) -> int:
        """How many training runs there are."""
        return len(self.outcomes[None].values)

    def groups(self, partition: str | None, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The group of each row; one group of all where there is no partition."""
        if partition is None:
            return np.zeros(len(rows), dtype=np.intp)
        names, codes = self.readings.groups(partition)
        return np.asarray(names, dtype=object)[codes[rows]].astype(str)

    def reached(self) -> list[results.Reached]:
        return [self._reached(attack, outcomes) for attack, outcomes in self.outcomes.items()]

    def _reached(self, attack: Attack | None, outcomes: Outcomes) -> results.Reached:
        weights = class_weights(self.readings.evidence, outcomes.rows)
        per_run = run_means(outcomes.values, weights)
        (interval,) = group_intervals(
            outcomes.values, self.groups(None, outcomes.rows), minimum_rows=2, rates=True, weights=weights
        ).values()
        return results.Reached(
            evaluation="clean" if attack is None else attack.evaluation,
            attack=None if attack is None else attack.name,
            threat=None if attack is None else attack.threat,
            epsilon=None if attack is None else attack.epsilon,
            value=float(per_run.mean()),
            interval=(interval.low, interval.high),
            per_run=per_run.tolist(),
            worst=[one for partition in self.partitions if (one := self._worst(partition, outcomes)) is not None],
        )

    def _worst(self, partition: str, outcomes: Outcomes) -> results.WorstGroup | None:
        groups = self.groups(partition, outcomes.rows)
        try:
            weights = class_weights(self.readings.evidence, outcomes.rows)
            found = mean_worst(
                outcomes.values,
                groups,
                minimum_rows=self.rules.minimum_rows,
                rates=True,
                weights=weights,
                average=float(run_means(outcomes.values, weights).mean()),
            )
        except InsufficientDataError:
            return None
        return results.WorstGroup(
            partition=partition,
            group=str(found.group),
            value=found.value,
            plain=found.plain,
            interval=(found.interval.low, found.interval.high),
            per_run=list(found.per_run),
        )


def _shifts(arms: Sequence[_Accuracies], other: _Accuracies) -> dict[str, list[results.Shift]]:
    """How each arm's accuracies differ from one arm's, at confidences widened for the arms."""
    counts: Counter[Attack | None] = Counter(attack for one in arms for attack in one.outcomes)
    return {
        one.arm: [
            shift
            for attack in one.outcomes
            if attack in other.outcomes
            for partition in (None, *one.partitions)
            if (shift := _shift(one, other, attack, partition, counts[attack])) is not None
        ]
        for one in arms
    }


def _shift(
    one: _Accuracies, other: _Accuracies, attack: Attack | None, partition: str | None, family: int
) -> results.Shift | None:
    base, robust = other.outcomes[attack], one.outcomes[attack]
    both = [run for run in base.runs if run in set(robust.runs)]
    if not both or not np.array_equal(base.rows, robust.rows):
        return None
    base, robust = (arm.take([arm.runs.index(run) for run in both]) for arm in (base, robust))
    confidence = bonferroni(CONFIDENCE, family)
    weights = class_weights(one.readings.evidence, base.rows)
    given: dict[str, Any] = {"paired": one.rules.paired, "confidence": confidence, "rates": True, "weights": weights}
    groups = one.groups(partition, base.rows)
    try:
        if partition is None:
            change = group_changes(base.values, robust.values, groups, minimum_rows=2, **given)[0]
            value, interval = change.value, change.interval
        else:
            before, after = (float(run_means(arm.values, weights).mean()) for arm in (base, robust))
            given |= {"minimum_rows": one.rules.minimum_rows, "averages": (before, after)}
            found = worst_difference(base.values, robust.values, groups, **given)
            value, interval = found.value, found.interval
    except InsufficientDataError:
        return None
    return results.Shift(
        against=other.arm,
        evaluation="clean" if attack is None else attack.evaluation,
        partition=partition,
        value=value,
        interval=(max(interval.low, -1.0), min(interval.high, 1.0)),
        confidence=confidence,
        family=family,
        verdict=_side(interval, runs=len(both)),
    )


def _side(interval: Interval, *, runs: int) -> results.ShiftName:
    """Which side of 0 an interval lies on; fewer than three runs say nothing of a recipe."""
    if runs < MINIMUM_RUNS:
        return "unclear"
    return "higher" if interval.low > 0 else "lower" if interval.high < 0 else "unclear"


def _seconds(times: Sequence[results.StageTime], arm: str, runs: int) -> float | None:
    """Seconds that training one run took."""
    found = [one.seconds for one in times if one.kind == "training" and one.arm == arm]
    return sum(found) / runs if found else None
