"""A run that is killed goes on, and ends as one that was not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

COMMAND = """
import sys, types
from pathlib import Path
sys.path.insert(0, {tests!r})
from small_experiments import small_adult

if sys.argv[2] == "no-page":  # a page takes longer than everything before it; its stage stays
    page = types.ModuleType("fairtoll.report")
    page.write_report = lambda results, folder: (folder / "report.html").write_text(str(len(results.findings)))
    sys.modules["fairtoll.report"] = page

if __name__ == "__main__":
    from fairtoll.experiments import reproduce
    reproduce(
        small_adult(rows=300),
        Path(sys.argv[1]),
        runs=1,
        protocol="paper",
        leave_one_out=0,
        workers=int(sys.argv[3]),
    )
"""
WAIT = 120.0
#: Stages at whose end a run is killed: training, crafting, tables, the last before the results.
STAGES = ["train-standard-0", "craft-0", "rows", "predict-standard-0", "union-static-0", "checks-noise-0", "results"]


class Command:
    """The same command in any folder."""

    def __init__(self, script, *, page="no-page"):
        self.script, self.page = script, page
        self.orphans: list[str] = []
        script.write_text(COMMAND.replace("{tests!r}", repr(str(Path(__file__).parents[1]))))

    def start(self, folder, *, workers=1):
        arguments = [sys.executable, str(self.script), str(folder), self.page, str(workers)]
        return subprocess.Popen(arguments, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True)

    def finish(self, folder, *, workers=1):
        process = self.start(folder, workers=workers)
        _, error = process.communicate(timeout=WAIT)
        assert process.returncode == 0, error

    def kill(self, folder, *, after, wait=0.0, workers=1):
        """Start, and kill with SIGKILL `wait` seconds after the record of a stage is there; returns those finished."""
        process = self.start(folder, workers=workers)
        started = time.monotonic()
        while not (folder / "stages" / f"{after}.json").exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() - started < WAIT
            time.sleep(0.005)
        time.sleep(wait)
        self.orphans += children_of(process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return finished(folder)


def finished(folder):
    """Names of the finished stages with the time of their record."""
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "stages").glob("*.json")}


def outcome(folder):
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert {one["stage"] for one in results["times"]} >= {"train-standard-0", "pgd-noise-0"}
    return results | {"times": None}


def evidence(folder):
    return {path.name: pd.read_parquet(path) for path in sorted((folder / "evidence").glob("*.parquet"))}


def assert_the_same(folder, other):
    assert outcome(folder) == outcome(other)
    ours, theirs = evidence(folder), evidence(other)
    assert list(ours) == list(theirs)
    for name, frame in ours.items():
        pd.testing.assert_frame_equal(frame, theirs[name])
    assert not list(folder.rglob("*.partial"))


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    return Command(tmp_path_factory.mktemp("command") / "command.py")


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    command.finish(folder)
    return folder


def test_killed_once_and_again(command, whole, tmp_path):
    """First in the middle of the attacks, then a moment after another stage began; two workers at a time."""
    folder = tmp_path / "run"
    first = command.kill(folder, after="pgd-standard-0", workers=2)
    assert "results" not in first
    assert not (folder / "results.json").exists()
    second = command.kill(folder, after="union-static-0", wait=0.15, workers=2)
    # What stood was not made again.
    assert first.items() <= second.items()
    assert "results" not in second
    command.finish(folder, workers=2)
    assert second.items() <= finished(folder).items()
    assert_the_same(folder, whole)
    # No worker outlives the run that it worked for.
    assert len(command.orphans) >= 2
    assert not any(alive(child) for child in command.orphans)


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.2])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_each_stage(command, whole, tmp_path, stage, wait):
    folder = tmp_path / "run"
    before = command.kill(folder, after=stage, wait=wait)
    command.finish(folder)
    assert before.items() <= finished(folder).items()
    assert_the_same(folder, whole)


@pytest.mark.slow
def test_the_page_too(tmp_path):
    """With the page itself: killed while it is being written, it comes out as that of an undisturbed run."""
    command = Command(tmp_path / "command.py", page="page")
    command.finish(tmp_path / "whole")
    command.kill(tmp_path / "run", after="results", wait=1.0)
    command.finish(tmp_path / "run")
    assert_the_same(tmp_path / "run", tmp_path / "whole")
    names = [sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file() and path.name != ".lock")
             for run in (tmp_path / "run", tmp_path / "whole")]  # fmt: skip
    assert names[0] == names[1]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_does_not_matter(command, whole, tmp_path, workers):
    command.finish(tmp_path / "run", workers=workers)
    assert_the_same(tmp_path / "run", whole)


@pytest.mark.slow
def test_a_worker_that_is_killed(command, whole, tmp_path):
    """As a system short of memory does it: the run says so, keeps what is finished, and goes on when asked."""
    process = command.start(tmp_path / "run", workers=2)
    while not (tmp_path / "run/stages/predict-standard-0.json").exists():
        time.sleep(0.01)
    workers = [
        int(child) for child in children_of(process) if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()
    ]
    os.kill(workers[0], signal.SIGKILL)
    _, error = process.communicate(timeout=WAIT)
    assert process.returncode != 0
    assert "a worker process was ended from outside" in error
    before = finished(tmp_path / "run")
    command.finish(tmp_path / "run")
    assert before.items() <= finished(tmp_path / "run").items()
    assert_the_same(tmp_path / "run", whole)


def children_of(process):
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def alive(child):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{child}/status").read_text()
    except OSError:
        return False
