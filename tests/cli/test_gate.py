"""The exit statuses: 0, 1, 2, 3 and 4, with a summary, JUnit XML and annotations; of audits and of finished ones."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Predictions of two models: the second is right for 70% of the south's rows instead of 90%."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    site, y = np.array(["north", "south"])[np.arange(2000) % 2], np.arange(2000) // 2 % 2
    frames = []
    for name, south in (("before", 0.9), ("after", 0.7)):
        correct = np.arange(2000) // 2 * 997 % 1000 < np.where(site == "north", 900, 1000 * south)
        frames.append(pd.DataFrame({"model": name, "y": y, "site": site, "p": np.where(correct, y, 1 - y)}))
    pd.concat(frames).to_csv("predictions.csv", index=False)
    (tmp_path / "audit.toml").write_text(
        '[data]\npredictions = "predictions.csv"\nlabel = "y"\ngroups = ["site"]\nprobabilities = { 1 = "p" }\n'
        'model_column = "model"\nreference = "before"\n[audit]\nmetrics = ["cau"]\n'
    )
    return tmp_path


STATUSES = [
    ([], 0),
    (["--threshold", "cau/site=0.3"], 0),
    (["--threshold", "cau/site=0.2"], 0),
    (["--threshold", "cau/site=0.2", "--require-decision"], 3),
    (["--threshold", "cau/site=0.1"], 1),
    (["--fail-on", "less-fair"], 1),
    (["--fail-on", "less-fair", "--question", "recipes"], 0),
    (["--fail-on", "less-fair", "--question", "recipes", "--require-decision"], 3),
    (["--fail-on", "less-fare"], 2),
    (["--threshold", "cau/sight=0.1"], 2),
    (["--threshold", "accuracy=high"], 2),
    (["--threshold", "cau/site=nan"], 2),
    (["--threshold", "cau/site=inf"], 2),
    (["--threshold", "cau/site=-0.1"], 2),
    (["--threshold", "accuracy=80"], 2),
    (["--reference", "earlier"], 2),
    (["--threshold", "cru_s/site=0.1"], 2),
    (["--question", "model"], 2),
    (["--junit", "checks.xml"], 2),
    (["--fail-on", "alarm"], 2),
    (["--fail-on", "alarm", "--fail-on", "less-fair"], 1),
    (["--threshold", "accuracy@0.1=0.5"], 2),
]


def test_a_radius_that_is_not_attacked_is_refused_before_any_model_is_read(command, folder):
    (folder / "audit.toml").unlink()
    asked = ["--model", "m=missing.onnx", "--data", "rows.csv", "--label", "y", "--epsilon", "0.1"]
    status, _, error = command("audit", *asked, "--threshold", "robust-accuracy@0.2=0.5")
    assert status == 2
    assert "is of the radius 0.2, at which nothing is attacked; expected one of the radii, 0.1" in error


def test_the_order_of_rows_in_a_table_of_predictions_decides_nothing(command, folder):
    reversed_ = pd.read_csv("predictions.csv").iloc[::-1]
    reversed_.to_csv("predictions.csv", index=False)
    assert command("audit", "--fail-on", "less-fair")[0] == 1
    (folder / "audit.toml").write_text((folder / "audit.toml").read_text().replace('reference = "before"\n', ""))
    status, _, error = command("audit", "--fail-on", "less-fair", "--out", "runs/other")
    assert status == 2
    assert "the table has the models after, before, and none is named as the one that others are compared with" in error
    # Without a gate the first is taken, and the results say which it was.
    assert command("audit", "--out", "runs/plain")[0] == 0


@pytest.mark.parametrize(("arguments", "status"), STATUSES, ids=lambda value: " ".join(map(str, np.atleast_1d(value))))
def test_the_exit_status_of_an_audit(command, folder, arguments, status):
    found, out, error = command("audit", *arguments)
    assert found == status
    if status == 2:
        assert error.startswith("fairtoll: ")
        assert error.count("\n") == 1
        assert not (folder / "runs").exists()
    elif arguments:
        assert "**fairtoll gate: " in out


def test_a_finished_audit_is_judged_again(command, folder):
    assert command("audit", "--fail-on", "less-fair")[0] == 1
    # By the rules that stand in its results, and by others in place of all of them.
    assert command("gate", "runs/audit")[0] == 1
    assert command("gate", "runs/audit", "--threshold", "cau/site=0.3")[0] == 0
    # How they are decided, without other rules.
    assert command("gate", "runs/audit", "--question", "recipes")[0] == 0
    assert command("gate", "runs/audit", "--question", "recipes", "--require-decision")[0] == 3
    assert command("gate", "nowhere", "--fail-on", "less-fair")[0] == 2


def test_a_gate_reads_no_settings_that_are_not_named(command, folder):
    assert command("audit", "--fail-on", "less-fair", "--threshold", "cau/site=0.3")[0] == 1
    own = command("gate", "runs/audit")
    for text in ('[gate]\nthresholds = { "cau/site" = 0.2 }\nrequire_decision = true\n', "not TOML"):
        (folder / "audit.toml").write_text(text)
        assert command("gate", "runs/audit") == own
        _, out, _ = command("gate", "runs/audit", "--threshold", "accuracy=0.1")
        assert "accuracy at least 0.1" in out
        assert "cau/site" not in out
    (folder / "other.toml").write_text('[gate]\nthresholds = { "cau/site" = 0.2 }\nrequire_decision = true\n')
    status, out, _ = command("gate", "runs/audit", "--settings", "other.toml")
    assert (status, "less-fair" in out, "cau/site at most 0.3" in out) == (3, False, False)
    assert command("gate", "runs/audit", "--settings", "other.toml", "--threshold", "cau/site=0.3")[0] == 0
    (folder / "none.toml").write_text("[data]\n")
    status, _, error = command("gate", "runs/audit", "--settings", "none.toml")
    assert status == 2
    assert "no rule to judge runs/audit by, nor one in none.toml" in error


def test_rules_that_are_no_rules(command, folder):
    assert command("audit")[0] == 0
    for arguments in (["gate", "runs/audit"], ["compare", "runs/audit", "runs/audit"]):
        status, _, error = command(*arguments, "--fail-on", "less-fare")
        assert status == 2
        assert "--fail-on is 'less-fare'; did you mean 'less-fair'?" in error
    results = json.loads((folder / "runs/audit/results.json").read_text())
    results["configuration"]["settings"]["gate"] = {"fail_on": ["less-fare"]}
    (folder / "runs/audit/results.json").write_text(json.dumps(results))
    status, _, error = command("gate", "runs/audit")
    assert status == 2
    assert "results.json: gate.fail_on is 'less-fare'" in error


def test_a_gate_without_a_rule(command, folder):
    assert command("audit")[0] == 0
    status, _, error = command("gate", "runs/audit")
    assert status == 2
    assert "no rule to judge runs/audit by" in error


def test_what_a_gate_leaves_for_others(command, folder, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    (folder / "summary.md").write_text("before\n")
    status, out, _ = command("audit", "--fail-on", "less-fair", "--junit", "made/checks.xml")
    assert status == 1
    summary = (folder / "summary.md").read_text()
    assert summary.startswith("before\n**fairtoll gate: fails**")
    assert "| ❌ fails | less-fair: cau/site/clean | after | wider gap: " in summary
    assert "::error title=fairtoll%3A less-fair%3A cau/site/clean::after: wider gap" in out
    suite = ElementTree.parse(folder / "made/checks.xml").getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    # The rules stand in the results.
    results = json.loads((folder / "runs/audit/results.json").read_text())
    assert results["configuration"]["settings"]["gate"] == {"fail_on": ["less-fair"]}


def test_an_unexpected_error_is_one_line_that_names_its_traceback(folder):
    code = (
        "from unittest import mock; from fairtoll.cli import main\n"
        "with mock.patch('fairtoll.cli.audit_run.run_audit', side_effect=ZeroDivisionError('by\\nzero')): main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "audit"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 4
    *_, line = done.stderr.splitlines()
    assert line.startswith("fairtoll: unexpected ZeroDivisionError: by zero; its traceback is in ")
    path = line.partition("its traceback is in ")[2].partition(";")[0]
    with open(path) as file:
        assert "Traceback (most recent call last)" in file.read()


def test_one_model_is_judged_by_thresholds_alone(command, folder):
    frame = pd.read_csv("predictions.csv")
    frame[frame["model"] == "after"].to_csv("predictions.csv", index=False)
    (folder / "audit.toml").write_text((folder / "audit.toml").read_text().replace('"before"', '"after"'))
    assert command("audit", "--threshold", "cau/site=0.1")[0] == 1
    assert command("audit", "--threshold", "cau/site=0.3", "--out", "runs/again")[0] == 0
    status, _, error = command("audit", "--fail-on", "less-fair", "--out", "runs/third")
    assert status == 2
    assert "compares arms, and these results have one" in error
