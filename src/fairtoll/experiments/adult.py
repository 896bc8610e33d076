"""The paper's Adult experiment, under both protocols, with controls and error bars."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from fairtoll.experiments.adult_evidence import evidence_stages
from fairtoll.experiments.adult_leave_one_out import adult_leave_one_out_options, adult_leave_one_out_stages
from fairtoll.experiments.adult_plan import EPSILON
from fairtoll.experiments.adult_results import adult_results
from fairtoll.experiments.adult_training import training_stages
from fairtoll.experiments.adult_workspace import COPIES, AdultWorkspace
from fairtoll.experiments.arms import arms_of
from fairtoll.experiments.ending import ending_stages
from fairtoll.experiments.environment import blas_of_numpy
from fairtoll.experiments.leave_one_out.options import (
    SECTION,
    LeaveOneOutOptions,
    LeaveOneOutRequest,
    standing_options,
)
from fairtoll.experiments.options import check_options, choose_device
from fairtoll.models.networks import Standardize, adult_network
from fairtoll.models.stack import strategy_of
from fairtoll.runs.folder import Run
from fairtoll.runs.pool import default_workers
from fairtoll.runs.schedule import Engine, run_stages
from fairtoll.runs.stages import Display, Silent, Stage
from fairtoll.training import FitSettings


def reproduce_adult(
    folder: Path,
    *,
    seeds: int = 5,
    protocol: str = "both",
    device: str = "auto",
    settings: FitSettings = FitSettings(),
    rows: int | None = None,
    leave_one_out: int | LeaveOneOutRequest | None = None,
    workers: int | None = None,
    engine: str = "processes",
    address: str | None = None,
    display: Display | None = None,
) -> Path:
    """Run the Adult experiment, or go on with it; returns the path of the report.

    Parameters
    ----------
    folder : Path
        The run's folder; finished stages in it are kept.
    seeds : int
        Training runs of every arm.
    protocol : {"paper", "sound", "both"}
        Which arms and questions.
    device : {"auto", "cpu", "cuda"}
        Where models are trained and attacked.
    settings : FitSettings
        The optimiser; the paper's by default.
    rows : int, optional
        Only the first rows of each split, for a quick look.
    leave_one_out : int or LeaveOneOutRequest, optional
        How many training rows are left out, one at a time, of both classifiers and under every design, or what else is
        asked; 0 for none. Members that stand in the folder are kept, whatever was asked before. Default: what was
        asked last in the folder, else ten rows, under the three designs that tell the row from rounding and from the
        seed.
    workers : int, optional
        Processes of one thread each; the results do not depend on it. Default: the cores at hand, at most 8.
    engine : {"processes", "ray"}
        Where leave-one-out members are trained: here, or on the machines of a Ray cluster; so is nothing else.
    address : str, optional
        HOST:PORT of the cluster. Default: the one in the environment variable RAY_ADDRESS, one on this machine, or a
        new one.
    display : Display, optional
        Where progress goes.

    Returns
    -------
    Path

    Raises
    ------
    FairtollError
        For an unknown protocol, device or engine, no seeds, more rows to leave out than there are, a folder that cannot
        be used, that belongs to another configuration or that another process writes to, a cluster that does not
        answer, or a full disk.
    """
    check_options(protocol=protocol, seeds=seeds, workers=workers)
    device = choose_device(device)
    where = Engine(engine, address, device)
    workspace = AdultWorkspace(folder, list(range(seeds)), arms_of(protocol), device, settings, rows)
    options = adult_leave_one_out_options(leave_one_out, rows=rows)
    if leave_one_out is None:
        options = standing_options(folder, epsilon=EPSILON, otherwise=options)
    build = partial(_build, workspace, protocol, options)
    # An accelerator is shared badly: one process at a time.
    workers = 1 if device == "cuda" else workers or default_workers()
    with build()[0].lock():
        run_stages(build, display or Silent(), workers=workers, engine=where)
    return folder / "report.html"


def _build(
    workspace: AdultWorkspace, protocol: str, options: LeaveOneOutOptions | None, *, folder: Path | None = None
) -> tuple[Run, list[Stage]]:
    workspace = replace(workspace, folder=folder or workspace.folder)
    settings = workspace.settings
    configuration = {
        "experiment": "adult",
        "seeds": len(workspace.seeds),
        "protocol": protocol,
        "device": workspace.device,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "blas": blas_of_numpy(),
        "strategy": strategy_of(adult_network(Standardize(torch.zeros(14), torch.ones(14))), workspace.device),
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "adam_epsilon": settings.adam_epsilon,
        "copies": list(COPIES),
        "rows": workspace.rows,
        "epsilon": EPSILON,
    }
    stages = adult_stages(workspace, options)
    configuration[SECTION] = None if options is None else options.describe()
    return Run(workspace.folder, configuration, growing=SECTION), stages


def adult_stages(workspace: AdultWorkspace, leave_one_out: LeaveOneOutOptions | None = None) -> list[Stage]:
    """Everything to be done, in order."""
    evidence = [*evidence_stages(workspace), *adult_leave_one_out_stages(workspace, leave_one_out)]
    return [
        *training_stages(workspace),
        *evidence,
        *ending_stages(
            workspace.folder,
            adult_results,
            after=[stage.name for stage in evidence],
            detail=None if leave_one_out is None else leave_one_out.describe(),
        ),
    ]
