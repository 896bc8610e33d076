"""Worker processes of one thread each, as a place where stages are made.

Small networks gain little from several threads in one operation, and lose much where cores are shared;
parallel stages use the cores better. One thread a worker also makes the numbers the same however many
cores there are, since the order of additions never changes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from fairtoll.errors import FairtollError, print_warning
from fairtoll.progress import reporting_to
from fairtoll.runs.stages import Build, Stage

MAXIMUM_WORKERS = 8
#: Signals that end a run, which are sent to its workers, too, where they are sent to the whole group.
ENDING = (signal.SIGINT, signal.SIGTERM)
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


class Pool:
    """Worker processes on this machine.

    Parameters
    ----------
    build : Build
        Rebuilds the run and its stages in each of them.
    workers : int
        How many, 1 or more.
    """

    def __init__(self, build: Build, *, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._workers = workers
        self._steps = context.SimpleQueue()
        in_lines = warnings.showwarning is print_warning
        self._executor = ProcessPoolExecutor(
            workers, context, initializer=_begin_worker, initargs=(build, self._steps, in_lines)
        )

    def slots(self) -> int:
        """Stages that can be made at once."""
        return self._workers

    def submit(self, stage: Stage) -> Future[Any]:
        """Have a stage made by the next free worker."""
        with _explained(), _uninterrupted():
            return self._executor.submit(_make, stage.name)

    def finish(self, stage: Stage, future: Future[Any]) -> bool:
        """Raise what a stage raised; its files are written already.

        Raises
        ------
        FairtollError
            What the stage raised, or if a worker was ended from outside.
        """
        with _explained():
            future.result()
        return True

    def steps(self) -> list[tuple[str, float]]:
        """Shares of stages done since the last call."""
        found = []
        while not self._steps.empty():
            found.append(self._steps.get())
        return found

    def close(self) -> None:
        """End every worker: partial results are dropped, and finished ones are on disk."""
        processes = list((self._executor._processes or {}).values())
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise FairtollError(
            "a worker process was ended from outside, perhaps because of too little memory; run the same command again "
            "(finished stages are kept), with fewer --workers if it happens again; a script of yours must start the "
            "run under: if __name__ == '__main__'"
        ) from error


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay an interrupt and a request to end: a process that is still starting would print its own traceback."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {one: signal.signal(one, lambda number, _: came.append(number)) for one in ENDING}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        if came:
            signal.raise_signal(came[0])


def _begin_worker(build: Build, steps: Any, in_lines: bool) -> None:
    from fairtoll.threads import use_one_thread

    if in_lines:
        warnings.showwarning = print_warning  # as the parent does
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)  # the parent handles it for both
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_one_thread()
    run, stages = build()
    _worker.update(run=run, stages={stage.name: stage for stage in stages}, steps=steps)


def _end_with_parent() -> None:
    """A worker whose parent was killed would keep running: end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # on every system; the parent's id stays what it was on Windows
        os._exit(1)


def _make(name: str) -> None:
    stage: Stage = _worker["stages"][name]
    reported, pending = time.monotonic(), 0.0

    def advance(share: float) -> None:
        nonlocal reported, pending
        pending += share
        if time.monotonic() - reported > 0.2:
            _worker["steps"].put((name, pending))
            reported, pending = time.monotonic(), 0.0

    with reporting_to(advance):
        stage.keep(_worker["run"], stage.make)
