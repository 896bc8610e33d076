"""Running stages on the machines of a Ray cluster.

What a stage reads goes once into the cluster's object store; each machine runs it in its own folder, with one
thread as everywhere, and sends the files back. They are written where the run was started, so that no shared disk is
needed, a lost machine costs only the stages it was running, and a killed run keeps what was returned.
"""

from __future__ import annotations

import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fairtoll.errors import FairtollError
from fairtoll.progress import reporting_to
from fairtoll.runs.folder import Run, differences
from fairtoll.runs.stages import Build, Stage
from fairtoll.storage.files import make_folder, write_with

#: How often a stage is made before the run gives up.
ATTEMPTS = 3
#: Timeout of a connection, in seconds.
ANSWER = 5.0
#: Seconds without any machine that could make a stage before the run gives up: one may be starting.
PATIENCE = 300.0
#: Seconds between queries of machines and progress.
BETWEEN = 1.0


class Cluster:
    """A connection to a Ray cluster, as a place where stages are made.

    Parameters
    ----------
    build : Build
        Rebuilds the run and its stages on another machine, in a folder of its own.
    address : str, optional
        HOST:PORT of the cluster. Default: the one that the environment variable RAY_ADDRESS names, else one on this
        machine, else one is started.
    device : {"cpu", "cuda"}
        What a stage takes for itself: a core, or a core and an accelerator.
    message : callable
        Called with a line when a machine is lost.

    Raises
    ------
    FairtollError
        If Ray is not installed, or the address is invalid or does not respond.
    """

    def __init__(self, build: Build, *, address: str | None, device: str, message: Callable[[str], None]) -> None:
        self._ray, self._own = connect(address)
        self._message = message
        self._run, stages = build()
        self._outputs = {stage.name: stage.outputs for stage in stages}
        self._resource = "GPU" if device == "cuda" else "CPU"
        self._build = self._ray.put(build)
        self._files: dict[str, dict[str, Any]] = {}
        self._running: dict[str, Any] = {}
        self._lost: Counter[str] = Counter()
        self._polled = self._slots_polled = -BETWEEN
        self._pending_steps: Any = None
        self._slots, self._since = 1, time.monotonic()
        self._task = self._ray.remote(make_elsewhere).options(
            num_cpus=1, num_gpus=int(device == "cuda"), max_retries=0, scheduling_strategy="SPREAD"
        )
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(self._ray.get_runtime_context().get_node_id(), soft=False)
        self._steps = self._ray.remote(Steps).options(num_cpus=0, scheduling_strategy=here).remote()

    def slots(self) -> int:
        """Stages that the cluster can make at once; at least one, which requests a machine from an autoscaling cluster.

        Raises
        ------
        FairtollError
            If for minutes no machine has had what a stage takes.
        """
        now = time.monotonic()
        if now - self._slots_polled >= BETWEEN:
            self._slots_polled = now
            self._slots = int(self._ray.cluster_resources().get(self._resource, 0))
            self._since = now if self._slots else self._since
        if now - self._since > PATIENCE:
            raise FairtollError(
                f"no machine of the Ray cluster has had a {self._resource} for {PATIENCE:.0f} seconds; start one with: "
                "ray start --address HOST:PORT, and run the same command again (finished stages are kept)"
            )
        return max(1, self._slots)

    def submit(self, stage: Stage) -> Future[Any]:
        """Have a stage made by the machine that Ray chooses."""
        files = {path: reference for name in stage.after for path, reference in self._references(name).items()}
        # References inside a container stay references: the task fetches them.
        made = self._task.remote(self._build, self._run.configuration, stage.name, files, self._steps)
        self._running[stage.name] = made
        future: Future[Any] = made.future()
        return future

    def finish(self, stage: Stage, future: Future[Any]) -> bool:
        """Write what a stage has made into the run's folder; False if it was lost and is to be made again.

        Raises
        ------
        FairtollError
            What the stage raised, or if it was lost repeatedly.
        """
        from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

        del self._running[stage.name]
        try:
            files, seconds = future.result()
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, FairtollError):
                raise FairtollError(str(cause)) from None
            # For any other error the traceback of the other machine is useful.
            if not isinstance(cause, OSError | MemoryError) and "memory" not in str(cause):
                raise
            said = str(cause).splitlines() or [type(cause).__name__]
            raise FairtollError(
                f"a machine of the cluster failed at '{stage.title}': {said[0]}; run the same command again (finished "
                "stages are kept)"
            ) from error
        except RayError as error:
            self._lost[stage.name] += 1
            memory = isinstance(error, OutOfMemoryError)
            what = "ran out of memory" if memory else "was lost"
            if self._lost[stage.name] < ATTEMPTS:
                self._message(f"A machine of the cluster {what}; retrying: {stage.title}")
                return False
            remedy = "start machines with a smaller --num-cpus" if memory else "check the machines"
            raise FairtollError(
                f"a machine of the cluster {what} at '{stage.title}', {ATTEMPTS} times; {remedy}, and run the same "
                "command again (finished stages are kept)"
            ) from error

        def write() -> None:
            for path, content in files.items():
                _keep(content, self._run.folder / path)

        stage.keep(self._run, write, seconds=seconds)
        return True

    def steps(self) -> list[tuple[str, float]]:
        """Shares of stages done since the last call, as far as known; does not wait."""
        now = time.monotonic()
        if self._pending_steps is None and now - self._polled >= BETWEEN:
            self._polled, self._pending_steps = now, self._steps.take.remote()
        ready, _ = self._ray.wait([self._pending_steps], timeout=0) if self._pending_steps is not None else ([], [])
        if not ready:
            return []
        self._pending_steps = None
        found: list[tuple[str, float]] = self._ray.get(ready[0])
        return found

    def close(self) -> None:
        """End running stages; an existing cluster keeps running, one that was started is stopped."""
        if self._own:
            self._ray.shutdown()
            return
        for made in self._running.values():
            self._ray.cancel(made, force=True)
        self._ray.kill(self._steps)

    def _references(self, name: str) -> dict[str, Any]:
        """The files of a finished stage, put into the object store once."""
        if name not in self._files:
            self._files[name] = {
                path: self._ray.put(np.fromfile(self._run.folder / path, dtype=np.uint8))
                for path in self._outputs[name]
            }
        return self._files[name]


class Steps:
    """Collects the progress of all machines; lives where the run was started.

    Examples
    --------
    >>> steps = Steps()
    >>> steps.add("one", 0.5)
    >>> steps.take(), steps.take()
    ([('one', 0.5)], [])
    """

    def __init__(self) -> None:
        self._shares: list[tuple[str, float]] = []

    def add(self, name: str, share: float) -> None:
        """A share of a stage is done."""
        self._shares.append((name, share))

    def take(self) -> list[tuple[str, float]]:
        """What was added since the last call."""
        taken, self._shares = self._shares, []
        return taken


def connect(address: str | None) -> tuple[Any, bool]:
    """Connect to a Ray cluster; returns the package, and whether to end the connection.

    Raises
    ------
    FairtollError
        If Ray is not installed, or the address is invalid or does not respond.
    """
    try:
        import ray
    except ImportError as error:
        raise FairtollError(
            "the engine 'ray' needs Ray, which is not installed; "
            "install it with fairtoll's extra: pip install -e '.[ray]' in its folder"
        ) from error
    if ray.is_initialized():
        return ray, False
    if address is not None:
        require_connection(address)
    try:
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise FairtollError(
            f"no connection to a Ray cluster at {address or 'its default address'}: {said}; look with: ray status"
        ) from error
    return ray, True


def require_connection(address: str) -> None:
    """Raise a FairtollError unless the address is HOST:PORT and accepts connections.

    Ray itself would retry for minutes.

    Examples
    --------
    >>> require_connection("somewhere")
    Traceback (most recent call last):
    ...
    fairtoll.errors.FairtollError: the Ray address is 'somewhere'; expected HOST:PORT, as `ray start --head` prints it
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise FairtollError(f"the Ray address is '{address}'; expected HOST:PORT, as `ray start --head` prints it")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        raise FairtollError(
            f"no connection to the Ray address {address} ({error}); is the cluster up? `ray start --head` prints its "
            "address"
        ) from error


def make_elsewhere(
    build: Build, configuration: Mapping[str, Any], name: str, files: Mapping[str, Any], steps: Any
) -> tuple[dict[str, bytes], float]:
    """Make one stage on a machine of the cluster; returns the content of its files, and the seconds it took.

    Parameters
    ----------
    build : Build
        Gives the run and its stages in a folder.
    configuration : mapping
        Of the run: what this machine would make must belong to it.
    name : str
        Of the stage.
    files : mapping
        References to the content of what it reads, by path.
    steps : actor handle
        Of `Steps`.

    Raises
    ------
    FairtollError
        If another version of something is installed here, or what the stage raises.
    """
    import ray

    from fairtoll.threads import use_one_thread

    # As in the pool of processes: so the numbers do not depend on where they are made.
    use_one_thread()
    started = time.monotonic()
    with TemporaryDirectory(prefix="fairtoll-") as place:
        run, stages = build(folder=Path(place) / "run")
        if different := differences(run.configuration, configuration):
            raise FairtollError(
                f"the machine {socket.gethostname()} of the cluster differs from the machine that started the run: "
                f"{different}; install the same versions everywhere"
            )
        stage = next(one for one in stages if one.name == name)
        for path, content in zip(files, ray.get(list(files.values())), strict=True):
            _place_of(run, path).write_bytes(content)
        targets = {output: _place_of(run, output) for output in stage.outputs}
        with reporting_to(_reporter(name, steps)):
            stage.make()
        made = {output: target.read_bytes() for output, target in targets.items()}
    return made, time.monotonic() - started


def _keep(content: bytes, path: Path) -> None:
    write_with(lambda target: target.write_bytes(content), path)


def _place_of(run: Run, path: str) -> Path:
    target = run.folder / path
    make_folder(target.parent)
    return target


def _reporter(name: str, steps: Any) -> Callable[[float], None]:
    reported, pending = time.monotonic(), 0.0

    def advance(share: float) -> None:
        nonlocal reported, pending
        pending += share
        if time.monotonic() - reported > BETWEEN:
            steps.add.remote(name, pending)
            reported, pending = time.monotonic(), 0.0

    return advance
