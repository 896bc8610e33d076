"""Findings made by hand, for the judging of claims: gaps run by run, with a p-value and a verdict."""

from dataclasses import dataclass, field

import numpy as np

from fairtoll.findings import results
from fairtoll.statistics import paired_estimate

#: Interval of a change and its p-value for each verdict, at a margin of 0.01.
CHANGES = {
    "less fair": ((0.05, 0.09), 1e-5),
    "fairer": ((-0.09, -0.05), 0.9999),
    "equivalent": ((-0.005, 0.005), 0.5),
    "inconclusive": ((-0.04, 0.06), 0.3),
    "insufficient data": (None, None),
}
ROLES = {"standard": "standard", "robust": "static", "control": "repeated", "noise_control": "noise"}
#: Deviations of five runs from their mean.
SPREAD = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])


def arm_value(role, *, value=0.1, spread=0.0, runs=5, row_error=0.005, groups=None):
    per_run = [None] * runs if value is None else (value + spread * SPREAD[:runs]).tolist()
    found = [
        results.GroupValue(group=name, value=mean, interval=None, rows=500, sufficient=True)
        for name, mean in (groups or {}).items()
    ]
    return results.ArmValue(
        arm=ROLES.get(role, role), value=value, plain=value, interval=None, row_error=row_error, null_mean=None,
        null_95=None, systematic=value, worst_group=None, worst_value=None, best_group=None, best_value=None,
        per_run=per_run, plain_per_run=per_run, groups=found,
    )  # fmt: skip


def change_of(verdict, *, interval=None, p_value=None, runs=5, row_error=0.002, standard=0.1):
    found, p = CHANGES[verdict]
    interval, p = interval or found, p if p_value is None else p_value
    if interval is None:
        return None
    value = sum(interval) / 2
    return results.Difference(
        standard=standard, robust=standard + value, value=value, interval=interval, confidence=0.95, p_value=p,
        plain=value, row_error=row_error, least_detectable=0.1, runs=runs, share=1.0, paired=True, verdict=verdict,
        reason="", path=[results.Look(runs=runs, value=value, interval=interval, confidence=0.95, verdict=verdict)],
        needed=None, systematic=None, groups="",
    )  # fmt: skip


def pairs_of(changes, *, error=0.01):
    """Models whose differences are these, each with such an error of the rows."""
    pairs = [
        results.ModelPair(
            run=str(run), standard=0.1, robust=0.1 + value, value=value,
            interval=(value - 1.96 * error, value + 1.96 * error), verdict="unclear",
            p_value=paired_estimate([value], error).p_value,
        )
        for run, value in enumerate(changes)
    ]  # fmt: skip
    return results.Models(pairs=pairs, shown={"unclear": len(pairs)}, swap_p=None)


def finding(question, dataset="adult", *, verdict="inconclusive", interval=None, p_value=None, runs=5, models=None,
            **arms):  # fmt: skip
    change = change_of(verdict, interval=interval, p_value=p_value, runs=runs)
    attack = question.attack
    standard = arms.get("standard", arm_value("standard", runs=runs))
    moved = None if change is None else (standard.value or 0.0) + change.value
    return results.Finding(
        id=f"paper/static/{question.key}", dataset=dataset, protocol="paper", metric=question.metric,
        parameters=results.Parameters(
            partition=question.partition, evaluation=attack.evaluation if attack else "clean", attack=None,
            denominator=question.denominator, epsilon=attack.epsilon if attack else None, threat=None, attribute=None,
            label=question.label, target=question.target,
        ),
        standard=standard, robust=arms.get("robust", arm_value("robust", value=moved, runs=runs)),
        control=None, noise_control=None, difference=change, difference_from_control=None, changes=[], models=models,
        verdict=verdict, verdict_from_control=None, reason="", levelling_down=None, margin=0.01, family=1, runs=runs,
        published=None,
    )  # fmt: skip


@dataclass
class MeasuredByHand:
    """Contrasts of group means that are given by (key, arm), all with one error."""

    means: dict = field(default_factory=dict)
    error: float = 0.01

    def contrast(self, question, weights, *, arm, minus=None, runs=None, only=None, confidence=0.95):
        if (question.key, arm) not in self.means:
            return None
        first = self.means[question.key, arm]
        second = dict.fromkeys(first, 0.0) if minus is None else self.means[question.key, minus]
        if any(first.get(name) is None or second.get(name) is None for name in weights):
            return None
        value = sum(weight * (first[name] - second[name]) for name, weight in weights.items())
        return paired_estimate([value], self.error, confidence=confidence)
