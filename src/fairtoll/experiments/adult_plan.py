"""The questions that the Adult experiment answers, and the paper's values for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtoll.data.adult import CLASS_NAMES
from fairtoll.experiments.adult_threats import PAPER_EPSILONS
from fairtoll.experiments.arms import PAPER, SOUND, STATIC_UNDER_UNION, describe_arms
from fairtoll.experiments.published import load_published
from fairtoll.findings import Attack, Comparison, Question

EPSILON = 10.0
REALISTIC_EPSILON = 0.5
PARTITIONS = ("class", "sex", "race", "sex & race")
TRANSFER, WHITE_BOX, UNION = (
    Attack("static-transfer", "pgd-20", EPSILON),
    Attack("white-box", "pgd-20", EPSILON),
    Attack("white-box", "union", EPSILON),
)
ARMS = describe_arms(row="row", rows="rows", standard="20 epochs on clean rows, class >50K tripled")


def adult_plan(protocol: str) -> list[tuple[Comparison, Question]]:
    """Every gap of the Adult report.

    Examples
    --------
    >>> len(adult_plan("both")) == len(adult_plan("paper")) + len(adult_plan("sound"))
    True
    """
    plan: list[tuple[Comparison, Question]] = []
    if protocol in ("paper", "both"):
        success = [
            Question("cru_s", "class", Attack(attack.evaluation, attack.name, epsilon), denominator=denominator)
            for attack in (TRANSFER, WHITE_BOX)
            for denominator in ("all", "correct")
            for epsilon in PAPER_EPSILONS
        ]
        success += [Question("cru_s", partition, WHITE_BOX, denominator="all") for partition in ("sex", "race")]
        questions = [*_accuracy(), *success, *_confidence(None), *_confidence(WHITE_BOX), *_rates()]
        plan += [(PAPER, question) for question in questions]
    if protocol in ("sound", "both"):
        success = [
            Question("cru_s", partition, UNION, denominator="all")
            for partition in ("class", "sex", "race", "sex & race")
        ]
        success.append(Question("cru_s", "class", UNION, denominator="correct"))
        plan += [(SOUND, question) for question in [*_accuracy(), *success, *_confidence(None), *_rates()]]
        plan.append((STATIC_UNDER_UNION, success[0]))
    return plan


def published_values() -> dict[str, dict[Any, Any]]:
    """The paper's values by ``f"{protocol}/{question.key}"``; groups of Table V by (arm, group).

    Examples
    --------
    >>> published_values()["paper/cau/class/clean"]
    {'standard': 0.0195, 'robust': 0.0205}
    """
    adult = load_published()["adult"]
    values: dict[str, dict[Any, Any]] = {"paper/cau/class/clean": dict(adult["cau"])}
    rates = adult["cru_s"]
    note = "the paper does not say which evaluation and which denominator Table II uses"
    for comparison, question in adult_plan("paper"):
        attack = question.attack
        if question.metric == "cru_s" and question.partition == "class" and attack is not None:
            position = rates["epsilon"].index(attack.epsilon)
            values[f"{comparison.protocol}/{question.key}"] = {
                "standard": rates["standard"][position],
                "robust": rates["robust"][position],
                "note": note,
            }
    confidence = adult["mean_confidence_over_50k"]["race"]
    for label, name in zip(CLASS_NAMES, ("D0", "D1"), strict=True):
        gaps = adult["eou"]["race"][name]
        groups = {
            (role, group): confidence[name][role][position]
            for role in ("standard", "robust")
            for position, group in enumerate(confidence["groups"])
        }
        key = of_confidence("race", label).key
        values[f"paper/{key}"] = {**gaps, **groups, "note": "from the paper's Table V, max minus min"}
    return values


def of_confidence(partition: str, label: str, attack: Attack | None = None) -> Question:
    """EOU among the rows of one true class: the gap in mean confidence in the higher income."""
    return Question("eou", partition, attack, label=label, target=CLASS_NAMES[1])


def _accuracy() -> list[Question]:
    return [Question("cau", partition) for partition in PARTITIONS]


def _confidence(attack: Attack | None, partitions: Sequence[str] = ("sex", "race")) -> list[Question]:
    return [of_confidence(partition, label, attack) for partition in partitions for label in CLASS_NAMES]


def _rates() -> list[Question]:
    return [
        Question("equalized_odds_rate", partition, label=label, target=CLASS_NAMES[1])
        for partition in ("sex", "race")
        for label in CLASS_NAMES
    ]
