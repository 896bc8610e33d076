"""Leave-one-out as stages of a run: for each arm and design, chunks of members, whatever the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from fairtoll.data import TrainTest
from fairtoll.errors import FairtollError
from fairtoll.experiments.leave_one_out_files import (
    FULL,
    LEFT_OUT,
    members_path,
    sources_path,
    write_left_out,
    write_members,
)
from fairtoll.experiments.stages import Advance, Stage
from fairtoll.files import write_with
from fairtoll.stack import ModelStack
from fairtoll.threat import LinfThreat
from fairtoll.training import FitSettings, TrainingSetup, craft_twins
from fairtoll.training.chunks import members_at_once
from fairtoll.training.fit import steps_of
from fairtoll.training.leave_one_out import (
    DESIGNS,
    Design,
    Member,
    choose_left_out,
    plan_members,
    train_members,
)

#: The paper's two classifiers; the static one's twins are crafted on the standard one's member.
ARMS = ("standard", "static")
DTYPES = {"float32": torch.float32, "float64": torch.float64}
#: Share of a static member's time that crafting its twins takes.
CRAFT_SHARE = 0.25


class Workspace(Protocol):
    """What leave-one-out needs to know of an experiment; nothing is loaded before it is asked for."""

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

    def leave_one_out_threat(self) -> LinfThreat:
        """Of the adversary that static twins are crafted by."""


@dataclass(frozen=True)
class LeaveOneOutOptions:
    """How much of leave-one-out is done, and how exactly.

    Attributes
    ----------
    count : int
        Left-out rows, and as many members of every floor.
    seed : int
        Of the full model.
    arms : tuple of {"standard", "static"}
        Which classifiers.
    designs : tuple of str
        Of `fairtoll.training.leave_one_out.DESIGNS`.
    dtype : {"float64", "float32"}
        Precision of training.
    chunk : int
        Members of one stage: what a killed run loses at most.
    epsilon : float
        Of the static twins.
    craft_steps : int
        Gradient steps of their crafting.
    shared_twins : bool
        Whether every static member trains on the twins of the full model, an approximation that saves their
        crafting; else each on those of its own source model.

    Raises
    ------
    FairtollError
        For a count or chunk below 1, or an unknown arm, design or precision.

    Examples
    --------
    >>> LeaveOneOutOptions(count=3, epsilon=0.1).designs[0]
    'masked'
    """

    count: int
    epsilon: float
    seed: int = 0
    arms: tuple[str, ...] = ARMS
    designs: tuple[Design, ...] = DESIGNS
    dtype: str = "float64"
    chunk: int = 10
    craft_steps: int = 20
    shared_twins: bool = False

    def __post_init__(self) -> None:
        if self.count < 1 or self.chunk < 1:
            raise FairtollError(f"{self.count} rows to leave out, {self.chunk} at a time; expected 1 or more of each")
        for kind, given, known in (
            ("arm", self.arms, ARMS),
            ("design", self.designs, DESIGNS),
            ("precision", (self.dtype,), tuple(DTYPES)),
        ):
            unknown = [one for one in given if one not in known]
            if unknown or not given:
                raise FairtollError(
                    f"unknown leave-one-out {kind} '{unknown[0] if unknown else ''}'; expected some of "
                    f"{', '.join(known)}"
                )

    @property
    def firsts(self) -> list[int]:
        """Number of the first member of each chunk."""
        return list(range(0, self.count, self.chunk))

    def describe(self) -> dict[str, Any]:
        """Everything here that the results depend on, as plain JSON values."""
        return {
            "count": self.count,
            "seed": self.seed,
            "arms": list(self.arms),
            "designs": list(self.designs),
            "dtype": self.dtype,
            "craft_steps": self.craft_steps,
            "shared_twins": self.shared_twins,
            "chunk": self.chunk,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any], *, epsilon: float) -> LeaveOneOutOptions:
        """The options that `describe` has described."""
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in description.items()
        }
        return cls(epsilon=epsilon, **plain)


def leave_one_out_stages(
    workspace: Workspace, options: LeaveOneOutOptions, *, seconds_per_step: float, items: int
) -> list[Stage]:
    """The full model of each arm, then every chunk of every design; predictions go to ``members/``.

    Parameters
    ----------
    workspace : Workspace
        The experiment's data, setup and folder.
    options : LeaveOneOutOptions
        What is asked.
    seconds_per_step : float
        Expected time of one member's optimiser step, for the estimate alone.
    items : int
        About how many items the training set has, for the estimate alone.
    """
    member = steps_of(items, workspace.settings) * seconds_per_step
    seconds = {"standard": member, "static": 2 * member / (1 - CRAFT_SHARE)}
    stages = [
        Stage(
            "loo-rows",
            "Choose the rows to leave out",
            (LEFT_OUT,),
            lambda _: write_left_out(workspace.folder, workspace.data.train, _chosen(workspace, options)),
            seconds=0.5,
        )
    ]
    for arm in [name for name in ARMS if name in _needed(options)]:
        stages.append(_stage(workspace, options, arm, FULL, 0, seconds[arm]))
        for design in options.designs:
            for first in options.firsts:
                count = min(options.chunk, options.count - first)
                stages.append(_stage(workspace, options, arm, design, first, seconds[arm] * count))
    return stages


def _needed(options: LeaveOneOutOptions) -> tuple[str, ...]:
    """Arms that are trained: a static member's twins come from the standard one."""
    return ARMS if "static" in options.arms else options.arms


def _chosen(workspace: Workspace, options: LeaveOneOutOptions) -> list[int]:
    return choose_left_out(len(workspace.data.train), options.count, seed=options.seed)


def _stage(
    workspace: Workspace, options: LeaveOneOutOptions, arm: str, design: str, first: int, seconds: float
) -> Stage:
    outputs = [members_path(arm, design, first)]
    after = ["loo-rows"]
    if arm == "static":
        # What a shared set of twins is crafted on is the full model.
        source = (FULL, 0) if options.shared_twins else (design, first)
        after.append(stage_name("standard", *source))
    elif "static" in options.arms and (design == FULL or not options.shared_twins):
        outputs.append(sources_path(design, first))

    def make(advance: Advance) -> None:
        _make(workspace, options, arm, design, first, advance, keep_weights=len(outputs) > 1)

    what = "the full model" if design == FULL else f"{design}, from member {first + 1}"
    title = f"Leave one out ({arm}): {what}"
    return Stage(stage_name(arm, design, first), title, tuple(outputs), make, tuple(after), seconds, portable=True)


def stage_name(arm: str, design: str, first: int) -> str:
    """Name of the stage of one chunk.

    Examples
    --------
    >>> stage_name("standard", "masked", 20)
    'loo-standard-masked-020'
    """
    return f"loo-{arm}-{design}-{first:03d}"


def _make(
    workspace: Workspace,
    options: LeaveOneOutOptions,
    arm: str,
    design: str,
    first: int,
    advance: Advance,
    *,
    keep_weights: bool,
) -> None:
    setup, dtype = workspace.leave_one_out_setup(), DTYPES[options.dtype]
    members = _members(workspace, options, design, first)
    at_once = members_at_once(setup, dtype=dtype, own_rows=arm == "static" and not options.shared_twins)
    test = torch.from_numpy(workspace.data.test.x)
    total = steps_of(len(setup.items) * (2 if arm == "static" else 1), setup.settings) * len(members)
    share = CRAFT_SHARE if arm == "static" else 0.0
    stacks: list[ModelStack] = []
    for start in range(0, len(members), at_once):
        part = members[start : start + at_once]
        twins = None
        if arm == "static":
            positions = list(range(start, start + len(part)))
            twins = _twins(
                workspace, options, design, first, positions, len(members), lambda done: advance(done * share)
            )
        stack = train_members(
            part, setup, twins=twins, dtype=dtype, advance=lambda done: advance(done / total * (1 - share))
        )
        stacks.append(stack.to("cpu"))
    whole = ModelStack.joined(stacks)
    if keep_weights:
        write_with(whole.save, workspace.folder / sources_path(design, first))
    probabilities = predict(whole.to(setup.device), test)
    write_members(workspace.folder, members, probabilities, arm=arm, design=design, first=first)


def _members(workspace: Workspace, options: LeaveOneOutOptions, design: str, first: int) -> list[Member]:
    if design == FULL:
        return [Member(0, options.seed)]
    known = next(one for one in DESIGNS if one == design)
    return plan_members(known, _chosen(workspace, options), seed=options.seed)[first : first + options.chunk]


def _twins(
    workspace: Workspace,
    options: LeaveOneOutOptions,
    design: str,
    first: int,
    positions: Sequence[int],
    members: int,
    advance: Callable[[float], None],
) -> Tensor:
    """Twins of all training rows, against each member's own source model, or against the full one."""
    setup = workspace.leave_one_out_setup()
    source = (FULL, 0) if options.shared_twins else (design, first)
    sources = ModelStack.load(workspace.folder / sources_path(*source), setup.network())
    chosen = sources if options.shared_twins else sources.part(positions)
    crafted = craft_twins(
        chosen.to(setup.device),
        setup.x.to(dtype=chosen.dtype),
        setup.y,
        threat=workspace.leave_one_out_threat(),
        epsilon=options.epsilon,
        steps=options.craft_steps,
        advance=lambda done: advance(done / members),
    )
    return crafted[0] if options.shared_twins else crafted


@torch.no_grad()
def predict(stack: ModelStack, x: Tensor, *, batch_size: int = 1000) -> Tensor:
    """Class probabilities of every row by every member in float32, `(K, N, C)`, on the CPU.

    Examples
    --------
    >>> predict(ModelStack([torch.nn.Linear(3, 2)]), torch.zeros(5, 3)).shape
    torch.Size([1, 5, 2])
    """
    example = next(iter(stack.parameters.values()))
    parts = [stack(rows.to(example)).softmax(dim=-1).float().cpu() for rows in x.split(batch_size)]
    return torch.cat(parts, dim=1)
