"""The fixture for pytest, in a run of pytest of its own."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from fairtoll.audits import audit_evidence
from fairtoll.evidence.store import Evidence

TESTS = """
def test_passes(fairtoll_gate):
    gate = fairtoll_gate("audit", thresholds={"cau/site": 0.3})
    assert [check.outcome for check in gate.checks] == ["passes"]
def test_fails(fairtoll_gate):
    fairtoll_gate("audit", fail_on=["less-fair"])
def test_is_undecided(fairtoll_gate):
    fairtoll_gate("audit", fail_on=["less-fair"], question="recipes", require_decision=True)
def test_has_no_rule(fairtoll_gate):
    fairtoll_gate("audit")
"""


@pytest.fixture
def folder(tmp_path):
    site, y = np.array(["north", "south"])[np.arange(2000) % 2], np.arange(2000) // 2 % 2
    frames = []
    for name, south in (("before", 0.9), ("after", 0.7)):
        correct = np.arange(2000) // 2 * 997 % 1000 < np.where(site == "north", 900, 1000 * south)
        frames.append(pd.DataFrame({"model": name, "y": y, "site": site, "p": np.where(correct, y, 1 - y)}))
    evidence = Evidence.from_frame(pd.concat(frames), label="y", probabilities={1: "p"}, arm="model", groups=["site"])
    audit_evidence(evidence, metrics=["cau"]).save(tmp_path / "audit")
    (tmp_path / "test_fairness.py").write_text(TESTS)
    return tmp_path


def test_tests_that_assert_a_gate(folder):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, "test_fairness.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert "3 failed, 1 passed" in done.stdout
    assert "**fairtoll gate: fails**" in done.stdout
    assert "❌ fails | less-fair: cau/site/clean | after | wider gap" in done.stdout
    assert "**fairtoll gate: undecided**" in done.stdout
    assert "no rule is given; expected fail_on or thresholds" in done.stdout


def test_the_plug_in_costs_other_test_runs_nothing():
    code = (
        "import sys, fairtoll.cli.pytest_plugin; "
        "print([name for name in ('torch', 'pandas', 'pyarrow', 'altair', 'scipy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
