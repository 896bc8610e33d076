"""Leave-one-out as stages of a run: for each arm and design, chunks of members, whatever the data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from fairtoll.data import TrainTest
from fairtoll.errors import FairtollWarning
from fairtoll.experiments.leave_one_out.files import FULL, LEFT_OUT, Chunk, write_left_out, write_members
from fairtoll.experiments.leave_one_out.options import DTYPES, STANDARD, STATIC, LeaveOneOut
from fairtoll.experiments.leave_one_out.studies import BY_ROW, write_by_row
from fairtoll.models.stack import ModelStack
from fairtoll.progress import part, tracked
from fairtoll.runs.stages import Stage
from fairtoll.storage.files import write_with
from fairtoll.training import Adversary, FitSettings, Recipe, TrainingSetup, craft_adversarial_examples
from fairtoll.training.chunks import members_at_once
from fairtoll.training.fit import steps_of
from fairtoll.training.leave_one_out import DESIGNS, Member, choose_left_out, plan_members, train_members

#: Share of a static member's time that crafting its examples takes.
CRAFT_SHARE = 0.25
#: Test rows that are predicted at once.
AT_ONCE = 1000


class Workspace(Protocol):
    """What leave-one-out needs of an experiment; everything is loaded on first use."""

    @property
    def folder(self) -> Path:
        """The run's folder."""

    @property
    def data(self) -> TrainTest:
        """Training rows to leave out, and test rows to predict."""

    @property
    def settings(self) -> FitSettings:
        """The optimiser."""

    def leave_one_out_setup(self) -> TrainingSetup:
        """Training rows, items and network; its seeds are not used."""

    @property
    def adversary(self) -> Adversary:
        """The one of training, by which the static classifier's examples are crafted, too."""

    def recipe(self, arm: str) -> Recipe:
        """How an arm is trained and deployed."""


def leave_one_out_stages(
    workspace: Workspace, options: LeaveOneOut, *, seconds_per_step: float, items: int, gradient: float = 0.5
) -> list[Stage]:
    """The full model of each arm, every chunk of every design, and LUF of every test row; all goes to ``members/``.

    Parameters
    ----------
    workspace : Workspace
        The experiment's data, setup and folder.
    options : LeaveOneOut
        What is requested.
    seconds_per_step : float
        Expected time of one member's optimiser step, for the estimate alone.
    items : int
        About how many items the training set has, for the estimate alone.
    gradient : float
        Time of a gradient of the input relative to that of a step, for the estimate alone.
    """
    member = steps_of(items, workspace.settings) * seconds_per_step
    recipes = {arm: workspace.recipe(arm) for arm in options.trained}
    seconds = {arm: member * (recipe.updates + gradient * recipe.gradients) for arm, recipe in recipes.items()}
    if STATIC in seconds:
        seconds[STATIC] /= 1 - CRAFT_SHARE
    stages = [
        Stage(
            "loo-rows",
            "Choose the rows to leave out",
            (LEFT_OUT,),
            lambda: write_left_out(workspace.folder, workspace.data.train, _chosen(workspace, options)),
            seconds=0.5,
            detail={**options.fixed, "count": options.count},
        )
    ]
    for arm in options.trained:
        for reference in range(options.references):
            stages.append(_stage(workspace, options, Chunk(arm, FULL, reference, 0), seconds[arm]))
            for design in options.designs:
                for first in options.firsts:
                    chunk = Chunk(arm, design, reference, first)
                    stages.append(_stage(workspace, options, chunk, seconds[arm]))
    by_row = Stage(
        "loo-by-row",
        "Leave-one-out unfairness of every test row",
        (BY_ROW,),
        lambda: write_by_row(workspace.folder, options),
        tuple(stage.name for stage in stages),
        seconds=0.02 * options.count,
        detail=options.describe(),
    )
    return [*stages, by_row]


def _chosen(workspace: Workspace, options: LeaveOneOut) -> list[int]:
    return choose_left_out(len(workspace.data.train), options.count, seed=options.seed)


def _size(options: LeaveOneOut, chunk: Chunk) -> int:
    return 1 if chunk.design == FULL else min(options.chunk, options.count - chunk.first)


def _source(options: LeaveOneOut, chunk: Chunk) -> Chunk:
    """The standard models whose weights the examples of a static chunk are crafted on."""
    own = replace(chunk, arm=STANDARD)
    return replace(own, design=FULL, first=0) if options.shared_examples else own


def _stage(workspace: Workspace, options: LeaveOneOut, chunk: Chunk, seconds: float) -> Stage:
    outputs, after = [chunk.members_path], []
    if chunk.arm == STATIC:
        after.append(f"loo-{_source(options, chunk).name}")
    sources = chunk.arm == STANDARD and STATIC in options.arms
    keep_weights = options.keep_weights or (sources and (chunk.design == FULL or not options.shared_examples))
    if keep_weights:
        outputs.append(chunk.weights_path)
    what = "the full model" if chunk.design == FULL else f"{chunk.design}, from member {chunk.first + 1}"
    of = chunk.arm if options.references == 1 else f"{chunk.arm}, reference {chunk.reference + 1}"
    size = _size(options, chunk)
    return Stage(
        f"loo-{chunk.name}",
        f"Leave one out ({of}): {what}",
        tuple(outputs),
        lambda: _make(workspace, options, chunk, keep_weights=keep_weights),
        tuple(after),
        seconds * size,
        portable=True,
        detail={**options.fixed, "members": size},
    )


def _make(workspace: Workspace, options: LeaveOneOut, chunk: Chunk, *, keep_weights: bool) -> None:
    setup, dtype = workspace.leave_one_out_setup(), DTYPES[options.dtype]
    members, static = _members(workspace, options, chunk), chunk.arm == STATIC
    recipe = workspace.recipe(chunk.arm)
    train, apart = partial(recipe, adversary=workspace.adversary), "partition" in recipe.parameters
    at_once = members_at_once(setup, dtype=dtype, own_rows=static and not options.shared_examples)
    share = CRAFT_SHARE if static else 0.0
    stacks: list[ModelStack] = []
    for start in tracked(range(0, len(members), at_once)):
        block, examples = members[start : start + at_once], None
        if static:
            positions = list(range(start, start + len(block)))
            with part(share):
                examples = _examples(workspace, options, chunk, positions)
        with part(1 - share), warnings.catch_warnings():
            # The arm's own training says the same.
            warnings.simplefilter("ignore", FairtollWarning)
            stack = train_members(block, setup, train=train, examples=examples, apart=apart, dtype=dtype)
        stacks.append(stack.to("cpu"))
    whole = ModelStack.joined(stacks)
    if keep_weights:
        write_with(whole.save, workspace.folder / chunk.weights_path)
    probabilities = _predict_deployed(workspace, chunk.arm, whole.to(setup.device))
    write_members(workspace.folder, chunk, members, probabilities)


def _members(workspace: Workspace, options: LeaveOneOut, chunk: Chunk) -> list[Member]:
    seed = options.seed_of(chunk.reference)
    if chunk.design == FULL:
        return [Member(0, seed)]
    known = next(one for one in DESIGNS if one == chunk.design)
    planned = plan_members(known, _chosen(workspace, options), seed=seed)
    return planned[chunk.first : chunk.first + options.chunk]


def _examples(
    workspace: Workspace,
    options: LeaveOneOut,
    chunk: Chunk,
    positions: Sequence[int],
) -> Tensor:
    """Adversarial examples of all training rows, against each member's own source model, or against the full one."""
    setup = workspace.leave_one_out_setup()
    sources = ModelStack.load(workspace.folder / _source(options, chunk).weights_path, setup.network())
    chosen = sources if options.shared_examples else sources.part(positions)
    crafted = craft_adversarial_examples(
        chosen.to(setup.device),
        setup.x.to(dtype=chosen.dtype),
        setup.y,
        threat=workspace.adversary.threat,
        epsilon=workspace.adversary.epsilon,
        steps=options.craft_steps,
    )
    return crafted[0] if options.shared_examples else crafted


@torch.no_grad()
def _predict_deployed(workspace: Workspace, arm: str, stack: ModelStack) -> Tensor:
    """Class probabilities of every test row by what is deployed of every member, as `predict` gives them."""
    recipe, x = workspace.recipe(arm), torch.from_numpy(workspace.data.test.x)
    if recipe.deploy is None:
        return predict(stack, x)
    example = next(iter(stack.parameters.values()))
    return torch.stack(
        [
            torch.cat([model(rows.to(example)).softmax(dim=-1).float().cpu() for rows in x.split(AT_ONCE)])
            for model in recipe.deployed(stack.members(), workspace.leave_one_out_setup(), workspace.adversary)
        ]
    )


@torch.no_grad()
def predict(stack: ModelStack, x: Tensor, *, batch_size: int = AT_ONCE) -> Tensor:
    """Class probabilities of every row by every member in float32, `(K, N, C)`, on the CPU.

    Examples
    --------
    >>> predict(ModelStack([torch.nn.Linear(3, 2)]), torch.zeros(5, 3)).shape
    torch.Size([1, 5, 2])
    """
    example = next(iter(stack.parameters.values()))
    parts = [stack(rows.to(example)).softmax(dim=-1).float().cpu() for rows in x.split(batch_size)]
    return torch.cat(parts, dim=1)
