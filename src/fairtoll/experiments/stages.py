"""Running an experiment's stages, with a display of how far they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..runs import Run

#: Called with the share of a stage that a step was.
Advance = Callable[[float], None]


@dataclass(frozen=True)
class Stage:
    """One stage: what it writes, from what, and about how long it takes.

    Attributes
    ----------
    name : str
        Of its record.
    title : str
        What a person is told it does.
    outputs : tuple of str
        Files, relative to the run's folder.
    make : callable
        Does it; is given a function to report progress to.
    after : tuple of str
        Names of the stages it reads from.
    seconds : float
        Expected on two cores, for the estimate and the progress display.

    Examples
    --------
    >>> Stage("rows", "Rows", ("rows.parquet",), lambda advance: None).after
    ()
    """

    name: str
    title: str
    outputs: tuple[str, ...]
    make: Callable[[Advance], object]
    after: tuple[str, ...] = ()
    seconds: float = 1.0


class Display(Protocol):
    """Where progress goes: a bar in a terminal, plain lines elsewhere, or nowhere."""

    def begin(self, stages: Sequence[Stage]) -> None:
        """All stages are about to be run or found done."""

    def start(self, stage: Stage) -> None:
        """One stage is looked at."""

    def advance(self, stage: Stage, share: float) -> None:
        """A share of the stage is done."""

    def end(self, stage: Stage, *, made: bool) -> None:
        """The stage is done; `made` is False where it stood already."""


class Silent:
    """A display that shows nothing.

    Examples
    --------
    >>> Silent().begin([])
    """

    def begin(self, stages: Sequence[Stage]) -> None:
        """Do nothing."""

    def start(self, stage: Stage) -> None:
        """Do nothing."""

    def advance(self, stage: Stage, share: float) -> None:
        """Do nothing."""

    def end(self, stage: Stage, *, made: bool) -> None:
        """Do nothing."""


def run_stages(run: Run, stages: Sequence[Stage], display: Display) -> None:
    """Run the stages in order; those that stand already are passed over.

    Parameters
    ----------
    run : Run
        Locked by the caller.
    stages : sequence of Stage
        Each after those it reads from.
    display : Display
        Told of every step.
    """
    display.begin(stages)
    for stage in stages:
        display.start(stage)

        def make(stage: Stage = stage) -> object:
            return stage.make(lambda share: display.advance(stage, share))

        made = run.stage(stage.name, stage.outputs, make, after=stage.after)
        display.end(stage, made=made)
