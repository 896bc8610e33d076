"""Options that every experiment's command takes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fairtoll.errors import FairtollError

if TYPE_CHECKING:
    from fairtoll.experiments import LeaveOneOutRequest


class Protocol(StrEnum):
    """Which rules the arms are made and attacked under."""

    paper = "paper"
    sound = "sound"
    both = "both"


class Device(StrEnum):
    """Where models are trained and attacked."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class EngineName(StrEnum):
    """Where leave-one-out members are trained."""

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


ProtocolOption = Annotated[Protocol, typer.Option(help="The paper's rules, sound ones, or both.")]
DeviceOption = Annotated[Device, typer.Option(help="Where to train and attack.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes; the results do not depend on it. Default: your cores.")
]
DesignOption = Annotated[
    list[Design] | None,
    typer.Option(help="Of --leave-one-out N, repeat for more. Default: all.", show_default=False),
]
QuickDesignOption = Annotated[
    list[Design] | None,
    typer.Option(
        help="Of --leave-one-out N, repeat for more. Default: all; with --quick masked, one-ulp and new-seed, of "
        "the standard classifier alone.",
        show_default=False,
    ),
]
ReferencesOption = Annotated[
    int, typer.Option(min=1, help="Full models, a seed each, that leave-one-out members are compared with.")
]
KeepWeightsOption = Annotated[
    bool, typer.Option("--keep-weights", help="Keep the weights of leave-one-out members, not their predictions alone.")
]
EngineOption = Annotated[
    EngineName, typer.Option(help="Train leave-one-out members here, or on the machines of a Ray cluster.")
]
AddressOption = Annotated[
    str | None, typer.Option(help="HOST:PORT of the cluster. Default: RAY_ADDRESS, one found here, or a new one.")
]


def leave_one_out_request(
    count: int | None, designs: list[Design] | None, references: int, *, keep_weights: bool
) -> LeaveOneOutRequest | int | None:
    """What is asked of leave-one-out; None for the experiment's own choice.

    Raises
    ------
    FairtollError
        If how is said, and not of how many rows.

    Examples
    --------
    >>> leave_one_out_request(None, None, 1, keep_weights=False) is None
    True
    """
    from fairtoll.experiments import LeaveOneOutRequest

    names = [design.value for design in designs or []]
    if count:
        return LeaveOneOutRequest(count, names, references=references, keep_weights=keep_weights)
    if names or references > 1 or keep_weights:
        raise FairtollError(
            "--design, --references and --keep-weights are of leave-one-out; say how many rows with --leave-one-out N"
        )
    return count
