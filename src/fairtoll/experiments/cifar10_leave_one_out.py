"""Leave-one-out on CIFAR-10: in float32, whose rounding the floors measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairtoll.data import TrainTest
from fairtoll.evidence.store import Evidence
from fairtoll.experiments.cifar10_plan import CRAFT_STEPS, EPSILON
from fairtoll.experiments.cifar10_training import ACCELERATION, MILLISECONDS, TRAIN_ROWS
from fairtoll.experiments.cifar10_workspace import Cifar10Workspace
from fairtoll.experiments.leave_one_out.options import (
    SECTION,
    LeaveOneOutOptions,
    LeaveOneOutRequest,
    chosen_options,
)
from fairtoll.experiments.leave_one_out.results import leave_one_out_results
from fairtoll.experiments.leave_one_out.stages import leave_one_out_stages
from fairtoll.findings.results import LeaveOneOut
from fairtoll.runs.stages import Stage
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import FitSettings, TrainingSetup

#: How much slower float32 is than the bfloat16 that the arms are trained in.
SLOWER = 2.2


@dataclass(frozen=True)
class Cifar10LeaveOneOut:
    """CIFAR-10 as `leave_one_out_stages` asks for it.

    Examples
    --------
    >>> images = Cifar10LeaveOneOut(Cifar10Workspace(Path("runs/cifar10"), None, [0], ["standard"]))
    >>> images.settings.precision
    'float32'
    """

    workspace: Cifar10Workspace

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.workspace.folder

    @property
    def data(self) -> TrainTest:
        """Training and test images."""
        return self.workspace.data

    @property
    def settings(self) -> FitSettings:
        """The optimiser, in float32."""
        return replace(self.workspace.settings, precision="float32")

    def leave_one_out_setup(self) -> TrainingSetup:
        """As all arms have it, in float32."""
        return replace(self.workspace.setup([0]), settings=self.settings)

    def leave_one_out_threat(self) -> LinfThreat:
        """Every pixel may move."""
        return self.workspace.threat


def cifar10_leave_one_out_options(
    asked: int | LeaveOneOutRequest, *, rows: int | None, quick: bool, device: str
) -> LeaveOneOutOptions | None:
    """What is asked of so many training images; None for no images to leave out.

    When quick, where no arms or designs are named, the standard classifier and the three designs that tell the row from
    rounding and from the seed.

    Raises
    ------
    FairtollError
        If there are fewer training images than are to be left out, or for an unknown design.

    Examples
    --------
    >>> cifar10_leave_one_out_options(25, rows=None, quick=True, device="cpu").arms
    ('standard',)
    """
    # One member at a time on a CPU, where a stack of convolutions runs one after another anyway.
    chunk = 10 if device == "cuda" else 1
    base = LeaveOneOutOptions(count=1, epsilon=EPSILON, dtype="float32", chunk=chunk, craft_steps=CRAFT_STEPS)
    there = TRAIN_ROWS if rows is None else rows
    return chosen_options(LeaveOneOutRequest.of(asked), rows=there, what="images", base=base, brief=quick)


def cifar10_leave_one_out_stages(workspace: Cifar10Workspace, options: LeaveOneOutOptions | None) -> list[Stage]:
    """Nothing without options."""
    if options is None:
        return []
    rows, batch = workspace.scale.train_rows or TRAIN_ROWS, workspace.settings.batch_size
    seconds = MILLISECONDS["standard"] * SLOWER * batch / 1000
    seconds /= ACCELERATION if workspace.device == "cuda" else 1.0
    stages = leave_one_out_stages(Cifar10LeaveOneOut(workspace), options, seconds_per_step=seconds, items=rows)
    return [replace(stage, after=("images", *stage.after)) for stage in stages]


def cifar10_leave_one_out(folder: Path, configuration: Mapping[str, Any], evidence: Evidence) -> list[LeaveOneOut]:
    """The section of a run's results; empty where it was not asked for."""
    described = configuration.get(SECTION)
    if described is None:
        return []
    return leave_one_out_results(
        folder,
        LeaveOneOutOptions.from_description(described, epsilon=EPSILON),
        {"class": evidence.partition("class")},
        class_names=evidence.class_names,
        published_note="the paper's Table III: 100 left-out rows, 10,000 test images",
    )
