"""The trained models of a run, in a form that `fairtoll audit` and any PyTorch program read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torch import nn

from fairtoll.data.table_file import read_table
from fairtoll.errors import FairtollError
from fairtoll.experiments.defences import with_recipes
from fairtoll.experiments.engine import DEFENCES
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.own.audit_settings import audit_settings
from fairtoll.experiments.own.description import read_description
from fairtoll.experiments.own.encoding import encoder
from fairtoll.experiments.own.generated import module_name, trained_module
from fairtoll.experiments.own.rows import OwnRows, drawn_parts, read_rows
from fairtoll.experiments.workspace import Workspace
from fairtoll.models.encode import Encode
from fairtoll.runs.folder import read_configuration
from fairtoll.storage.files import make_folder, write_parquet, write_text, write_with

#: In a run's folder: the models, and the settings of an audit of them.
FOLDER, SETTINGS = "trained", "audit.toml"


def write_trained(experiment: Experiment, folder: Path, device: str = "cpu") -> Path:
    """Write the models of every arm of a finished run, with what reads them; returns the settings of their audit.

    In the folder ``trained`` of the run: ``ARM-RUN.safetensors``, a state dict each; ``trained_*.py``, whose
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
    weights: dict[str, list[str]] = {}
    for arm in experiment.arms():
        for seeds in workspace.blocks:
            for seed, model in zip(seeds, workspace.stack(arm, seeds).to("cpu").members(), strict=True):
                name = f"{arm}-{seed + 1}.safetensors"
                _write_weights(model, layer, place / name)
                weights.setdefault(arm, []).append(name)
    module = module_name(read_configuration(folder))
    write_text(trained_module(experiment, layer, train, place), place / f"{module}.py")
    own = [one.name for one in experiment.recipes if not one.is_control and one.family == one.name]
    settings = audit_settings(
        experiment,
        train,
        files=_write_rows(rows, place),
        module=module,
        weights={arm: files for arm, files in weights.items() if arm in own},
    )
    write_text(settings, place / SETTINGS)
    return place / SETTINGS


def deployed_models(folder: Path, arm: str, *, table: Path, test: Path | None = None) -> list[nn.Module]:
    """The models of an arm as they predict and were attacked, such as smoothed ones: one for each training run.

    Parameters
    ----------
    folder : Path
        A finished run's, of `fairtoll train`.
    arm : str
        Its name.
    table, test : Path
        The files that it was trained and tested on: what is deployed may depend on the training rows.

    Raises
    ------
    FairtollError
        If the folder holds no such run, the run has no such arm, or a file is another one.
    """
    configuration = read_configuration(folder)
    experiment = read_description(configuration)
    if experiment is None or DEFENCES not in configuration:
        raise FairtollError(f"{folder} is no run of fairtoll train; expected its folder; check the path")
    rows = experiment.data.load
    assert isinstance(rows, OwnRows)
    placed = replace(rows, path=table, test_path=test)
    names, strengths, *_ = configuration[DEFENCES]
    data = replace(experiment.data, load=placed)
    experiment = with_recipes(replace(experiment, data=data), names, strengths=strengths)
    if arm not in experiment.arms():
        raise FairtollError(f"the run has no arm '{arm}'; expected one of {', '.join(experiment.arms())}; correct it")
    workspace = Workspace(replace(experiment, runs=configuration["runs"]), folder)
    models = [model for seeds in workspace.blocks for model in workspace.arm(arm, seeds).models]
    if not rows.is_table:
        return models
    layer = encoder(placed.coded()[0])
    return [nn.Sequential(layer, model) for model in models]


def _write_weights(model: nn.Module, layer: Encode | None, path: Path) -> None:
    whole = model if layer is None else nn.Sequential(layer, model)
    state = {name: tensor.contiguous() for name, tensor in whole.state_dict().items()}
    write_with(partial(save_file, state), path)


def _write_rows(rows: OwnRows, place: Path) -> dict[str, str]:
    """The two parts of a table or of images that the run split, so that an audit asks about the same test rows."""
    assert rows.path is not None
    if rows.test_path is not None:
        return {"train": str(rows.path.resolve()), "rows": str(rows.test_path.resolve())}
    whole = read_rows(rows.path, rows)
    train, test = drawn_parts(rows, whole)
    suffix = "parquet" if rows.is_table else "npz"
    for name, positions in (("train", train), ("test", test)):
        if rows.is_table:
            columns = list(dict.fromkeys([*rows.features, *rows.groups, str(rows.label)]))
            frame = read_table(rows.path, keep_na=rows.keep_na)[columns]
            write_parquet(frame.iloc[positions], place / f"{name}.{suffix}")
        else:
            some = whole.take(positions)
            arrays = {"x": some.x, "y": some.y, "class_names": np.array(some.class_names), **some.groups}
            write_with(partial(_save_arrays, arrays), place / f"{name}.{suffix}")
    return {"train": f"train.{suffix}", "rows": f"test.{suffix}"}


def _save_arrays(arrays: dict[str, Any], path: Path) -> None:
    # An open file: numpy adds a suffix to a name that has another.
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)
