"""Running an experiment's stages in parallel, here and on other machines."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

from fairtoll.errors import FairtollError
from fairtoll.runs.folder import Run
from fairtoll.runs.pace import Pace
from fairtoll.runs.pool import Pool
from fairtoll.runs.stages import Build, Display, Stage, expected_seconds, longest_paths

EngineName = Literal["processes", "ray"]
#: Of the expected seconds of a running stage, as much at most counts as done.
LAST = 0.9
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


class Place(Protocol):
    """Where stages are made."""

    def slots(self) -> int:
        """Stages that it can make at once."""

    def submit(self, stage: Stage) -> Future[Any]:
        """Begin a stage."""

    def finish(self, stage: Stage, future: Future[Any]) -> bool:
        """Store a stage's output in the run's folder; False if it must run again."""

    def steps(self) -> list[tuple[str, float]]:
        """Shares of stages done since the last call."""

    def close(self) -> None:
        """End running stages."""


@dataclass(frozen=True)
class Engine:
    """Where portable stages run.

    Attributes
    ----------
    name : {"processes", "ray"}
        Processes on this machine, or the machines of a Ray cluster.
    address : str, optional
        HOST:PORT of the cluster; see `fairtoll.runs.cluster.Cluster`.
    device : {"cpu", "cuda"}
        What a stage takes for itself there.

    Raises
    ------
    FairtollError
        For an unknown name, or an address without a cluster.

    Examples
    --------
    >>> Engine("ray", "10.0.0.1:6379").address
    '10.0.0.1:6379'
    """

    name: str = "processes"
    address: str | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise FairtollError(f"unknown engine '{self.name}'; expected {' or '.join(ENGINES)}")
        if self.address is not None and self.name != "ray":
            raise FairtollError(
                f"the address {self.address} is one of a Ray cluster, and the engine is {self.name}; give --engine ray "
                "too"
            )


def run_stages(build: Build, display: Display, *, workers: int, engine: Engine = Engine(), slower: float = 1.0) -> None:
    """Run every stage that is needed and not up to date, in parallel where they do not depend on each other.

    Parameters
    ----------
    build : Build
        Gives the run, locked by the caller, and its stages, each after those it reads from.
    display : Display
        Receives every step.
    workers : int
        Processes on this machine, 1 or more.
    engine : Engine
        Where portable stages are made.
    slower : float
        How many times as long as they say stages are expected to take here, for the estimate alone.

    Raises
    ------
    FairtollError
        What a stage raised, if a worker was ended from outside, or if a cluster cannot be reached or does not run
        a stage. Finished stages are kept.
    """
    run, stages = build()
    done: set[str] = set()
    for stage in stages:
        if _is_dropped(stage, done) or (done.issuperset(stage.after) and stage.is_up_to_date(run)):
            done.add(stage.name)
    todo = [stage for stage in stages if stage.name not in done]
    if not todo:
        display.begin(todo, seconds=0.0, most=0.0)
        return
    with ExitStack() as open_places:
        here: Place = open_places.enter_context(closing(Pool(build, workers=workers)))
        away = here
        if engine.name == "ray" and any(stage.portable for stage in todo):
            from fairtoll.runs.cluster import Cluster

            cluster = Cluster(build, address=engine.address, device=engine.device, message=display.message)
            away = open_places.enter_context(closing(cluster))
        places = {stage.name: away if stage.portable else here for stage in todo}
        pace = Pace(slower)
        least, most = _remaining(todo, {}, done, places, pace)
        display.begin(todo, seconds=least, most=most)
        _schedule(run, todo, done, places, display, pace)


def _is_dropped(stage: Stage, done: set[str]) -> bool:
    """Whether it is decided that a stage is not needed."""
    return stage.condition is not None and stage.condition.stage in done and not stage.condition.holds()


def _drop(undecided: list[Stage], done: set[str]) -> list[Stage]:
    """Take what is decided now off the list; returns what is not needed, which is then done."""
    dropped = []
    for stage in list(undecided):
        if stage.condition is not None and stage.condition.stage in done:
            undecided.remove(stage)
            if not stage.condition.holds():
                done.add(stage.name)
                dropped.append(stage)
    return dropped


def _remaining(
    left: Sequence[Stage], since: Mapping[str, float], done: set[str], places: dict[str, Place], pace: Pace
) -> tuple[float, float]:
    """Estimated seconds of the stages that are certain to be made, and of all; some run `since` a time already.

    The work of each place, at least the longest path.
    """
    now = time.monotonic()
    stages = []
    for stage in left:
        if _is_dropped(stage, done):
            continue
        expected = pace.expected(stage)
        # What runs for longer than expected will not end at once.
        passed = min(now - since.get(stage.name, now), LAST * expected)
        stages.append(replace(stage, seconds=expected - passed))
    certain = [stage for stage in stages if stage.condition is None or stage.condition.stage in done]
    least, most = (
        max(
            (
                expected_seconds([stage for stage in some if places[stage.name] is place], workers=place.slots())
                for place in places.values()
            ),
            default=0.0,
        )
        for some in (certain, stages)
    )
    return least, most


def _schedule(
    run: Run, todo: Sequence[Stage], done: set[str], places: dict[str, Place], display: Display, pace: Pace
) -> None:
    by_name = {stage.name: stage for stage in todo}
    distinct = list({id(place): place for place in places.values()}.values())
    paths = longest_paths(todo)
    waiting = sorted(todo, key=lambda stage: -paths[stage.name])
    undecided = [stage for stage in todo if stage.condition is not None]
    running: dict[Future[Any], Stage] = {}
    since: dict[str, float] = {}
    while waiting or running:
        for stage in _drop(undecided, done):
            waiting.remove(stage)
            display.drop(stage)
        for place in distinct:
            mine = [stage for stage in waiting if places[stage.name] is place and done.issuperset(stage.after)]
            busy = sum(places[stage.name] is place for stage in running.values())
            for stage in mine[: max(0, place.slots() - busy)]:
                waiting.remove(stage)
                display.start(stage)
                if stage.is_up_to_date(run):
                    # What it reads was lost, and has come out as it was before.
                    done.add(stage.name)
                    display.end(stage)
                    continue
                running[place.submit(stage)] = stage
                since[stage.name] = time.monotonic()
        finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        for name, share in [step for place in distinct for step in place.steps()]:
            display.advance(by_name[name], share)
        for future in finished:
            stage = running.pop(future)
            if places[stage.name].finish(stage, future):
                done.add(stage.name)
                pace.finished(stage, time.monotonic() - since[stage.name])
                left = [stage for stage in todo if stage.name not in done]
                least, most = _remaining(left, since, done, places, pace)
                display.left(seconds=least, most=most)
                display.end(stage)
                if stage.says is not None:
                    display.message(stage.says())
            else:
                del since[stage.name]
                waiting.insert(0, stage)
