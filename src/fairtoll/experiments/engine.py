"""The stages of a run from its description: data, training, crafting, evidence, pictures, leave-one-out, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fairtoll.evidence.ranges import describe_ranges
from fairtoll.evidence.store import describe_rows, write_about
from fairtoll.experiments.blocks import after_data, block_stages
from fairtoll.experiments.costs import Estimate
from fairtoll.experiments.defences import PROTOCOL
from fairtoll.experiments.describe import describe, describe_fields
from fairtoll.experiments.environment import blas_of_numpy
from fairtoll.experiments.experiment import AUTO, Experiment
from fairtoll.experiments.kept_images import FILES, keep_images
from fairtoll.experiments.leave_one_out.options import SECTION
from fairtoll.experiments.leave_one_out.stages import leave_one_out_stages
from fairtoll.experiments.own.adversary import about_adversary
from fairtoll.experiments.pictures import EXAMPLES, make_examples
from fairtoll.experiments.results import THEORY, compute_results
from fairtoll.experiments.workspace import IMAGES, Workspace
from fairtoll.findings.recipes import RECIPE
from fairtoll.findings.results import Results
from fairtoll.runs.folder import Run
from fairtoll.runs.stages import Stage
from fairtoll.storage.files import write_parquet, write_text

#: The part of a run's configuration that says how many training runs there may be, which may grow in the same folder.
MAX_RUNS = "max_runs"
#: The part that says which recipes it has instead of the paper's.
DEFENCES = "defences"
#: The part that says which arms have another network.
NETWORKS = "networks"


def build_run(
    experiment: Experiment, where: Path, device: str, source: str | None, *, folder: Path | None = None
) -> tuple[Run, list[Stage]]:
    """The run of an experiment and its stages, in its own folder or in another one.

    Parameters
    ----------
    experiment : Experiment
        The description: what the configuration of the run is.
    where : Path
        The run's folder.
    device : {"cpu", "cuda"}
        Where models are trained and attacked.
    source : str, optional
        Where data that are kept in the folder are read from once.
    folder : Path, optional
        Another folder, as on another machine.
    """
    workspace = Workspace(experiment, folder or where, device)
    run = Run(workspace.folder, configuration_of(experiment, device), growing=(SECTION, MAX_RUNS))
    return run, stages_of(workspace, source)


def configuration_of(experiment: Experiment, device: str) -> dict[str, Any]:
    """Everything that the results of a run depend on, as plain JSON values: its description, device and libraries.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> configuration_of(find_experiment("adult"), "cpu")["settings"]["precision"]
    'float32'
    """
    described = describe_fields(experiment)
    return {
        "experiment": described.pop("name"),
        "device": device,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "blas": blas_of_numpy(),
        **described,
        # The other descriptions do not change these results.
        "recipes": [describe(experiment.recipe(arm)) for arm in experiment.arms()],
        **({MAX_RUNS: experiment.max_runs} if experiment.runs == AUTO else {}),
        **({DEFENCES: list(experiment.defences)} if experiment.defences is not None else {}),
        **({NETWORKS: describe(experiment.networks)} if experiment.networks else {}),
        SECTION: experiment.leave_one_out.describe(),
    }


def stages_of(workspace: Workspace, source: str | None = None) -> list[Stage]:
    """All stages, in order."""
    blocks, evidence = block_stages(workspace)
    others = [*_picture_stages(workspace), *_theory_stages(workspace), *_leave_one_out_stages(workspace)]
    rows = _rows_stage(workspace)
    ending = _ending_stages(workspace, [stage.name for stage in (rows, *evidence, *others)])
    return [*_data_stages(workspace, source), rows, *blocks, *others, *ending]


def _data_stages(workspace: Workspace, source: str | None) -> list[Stage]:
    """Read data once that may not be available later."""
    data = workspace.experiment.data
    if not data.kept:
        return []

    def make() -> None:
        keep_images(workspace.folder / IMAGES, data.load(source), train_rows=data.train, test_rows=data.test)

    outputs = tuple(f"{IMAGES}/{name}" for name in FILES)
    return [Stage(IMAGES, "Read the images", outputs, make, seconds=25.0)]


def _rows_stage(workspace: Workspace) -> Stage:
    def make() -> None:
        experiment, data, folder = workspace.experiment, workspace.data, workspace.folder / "evidence"
        write_parquet(describe_rows(data.test), folder / "rows.parquet")
        rows = {"train": len(data.train), "test": len(data.test)}
        about = {
            "name": experiment.name,
            "title": data.title,
            "note": data.note,
            "unofficial": data.unofficial,
            "rows": rows if experiment.data.attacked is None else {**rows, "attacked": len(workspace.attacked)},
            "arms": [_about_arm(experiment, arm) for arm in experiment.arms()],
            **describe_ranges(workspace.threats),
            **about_adversary(experiment, data),
        }
        write_about(folder, data.test.class_names, about)

    outputs = ("evidence/rows.parquet", "evidence/about.json")
    return Stage("rows", "Rows", outputs, make, after_data(workspace), 1.0, kind="predictions")


def _about_arm(experiment: Experiment, arm: str) -> dict[str, Any]:
    """What evidence says of an arm; in a comparison of recipes also what recipe it is, at which strength."""
    about: dict[str, Any] = {"name": arm, "title": experiment.title_of(arm), "note": experiment.note_of(arm)}
    if experiment.protocol != PROTOCOL:
        return about
    recipe = experiment.recipe(arm)
    words = {"row": experiment.row, "rows": f"{experiment.row}s"}
    about[RECIPE] = {
        "family": recipe.family,
        "family_title": recipe.family_title.format(**words),
        "role": recipe.role,
        "strength_name": None if recipe.strength is None else recipe.strength.name,
        "strength": recipe.value,
        "own_strength": recipe.family == recipe.name,
        "partition": recipe.parameters.get("partition"),
    }
    return about


def _picture_stages(workspace: Workspace) -> list[Stage]:
    """Pick and craft the images that the report shows, of the first training run."""
    experiment, seeds = workspace.experiment, workspace.blocks[0]
    if experiment.pictures is None:
        return []
    arms = [arm for arm in experiment.arms() if not experiment.recipe(arm).is_control]

    def make() -> None:
        write_text(make_examples(workspace, arms), workspace.folder / EXAMPLES)

    after = after_data(workspace, *(f"train-{arm}{workspace.suffix(seeds)}" for arm in arms))
    return [Stage("examples", "Images for the report", (EXAMPLES,), make, after, 5.0, kind="report")]


def _theory_stages(workspace: Workspace) -> list[Stage]:
    """What formulas say of the trained models."""
    experiment = workspace.experiment
    if (formulas := experiment.theory) is None:
        return []

    def make() -> None:
        write_text(formulas(workspace).model_dump_json(indent=1) + "\n", workspace.folder / THEORY)

    trained = [f"train-{arm}{workspace.suffix(seeds)}" for seeds in workspace.blocks for arm in experiment.arms()]
    after = after_data(workspace, *trained)
    return [Stage("theory", "Formulas at the trained rules", (THEORY,), make, after, 3.0, kind="statistics")]


def _leave_one_out_stages(workspace: Workspace) -> list[Stage]:
    options = workspace.experiment.leave_one_out
    if options.count == 0:
        return []
    estimate = Estimate(workspace)
    costs = workspace.experiment.costs
    stages = leave_one_out_stages(
        workspace,
        options,
        seconds_per_step=estimate.member_step(),
        items=estimate.items,
        gradient=costs.gradient / costs.update,
    )
    return [replace(stage, after=after_data(workspace, *stage.after), kind="leave-one-out") for stage in stages]


def _ending_stages(workspace: Workspace, after: Sequence[str]) -> list[Stage]:
    """Results and report, from the evidence in the folder."""
    experiment, folder = workspace.experiment, workspace.folder

    def write_results() -> None:
        write_text(compute_results(experiment, folder).model_dump_json(indent=1) + "\n", folder / "results.json")

    def write_pages() -> None:
        from fairtoll.report import write_report

        write_report(Results.read(folder / "results.json"), folder)

    detail = experiment.leave_one_out.describe()
    title, seconds = "Nulls, intervals and verdicts", Estimate(workspace).statistics()
    return [
        Stage(
            "results",
            title,
            ("results.json",),
            write_results,
            tuple(after),
            seconds,
            detail=detail,
            kind="statistics",
        ),
        Stage("report", "Report", ("report.html",), write_pages, ("results",), 10, kind="report"),
    ]
