"""`fairtoll reproduce NAME`: a command for each experiment of the registry, created when it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtoll.cli.options import (
    AddressOption,
    DesignOption,
    Device,
    DeviceOption,
    EngineName,
    EngineOption,
    KeepWeightsOption,
    MaxRunsOption,
    PairOption,
    Protocol,
    ProtocolOption,
    RecipesOption,
    ReferencesOption,
    StrengthsOption,
    WorkersOption,
    read_runs,
)
from fairtoll.cli.pairs import read_arms
from fairtoll.errors import FairtollError
from fairtoll.experiments.registry import EXPERIMENTS, Entry, find_experiment

if TYPE_CHECKING:
    from fairtoll.experiments.experiment import Experiment


class ExperimentCommands(typer.core.TyperGroup):
    """The experiments of the registry as commands; listing them loads none."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in order."""
        return list(EXPERIMENTS)

    def get_command(self, ctx: Any, name: str) -> Any:
        """Only the name and the summary, for a list."""
        entry = EXPERIMENTS.get(name)
        return None if entry is None else _as_command(name, entry, lambda: None, [])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The whole command, when it is the one that is called."""
        if not args[0].startswith("-") and args[0] not in EXPERIMENTS:
            find_experiment(args[0])  # its error lists the experiments
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else command_of(name), rest


reproduce = typer.Typer(
    cls=ExperimentCommands, help="Run an experiment, with error bars and controls.", no_args_is_help=True
)


def command_of(name: str) -> Any:
    """The command of one experiment, with the common options and its own.

    Examples
    --------
    >>> command_of("adult").name
    'adult'
    """
    experiment = find_experiment(name)

    def run(**given: Any) -> None:
        _run(name, **given)

    return _as_command(name, EXPERIMENTS[name], run, _parameters(experiment))


def _run(
    name: str,
    *,
    out: Path | None,
    leave_one_out: int | None,
    design: list[Any] | None,
    references: int,
    keep_weights: bool,
    device: Device,
    engine: EngineName,
    protocol: Protocol | None = None,
    data_dir: Path | None = None,
    pair: list[str] | None = None,
    **options: Any,
) -> None:
    from fairtoll.cli.display import Progress, show_results
    from fairtoll.experiments import reproduce as run_experiment

    if not leave_one_out and (design or references > 1 or keep_weights):
        raise FairtollError(
            "--design, --references and --keep-weights are options of leave-one-out; give the number of rows with "
            "--leave-one-out N"
        )
    usual = Path("runs") / (name if options.get("recipes") is None else f"{name}-recipes")
    with Progress() as display:
        report = run_experiment(
            name,
            out or usual,
            protocol=None if protocol is None else protocol.value,
            device=device.value,
            source=data_dir,
            leave_one_out=leave_one_out,
            designs=[one.value for one in design or []],
            references=references,
            keep_weights=keep_weights,
            engine=engine.value,
            display=display,
            pairs=read_arms(pair),
            **options,
        )
    show_results(report)


def _parameters(experiment: Experiment) -> list[inspect.Parameter]:
    out = Annotated[
        Path | None,
        typer.Option(
            help=f"Run folder: a killed run resumes from it. Default: runs/{experiment.name}, with --recipes "
            f"runs/{experiment.name}-recipes.",
            show_default=False,
        ),
    ]
    source = Annotated[
        Path | None, typer.Option(help="Folder or archive of the data. Default: the cache, else it is downloaded.")
    ]
    until_decided = ", or auto: until every comparison is decided" if not experiment.data.kept else ""
    runs = Annotated[
        Any,
        typer.Option(
            parser=read_runs,
            metavar="<int>" if experiment.data.kept else "<int|auto>",
            help=f"Training runs of every arm{until_decided}. Default: {experiment.runs}.",
            show_default=False,
        ),
    ]
    leave_one_out = Annotated[
        int | None,
        typer.Option(
            min=0,
            help=f"Training {experiment.row}s to leave out, one at a time; 0 for none. Default: what the folder "
            f"holds, else none.",
            show_default=False,
        ),
    ]
    parameters = [_parameter("out", out, None)]
    if experiment.data.kept:
        parameters.append(_parameter("data_dir", source, None))
    parameters.append(_parameter("runs", runs, None))
    if not experiment.data.kept:
        parameters.append(_parameter("max_runs", MaxRunsOption, None))
    if len(experiment.protocols) > 1:
        parameters.append(_parameter("protocol", ProtocolOption, None))
    if "sound" in experiment.protocols:
        parameters.append(_parameter("recipes", RecipesOption, None))
        parameters.append(_parameter("strengths", StrengthsOption, None))
        parameters.append(_parameter("pair", PairOption, None))
    for option in experiment.options:
        if option.kind is bool:
            # A switch without its opposite.
            names = f"--{option.name.replace('_', '-')}"
            parameters.append(_parameter(option.name, Annotated[bool, typer.Option(names, help=option.help)], False))
        else:
            optional: Any = option.kind | None
            kind = Annotated[optional, typer.Option(help=option.help, show_default=False)]
            parameters.append(_parameter(option.name, kind, None))
    return [
        *parameters,
        _parameter("leave_one_out", leave_one_out, None),
        _parameter("design", DesignOption, None),
        _parameter("references", ReferencesOption, 1),
        _parameter("keep_weights", KeepWeightsOption, False),
        _parameter("device", DeviceOption, Device.auto),
        _parameter("workers", WorkersOption, None),
        _parameter("engine", EngineOption, EngineName.processes),
        _parameter("address", AddressOption, None),
    ]


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _as_command(name: str, entry: Entry, run: Callable[..., None], parameters: list[inspect.Parameter]) -> Any:
    """A typer command from a function whose parameters are known only at run time."""

    def called(**given: Any) -> None:
        run(**given)

    function: Any = called
    function.__signature__ = inspect.Signature(parameters)
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    help_text = f"{entry.summary}\n\n{entry.help} Ends with the path of a report.".replace("\n\n ", "\n\n")
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, help=help_text, short_help=entry.summary)(function)
    return typer.main.get_command(single)
