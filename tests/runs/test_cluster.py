"""Stages on a Ray cluster of a few processes: what a killed machine costs, and what goes wrong in one line."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

import pytest
import ray
import torch
from ray.cluster_utils import Cluster as Machines
from typer.testing import CliRunner

from fairtoll import FairtollError, progress
from fairtoll.cli.app import app
from fairtoll.experiments import reproduce
from fairtoll.experiments.engine import configuration_of, stages_of
from fairtoll.experiments.leave_one_out.options import LeaveOneOut
from fairtoll.experiments.workspace import Workspace
from fairtoll.runs import cluster as clusters
from fairtoll.runs.cluster import Cluster, connect, require_connection
from fairtoll.runs.folder import Run
from fairtoll.runs.schedule import Engine, run_stages
from fairtoll.runs.stages import Silent, Stage
from fairtoll.storage.files import write_text
from small_experiments import small_adult

# The machines have fairtoll, and not its tests.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
ray.cloudpickle.register_pickle_by_value(sys.modules["small_experiments"])

OPTIONS = LeaveOneOut(count=4, chunk=1, designs=("masked", "new-seed"))
WAIT = 120.0


def build(base, options=OPTIONS, *, folder=None):
    """Leave-one-out on a few rows of Adult."""
    workspace = Workspace(small_adult(rows=200, runs=1, leave_one_out=options), folder or base)
    stages = [stage for stage in stages_of(workspace) if stage.name.startswith("loo-")]
    return Run(workspace.folder, configuration_of(workspace.experiment, "cpu")), stages


def build_blocks(base, *, folder=None):
    """Two blocks of training runs of the paper's arms, up to their evidence."""
    workspace = Workspace(small_adult(rows=200, runs=7, protocol="paper"), folder or base)
    stages = [stage for stage in stages_of(workspace) if stage.name not in ("results", "report")]
    return Run(workspace.folder, configuration_of(workspace.experiment, "cpu")), stages


def build_one(base, make, *, folder=None):
    """One stage, which reads what another has written; `make` is given the run's folder and how to report."""
    where = folder or base
    before = Stage("before", "Before", ("in/before.txt",), lambda: write_text("before", where / "in/before.txt"))
    after = Stage("after", "What matters", ("out/a.txt",), lambda: make(where), ("before",), portable=True)
    return Run(where, {"tiny": True}), [before, after]


class Told(Silent):
    """Keeps what a person would read."""

    def __init__(self, at_end=lambda stage: None):
        self.lines, self.ended, self.shares, self.at_end = [], [], [], at_end

    def advance(self, stage, share):
        self.shares.append((stage.name, share))

    def end(self, stage):
        self.ended.append(stage.name)
        self.at_end(stage)

    def message(self, line):
        self.lines.append(line)


@contextmanager
def started(count):
    """A head on which nothing is made, and so many machines of one core."""
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    machines = Machines(initialize_head=True, head_node_args=head)
    try:
        nodes = [machines.add_node(num_cpus=1, object_store_memory=100 * 2**20) for _ in range(count)]
        machines.wait_for_nodes()
        yield machines, nodes
    finally:
        ray.shutdown()
        machines.shutdown()


@pytest.fixture(scope="module")
def machines():
    with started(2) as (found, _):
        yield found


def run_on(machines, build, display=None):
    with build()[0].lock():
        run_stages(build, display or Told(), workers=1, engine=Engine("ray", machines.address))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The same run by processes of this machine."""
    folder = tmp_path_factory.mktemp("here") / "run"
    one, _ = build(folder)
    for stage in build(folder)[1]:
        one.stage(stage.name, stage.outputs, stage.make, after=stage.after)
    return folder


def members(folder):
    return {path.name: path.read_bytes() for path in (folder / "members").iterdir()}


def finished(folder):
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "stages").glob("*.json")}


def test_the_same_as_here_with_a_machine_killed_midway(here, tmp_path):
    with started(2) as (machines, nodes):
        display = Told(lambda _: len(display.ended) == 5 and machines.remove_node(nodes[0], allow_graceful=False))
        run_on(machines, partial(build, tmp_path / "run"), display)
    assert len(display.ended) == len(set(display.ended)) == len(build(here)[1])
    assert members(tmp_path / "run") == members(here)
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_blocks_of_runs_with_a_machine_killed_midway(tmp_path):
    """Training, crafting, attacks and predictions: all of a block is made elsewhere, and comes back as made here."""
    here = tmp_path / "here"
    run, stages = build_blocks(here)
    for stage in stages:
        stage.keep(run, stage.make)
    assert {stage.name for stage in stages if not stage.portable} == {"rows"}
    with started(2) as (machines, nodes):
        display = Told(lambda _: len(display.ended) == 6 and machines.remove_node(nodes[0], allow_graceful=False))
        run_on(machines, partial(build_blocks, tmp_path / "run"), display)
    assert sorted(display.ended) == sorted(stage.name for stage in stages)
    for stage in stages:
        for path in stage.outputs:
            assert (here / path).read_bytes() == (tmp_path / "run" / path).read_bytes(), path


def test_a_killed_run_keeps_what_had_come_back(machines, here, tmp_path):
    folder, script = tmp_path / "run", tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom functools import partial\nfrom pathlib import Path\n"
        f"sys.path[:0] = [{os.path.dirname(__file__)!r}, {os.path.dirname(os.path.dirname(__file__))!r}]\n"
        "import test_cluster\n"
        "from types import SimpleNamespace\n"
        "if __name__ == '__main__':\n"
        f"    where = SimpleNamespace(address={machines.address!r})\n"
        "    test_cluster.run_on(where, partial(test_cluster.build, Path(sys.argv[1])))\n"
    )
    command = [sys.executable, str(script), str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    began = time.monotonic()
    while len(list((folder / "stages").glob("loo-*.json"))) < 4:
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() - began < WAIT
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = finished(folder)
    assert len(before) < len(build(here)[1])
    run_on(machines, partial(build, folder))
    assert before.items() <= finished(folder).items()
    assert members(folder) == members(here)


def lose_the_first(marker, folder):
    """Hang for good on the machine that makes it first."""
    if not marker.exists():
        marker.write_text(ray.get_runtime_context().get_node_id())
        time.sleep(10 * WAIT)
    assert (folder / "in/before.txt").read_text() == "before"
    assert torch.get_num_threads() == 1
    time.sleep(1.5)
    progress.advance(0.5)
    time.sleep(3.0)
    write_text("made", folder / "out/a.txt")


def test_a_lost_stage_is_made_again_by_another_machine_and_says_so(tmp_path):
    marker, display = tmp_path / "marker", Told()
    with started(2) as (machines, nodes):

        def kill():
            while not (marker.exists() and marker.read_text()):
                time.sleep(0.05)
            sockets = {node["RayletSocketName"]: node["NodeID"] for node in ray.nodes()}
            lost = next(node for node in nodes if sockets[node._raylet_socket_name] == marker.read_text())
            machines.remove_node(lost, allow_graceful=False)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        run_on(machines, partial(build_one, tmp_path / "run", partial(lose_the_first, marker)), display)
        killer.join(WAIT)
    assert display.lines == ["A machine of the cluster was lost; retrying: What matters"]
    assert display.ended == ["before", "after"]
    assert display.shares == [("after", 0.5)]
    assert (tmp_path / "run/out/a.txt").read_text() == "made"


def raise_it(error, folder):
    raise error


def end_the_process(folder):
    os._exit(1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(raise_it, FairtollError("row 7 is odd")), r"^row 7 is odd$"),
        (
            partial(raise_it, MemoryError("no room for 3 GiB\nmore")),
            r"^a machine of the cluster failed at 'What matters': no room for 3 GiB; run the same command again",
        ),
        (
            partial(raise_it, OSError("No space left on device")),
            r"^a machine of the cluster failed at 'What matters': No space left",
        ),
        (
            end_the_process,
            r"^a machine of the cluster was lost at 'What matters', 3 times; check the machines, and run the "
            r"same command again \(finished stages are kept\)$",
        ),
    ],
    ids=["error of use", "memory", "disk", "crash"],
)
def test_what_a_machine_raises_is_one_line_and_what_stood_stands(machines, tmp_path, make, message):
    one = partial(build_one, tmp_path / "run", make)
    with pytest.raises(FairtollError, match=message) as caught:
        run_on(machines, one)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "run/in/before.txt").exists()
    assert not (tmp_path / "run/out/a.txt").exists()
    assert not ray.is_initialized()


def test_an_error_of_the_program_keeps_its_traceback(machines, tmp_path):
    with pytest.raises(ZeroDivisionError, match="raise_it"):
        run_on(machines, partial(build_one, tmp_path / "run", partial(raise_it, ZeroDivisionError("by zero"))))


def test_a_worker_out_of_memory_says_what_to_do(machines, tmp_path):
    """As Ray's watch over memory would end it."""
    lines = []
    _, stages = build_one(tmp_path / "run", end_the_process)
    place = Cluster(
        partial(build_one, tmp_path / "run", end_the_process),
        address=machines.address,
        device="cpu",
        message=lines.append,
    )
    try:
        for attempt in range(clusters.ATTEMPTS):
            future: Future = Future()
            future.set_exception(ray.exceptions.OutOfMemoryError("Task was killed due to the node running low"))
            place._running["after"] = None
            if attempt < clusters.ATTEMPTS - 1:
                assert place.finish(stages[1], future) is False
            else:
                with pytest.raises(FairtollError, match="ran out of memory at 'What matters', 3 times; start machines"):
                    place.finish(stages[1], future)
    finally:
        place.close()
    assert lines == ["A machine of the cluster ran out of memory; retrying: What matters"] * 2


def other_versions(base, *, folder=None):
    run, stages = build_one(base, end_the_process, folder=folder)
    if folder is not None:
        run.configuration["torch"] = "1.0"
    return run, stages


def test_a_machine_with_other_versions(machines, tmp_path):
    with pytest.raises(FairtollError, match=r"differs from .*: torch is '1.0' there and None here; install"):
        run_on(machines, partial(other_versions, tmp_path / "run"))


def test_no_machine_that_could_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "PATIENCE", 1.0)
    with started(0) as (machines, _), pytest.raises(FairtollError, match="no machine of the Ray cluster has had a CPU"):
        run_on(machines, partial(build_one, tmp_path / "run", end_the_process))


def closed_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("address", ["somewhere", "ray://10.0.0.1:10001", "host:", ":6379", "host:port"])
def test_an_address_that_is_none(address):
    with pytest.raises(FairtollError, match="expected HOST:PORT, as `ray start --head` prints it"):
        require_connection(address)


def test_an_address_that_does_not_answer(tmp_path):
    address = f"127.0.0.1:{closed_port()}"
    began = time.monotonic()
    with pytest.raises(FairtollError, match=f"no connection to the Ray address {address}"):
        reproduce("adult", tmp_path / "run", leave_one_out=1, engine="ray", address=address)
    assert time.monotonic() - began < WAIT
    arguments = ["reproduce", "adult", "--out", str(tmp_path / "cli"), "--leave-one-out", "1", "--engine", "ray"]
    result = CliRunner().invoke(app, [*arguments, "--address", address])
    assert isinstance(result.exception, FairtollError)


def test_something_else_that_answers():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        require_connection(f"127.0.0.1:{other.getsockname()[1]}")


def test_without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(FairtollError, match=r"needs Ray, which is not installed; .* pip install -e '\.\[ray\]'"):
        connect(None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "dask"}, "unknown engine 'dask'; expected processes or ray"),
        ({"address": "10.0.0.1:6379"}, "the engine is processes; give --engine ray too"),
    ],
)
def test_engines_that_cannot_be(given, message):
    with pytest.raises(FairtollError, match=message):
        Engine(**given)
