"""Options that several commands take."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

#: Of an option that may be repeated.
Names = list[str] | None
#: The panel of a command's help with what the rows are.
ROWS = "Rows"


class Protocol(StrEnum):
    """The rules under which arms are trained and attacked."""

    paper = "paper"
    sound = "sound"
    both = "both"


class Device(StrEnum):
    """Where models are trained and attacked."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class EngineName(StrEnum):
    """Where models are trained, attacked and evaluated."""

    processes = "processes"
    ray = "ray"


class Design(StrEnum):
    """How leave-one-out members are trained."""

    masked = "masked"
    independent_seeds = "independent-seeds"
    re_permuted = "re-permuted"
    rerun = "rerun"
    one_ulp = "one-ulp"
    new_seed = "new-seed"


def option_in(panel: str, metavar: str, help_text: str, *names: str, **more: Any) -> Any:
    """An option in one panel of a command's help, whose text says what its default is."""
    return typer.Option(*names, help=help_text, metavar=metavar, rich_help_panel=panel, show_default=False, **more)


GroupOption = Annotated[Names, option_in(ROWS, "COLUMN", "Column of a protected attribute; repeat for more.")]
MOST_RUNS = 9999


def read_runs(text: str) -> int | str:
    """A number of training runs, or "auto".

    Examples
    --------
    >>> read_runs("3"), read_runs("auto")
    (3, 'auto')
    """
    if text == "auto":
        return text
    # The length first: Python refuses to read a number of thousands of digits.
    number = int(text) if text.isdecimal() and len(text) <= len(str(MOST_RUNS)) else 0
    if not 1 <= number <= MOST_RUNS:
        raise typer.BadParameter(f"'{text}' is not a number of training runs from 1 to {MOST_RUNS}, or auto")
    return number


MaxRunsOption = Annotated[
    int | None,
    typer.Option(
        help="The most training runs of --runs auto: 5, 10, 20, 40 or 80; a folder can be continued with more. "
        "Default: what was requested last in the folder, else 10.",
        show_default=False,
    ),
]
ProtocolOption = Annotated[
    Protocol | None,
    typer.Option(help="The paper's protocol, the sound one, or both. Default: both.", show_default=False),
]
RecipesOption = Annotated[
    str | None,
    typer.Option(
        help="Compare these recipes instead of the paper's: names with commas between, or all. A repair over an "
        "attribute instead of the classes: frl-sex.",
        show_default=False,
    ),
]
STRENGTHS_HELP = (
    "1, or 3 for every recipe at three strengths, compared at equal robust accuracy. A strength is radius, the share "
    "of epsilon that it trains with (0.1, 0.3 or 1), or a parameter of its own, such as beta. Default: 3."
)
StrengthsOption = Annotated[int | None, typer.Option(help=f"With --recipes: {STRENGTHS_HELP}", show_default=False)]
PAIR_HELP = (
    "Compare the second arm with the first, too, such as trades,dafa; repeat for more. All comparisons of a metric "
    "share the error."
)
PairOption = Annotated[
    list[str] | None,
    typer.Option(
        help=f"With --recipes: {PAIR_HELP[0].lower()}{PAIR_HELP[1:]}", metavar="FIRST,SECOND", show_default=False
    ),
]
DeviceOption = Annotated[Device, typer.Option(help="Where to train and attack.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes; the results do not depend on it. Default: your cores.")
]
DesignOption = Annotated[
    list[Design] | None,
    typer.Option(
        help=f"How --leave-one-out trains: {', '.join(Design)}; repeat for more. Default: the experiment's.",
        metavar="DESIGN",
        show_default=False,
    ),
]
ReferencesOption = Annotated[
    int,
    typer.Option(
        min=1, help="Number of full models, each with its own seed, that leave-one-out members are compared with."
    ),
]
KeepWeightsOption = Annotated[
    bool, typer.Option("--keep-weights", help="Keep the weights of leave-one-out members, not only their predictions.")
]
EngineOption = Annotated[
    EngineName, typer.Option(help="Train, attack and evaluate here, or on the machines of a Ray cluster.")
]
AddressOption = Annotated[
    str | None, typer.Option(help="HOST:PORT of the cluster. Default: RAY_ADDRESS, one found here, or a new one.")
]
