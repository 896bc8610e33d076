"""The models of an arm: checked before any attack, and what is remarked on them: alarms and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.evidence.target import Arm, Target
from fairtoll.findings.results import Alarm, ModelNote
from fairtoll.models import prepare
from fairtoll.models.logit_model import LogitModel
from fairtoll.models.remarks import RemarkKind, remarks

#: Where evidence keeps the remarks on the models of each arm, in `about`.
REMARKS = "model_remarks"


def prepare_arm(arm: Arm, target: Target, *, gradients: bool, required: bool = True) -> Arm:
    """The arm with its models prepared (`fairtoll.models.prepare`), so that none is checked again.

    Models without gradients are an error where these are `required`.

    Raises
    ------
    FairtollError
        As `prepare`, with the arm's name and which training run it is.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtoll import LinfThreat
    >>> from fairtoll.data import Dataset
    >>> data = Dataset(np.zeros((2, 3)), [0, 1], ("no", "yes"))
    >>> prepare_arm(Arm("plain", [nn.Linear(3, 2)], [0]), Target(data, LinfThreat(), "paper"), gradients=True).seeds
    [0]
    """
    prepared = []
    for position, model in enumerate(arm.models, start=1):
        try:
            classes = len(target.data.class_names)
            prepared.append(prepare(model, target.x, classes=classes, gradients=gradients, required=required))
        except FairtollError as error:
            run = "" if len(arm.models) == 1 else f", training run {position} of {len(arm.models)}"
            raise FairtollError(f"arm '{arm.name}'{run}: {error}") from error
    return replace(arm, models=prepared)


def describe_models(models: Sequence[nn.Module]) -> list[dict[str, Any]]:
    """The remarks on the models of one arm, as plain values: each once, with the number of models it applies to.

    Examples
    --------
    >>> from fairtoll.models.logit_model import Probed
    >>> describe_models([LogitModel(nn.Linear(3, 2), Probed(classes=2))])
    []
    """
    found: dict[str, dict[str, Any]] = {}
    for model in models:
        for remark in remarks(model.probed) if isinstance(model, LogitModel) else []:
            first = {**asdict(remark), "models": 0, "of": len(models)}
            found.setdefault(remark.id, first)["models"] += 1
    return list(found.values())


def model_alarms(evidence: Evidence, arm: str) -> list[Alarm]:
    """A fired alarm for each remark on the models of one arm that the numbers may be wrong.

    Examples
    --------
    >>> import pandas as pd
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
            message=f"{arm}: {_said(remark)}",
            value=float(remark["models"]),
        )
        for remark in _remarks(evidence, arm, "alarm")
    ]


def model_notes(evidence: Evidence, arm: str) -> list[ModelNote]:
    """The other remarks on the models of one arm: what a reader must know, where nothing is wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> model_notes(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}), "model")
    []
    """
    return [
        ModelNote(id=remark["id"], title=remark["title"], arm=arm, text=_said(remark))
        for remark in _remarks(evidence, arm, "note")
    ]


def _remarks(evidence: Evidence, arm: str, kind: RemarkKind) -> list[dict[str, Any]]:
    return [remark for remark in evidence.about.get(REMARKS, {}).get(arm, []) if remark["kind"] == kind]


def _said(remark: dict[str, Any]) -> str:
    of_some = "" if remark["models"] == remark["of"] else f" ({remark['models']} of {remark['of']} training runs)"
    return f"{remark['text']}{of_some}."
