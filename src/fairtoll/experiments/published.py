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
