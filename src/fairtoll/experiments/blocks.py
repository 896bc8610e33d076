"""Blocks of training runs as stages: every arm is trained, attacked and evaluated five runs at a time.

A block's numbers do not depend on how many blocks there are: a run that is continued is as one that was started longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor

from fairtoll.errors import hearing_warnings
from fairtoll.evidence import Attacked, Certify, Clean, Detect, Transfer, collect
from fairtoll.evidence.collect import craft
from fairtoll.evidence.measures import Measure
from fairtoll.experiments.costs import Estimate
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.looks import condition_of, look_before, look_name, look_stage
from fairtoll.experiments.parts import Collection
from fairtoll.experiments.training_remarks import write_remarks
from fairtoll.experiments.workspace import IMAGES, Workspace
from fairtoll.progress import part, tracked
from fairtoll.runs.stages import Stage
from fairtoll.storage.files import write_parquet, write_with
from fairtoll.training import craft_adversarial_examples

#: Share of the time of training on crafted examples that their crafting takes.
CRAFT_SHARE = 0.3
#: The tables of evidence that measures give parts of.
TABLES = ("attacks", "predictions", "certificates", "detections")
#: What collections do that do not attack.
VERBS = {"certificates": "Certify", "detection": "Detect attacks"}


def block_stages(workspace: Workspace) -> tuple[list[Stage], list[Stage]]:
    """The stages of every block, each after the look that decides on it; and those of them that write evidence.

    All but the looks are portable: they read only what the stages that they come after have written.
    """
    stages: list[Stage] = []
    evidence: list[Stage] = []
    compared: list[Stage] = []
    for seeds in workspace.blocks:
        if seeds[0] in workspace.experiment.looks:
            stages.append(look_stage(workspace, seeds[0], tuple(compared)))
        collected = _collection_stages(workspace, seeds)
        stages += [*_training_stages(workspace, seeds), *(stage for _, stage in collected)]
        evidence += [stage for _, stage in collected]
        # What is measured on some runs only is not compared.
        compared += [stage for collection, stage in collected if collection.runs is None]
    return stages, evidence


def after_data(workspace: Workspace, *names: str) -> tuple[str, ...]:
    """Names of stages, with the one that reads the data where it is kept."""
    return (IMAGES, *names) if workspace.experiment.data.kept else names


def _after_look(workspace: Workspace, seeds: Sequence[int], *names: str) -> tuple[str, ...]:
    """As `_after`, for what begins a block."""
    look = look_before(workspace, seeds)
    return after_data(workspace, *names, *([] if look is None else [look_name(look)]))


def _titled(workspace: Workspace, what: str, seeds: Sequence[int]) -> str:
    first, last = seeds[0] + 1, seeds[-1] + 1
    if last - first + 1 == workspace.experiment.most_runs:
        return what
    return f"{what}, training run {first}" if first == last else f"{what}, training runs {first} to {last}"


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
                after_data(workspace, f"train-{standard}{suffix}"),
                estimate.crafting(len(radii), runs=len(seeds)),
                portable=True,
                kind="attacks",
                arm=standard,
                condition=condition_of(workspace, standard, seeds),
            )
        )
    return [*stages, *(_training_stage(workspace, arm, seeds) for arm in others)]


def _training_stage(workspace: Workspace, arm: str, seeds: Sequence[int]) -> Stage:
    recipe, suffix = workspace.experiment.recipe(arm), workspace.suffix(seeds)
    source = workspace.experiment.source_of(arm)
    # The paper's recipes have nothing to warn of.
    remarks = [] if workspace.experiment.defences is None else [workspace.remarks_path(arm, seeds)]

    def make() -> None:
        setup = workspace.setup(seeds, arm)

        def crafted() -> Tensor:
            with part(CRAFT_SHARE):
                return _craft_train(workspace, source, seeds, setup.x, setup.y)

        with hearing_warnings() as heard:
            stack = recipe(setup, replace(workspace.adversary, crafted=crafted))
        if remarks:
            write_remarks(heard, workspace.folder / remarks[0])
        write_with(stack.save, workspace.folder / workspace.model_path(arm, seeds))

    return Stage(
        f"train-{arm}{suffix}",
        _titled(workspace, f"Train: {workspace.experiment.title_of(arm)}", seeds),
        (workspace.model_path(arm, seeds), *remarks),
        make,
        _after_look(workspace, seeds, *([f"train-{source}{suffix}"] if recipe.needs_crafted else [])),
        Estimate(workspace).training(recipe, runs=len(seeds)),
        portable=True,
        kind="training",
        arm=arm,
        condition=condition_of(workspace, arm, seeds),
    )


def _craft_train(workspace: Workspace, source: str, seeds: Sequence[int], x: Tensor, y: Tensor) -> Tensor:
    """Adversarial examples of all training rows on each model of a block of an arm, some rows at a time."""
    experiment, adversary = workspace.experiment, workspace.adversary
    sources = workspace.stack(source, seeds)
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


def _collection_stages(workspace: Workspace, seeds: Sequence[int]) -> list[tuple[Collection, Stage]]:
    """Predictions and attacks of every arm of a block."""
    experiment = workspace.experiment
    return [
        (collection, _collection_stage(workspace, arm, seeds, collection))
        for arm in experiment.arms()
        for collection in experiment.collections
        if arm in experiment.measured(collection) and collection.measures_run(seeds[0])
    ]


def _collection_stage(workspace: Workspace, arm: str, seeds: Sequence[int], collection: Collection) -> Stage:
    suffix, kept = workspace.suffix(seeds), [seed for seed in seeds if collection.measures_run(seed)]
    names = [name for name in TABLES if any(_makes(one, name) for one in collection.measures)]
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

    verb = "Predict" if what == "clean" else VERBS.get(collection.name, f"Attack ({collection.name})")
    return Stage(
        f"{collection.name}-{arm}{suffix}",
        _titled(workspace, f"{verb}: {workspace.experiment.title_of(arm)}", kept),
        tuple(outputs.values()),
        make,
        after_data(workspace, f"train-{arm}{suffix}", *([f"craft{suffix}"] if transfer else [])),
        Estimate(workspace).collecting(collection, workspace.experiment.recipe(arm), runs=len(kept)),
        portable=True,
        kind="predictions" if what == "clean" else "attacks",
        arm=arm,
        condition=condition_of(workspace, arm, seeds),
    )


def _makes(measure: Measure, table: str) -> bool:
    """Whether a measure gives rows of a table."""
    for kind, only in ((Clean, "predictions"), (Certify, "certificates"), (Detect, "detections")):
        if isinstance(measure, kind):
            return table == only
    return table == "attacks" or (
        table == "predictions" and isinstance(measure, Attacked | Transfer) and bool(measure.keep_probabilities_at)
    )
