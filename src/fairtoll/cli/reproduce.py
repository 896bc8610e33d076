"""`fairtoll reproduce`: a paper's experiment, one command each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtoll.cli.options import (
    AddressOption,
    DesignOption,
    Device,
    DeviceOption,
    EngineName,
    EngineOption,
    KeepWeightsOption,
    Protocol,
    ProtocolOption,
    QuickDesignOption,
    ReferencesOption,
    WorkersOption,
    leave_one_out_request,
)

reproduce = typer.Typer(help="Reproduce a paper's experiment, with error bars and controls.", no_args_is_help=True)


@reproduce.command()
def adult(
    out: Annotated[Path, typer.Option(help="Run folder: a killed run goes on from there.")] = Path("runs/adult"),
    seeds: Annotated[int, typer.Option(min=1, help="Training runs of every arm.")] = 5,
    protocol: ProtocolOption = Protocol.both,
    leave_one_out: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Training rows to leave out, one at a time: a minute of one core each; 0 for none. Default: what the "
            "folder holds, else 10, under three designs.",
            show_default=False,
        ),
    ] = None,
    design: DesignOption = None,
    references: ReferencesOption = 1,
    keep_weights: KeepWeightsOption = False,
    device: DeviceOption = Device.auto,
    workers: WorkersOption = None,
    engine: EngineOption = EngineName.processes,
    address: AddressOption = None,
) -> None:
    """Adult (Census Income), bundled: the paper's tables with nulls, intervals, controls and verdicts.

    A few minutes on two cores. Ends with the path of a report.
    """
    from fairtoll.cli.display import Progress, show_results
    from fairtoll.experiments import reproduce_adult

    with Progress() as display:
        report = reproduce_adult(
            out,
            seeds=seeds,
            protocol=protocol.value,
            device=device.value,
            leave_one_out=leave_one_out_request(leave_one_out, design, references, keep_weights=keep_weights),
            workers=workers,
            engine=engine.value,
            address=address,
            display=display,
        )
    show_results(report)


@reproduce.command()
def cifar10(
    out: Annotated[Path, typer.Option(help="Run folder: a killed run goes on from there.")] = Path("runs/cifar10"),
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder or archive of CIFAR-10. Default: the cache, else it is downloaded.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Training runs of every arm. Default: 3, or 1 with --quick.")
    ] = None,
    protocol: ProtocolOption = Protocol.both,
    quick: Annotated[
        bool, typer.Option("--quick", help="An idea of the whole in a few minutes; says what it cut.")
    ] = False,
    attacked_rows: Annotated[
        int | None, typer.Option(min=10, help="Test images attacked. Default: 2000 on a CPU, all on an accelerator.")
    ] = None,
    leave_one_out: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Training images to leave out, one at a time: many minutes of one core each; 0 for none. Default: "
            "what the folder holds, else none.",
            show_default=False,
        ),
    ] = None,
    design: QuickDesignOption = None,
    references: ReferencesOption = 1,
    keep_weights: KeepWeightsOption = False,
    device: DeviceOption = Device.auto,
    workers: WorkersOption = None,
    engine: EngineOption = EngineName.processes,
    address: AddressOption = None,
) -> None:
    """CIFAR-10: the paper's figures and tables with nulls, intervals, controls and verdicts.

    Hours on two cores, minutes on an accelerator: it says how long first. --quick takes a few minutes. Ends with the
    path of a report.
    """
    from fairtoll.cli.display import Progress, show_results
    from fairtoll.experiments import reproduce_cifar10

    with Progress() as display:
        report = reproduce_cifar10(
            out,
            source=data_dir,
            seeds=seeds,
            protocol=protocol.value,
            quick=quick,
            attacked_rows=attacked_rows,
            leave_one_out=leave_one_out_request(leave_one_out, design, references, keep_weights=keep_weights),
            device=device.value,
            workers=workers,
            engine=engine.value,
            address=address,
            display=display,
        )
    show_results(report)
