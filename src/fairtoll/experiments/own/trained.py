"""The trained models of a run, in a form that `fairtoll audit` and any PyTorch program read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torch import nn

from fairtoll.data import Dataset
from fairtoll.data.split import split_rows
from fairtoll.data.table_file import read_table
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.own.rows import OwnRows, encoder, read_rows
from fairtoll.experiments.own.threats import NumbersMove
from fairtoll.experiments.workspace import Workspace
from fairtoll.models.encode import Encode
from fairtoll.storage.files import make_folder, write_parquet, write_text, write_with
from fairtoll.training.networks import ConvolutionalNetwork, NamedNetwork, TableNetwork

#: In a run's folder: the models, the module that makes their network, and the settings of an audit of them.
FOLDER, MODULE, SETTINGS = "trained", "fairtoll_trained", "audit.toml"
FACTORY = f"{MODULE}:network"
HEAD = '''"""The network of the models in this folder, written by `fairtoll train`; their weights are beside it."""

'''
OF_TABLE = '''import torch
from torch import nn

from fairtoll.models.encode import Coded, Encode
from fairtoll.models.networks import Standardize, adult_network


def network() -> nn.Module:
    """Takes the columns of the table, categories as codes, of which the first layer makes columns of 0 and 1."""
    columns = Encode([{columns}])
    return nn.Sequential(columns, {network})
'''
DENSE = (
    "adult_network(Standardize(torch.zeros({inputs}), torch.ones({inputs})), classes={classes}, width={width}, "
    "depth={depth})"
)
OF_IMAGES = '''from torch import nn

from fairtoll.models.networks import image_network


def network() -> nn.Module:
    """Takes images as the run took them."""
    return image_network(classes={classes}, side={side}, channels={channels}, widths={widths})
'''


def write_trained(experiment: Experiment, folder: Path, device: str = "cpu") -> Path:
    """Write the models of every arm of a finished run, with what reads them; returns the settings of their audit.

    In the folder ``trained`` of the run: ``ARM-RUN.safetensors``, a state dict each; ``fairtoll_trained.py``, whose
    ``network`` makes the model that they fill; the test rows, and the training rows, where the run split them; and
    ``audit.toml``, which names all of it, the standard arm and every defence and repair at its own strength.

    Parameters
    ----------
    experiment : Experiment
        A description of rows of one's own, as it was run.
    folder : Path
        The run's.
    device : str
        Where it was run.
    """
    rows = experiment.data.load
    assert isinstance(rows, OwnRows)
    place, workspace = make_folder(folder / FOLDER), Workspace(experiment, folder, device)
    train, _ = rows.coded()
    layer = encoder(train) if rows.is_table else None
    runs: dict[str, list[str]] = {}
    for arm in experiment.arms():
        for seeds in workspace.blocks:
            if not (folder / workspace.model_path(arm, seeds)).exists():
                continue
            for seed, model in zip(seeds, workspace.stack(arm, seeds).to("cpu").members(), strict=True):
                name = f"{arm}-{seed + 1}.safetensors"
                _write_weights(model, layer, place / name)
                runs.setdefault(arm, []).append(name)
    write_text(_module(experiment, layer, train), place / f"{MODULE}.py")
    named = _write_rows(rows, place)
    own = [arm for arm in runs if arm in _audited(experiment)]
    write_text("\n".join(_settings(experiment, train, named, {arm: runs[arm] for arm in own})) + "\n", place / SETTINGS)
    return place / SETTINGS


def _audited(experiment: Experiment) -> list[str]:
    """The standard arm, and the recipes that were named, not their controls nor other strengths."""
    return [recipe.name for recipe in experiment.recipes if not recipe.is_control and recipe.deploy is None]


def _write_weights(model: nn.Module, layer: Encode | None, path: Path) -> None:
    whole = model if layer is None else nn.Sequential(layer, model)
    state = {name: tensor.contiguous() for name, tensor in whole.state_dict().items()}
    write_with(lambda temporary: save_file(state, temporary), path)


def _module(experiment: Experiment, layer: Encode | None, train: Dataset) -> str:
    network, classes = experiment.network, len(train.class_names)
    if isinstance(network, NamedNetwork):
        module, _, name = network.factory.partition(":")
        if layer is None:
            return f"{HEAD}from {module} import {name} as network\n"
        return HEAD + OF_TABLE.format(columns=_columns(layer), network=f"{name}()").replace(
            "from fairtoll.models.networks import Standardize, adult_network", f"from {module} import {name}"
        ).replace("import torch\nfrom", "from")
    if isinstance(network, TableNetwork) and layer is not None:
        inputs = sum(one.codes or 1 + (one.missing is not None) for one in layer.features)
        made = DENSE.format(inputs=inputs, classes=classes, width=network.width, depth=network.depth)
        return HEAD + OF_TABLE.format(columns=_columns(layer), network=made)
    assert isinstance(network, ConvolutionalNetwork)
    _, channels, side, _ = train.x.shape
    return HEAD + OF_IMAGES.format(classes=classes, side=side, channels=channels, widths=network.widths)


def _columns(layer: Encode) -> str:
    return ", ".join(
        f"Coded(codes={one.codes})"
        if one.codes
        else "Coded()"
        if one.missing is None
        else f"Coded(missing={one.missing!r}, filled={one.filled!r})"
        for one in layer.features
    )


def _write_rows(rows: OwnRows, place: Path) -> dict[str, str]:
    """The two parts of a table or of images that the run split, so that an audit asks about the same test rows."""
    assert rows.path is not None
    if rows.test_path is not None:
        return {"train": str(rows.path.resolve()), "rows": str(rows.test_path.resolve())}
    whole = read_rows(rows.path, rows)
    parts = dict(zip(("train", "rows"), split_rows(whole, rows.test_share, seed=rows.seed), strict=True))
    names = {"train": "train", "rows": "test"}
    if rows.is_table:
        columns = list(dict.fromkeys([*rows.features, *rows.groups, str(rows.label)]))
        frame = read_table(rows.path, keep_na=rows.keep_na)[columns]
        for part, positions in parts.items():
            write_parquet(frame.iloc[positions], place / f"{names[part]}.parquet")
        return {part: f"{name}.parquet" for part, name in names.items()}
    for part, positions in parts.items():
        some = whole.take(positions)
        arrays: dict[str, Any] = {"x": some.x, "y": some.y, "class_names": np.array(some.class_names), **some.groups}
        write_with(partial(_save_arrays, arrays), place / f"{names[part]}.npz")
    return {part: f"{name}.npz" for part, name in names.items()}


def _save_arrays(arrays: dict[str, Any], path: Path) -> None:
    # An open file: numpy adds a suffix to a name that has another.
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)


def _settings(
    experiment: Experiment, train: Dataset, named: dict[str, str], arms: dict[str, list[str]]
) -> Iterator[str]:
    """The lines of `audit.toml`."""
    rows = experiment.data.load
    assert isinstance(rows, OwnRows)
    yield "# The audit of the models in this folder, on the same test rows and under the same adversary."
    yield 'out = "audit"'
    yield ""
    yield "[data]"
    for part, name in named.items():
        yield f"{part} = {_text(name)}"
    if rows.is_table:
        yield f"label = {_text(rows.label)}"
        yield f"features = {_texts(rows.features)}"
        yield f"missing = {_text(rows.missing)}"
    yield f"groups = {_texts(rows.groups)}"
    categories = {one.name: one.categories for one in train.features if one.categories}
    if rows.is_table:
        categories[str(rows.label)] = train.class_names
    if categories:
        yield ""
        yield "[data.categories]"
        yield from (f"{_text(column)} = {_texts(values)}" for column, values in categories.items())
    for arm, files in arms.items():
        yield ""
        yield f"[models.{_text(arm)}]"
        yield f"factory = {_text(FACTORY)}"
        yield f"weights = {_texts(files)}"
    yield ""
    yield "[threat]"
    yield f"epsilons = [{experiment.epsilon!r}]"
    if isinstance(experiment.threats, NumbersMove):
        yield f"mutable = {_texts(experiment.threats.mutable)}"
        costs = _costs(experiment.threats, train)
        if costs:
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
    spread = {one.name: float(train.x[:, k].std(dtype=np.float64)) for k, one in enumerate(train.features)}
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
