"""Alarms about the models themselves, from what was found when they were tried, before any attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtoll.evidence.store import Evidence
from fairtoll.findings.results import Alarm
from fairtoll.models.logit_model import LogitModel
from fairtoll.models.remarks import remarks

#: Where evidence keeps the remarks on the models of each arm, in `about`.
KEY = "model_remarks"


def describe_models(models: Sequence[LogitModel]) -> list[dict[str, Any]]:
    """What must be said of the models of one arm, as plain values: each remark once, with how many it holds for.

    Examples
    --------
    >>> from fairtoll.models.logit_model import Probed
    >>> describe_models([LogitModel(None, Probed(classes=2))])
    []
    """
    found: dict[str, dict[str, Any]] = {}
    for model in models:
        for remark in remarks(model.probed):
            first = {"id": remark.id, "title": remark.title, "text": remark.text, "models": 0, "of": len(models)}
            found.setdefault(remark.id, first)["models"] += 1
    return list(found.values())


def model_alarms(evidence: Evidence, arm: str) -> list[Alarm]:
    """An alarm for each remark on the models of one arm.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> model_alarms(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}), "model")
    []
    """
    return [
        Alarm(
            id=remark["id"],
            title=remark["title"],
            arm=arm,
            fired=True,
            message=f"{arm}: {remark['text']}"
            + ("." if remark["models"] == remark["of"] else f" ({remark['models']} of {remark['of']} training runs)."),
            value=float(remark["models"]),
        )
        for remark in evidence.about.get(KEY, {}).get(arm, [])
    ]
