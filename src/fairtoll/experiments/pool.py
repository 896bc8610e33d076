"""Running stages in worker processes of one thread each.

Small networks gain little from several threads in one operation, and lose much where cores are shared;
stages side by side use the cores better. One thread a worker also makes the numbers the same however many
cores there are, since the order of additions never changes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.experiments.stages import Display, Stage, expected_seconds, longest_paths
from fairtoll.runs import Run

#: Rebuilds the run and its stages inside a worker; must be picklable.
Build = Callable[[], tuple[Run, Sequence[Stage]]]
MAXIMUM_WORKERS = 8
_worker: dict[str, Any] = {}


def default_workers() -> int:
    """Cores that this process may use, at most 8 (each worker holds about half a gigabyte).

    Examples
    --------
    >>> 1 <= default_workers() <= 8
    True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAXIMUM_WORKERS)


def run_stages(build: Build, display: Display, *, workers: int) -> None:
    """Run every stage that does not stand yet, side by side where they do not wait for each other.

    Parameters
    ----------
    build : callable
        Gives the run, locked by the caller, and its stages, each after those it reads from.
    display : Display
        Told of every step.
    workers : int
        Processes, 1 or more.

    Raises
    ------
    FairtollError
        What a stage raised, or if a worker was ended from outside. Finished stages are kept.
    """
    run, stages = build()
    done: set[str] = set()
    for stage in stages:
        if done.issuperset(stage.after) and run.stands(stage.name, stage.outputs, after=stage.after):
            done.add(stage.name)
    todo = [stage for stage in stages if stage.name not in done]
    display.begin(todo, seconds=expected_seconds(todo, workers=workers))
    if not todo:
        return
    context = multiprocessing.get_context("spawn")
    steps = context.SimpleQueue()
    executor = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(build, steps, os.getpid()))
    try:
        _schedule(executor, todo, done, steps, display, workers)
    except BrokenProcessPool as error:
        raise FairtollError(
            "a worker process was ended from outside, perhaps for want of memory; run the same command again "
            "(finished stages are kept), with fewer --workers if it happens again; a script of yours must start the "
            "run under: if __name__ == '__main__'"
        ) from error
    finally:
        processes = list((executor._processes or {}).values())
        executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()  # nothing half done is kept, and everything done is on disk
        for process in processes:
            process.join()


def _schedule(
    executor: ProcessPoolExecutor,
    todo: Sequence[Stage],
    done: set[str],
    steps: Any,
    display: Display,
    workers: int,
) -> None:
    by_name = {stage.name: stage for stage in todo}
    paths = longest_paths(todo)
    waiting = sorted(todo, key=lambda stage: -paths[stage.name])
    running: dict[Future[None], Stage] = {}
    while waiting or running:
        ready = [stage for stage in waiting if done.issuperset(stage.after)]
        for stage in ready[: workers - len(running)]:
            waiting.remove(stage)
            display.start(stage)
            running[executor.submit(_make, stage.name)] = stage
        finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        while not steps.empty():
            name, share = steps.get()
            display.advance(by_name[name], share)
        for future in finished:
            stage = running.pop(future)
            future.result()
            done.add(stage.name)
            display.end(stage)


def _begin_worker(build: Build, steps: Any, parent: int) -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers for both
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    run, stages = build()
    _worker.update(run=run, stages={stage.name: stage for stage in stages}, steps=steps)


def _end_with_parent(parent: int) -> None:
    """A worker whose parent was killed would go on alone: end it."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _make(name: str) -> None:
    stage: Stage = _worker["stages"][name]
    told, pending = time.monotonic(), 0.0

    def advance(share: float) -> None:
        nonlocal told, pending
        pending += share
        if time.monotonic() - told > 0.2:
            _worker["steps"].put((name, pending))
            told, pending = time.monotonic(), 0.0

    _worker["run"].stage(stage.name, stage.outputs, lambda: stage.make(advance), after=stage.after)
