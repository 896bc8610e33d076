"""The paper's numbers and claims, as printed."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load_published() -> dict[str, Any]:
    """Everything the paper prints, as fractions.

    Source: Sooksatra & Rivas, Adversarial Training Negatively Affects Fairness.

    Examples
    --------
    >>> load_published()["adult"]["cau"]
    {'standard': 0.0195, 'robust': 0.0205}
    """
    text = (files("fairtoll.experiments") / "published.json").read_text(encoding="utf-8")
    published: dict[str, Any] = json.loads(text)
    return published


def claim_text(identifier: str) -> str:
    """The wording of a claim.

    Examples
    --------
    >>> claim_text("luf")
    'LUF, LUF_t and LUF_l are larger for the robust CIFAR-10 classifier'
    """
    return next(str(claim["text"]) for claim in load_published()["claims"] if claim["id"] == identifier)


def published_accuracy(dataset: str, *, attack: str, epsilon: float) -> dict[tuple[str, ...], float]:
    """The paper's accuracies by (arm, evaluation, ...).

    Its "robust accuracy" of the robust classifier is static transfer; that of the standard one was
    crafted on that model itself.

    Examples
    --------
    >>> published_accuracy("adult", attack="pgd-20", epsilon=10.0)["standard", "clean"]
    0.7953
    """
    accuracy = load_published()[dataset]["accuracy"]
    at = ("paper", attack, f"{epsilon:g}")
    return {
        ("standard", "clean"): accuracy["standard"]["clean"],
        ("static", "clean"): accuracy["robust"]["clean"],
        ("standard", "white-box", *at): accuracy["standard"]["robust"],
        ("static", "static-transfer", *at): accuracy["robust"]["robust"],
    }
