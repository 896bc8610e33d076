"""The command line: thin, and quick to start (torch loads only when a command runs)."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from fairtoll._version import __version__
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
from fairtoll.errors import FairtollError, FairtollWarning

#: What a shell expects of a program that was interrupted.
INTERRUPTED = 130
#: Of click, which some versions of typer bring along under another name.
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")

app = typer.Typer(
    name="fairtoll",
    help="Measure the fairness toll of adversarial robustness: who pays when a classifier is hardened, by how much, "
    "and is it more than chance?",
    epilog="Start with: fairtoll reproduce adult",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
reproduce = typer.Typer(help="Reproduce a paper's experiment, with error bars and controls.", no_args_is_help=True)
app.add_typer(reproduce, name="reproduce")
datasets = typer.Typer(help="Find, fetch and check the data of the experiments.", no_args_is_help=True)
app.add_typer(datasets, name="data")


def main() -> None:
    """Run the program: an error of use ends it with one line and status 2.

    Examples
    --------
    >>> callable(main)
    True
    """
    warnings.showwarning = _show_warning
    try:
        code = app(prog_name="fairtoll", standalone_mode=False)
    except FairtollError as error:
        _end(str(error), code=2)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # the help text itself
            sys.exit(2)
        command = error.ctx.command_path if error.ctx else "fairtoll"
        _end(f"{error.format_message().rstrip('.')}; see {command} --help", code=2)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        _end("stopped; run the same command again to go on from the last finished stage", code=INTERRUPTED)
    sys.exit(code)


def _end(message: str, *, code: int) -> NoReturn:
    typer.echo(f"fairtoll: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, FairtollWarning):
        typer.echo(f"fairtoll: warning: {' '.join(str(message).split())}", err=True)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"fairtoll {__version__}")
        raise typer.Exit()


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
    from fairtoll.cli.display import Progress
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
    _show_summary(out / "results.json")
    typer.echo(f"Report: {report}")


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
    from fairtoll.cli.display import Progress
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
    _show_summary(out / "results.json")
    typer.echo(f"Report: {report}")


@datasets.command("cifar10")
def cifar10_data(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder or archive. Default: FAIRTOLL_CIFAR10_DIR, then your cache, then a download."),
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check class balance, repeats and sums of files.")] = False,
) -> None:
    """CIFAR-10: official files, or a copy in Parquet; downloaded (162 MiB) where it is nowhere."""
    from fairtoll.cli.data import look_at_cifar10
    from fairtoll.cli.display import Progress
    from fairtoll.progress import reporting_to

    with Progress() as display, reporting_to(display.track("Reading CIFAR-10")):
        look_at_cifar10(data_dir, verify=verify)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder with evidence/.")],
) -> None:
    """Compute a run's results and report again from its evidence alone."""
    from fairtoll.cli.report import rerender

    typer.echo(f"Report: {rerender(run)}")


@app.command()
def audit(
    model: Annotated[
        list[str],
        typer.Option(help="NAME=PACKAGE.MODULE:FACTORY, given twice or more; the first is the standard model."),
    ],
    weights: Annotated[
        list[str], typer.Option(help="NAME=FILE.safetensors for each model; repeat a name for more training runs.")
    ],
    data: Annotated[Path, typer.Option(help="Evaluation rows, CSV or Parquet.")],
    label: Annotated[str, typer.Option(help="Column of the true class.")],
    epsilon: Annotated[list[float], typer.Option(help="Radius, repeat for more; in standard deviations of a feature.")],
    group: Annotated[list[str] | None, typer.Option(help="Column of a protected attribute, repeat for more.")] = None,
    feature: Annotated[list[str] | None, typer.Option(help="Input columns in order. Default: all others.")] = None,
    mutable: Annotated[list[str] | None, typer.Option(help="Features that may move. Default: all continuous.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for evidence, results and report.")] = Path("runs/audit"),
) -> None:
    """Audit your own models: which classes and groups pay for the hardened one."""
    from fairtoll.cli.audit import audit_from_files
    from fairtoll.cli.display import Progress
    from fairtoll.progress import reporting_to

    with Progress() as display, reporting_to(display.track("Attacking the models")):
        path = audit_from_files(
            models=model,
            weights=weights,
            data=data,
            label=label,
            groups=group or [],
            features=feature,
            mutable=mutable,
            epsilons=epsilon,
            out=out,
        )
    _show_summary(path.parent / "results.json")
    typer.echo(f"Report: {path}")


def _show_summary(path: Path) -> None:
    from fairtoll.cli.display import print_summary
    from fairtoll.findings.results import Results

    print_summary(Results.read(path))
