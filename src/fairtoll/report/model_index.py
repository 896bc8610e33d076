"""The block of metadata that Hugging Face reads from the head of a model card: `model-index`, as YAML."""

from __future__ import annotations

import json
import re
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.findings.results import Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.card import accuracy_name, arm_of, gap_name, gaps_of
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import finite

#: Digits of a value: more would say more than any test set can.
DIGITS = 6


def render_model_index(
    results: Results, *, arm: str | None = None, model: str | None = None, task: str | None = None
) -> str:
    """The metadata of one arm, between lines of three dashes: accuracies by evaluation, and gaps.

    Put it at the head of `README.md` in the model's repository, or its lines into the block that is there already.

    Parameters
    ----------
    results : Results
        Of an audit or a reproduction.
    arm : str, optional
        Whose card it is. May be left out where there is one arm.
    model : str, optional
        Name of the model. Default: the arm's title.
    task : str, optional
        Its task, as Hugging Face names it. Default: "tabular-classification" where the features have names, else
        "image-classification".

    Returns
    -------
    str
        YAML.

    Raises
    ------
    FairtollError
        If the results have no such arm, or several and none is named, or the arm has no value.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairtoll.evidence import Evidence
    >>> from fairtoll.audits import audit_evidence
    >>> frame = pd.DataFrame({"model": ["a"] * 40 + ["b"] * 40, "y": ["no", "yes"] * 40, "p": [0.2, 0.9] * 40})
    >>> found = audit_evidence(Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, arm="model"))
    >>> print(render_model_index(found.results, arm="b", model="credit").splitlines()[:3])
    ['---', 'model-index:', '- name: "credit"']
    """
    name = arm_of(results, arm)
    metrics = [*_accuracies(results, name), *_gaps(results, name)]
    if not metrics:
        raise FairtollError(f"arm {name!r} has no value; expected an accuracy or a gap; audit more rows")
    features = results.configuration.get("features", True)
    kind = task or ("tabular-classification" if features else "image-classification")
    data = results.dataset
    index = [
        {
            "name": model or arm_titles(results)[name],
            "results": [
                {
                    "task": {"type": kind},
                    "dataset": {"type": _slug(data.name), "name": data.title or data.name, "split": "test"},
                    "metrics": metrics,
                }
            ],
        }
    ]
    return "\n".join(["---", "model-index:", *_yaml(index), "---", ""])


def _accuracies(results: Results, arm: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "accuracy" if entry.evaluation == "clean" else "robust_accuracy",
            "value": round(entry.mean, DIGITS),
            "name": accuracy_name(results, entry),
        }
        for entry in results.accuracy
        if entry.arm == arm
    ]


def _gaps(results: Results, arm: str) -> list[dict[str, Any]]:
    found = []
    for one in gaps_of(results, arm):
        value = finite(one.value.value)
        if value is not None:
            name = f"{metric_of(one.finding.metric).title}: {gap_name(results, one.finding)}"
            found.append({"type": one.finding.metric, "value": round(value, DIGITS), "name": name})
    return found


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-").lower() or "data"


def _yaml(value: Any, indent: str = "") -> list[str]:
    """Lists and mappings as YAML; a scalar of JSON is one of YAML."""
    if isinstance(value, list):
        lines = []
        for entry in value:
            first, *rest = _yaml(entry, indent + "  ")
            lines += [f"{indent}- {first.strip()}", *rest]
        return lines
    lines = []
    for key, entry in value.items():
        if isinstance(entry, dict | list):
            deeper = indent if isinstance(entry, list) else indent + "  "
            lines += [f"{indent}{key}:", *_yaml(entry, deeper)]
        else:
            lines.append(f"{indent}{key}: {json.dumps(entry)}")
    return lines
