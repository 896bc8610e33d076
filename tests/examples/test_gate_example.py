"""The example repository of a gate, run as its workflow runs it: every exit status from the command itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "gate"


def run(folder, *arguments, code=("-m", "fairtoll")):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
    return subprocess.run(
        [sys.executable, *code, *arguments], cwd=folder, capture_output=True, text=True, env=environment
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The example after its training, with an audit of 600 rows that is finished."""
    place = tmp_path_factory.mktemp("gate") / "example"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("*.csv", "*.skops", "runs"))
    trained = run(place, code=("train.py",))
    assert trained.returncode == 0, trained.stderr
    done = run(place, "audit", "--junit", "runs/checks.xml", "--rows", "600")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "**fairtoll gate: passes**" in done.stdout
    assert (place / "runs/checks.xml").is_file()
    return place


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["gate", "runs/audit"], 0),
        (["gate", "runs/audit", "--threshold", "accuracy=0.99"], 1),
        (["gate", "runs/audit", "--threshold", "acuracy=0.99"], 2),
        (["gate", "runs/audit", "--question", "recipes", "--require-decision"], 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_each_exit_status(folder, arguments, status):
    done = run(folder, *arguments)
    assert done.returncode == status, done.stderr
    if status == 2:
        assert re.fullmatch(r"fairtoll: [^\n]+\n", done.stderr)


def test_an_unexpected_error_ends_with_four(folder):
    broken = "import fairtoll.findings.gate as g; g.judge_gate = None; from fairtoll.cli import main; main()"
    done = run(folder, "gate", "runs/audit", code=("-c", broken))
    assert done.returncode == 4
    assert re.fullmatch(r"fairtoll: unexpected TypeError: [^\n]+ its traceback is in [^\n]+\n", done.stderr)


def test_a_candidate_that_is_less_fair_fails(folder):
    assert run(folder, "0.003", code=("train.py",)).returncode == 0
    done = run(folder, "audit", "--rows", "600", "--out", "runs/worse")
    assert done.returncode == 1, done.stderr
    assert "| ❌ fails | less-fair: cau/class/clean | candidate | wider gap" in done.stdout


def test_the_workflow_runs_what_the_example_says():
    workflow = (EXAMPLE / ".github/workflows/fairness.yml").read_text()
    commands = re.findall(r"- run: (.+)", workflow)
    assert commands == ["pip install -r requirements.txt", "python train.py", "fairtoll audit --junit runs/checks.xml"]
    readme = (EXAMPLE / "README.md").read_text()
    assert all(command.removesuffix(" --junit runs/checks.xml") in readme for command in commands)
