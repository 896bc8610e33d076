"""Every gap and every group's own value of a run by formula, at the rules that were trained and at the best ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from fairtoll.experiments.closed_form.limit import best_rules
from fairtoll.experiments.closed_form.rules import rules_of
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.workspace import Workspace
from fairtoll.findings import Question
from fairtoll.findings.results import ExactValue, Finding
from fairtoll.theory import (
    Gaussians,
    LinearRule,
    error,
    mean_confidence,
    mean_least_epsilon,
)
from fairtoll.training import RECIPES
from fairtoll.training.networks import DenseNetwork

LABELS = (-1, 1)
#: The rules that one model averages, the one that it decides as first.
Rules = Sequence[LinearRule]


def is_linear(experiment: Experiment, arm: str) -> bool:
    """Whether an arm's models are linear.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> [is_linear(find_experiment("gaussian"), arm) for arm in ("online", "online-small")]
    [True, False]
    """
    network = experiment.network_of(arm)
    return isinstance(network, DenseNetwork) and network.depth == 0


def parts(model: Gaussians, question: Question, classes: Sequence[str]) -> dict[str, dict[str, int | str | None]]:
    """The groups of a question by name, as formulas take them."""
    label = None if question.label is None else LABELS[list(classes).index(question.label)]
    if question.partition == "class":
        return {name: {"label": one} for name, one in zip(classes, LABELS, strict=True)}
    return {one.name: {"label": label, "group": one.name} for one in model.groups}


def group_values(model: Gaussians, rules: Rules, question: Question, classes: Sequence[str]) -> dict[str, float]:
    """Each group's own value of a question by formula, of one model.

    Parameters
    ----------
    model : Gaussians
        What rows are drawn from.
    rules : sequence of LinearRule
        Whose confidences the model averages, the one that it decides as first.
    question : Question
        Of CAU, CRU_s and CRU_epsilon over all rows, or EOU.
    classes : sequence of str
        Names of class -1 and class +1.

    Examples
    --------
    >>> model = Gaussians([1.0], (4.0, 1.0))
    >>> values = group_values(model, [LinearRule([1.0], 0.0)], Question("cau", "class"), ("hard", "easy"))
    >>> {name: round(value, 3) for name, value in values.items()}
    {'hard': 0.691, 'easy': 0.841}
    """
    formula = _formula(model, rules, question)
    return {name: float(formula(**part)) for name, part in parts(model, question, classes).items()}


def _formula(model: Gaussians, rules: Rules, question: Question) -> Callable[..., float]:
    epsilon = 0.0 if question.attack is None else question.attack.epsilon
    if question.metric == "cau":
        return lambda **part: 1.0 - error(model, rules[0], **part)
    if question.metric == "cru_s":
        return partial(error, model, rules[0], epsilon)
    if question.metric == "cru_epsilon":
        return partial(mean_least_epsilon, model, rules[0], epsilon_max=epsilon)
    averaged = rules[1:] or rules
    return lambda **part: float(np.mean([mean_confidence(model, rule, **part) for rule in averaged]))


def trained_against(experiment: Experiment, arm: str) -> float | None:
    """The radius at which an arm's training minimises an error; None where it minimises none.

    Standard training minimises the error, on-line adversarial training the robust error at its radius.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> gaussian = find_experiment("gaussian")
    >>> [trained_against(gaussian, arm) for arm in ("standard", "online", "online-radius-0.5", "trades")]
    [0.0, 0.2, 0.1, None]
    """
    recipe = experiment.recipe(arm)
    if recipe.train is RECIPES["standard"].train:
        return 0.0
    return recipe.radius * experiment.epsilon if recipe.train is RECIPES["online"].train else None


def exact_values(workspace: Workspace, model: Gaussians) -> list[ExactValue]:
    """Every gap that the run compares, with its groups, arm by arm."""
    experiment, classes = workspace.experiment, workspace.data.train.class_names
    questions = list(dict.fromkeys(question for _, question in experiment.plan()))
    found = []
    for arm in experiment.arms():
        trained = rules_of(workspace, arm) if is_linear(experiment, arm) else []
        radius = trained_against(experiment, arm)
        least_loss, least_error = (None, None) if radius is None else best_rules(model, radius)
        for question in questions:
            runs = [group_values(model, rules, question, classes) for rules in trained]
            # The error has no scale of the weights, without which there is no confidence.
            at = [
                None if rule is None or not scaled else group_values(model, [rule], question, classes)
                for rule, scaled in ((least_loss, True), (least_error, question.metric != "eou"))
            ]
            found += [_value(arm, question, group, runs, *at) for group in (None, *parts(model, question, classes))]
    return found


def _value(
    arm: str,
    question: Question,
    group: str | None,
    runs: Sequence[dict[str, float]],
    least_loss: dict[str, float] | None,
    least_error: dict[str, float] | None,
) -> ExactValue:
    per_run = [_of(run, group) for run in runs]
    return ExactValue(
        arm=arm,
        question=question.key,
        metric=question.metric,
        partition=question.partition,
        label=question.label,
        epsilon=None if question.attack is None else question.attack.epsilon,
        group=group,
        exact=float(np.mean(per_run)) if per_run else None,
        per_run=per_run,
        least_loss=None if least_loss is None else _of(least_loss, group),
        least_error=None if least_error is None else _of(least_error, group),
    )


def _of(values: dict[str, float], group: str | None) -> float:
    return gap_of(values) if group is None else values[group]


def gap_of(values: Mapping[str, float]) -> float:
    """The largest minus the smallest of the groups' own values.

    Examples
    --------
    >>> gap_of({"a": 0.5, "b": 2.0, "c": 1.0})
    1.5
    """
    return max(values.values()) - min(values.values())


def beside(value: ExactValue, findings: Sequence[Finding]) -> ExactValue:
    """A value by formula with what was measured of it."""
    for finding in findings:
        for measured in (finding.standard, finding.robust):
            if measured.arm == value.arm and finding.id.endswith(f"/{value.question}"):
                if value.group is None:
                    return _with(value, measured.value, measured.interval)
                own = next(one for one in measured.groups if one.group == value.group)
                return _with(value, own.value, own.interval)
    return value


def _with(value: ExactValue, measured: float | None, interval: tuple[float, float] | None) -> ExactValue:
    inside = None
    if value.exact is not None and interval is not None:
        inside = interval[0] <= value.exact <= interval[1]
    return value.model_copy(update={"measured": measured, "interval": interval, "inside": inside})
