"""The paper's CIFAR-10 experiment, under both protocols, with controls and error bars."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from fairtoll.errors import FairtollError
from fairtoll.experiments.arms import arms_of
from fairtoll.experiments.cifar10_evidence import evidence_stages
from fairtoll.experiments.cifar10_examples import example_stages
from fairtoll.experiments.cifar10_leave_one_out import (
    cifar10_leave_one_out_options,
    cifar10_leave_one_out_stages,
)
from fairtoll.experiments.cifar10_plan import EPSILON, EPSILON_MAX
from fairtoll.experiments.cifar10_results import cifar10_results
from fairtoll.experiments.cifar10_training import image_stages, training_stages
from fairtoll.experiments.cifar10_workspace import Cifar10Workspace, Scale
from fairtoll.experiments.ending import ending_stages
from fairtoll.experiments.leave_one_out.options import (
    SECTION,
    LeaveOneOutOptions,
    LeaveOneOutRequest,
    standing_options,
)
from fairtoll.experiments.options import check_options, choose_device, fastest_precision
from fairtoll.models.networks import image_network
from fairtoll.models.stack import strategy_of
from fairtoll.runs.folder import Run
from fairtoll.runs.pool import default_workers
from fairtoll.runs.schedule import Engine, run_stages
from fairtoll.runs.stages import Display, Silent, Stage
from fairtoll.training import FitSettings

SEEDS = 3
OFFICIAL_ROWS = (50_000, 10_000)
#: What --quick does instead: an idea of the whole in a few minutes on two cores.
QUICK = Scale(train_rows=8_000, attacked_rows=300, check_rows=100, restarts=1, queries=100)
QUICK_EPOCHS = 5


def reproduce_cifar10(
    folder: Path,
    *,
    source: str | Path | None = None,
    seeds: int | None = None,
    protocol: str = "both",
    quick: bool = False,
    attacked_rows: int | None = None,
    leave_one_out: int | LeaveOneOutRequest | None = None,
    device: str = "auto",
    settings: FitSettings | None = None,
    scale: Scale | None = None,
    rows_expected: tuple[int, int] | None = OFFICIAL_ROWS,
    workers: int | None = None,
    engine: str = "processes",
    address: str | None = None,
    display: Display | None = None,
) -> Path:
    """Run the CIFAR-10 experiment, or go on with it; returns the path of the report.

    Parameters
    ----------
    folder : Path
        The run's folder; finished stages in it are kept.
    source : str or Path, optional
        Folder or archive of CIFAR-10; see `fairtoll.data.load_cifar10`.
    seeds : int, optional
        Training runs of every arm. Default: 3, or 1 when quick.
    protocol : {"paper", "sound", "both"}
        Which arms and questions.
    quick : bool
        An idea of the whole in a few minutes: fewer training images, epochs and attacked images.
    attacked_rows : int, optional
        Test images that are attacked, as many of each class. Default: 2,000 on a CPU, all on an accelerator, 300 when
        quick.
    leave_one_out : int or LeaveOneOutRequest, optional
        How many training images are left out, one at a time, or what else is asked; 0 for none. Members that stand in
        the folder are kept, whatever was asked before. Default: what was asked last in the folder, else none.
    device : {"auto", "cpu", "cuda"}
        Where models are trained and attacked.
    settings : FitSettings, optional
        The optimiser. Default: the paper's, in bfloat16 where the device is faster with it.
    scale : Scale, optional
        How much is done, for tests.
    rows_expected : tuple of int, optional
        Training and test images that the source must hold; None for any number.
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
        For an unknown protocol, device or engine, no seeds or rows, images that cannot be read, a folder that cannot be
        used, that belongs to another configuration or that another process writes to, a cluster that does not answer,
        or a full disk.
    """
    seeds = seeds if seeds is not None else 1 if quick else SEEDS
    check_options(protocol=protocol, seeds=seeds, workers=workers)
    if attacked_rows is not None and attacked_rows < 10:
        raise FairtollError(f"attacked rows are {attacked_rows}; expected 10 or more, at least one of each class")
    device = choose_device(device)
    where = Engine(engine, address, device)
    if scale is None:
        whole = Scale(attacked_rows=OFFICIAL_ROWS[1]) if device == "cuda" else Scale()
        scale = QUICK if quick else whole
    if attacked_rows is not None:
        scale = replace(scale, attacked_rows=attacked_rows)
    if settings is None:
        epochs = QUICK_EPOCHS if quick else FitSettings().epochs
        settings = FitSettings(epochs=epochs, precision=fastest_precision(device))
    workspace = Cifar10Workspace(
        folder,
        None if source is None else str(source),
        list(range(seeds)),
        arms_of(protocol),
        device,
        settings,
        scale,
    )
    options = cifar10_leave_one_out_options(leave_one_out or 0, rows=scale.train_rows, quick=quick, device=device)
    if leave_one_out is None:
        options = standing_options(folder, epsilon=EPSILON, otherwise=options)
    build = partial(_build, workspace, protocol, rows_expected, options)
    # An accelerator is shared badly: one process at a time.
    workers = 1 if device == "cuda" else workers or default_workers()
    with build()[0].lock():
        run_stages(build, display or Silent(), workers=workers, engine=where)
    return folder / "report.html"


def _build(
    workspace: Cifar10Workspace,
    protocol: str,
    rows_expected: tuple[int, int] | None,
    options: LeaveOneOutOptions | None,
    *,
    folder: Path | None = None,
) -> tuple[Run, list[Stage]]:
    workspace = replace(workspace, folder=folder or workspace.folder)
    configuration = {
        "experiment": "cifar10",
        "protocol": protocol,
        "torch": torch.__version__,
        "strategy": strategy_of(image_network(widths=workspace.scale.widths), workspace.device),
        "epsilon": EPSILON,
        "epsilon_max": EPSILON_MAX,
        **workspace.describe(),
    }
    configuration[SECTION] = None if options is None else options.describe()
    stages = cifar10_stages(workspace, protocol, rows_expected, options)
    return Run(workspace.folder, configuration, growing=SECTION), stages


def cifar10_stages(
    workspace: Cifar10Workspace,
    protocol: str,
    rows_expected: tuple[int, int] | None = OFFICIAL_ROWS,
    leave_one_out: LeaveOneOutOptions | None = None,
) -> list[Stage]:
    """Everything to be done, in order."""
    evidence = [
        *evidence_stages(workspace, protocol),
        *example_stages(workspace),
        *cifar10_leave_one_out_stages(workspace, leave_one_out),
    ]
    return [
        *image_stages(workspace, rows_expected),
        *training_stages(workspace),
        *evidence,
        *ending_stages(
            workspace.folder,
            cifar10_results,
            after=[stage.name for stage in evidence],
            detail=None if leave_one_out is None else leave_one_out.describe(),
        ),
    ]
