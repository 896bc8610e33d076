"""The questions that the CIFAR-10 experiment answers, and the paper's values for them."""

from __future__ import annotations

from typing import Any

from fairtoll.experiments.arms import PAPER, SOUND, STATIC_UNDER_UNION, describe_arms
from fairtoll.experiments.published import load_published
from fairtoll.findings import Attack, Comparison, Question

EPSILON = 0.01
PAPER_EPSILONS = (0.01, 0.012, 0.014)
#: Beyond this a row's least epsilon is censored: five times the paper's radius.
EPSILON_MAX = 0.05
#: Mean success rates at which arms of unequal strength are compared.
MATCHED_RATES = (0.5, 0.75)
CRAFT_STEPS = 20
CURVE_STEPS = 50
LEAST = Attack("white-box", "least-epsilon", EPSILON_MAX)
ARMS = describe_arms(row="image", rows="images", standard="clean images")


def cifar10_plan(protocol: str) -> list[tuple[Comparison, Question]]:
    """Every gap of the CIFAR-10 report.

    Examples
    --------
    >>> len(cifar10_plan("both")) == len(cifar10_plan("paper")) + len(cifar10_plan("sound"))
    True
    """
    plan: list[tuple[Comparison, Question]] = []
    if protocol in ("paper", "both"):
        success = [
            Question("cru_s", "class", Attack(evaluation, f"pgd-{CRAFT_STEPS}", epsilon), denominator=denominator)
            for evaluation in ("static-transfer", "white-box")
            for denominator in ("all", "correct")
            for epsilon in PAPER_EPSILONS
        ]
        plan += [(PAPER, question) for question in [Question("cau", "class"), *success, *_least_epsilon()]]
    if protocol in ("sound", "both"):
        union = Attack("white-box", "union", EPSILON)
        success = [Question("cru_s", "class", union, denominator=denominator) for denominator in ("all", "correct")]
        success += [
            Question("cru_s", "class", Attack("white-box", f"pgd-{CURVE_STEPS}-curve", epsilon), denominator="all")
            for epsilon in PAPER_EPSILONS
        ]
        plan += [(SOUND, question) for question in [Question("cau", "class"), *success, *_least_epsilon()]]
        plan.append((STATIC_UNDER_UNION, success[0]))
    return plan


def _least_epsilon() -> list[Question]:
    return [
        Question("cru_epsilon", "class", LEAST, denominator="all"),
        Question("cru_epsilon", "class", LEAST, denominator="correct"),
        Question("cru_epsilon_relative", "class", LEAST, denominator="all"),
        *[Question("cru_s_matched", "class", LEAST, denominator="all", rate=rate) for rate in MATCHED_RATES],
    ]


def published_values() -> dict[str, dict[Any, Any]]:
    """The paper's values by ``f"{protocol}/{question.key}"``.

    Examples
    --------
    >>> published_values()["paper/cau/class/clean"]
    {'standard': 0.286, 'robust': 0.344}
    """
    cifar10 = load_published()["cifar10"]
    values: dict[str, dict[Any, Any]] = {"paper/cau/class/clean": dict(cifar10["cau"])}
    rates = cifar10["cru_s"]
    for comparison, question in cifar10_plan("paper"):
        attack, key = question.attack, f"{comparison.protocol}/{question.key}"
        if question.metric == "cru_s" and attack is not None:
            position = rates["epsilon"].index(attack.epsilon)
            values[key] = {
                "standard": rates["standard"][position],
                "robust": rates["robust"][position],
                "note": "the paper does not say which evaluation and which denominator Table I uses",
            }
        elif question.metric == "cru_epsilon" and question.denominator == "all":
            values[key] = {
                **cifar10["cru_epsilon"],
                "note": "the paper does not say on which model its examples were crafted",
            }
    return values
