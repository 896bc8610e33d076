"""The Python module beside the trained models of a run: what makes their network, and what they predict by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairtoll.data import Dataset
from fairtoll.experiments.describe import digest
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.own.rows import OwnRows
from fairtoll.models.encode import Encode
from fairtoll.training.networks import NamedNetwork

HEAD = '''"""The network of the models in this folder, written by `fairtoll train`; their weights are beside it."""

from pathlib import Path

import torch
from torch import nn

from fairtoll.experiments.own.trained import deployed_models
from fairtoll.models.encode import Coded, Encode
from fairtoll.models.networks import Standardize, adult_network, image_network

HERE = Path(__file__).parent
'''
OF_TABLE = '''

def network() -> nn.Module:
    """Takes the columns of the table, categories as codes, of which the first layer makes columns of 0 and 1."""
    return nn.Sequential(Encode([{columns}]), {network})
'''
OF_IMAGES = '''

def network() -> nn.Module:
    """Takes images as the run took them."""
    return {network}
'''
DEPLOYED = '''

def {name}() -> list[nn.Module]:
    """One model for each training run, as it predicts and was attacked."""
    return deployed_models(HERE.parent, {arm!r}, {files})
'''
DENSE = (
    "adult_network(Standardize(torch.zeros({inputs}), torch.ones({inputs})), classes={classes}, width={width}, "
    "depth={depth})"
)
CONVOLUTIONAL = "image_network(classes={classes}, side={side}, channels={channels}, widths={widths})"


def trained_module(experiment: Experiment, layer: Encode | None, train: Dataset, place: Path) -> str:
    """The text of the module.

    Parameters
    ----------
    experiment : Experiment
        As it was run.
    layer : Encode, optional
        What stands before the network of a table.
    train : Dataset
        The training rows, with codes of categories.
    place : Path
        The folder of the module.
    """
    made = _network(experiment, layer, train)
    if layer is None:
        text = OF_IMAGES.format(network=made)
    else:
        text = OF_TABLE.format(columns=_columns(layer), network=made)
    head = HEAD
    if isinstance(experiment.network, NamedNetwork):
        head = head.replace("import torch\n", f"import torch\nimport {experiment.network.factory.partition(':')[0]}\n")
    return head + text + "".join(_deployed(experiment, arm, place) for arm in deployed_arms(experiment))


def module_name(configuration: Mapping[str, Any]) -> str:
    """The module of a run: another one for each configuration, so that one program may read the models of two runs.

    Examples
    --------
    >>> module_name({"epsilon": 0.25})
    'trained_c9bfb00e'
    """
    return f"trained_{digest(configuration)[:8]}"


def deployed_arms(experiment: Experiment) -> list[str]:
    """The arms at their own strength that predict by more than their trained network.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> "smoothing" in deployed_arms(find_experiment("adult"))
    True
    """
    return [one.name for one in experiment.recipes if one.deploy is not None and one.family == one.name]


def identifier(arm: str) -> str:
    """The name of an arm's factory.

    Examples
    --------
    >>> identifier("frl-sex")
    'frl_sex'
    """
    return "".join(letter if letter.isalnum() else "_" for letter in arm)


def _network(experiment: Experiment, layer: Encode | None, train: Dataset) -> str:
    """The call that makes it."""
    network, classes = experiment.network, len(train.class_names)
    if isinstance(network, NamedNetwork):
        return f"{network.factory.replace(':', '.')}()"
    if layer is not None:
        inputs = sum(one.codes or 1 + (one.missing is not None) for one in layer.features)
        sizes = {name: getattr(network, name) for name in ("width", "depth")}
        return DENSE.format(inputs=inputs, classes=classes, **sizes)
    _, channels, side, _ = train.x.shape
    widths = getattr(network, "widths")  # noqa: B009
    return CONVOLUTIONAL.format(classes=classes, side=side, channels=channels, widths=widths)


def _columns(layer: Encode) -> str:
    return ", ".join(
        f"Coded(codes={one.codes})"
        if one.codes
        else "Coded()"
        if one.missing is None
        else f"Coded(missing={one.missing!r}, filled={one.filled!r})"
        for one in layer.features
    )


def _deployed(experiment: Experiment, arm: str, place: Path) -> str:
    rows = experiment.data.load
    assert isinstance(rows, OwnRows)
    files = ", ".join(
        f"{name}=HERE / {os.path.relpath(path.resolve(), place.resolve())!r}"
        for name, path in (("table", rows.path), ("test", rows.test_path))
        if path is not None
    )
    return DEPLOYED.format(name=identifier(arm), arm=arm, files=files)
