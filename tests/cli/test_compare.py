"""`fairtoll compare`: two audits give what one audit of both models gives."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import attack_named
from fairtoll.audits import audit, audit_evidence, compare_releases
from fairtoll.data import load_frame
from fairtoll.errors import FairtollError, FairtollWarning
from fairtoll.evidence.store import Evidence


def frame(*, seed, south):
    """Predictions of one model: right for 90% of the north's rows."""
    generator = np.random.default_rng(seed)
    site, y = np.array(["north", "south"])[np.arange(1200) % 2], np.arange(1200) // 2 % 2
    right = generator.random(1200) < np.where(site == "north", 0.9, south)
    return pd.DataFrame({"y": y, "site": site, "p": np.where(right, 0.2 + 0.6 * y, 0.8 - 0.6 * y)})


def audited(*frames, folder=None, **options):
    models = pd.concat([one.assign(model=f"m{place}") for place, one in enumerate(frames)])
    evidence = Evidence.from_frame(models, label="y", probabilities={1: "p"}, arm="model", groups=["site"])
    found = audit_evidence(evidence, **options)
    if folder is not None:
        found.save(folder)
    return found


@pytest.fixture
def folders(tmp_path):
    for name, south in (("v1", 0.9), ("v2", 0.7)):
        audited(frame(seed=0, south=0.5), frame(seed=3, south=south), folder=tmp_path / name)
    return tmp_path


def test_two_audits_give_what_one_audit_of_both_models_gives(folders):
    found = compare_releases(folders / "v1", folders / "v2", before_arm="m1", after_arm="m1").results
    together = audited(frame(seed=3, south=0.9), frame(seed=3, south=0.7)).results
    assert [arm.name for arm in found.arms] == ["before", "after"]
    assert [arm.note for arm in found.arms] == ["m1 of v1", "m1 of v2"]
    for one, other in zip(found.findings, together.findings, strict=True):
        # A sentence names the arms.
        assert one.difference.model_dump(exclude={"groups"}) == other.difference.model_dump(exclude={"groups"})
        assert one.models == other.models
        assert one.robust.groups == other.robust.groups


def test_the_command(command, folders, monkeypatch):
    monkeypatch.chdir(folders)
    arms = ["--before-arm", "m1", "--after-arm", "m1"]
    status, out, _ = command("compare", "v1", "v2", *arms)
    assert status == 0
    assert out.splitlines()[-1] == "Report: runs/compare/report.html"
    configuration = json.loads((folders / "runs/compare/results.json").read_text())["configuration"]
    assert configuration["compared"] == {"before": {"run": "v1", "arm": "m1"}, "after": {"run": "v2", "arm": "m1"}}
    # From its evidence alone the report comes out the same.
    page = (folders / "runs/compare/report.html").read_bytes()
    assert command("report", "runs/compare")[0] == 0
    assert (folders / "runs/compare/report.html").read_bytes() == page
    assert command("compare", "v1", "v2", *arms, "--fail-on", "less-fair")[0] == 1
    assert command("compare", "v2", "v1", *arms, "--fail-on", "less-fair", "--out", "runs/back")[0] == 0


def test_the_rules_of_a_comparison_are_its_own(command, tmp_path, monkeypatch):
    """Not those of the later audit, which are of one model: `fairtoll gate` holds what `fairtoll compare` held."""
    monkeypatch.chdir(tmp_path)
    settings = {"gate": {"thresholds": {"accuracy": 0.99}}, "cuts": ["a part of the rows"]}
    for name, south in (("v1", 0.9), ("v2", 0.9), ("v3", 0.6)):
        evidence = Evidence.from_frame(frame(seed=3, south=south), label="y", probabilities={1: "p"}, groups=["site"])
        audit_evidence(evidence, settings=settings).save(tmp_path / name)
    assert command("gate", "v2")[0] == 1
    rules = ["--fail-on", "less-fair", "--threshold", "accuracy=0.7"]
    for after, expected in (("v2", 0), ("v3", 1)):
        status, out, _ = command("compare", "v1", after, *rules, "--out", after + "-compared")
        assert status == expected
        again = command("gate", after + "-compared")
        assert (again[0], again[1].strip()) == (expected, out[out.index("**fairtoll") :].strip())
        assert command("report", after + "-compared")[0] == 0
        assert command("gate", after + "-compared")[:2] == again[:2]
    assert command("compare", "v1", "v2", "--out", "plain")[0] == 0
    status, _, error = command("gate", "plain")
    assert (status, error.count("\n")) == (2, 1)
    assert "no rule to judge plain by" in error
    recorded = json.loads((tmp_path / "plain/results.json").read_text(encoding="utf-8"))["configuration"]["settings"]
    assert recorded == {"cuts": ["a part of the rows"]}


def test_audits_that_cannot_be_compared(folders, command, monkeypatch):
    monkeypatch.chdir(folders)
    audited(frame(seed=0, south=0.5), frame(seed=3, south=0.7), folder=folders / "other", minimum_rows=20)
    few = frame(seed=0, south=0.5)[:1000]
    audited(few, few, folder=folders / "few")
    for after, options, message in (
        ("v2", {}, "v1 has 2 arms; expected one of m0, m1; name it with before_arm (--before-arm)"),
        ("v2", {"before_arm": "m9"}, "v1 has no arm 'm9'"),
        ("other", {"before_arm": "m1", "after_arm": "m1"}, "answer other questions: minimum_rows is 10 there and 20"),
        ("few", {"before_arm": "m1", "after_arm": "m1"}, "are of other rows: 1200 with row, label, site, and 1000"),
        ("nowhere", {"before_arm": "m1"}, "nowhere is no run folder"),
    ):
        with pytest.raises(FairtollError) as raised:
            compare_releases(folders / "v1", folders / after, **options)
        assert message in str(raised.value)
    status, _, error = command("compare", "v1", "v2", "--out", "v1")
    assert (status, error.count("\n")) == (2, 1)
    assert "v1 is one of the audits to compare" in error


def test_an_audit_with_gradients_and_one_by_scores_only(tmp_path):
    generator = np.random.default_rng(0)
    rows = pd.DataFrame(generator.normal(size=(60, 2)), columns=["a", "b"]).assign(y=np.arange(60) % 2)
    test = load_frame(rows, label="y")
    torch.manual_seed(0)
    network = nn.Linear(2, 2)

    def scores(x):
        return np.stack([1 / (1 + np.exp(x[:, 0])), 1 / (1 + np.exp(-x[:, 0]))], axis=1)

    options = {"threat": LinfThreat(), "epsilons": [0.3]}
    audit({"m": network}, test, out=tmp_path / "gradients", **options)
    with pytest.warns(FairtollWarning, match="no gradients: it is attacked by attacks that use scores only"):
        audit({"m": scores}, test, out=tmp_path / "scores", **options)
    for folders in (("gradients", "scores"), ("scores", "gradients")):
        with pytest.raises(FairtollError) as raised:
            compare_releases(*(tmp_path / folder for folder in folders))
        assert str(raised.value).endswith("gradients again with --attack union-scores-only")
    # What the error says to do.
    audit({"m": network}, test, out=tmp_path / "again", attacks=[attack_named("union-scores-only")], **options)
    assert compare_releases(tmp_path / "again", tmp_path / "scores").results.findings
