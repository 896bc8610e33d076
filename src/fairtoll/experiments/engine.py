"""The stages of a run from its description: data, training, crafting, evidence, pictures, leave-one-out, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor

from fairtoll.evidence import Checks, Clean, Transfer, collect
from fairtoll.evidence.collect import craft
from fairtoll.evidence.measures import Measure
from fairtoll.evidence.store import describe_rows, write_about
from fairtoll.experiments.costs import Estimate
from fairtoll.experiments.describe import describe, describe_fields
from fairtoll.experiments.environment import blas_of_numpy
from fairtoll.experiments.experiment import Collection, Experiment
from fairtoll.experiments.kept_images import FILES, keep_images
from fairtoll.experiments.leave_one_out.options import SECTION
from fairtoll.experiments.leave_one_out.stages import leave_one_out_stages
from fairtoll.experiments.pictures import EXAMPLES, make_examples
from fairtoll.experiments.results import compute_results
from fairtoll.experiments.workspace import IMAGES, Workspace
from fairtoll.findings.results import Results
from fairtoll.progress import part, tracked
from fairtoll.runs.folder import Run
from fairtoll.runs.stages import Stage
from fairtoll.storage.files import write_parquet, write_text, write_with
from fairtoll.training import craft_adversarial_examples

#: Share of the time of training on crafted examples that their crafting takes.
CRAFT_SHARE = 0.3


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
    run = Run(workspace.folder, configuration_of(experiment, device), growing=SECTION)
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
        SECTION: experiment.leave_one_out.describe(),
    }


def stages_of(workspace: Workspace, source: str | None = None) -> list[Stage]:
    """All stages, in order."""
    evidence = [
        _rows_stage(workspace),
        *(stage for seeds in workspace.blocks for stage in _collection_stages(workspace, seeds)),
        *_picture_stages(workspace),
        *_leave_one_out_stages(workspace),
    ]
    training = [stage for seeds in workspace.blocks for stage in _training_stages(workspace, seeds)]
    return [
        *_data_stages(workspace, source),
        *training,
        *evidence,
        *_ending_stages(workspace, [stage.name for stage in evidence]),
    ]


def _data_stages(workspace: Workspace, source: str | None) -> list[Stage]:
    """Read data once that may not be available later."""
    data = workspace.experiment.data
    if not data.kept:
        return []

    def make() -> None:
        keep_images(workspace.folder / IMAGES, data.load(source), train_rows=data.train, test_rows=data.test)

    outputs = tuple(f"{IMAGES}/{name}" for name in FILES)
    return [Stage(IMAGES, "Read the images", outputs, make, seconds=25.0)]


def _after(workspace: Workspace, *names: str) -> tuple[str, ...]:
    return (IMAGES, *names) if workspace.experiment.data.kept else names


def _titled(workspace: Workspace, what: str, seeds: Sequence[int]) -> str:
    if workspace.experiment.together:
        return what
    runs = f"training run {seeds[0] + 1}" if len(seeds) == 1 else f"{len(seeds)} training runs"
    return f"{what}, {runs}"


def _training_stages(workspace: Workspace, seeds: Sequence[int]) -> list[Stage]:
    """Train every arm; the examples of static transfer are crafted on the standard models."""
    experiment, suffix, estimate = workspace.experiment, workspace.suffix(seeds), Estimate(workspace)
    standard, *others = experiment.arms()
    stages = [_training_stage(workspace, standard, seeds)]
    if radii := sorted({radius for measure in _transfers(experiment) for radius in measure.epsilons}):
        stages.append(
            Stage(
                f"craft{suffix}",
                _titled(workspace, "Craft examples on the standard models", seeds),
                (workspace.examples_path(seeds),),
                lambda: _craft_test(workspace, seeds, radii),
                _after(workspace, f"train-{standard}{suffix}"),
                estimate.crafting(len(radii), runs=len(seeds)),
                kind="attacks",
                arm=standard,
            )
        )
    return [*stages, *(_training_stage(workspace, arm, seeds) for arm in others)]


def _training_stage(workspace: Workspace, arm: str, seeds: Sequence[int]) -> Stage:
    recipe, suffix = workspace.experiment.recipe(arm), workspace.suffix(seeds)
    standard = workspace.experiment.arms()[0]

    def make() -> None:
        setup = workspace.setup(seeds)

        def crafted() -> Tensor:
            with part(CRAFT_SHARE):
                return _craft_train(workspace, seeds, setup.x, setup.y)

        stack = recipe.train(setup, replace(workspace.adversary, crafted=crafted))
        write_with(stack.save, workspace.folder / workspace.model_path(arm, seeds))

    return Stage(
        f"train-{arm}{suffix}",
        _titled(workspace, f"Train: {workspace.experiment.title_of(arm)}", seeds),
        (workspace.model_path(arm, seeds),),
        make,
        _after(workspace, *([f"train-{standard}{suffix}"] if recipe.needs_crafted else [])),
        Estimate(workspace).training(recipe, runs=len(seeds)),
        kind="training",
        arm=arm,
    )


def _craft_train(workspace: Workspace, seeds: Sequence[int], x: Tensor, y: Tensor) -> Tensor:
    """Adversarial examples of all training rows on each standard model of a block, some rows at a time."""
    experiment, adversary = workspace.experiment, workspace.adversary
    sources = workspace.stack(experiment.arms()[0], seeds)
    examples = torch.empty(len(seeds), *x.shape)
    for first in tracked(range(0, len(x), experiment.craft_rows)):
        rows = slice(first, first + experiment.craft_rows)
        examples[:, rows] = craft_adversarial_examples(
            sources,
            x[rows],
            y[rows],
            threat=adversary.threat,
            epsilon=adversary.epsilon,
            steps=experiment.craft.steps,
            relative_step=experiment.craft.relative_step,
            precision=experiment.settings.precision,
        )
    return examples


def _craft_test(workspace: Workspace, seeds: Sequence[int], radii: Sequence[float]) -> None:
    """The attacked rows crafted on each standard model of a block, for static transfer."""
    experiment, target = workspace.experiment, workspace.target()
    source, measure = workspace.arm(experiment.arms()[0], seeds), Transfer(experiment.craft, radii)
    parts = []
    for first in tracked(range(0, len(target.numbers), experiment.craft_rows)):
        some = replace(target, rows=target.numbers[first : first + experiment.craft_rows])
        parts.append(craft(measure, source, some))
    crafted = {
        _radius(epsilon): torch.stack([torch.cat([one[epsilon][run] for one in parts]) for run in range(len(seeds))])
        for epsilon in radii
    }
    write_with(lambda path: save_file(crafted, path), workspace.folder / workspace.examples_path(seeds))


def _radius(epsilon: float) -> str:
    short = f"{epsilon:g}"
    return short if float(short) == epsilon else repr(epsilon)


def _transfers(experiment: Experiment) -> list[Transfer]:
    return [
        measure
        for collection in experiment.collections
        if experiment.measured(collection)
        for measure in collection.measures
        if isinstance(measure, Transfer)
    ]


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
            "arms": [
                {"name": arm, "title": experiment.title_of(arm), "note": experiment.note_of(arm)}
                for arm in experiment.arms()
            ],
        }
        write_about(folder, data.test.class_names, about)

    outputs = ("evidence/rows.parquet", "evidence/about.json")
    return Stage("rows", "Rows", outputs, make, _after(workspace), 1.0, kind="predictions")


def _collection_stages(workspace: Workspace, seeds: Sequence[int]) -> list[Stage]:
    """Predictions and attacks of every arm of a block."""
    experiment = workspace.experiment
    return [
        _collection_stage(workspace, arm, seeds, collection)
        for arm in experiment.arms()
        for collection in experiment.collections
        if arm in experiment.measured(collection) and (not collection.first_run_only or 0 in seeds)
    ]


def _collection_stage(workspace: Workspace, arm: str, seeds: Sequence[int], collection: Collection) -> Stage:
    suffix, kept = workspace.suffix(seeds), seeds[:1] if collection.first_run_only else seeds
    names = [name for name in ("attacks", "predictions") if any(_makes(one, name) for one in collection.measures)]
    what = "clean" if all(isinstance(one, Clean) for one in collection.measures) else collection.name
    outputs = {name: f"evidence/{name}-{what}-{arm}{suffix}.parquet" for name in names}
    transfer = any(isinstance(one, Transfer) for one in collection.measures)

    def make() -> None:
        whole = workspace.arm(arm, seeds)
        chosen, target = (
            replace(whole, models=whole.models[: len(kept)], seeds=kept),
            workspace.target(collection.threat),
        )
        examples = workspace.examples(seeds) if transfer else None
        tables = [collect(one, chosen, target, examples=examples) for one in tracked(collection.measures)]
        for name, path in outputs.items():
            parts = [getattr(one, name) for one in tables if len(getattr(one, name))]
            write_parquet(pd.concat(parts, ignore_index=True), workspace.folder / path)

    verb = "Predict" if what == "clean" else f"Attack ({collection.name})"
    return Stage(
        f"{collection.name}-{arm}{suffix}",
        _titled(workspace, f"{verb}: {workspace.experiment.title_of(arm)}", seeds),
        tuple(outputs.values()),
        make,
        _after(workspace, f"train-{arm}{suffix}", *([f"craft{suffix}"] if transfer else [])),
        Estimate(workspace).collecting(collection, workspace.experiment.recipe(arm), runs=len(kept)),
        kind="predictions" if what == "clean" else "attacks",
        arm=arm,
    )


def _makes(measure: Measure, table: str) -> bool:
    """Whether a measure gives rows of a table."""
    if isinstance(measure, Clean):
        return table == "predictions"
    return table == "attacks" or (not isinstance(measure, Checks) and bool(measure.keep_probabilities_at))


def _picture_stages(workspace: Workspace) -> list[Stage]:
    """Pick and craft the images that the report shows, of the first training run."""
    experiment, seeds = workspace.experiment, workspace.blocks[0]
    if experiment.pictures is None:
        return []
    arms = [arm for arm in experiment.arms() if not experiment.recipe(arm).is_control]

    def make() -> None:
        write_text(make_examples(workspace, arms), workspace.folder / EXAMPLES)

    after = _after(workspace, *(f"train-{arm}{workspace.suffix(seeds)}" for arm in arms))
    return [Stage("examples", "Images for the report", (EXAMPLES,), make, after, 5.0, kind="report")]


def _leave_one_out_stages(workspace: Workspace) -> list[Stage]:
    options = workspace.experiment.leave_one_out
    if options.count == 0:
        return []
    estimate = Estimate(workspace)
    stages = leave_one_out_stages(workspace, options, seconds_per_step=estimate.member_step(), items=estimate.items)
    return [replace(stage, after=_after(workspace, *stage.after), kind="leave-one-out") for stage in stages]


def _ending_stages(workspace: Workspace, after: Sequence[str]) -> list[Stage]:
    """Results and report, from the evidence in the folder."""
    experiment, folder = workspace.experiment, workspace.folder

    def write_results() -> None:
        write_text(compute_results(experiment, folder).model_dump_json(indent=1) + "\n", folder / "results.json")

    def write_pages() -> None:
        from fairtoll.report import write_report

        write_report(Results.read(folder / "results.json"), folder)

    detail = experiment.leave_one_out.describe()
    title = "Nulls, intervals and verdicts"
    return [
        Stage("results", title, ("results.json",), write_results, tuple(after), 15, detail=detail, kind="statistics"),
        Stage("report", "Report", ("report.html",), write_pages, ("results",), 10, kind="report"),
    ]
