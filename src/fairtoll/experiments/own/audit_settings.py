"""The `audit.toml` beside the trained models of a run: the same rows, the same adversary, each arm with its runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairtoll.data import Dataset
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.own.generated import deployed_arms, identifier
from fairtoll.experiments.own.rows import OwnRows
from fairtoll.experiments.own.threats import NumbersMove, present


def audit_settings(
    experiment: Experiment,
    train: Dataset,
    *,
    files: Mapping[str, str],
    module: str,
    weights: Mapping[str, Sequence[str]],
) -> str:
    """The text of the settings.

    Parameters
    ----------
    experiment : Experiment
        As it was run.
    train : Dataset
        The training rows, with codes of categories.
    files : mapping of str to str
        Of "train" and "rows".
    module : str
        What makes the models.
    weights : mapping of str to sequence of str
        By arm, the weights of each training run.
    """
    return (
        "\n".join(
            [
                *_of_rows(experiment, train, files),
                *_of_models(experiment, module, weights),
                *_of_threat(experiment, train),
            ]
        )
        + "\n"
    )


def _of_rows(experiment: Experiment, train: Dataset, files: Mapping[str, str]) -> Iterator[str]:
    rows = experiment.data.load
    assert isinstance(rows, OwnRows)
    yield "# The audit of the models in this folder, on the same test rows and under the same adversary."
    yield 'out = "audit"'
    yield ""
    yield "[data]"
    for part, name in files.items():
        yield f"{part} = {_text(name)}"
    yield f"groups = {_texts(rows.groups)}"
    if not rows.is_table:
        yield from _of_images(rows)
        return
    yield f"label = {_text(rows.label)}"
    yield f"features = {_texts(rows.features)}"
    yield f"missing = {_text(rows.missing)}"
    yield ""
    yield "[data.categories]"
    for feature in train.features:
        if feature.categories:
            yield f"{_text(feature.name)} = {_texts(feature.categories)}"
    yield f"{_text(rows.label)} = {_texts(train.class_names)}"


def _of_images(rows: OwnRows) -> Iterator[str]:
    """What arrays or columns are called, of files that the run did not write itself."""
    if rows.test is None:
        return
    for name, value in (("label", rows.label), ("image", rows.image)):
        if value is not None:
            yield f"{name} = {_text(value)}"
    if rows.categories:
        yield ""
        yield "[data.categories]"
        yield from (f"{_text(column)} = {_texts(values)}" for column, values in rows.categories.items())


def _of_models(experiment: Experiment, module: str, weights: Mapping[str, Sequence[str]]) -> Iterator[str]:
    deployed = deployed_arms(experiment)
    for arm, files in weights.items():
        yield ""
        yield f"[models.{_text(arm)}]"
        if arm in deployed:
            yield f"factory = {_text(f'{module}:{identifier(arm)}')}"
        else:
            yield f"factory = {_text(f'{module}:network')}"
            yield f"weights = {_texts(files)}"


def _of_threat(experiment: Experiment, train: Dataset) -> Iterator[str]:
    rows, threat = experiment.data.load, experiment.threats
    assert isinstance(rows, OwnRows)
    yield ""
    yield "[threat]"
    yield f"epsilons = [{experiment.epsilon!r}]"
    if isinstance(threat, NumbersMove):
        yield f"mutable = {_texts(threat.mutable)}"
        if threat.ranges:
            yield ""
            yield "[threat.ranges]"
            yield from (f"{_text(name)} = {[float(end) for end in ends]!r}" for name, ends in threat.ranges.items())
        if costs := _costs(threat, train):
            yield ""
            yield "# What a move of one standard deviation costs."
            yield "[threat.costs]"
            yield from (f"{_text(name)} = {cost!r}" for name, cost in costs.items())
    yield ""
    yield "[audit]"
    yield f"partitions = {_texts(rows.partitions)}"
    yield "paired = true"


def _costs(threat: NumbersMove, train: Dataset) -> dict[str, float]:
    """Where a number's scale is not its standard deviation: how many of its scales that is."""
    spread = {one.name: float(present(train, k).std(dtype="float64")) for k, one in enumerate(train.features)}
    return {
        name: spread[name] / threat.scale.get(name, 1.0)
        for name in threat.mutable
        if threat.unit == "raw" or name in threat.scale
    }


def _text(value: Any) -> str:
    """A TOML string."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
