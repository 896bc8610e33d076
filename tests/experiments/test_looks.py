"""Runs until decided: what each look decides is trained further, and a run that is continued equals a longer one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairtoll import FairtollError
from fairtoll.experiments import find_experiment, reproduce, results_of
from fairtoll.storage.records import read_record, write_record
from small_experiments import small_adult

#: Which arms a comparison needs after so many runs, as if their comparisons had been decided so.
DECISIONS = {5: ["static", "repeated"], 10: ["static", "noise"], 20: []}
ALL = ["standard", "static", "repeated", "noise"]
COMMAND = """
import sys, types
from pathlib import Path
sys.path.insert(0, {tests!r})
from small_experiments import small_adult
from fairtoll.experiments import looks

# Worker processes read this file too.
def decide(evidence, plan, *, rules):
    runs = len(evidence.training_runs("standard"))
    assert all(len(evidence.training_runs(arm)) <= runs for arm in evidence.arms)
    return {decisions!r}[runs], runs, 48

looks.open_arms = decide
page = types.ModuleType("fairtoll.report")  # it takes longer than everything before it
page.write_report = lambda results, folder: (folder / "report.html").write_text(str(len(results.findings)))
sys.modules["fairtoll.report"] = page

if __name__ == "__main__":
    from fairtoll.experiments import reproduce
    from fairtoll.cli.display import Progress
    with Progress() as display:
        reproduce(small_adult(rows=200), Path(sys.argv[1]), max_runs=int(sys.argv[2]), protocol="paper",
                  leave_one_out=0, workers=2, display=display)
"""
WAIT = 120.0


class Command:
    """The same command in any folder."""

    def __init__(self, script):
        self.script = script
        tests = str(Path(__file__).parents[1])
        script.write_text(COMMAND.replace("{tests!r}", repr(tests)).replace("{decisions!r}", repr(DECISIONS)))

    def start(self, folder, most):
        arguments = [sys.executable, str(self.script), str(folder), str(most)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True)

    def finish(self, folder, most):
        process = self.start(folder, most)
        _, error = process.communicate(timeout=WAIT)
        assert process.returncode == 0, error
        return error

    def kill(self, folder, most, *, after):
        process = self.start(folder, most)
        began = time.monotonic()
        while not (folder / f"stages/{after}.json").exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() - began < WAIT
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    return Command(tmp_path_factory.mktemp("command") / "command.py")


@pytest.fixture(scope="module")
def twenty(command, tmp_path_factory):
    """Folder of a run of up to 20, and what it said."""
    folder = tmp_path_factory.mktemp("twenty") / "run"
    return folder, command.finish(folder, 20)


def files(folder):
    """Content of every model, example, table and decision."""
    kept = [path for name in ("models", "examples", "evidence", "looks") for path in (folder / name).rglob("*.*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def results(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8")) | {"times": None}


def looks(folder):
    return {int(path.stem): json.loads(path.read_text())["arms"] for path in (folder / "looks").iterdir()}


def test_only_arms_with_an_open_comparison_go_on(twenty):
    folder, said = twenty
    # The standard arm goes on with any other; one that has stopped does not begin again.
    assert looks(folder) == {5: ["standard", "static", "repeated"], 10: ["standard", "static"]}
    firsts = {arm: {int(path.stem.rpartition("-")[2]) for path in (folder / "models").glob(f"{arm}-*")} for arm in ALL}
    assert firsts == {"standard": {0, 5, 10, 15}, "static": {0, 5, 10, 15}, "repeated": {0, 5}, "noise": {0}}
    assert "After 5 runs 5 of 48 comparisons need no more; standard, static, repeated go on to 10." in said
    assert "After 10 runs 10 of 48 comparisons need no more; standard, static go on to 20." in said
    assert "Up to 20 training runs" in said
    accuracy = {one["arm"]: len(one["per_run"]) for one in results(folder)["accuracy"] if one["evaluation"] == "clean"}
    assert accuracy == {"standard": 20, "static": 20, "repeated": 10, "noise": 5}


def test_alarms_and_other_threats_need_no_further_runs(twenty):
    folder, _ = twenty
    later = {path.name for path in (folder / "evidence").iterdir() if not path.stem.endswith("-0")}
    assert {name.split("-")[1] for name in later if "-standard-" in name} == {"clean", "transfer", "pgd", "union"}
    assert {name.split("-")[1] for name in later if "-noise-" in name} == set()


def test_continued_equals_started_longer(command, twenty, tmp_path):
    folder = tmp_path / "run"
    command.finish(folder, 10)
    ten = files(folder)
    assert {name for name in ten if name.startswith("looks")} == {"looks/5.json"}
    command.finish(folder, 20)
    assert ten.items() <= files(folder).items()
    assert files(folder) == files(twenty[0])
    assert results(folder) == results(twenty[0])


@pytest.mark.parametrize("after", [pytest.param("look-5", marks=pytest.mark.slow), "train-static-5"])
def test_killed_and_continued(command, twenty, tmp_path, after):
    folder = tmp_path / "run"
    command.kill(folder, 20, after=after)
    command.finish(folder, 20)
    assert files(folder) == files(twenty[0])
    assert results(folder) == results(twenty[0])


def test_a_decision_that_is_lost_is_made_again_from_the_runs_it_was_made_from(command, twenty, tmp_path):
    folder = shutil.copytree(twenty[0], tmp_path / "run")
    (folder / "looks/5.json").unlink()
    command.finish(folder, 20)
    assert files(folder) == files(twenty[0])


def test_once_nothing_is_open_nothing_more_is_trained(command, twenty, tmp_path):
    folder = shutil.copytree(twenty[0], tmp_path / "run")
    assert "After 20 runs 20 of 48 comparisons need no more." in command.finish(folder, 80)
    assert looks(folder)[20] == []
    assert not (folder / "looks/40.json").exists()
    assert {path.name for path in (folder / "models").iterdir()} == {
        path.name for path in (twenty[0] / "models").iterdir()
    }


def test_no_report_of_a_run_that_is_not_finished(twenty, tmp_path):
    folder = shutil.copytree(twenty[0], tmp_path / "run")
    assert json.loads(results_of(folder).model_dump_json()) | {"times": None} == results(folder)
    record = read_record(folder / "stages/results.json")
    earlier = [name for name in record["after"] if name != "pgd-static-15"]
    write_record({**record, "after": earlier}, folder / "stages/results.json")
    # As where a run of fewer is being continued.
    with pytest.raises(FairtollError, match=r"the run in .* is not finished; run the same command again"):
        results_of(folder)
    (folder / "stages/report.json").unlink()
    (folder / "stages/results.json").unlink()
    with pytest.raises(FairtollError, match=r"the run in .* is not finished"):
        results_of(folder)


def test_a_folder_cannot_be_continued_with_fewer(twenty, tmp_path):
    folder, _ = twenty
    with pytest.raises(FairtollError, match=r"max_runs is 10, and the folder .* was started with 20; expected 20 or m"):
        reproduce(small_adult(rows=200), folder, max_runs=10, protocol="paper", leave_one_out=0)


@pytest.mark.parametrize("name", ["adult", "gaussian"])
def test_a_number_of_runs_is_another_folder(name, twenty):
    folder, _ = twenty
    with pytest.raises(FairtollError, match=r"belongs to another configuration: .*give another"):
        reproduce(find_experiment(name), folder, runs=7, leave_one_out=0)
