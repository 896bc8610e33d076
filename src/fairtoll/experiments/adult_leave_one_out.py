"""Leave-one-out on Adult: in float64, where the row's part does not drown in rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtoll.data import TrainTest
from fairtoll.evidence.store import Evidence
from fairtoll.experiments.adult_plan import EPSILON
from fairtoll.experiments.adult_workspace import AdultWorkspace
from fairtoll.experiments.leave_one_out.options import (
    SECTION,
    TELLING,
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

#: Expected seconds of one member's optimiser step on one core, in a stack of ten.
SECONDS_PER_STEP = 0.0007
#: Training rows, and items of the training set, class >50K tripled.
TRAIN_ROWS, ITEMS = 30_162, 45_178
#: Rows that are left out where nothing is asked.
FEW = 10
PUBLISHED_NOTE = "the paper measures leave-one-out on CIFAR-10 alone: 100 left-out rows, 10,000 test images"


@dataclass(frozen=True)
class AdultLeaveOneOut:
    """Adult as `leave_one_out_stages` asks for it.

    Examples
    --------
    >>> rows = AdultLeaveOneOut(AdultWorkspace(Path("runs/adult"), [0], ["standard"], rows=100))
    >>> len(rows.data.train)
    100
    """

    workspace: AdultWorkspace

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.workspace.folder

    @property
    def data(self) -> TrainTest:
        """Training and test rows."""
        return self.workspace.data

    @property
    def settings(self) -> FitSettings:
        """The optimiser."""
        return self.workspace.settings

    def leave_one_out_setup(self) -> TrainingSetup:
        """As all arms have it; standardised once, on all rows."""
        return self.workspace.setup

    def leave_one_out_threat(self) -> LinfThreat:
        """The paper's."""
        return self.workspace.threats["paper"]


def adult_leave_one_out_options(
    asked: int | LeaveOneOutRequest | None, *, rows: int | None = None
) -> LeaveOneOutOptions | None:
    """What is asked of so many training rows; None for no rows to leave out.

    Where nothing is asked, ten rows, under the three designs that tell the row from rounding and from the seed.

    Raises
    ------
    FairtollError
        If there are fewer training rows than are to be left out, or for an unknown design.

    Examples
    --------
    >>> adult_leave_one_out_options(None).count, adult_leave_one_out_options(0)
    (10, None)
    """
    there = TRAIN_ROWS if rows is None else rows
    request = LeaveOneOutRequest(min(FEW, there), TELLING) if asked is None else asked
    base = LeaveOneOutOptions(count=1, epsilon=EPSILON)
    return chosen_options(LeaveOneOutRequest.of(request), rows=there, what="rows", base=base, brief=False)


def adult_leave_one_out_stages(workspace: AdultWorkspace, options: LeaveOneOutOptions | None) -> list[Stage]:
    """Nothing without options."""
    if options is None:
        return []
    return leave_one_out_stages(AdultLeaveOneOut(workspace), options, seconds_per_step=SECONDS_PER_STEP, items=ITEMS)


def adult_leave_one_out(folder: Path, configuration: Mapping[str, Any], evidence: Evidence) -> list[LeaveOneOut]:
    """The section of a run's results; empty where it was not asked for."""
    described = configuration.get(SECTION)
    if described is None:
        return []
    return leave_one_out_results(
        folder,
        LeaveOneOutOptions.from_description(described, epsilon=EPSILON),
        {name: evidence.partition(name) for name in ("class", *evidence.attributes)},
        class_names=evidence.class_names,
        published_note=PUBLISHED_NOTE,
    )
