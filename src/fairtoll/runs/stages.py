"""An experiment as stages that depend on each other, and a display of how far they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fairtoll.runs.folder import Run


@dataclass(frozen=True)
class Condition:
    """What decides whether a stage is made at all.

    Attributes
    ----------
    stage : str
        Name of an earlier stage.
    holds : callable
        Called once that stage is done, or itself not needed; whether this one is needed.

    Examples
    --------
    >>> Condition("look", lambda: False).holds()
    False
    """

    stage: str
    holds: Callable[[], bool]


@dataclass(frozen=True)
class Stage:
    """One stage: what it writes, from what, and about how long it takes.

    Attributes
    ----------
    name : str
        Of its record.
    title : str
        Its description for a user.
    outputs : tuple of str
        Files, relative to the run's folder.
    make : callable
        Does it, reporting how far it is with `fairtoll.progress.advance`.
    after : tuple of str
        Names of the stages it reads from.
    seconds : float
        Expected on one core, for the order, the estimate and the progress display.
    portable : bool
        Whether it reads no files of the run but those that the stages in `after` have written, so that it can be made
        on another machine.
    detail : mapping, optional
        What it depends on of the part of the configuration that may grow; see `fairtoll.runs.folder.Run`.
    kind : str
        Of the work: "training", "attacks", "predictions", "leave-one-out", "statistics", "report" or "other".
    arm : str, optional
        Whose work it is, where it is one arm's.
    condition : Condition, optional
        On which it is needed; one that is not needed counts as done and has written nothing. None where it always is.
    says : callable, optional
        Gives a line for a user, once it is done.

    Examples
    --------
    >>> Stage("rows", "Rows", ("rows.parquet",), lambda: None).after
    ()
    """

    name: str
    title: str
    outputs: tuple[str, ...]
    make: Callable[[], object]
    after: tuple[str, ...] = ()
    seconds: float = 1.0
    portable: bool = False
    detail: Mapping[str, Any] | None = None
    kind: str = "other"
    arm: str | None = None
    condition: Condition | None = None
    says: Callable[[], str] | None = None

    def is_up_to_date(self, run: Run) -> bool:
        """Whether it is finished in that run."""
        return run.is_up_to_date(self.name, self.outputs, after=self.after, detail=self.detail)

    def keep(self, run: Run, make: Callable[[], object], *, seconds: float = 0.0) -> bool:
        """Run `make` unless its outputs are up to date; returns whether it ran."""
        return run.stage(
            self.name,
            self.outputs,
            make,
            after=self.after,
            detail=self.detail,
            seconds=seconds,
            kind=self.kind,
            arm=self.arm,
        )


class Build(Protocol):
    """Rebuilds a run and its stages in another process or on another machine; must be picklable."""

    def __call__(self, *, folder: Path | None = None) -> tuple[Run, Sequence[Stage]]:
        """In the run's own folder, or in another one."""


class Display(Protocol):
    """Where progress goes: a bar in a terminal, plain lines elsewhere, or nowhere."""

    def begin(self, stages: Sequence[Stage], *, seconds: float, most: float) -> None:
        """These stages are to be made, in about so many seconds; in `most` if all that depend on a condition are."""

    def left(self, *, seconds: float, most: float) -> None:
        """About so many seconds remain; `most` if all stages that depend on a condition are made."""

    def start(self, stage: Stage) -> None:
        """One stage has begun."""

    def advance(self, stage: Stage, share: float) -> None:
        """A share of the stage is done."""

    def end(self, stage: Stage) -> None:
        """The stage is done."""

    def drop(self, stage: Stage) -> None:
        """The stage is not needed."""

    def message(self, line: str) -> None:
        """Show a message to the user."""


class Silent:
    """A display that shows nothing.

    Examples
    --------
    >>> Silent().begin([], seconds=0.0, most=0.0)
    """

    def begin(self, stages: Sequence[Stage], *, seconds: float, most: float) -> None:
        """Do nothing."""

    def left(self, *, seconds: float, most: float) -> None:
        """Do nothing."""

    def start(self, stage: Stage) -> None:
        """Do nothing."""

    def advance(self, stage: Stage, share: float) -> None:
        """Do nothing."""

    def end(self, stage: Stage) -> None:
        """Do nothing."""

    def drop(self, stage: Stage) -> None:
        """Do nothing."""

    def message(self, line: str) -> None:
        """Do nothing."""


def longest_paths(stages: Sequence[Stage]) -> dict[str, float]:
    """Seconds from the start of each stage to the end of the last one that waits for it.

    Examples
    --------
    >>> def nothing(): ...
    >>> first = Stage("a", "A", (), nothing, seconds=1.0)
    >>> longest_paths([first, Stage("b", "B", (), nothing, ("a",), 2.0)])
    {'b': 2.0, 'a': 3.0}
    """
    paths: dict[str, float] = {}
    behind: dict[str, float] = {}
    for stage in reversed(stages):
        paths[stage.name] = stage.seconds + behind.get(stage.name, 0.0)
        for before in stage.after:
            behind[before] = max(behind.get(before, 0.0), paths[stage.name])
    return paths


def expected_seconds(stages: Sequence[Stage], *, workers: int) -> float:
    """The estimated duration of the stages: the divided work, at least the longest path.

    Examples
    --------
    >>> expected_seconds([Stage("a", "A", (), lambda: None, seconds=3.0)], workers=2)
    3.0
    """
    longest: Mapping[str, float] = longest_paths(stages)
    return max([sum(stage.seconds for stage in stages) / workers, *longest.values()], default=0.0)
