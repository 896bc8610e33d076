"""One model alone: its gaps are those of fairlearn, each with a verdict whose errors are counted by simulation."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from fairlearn.metrics import MetricFrame
from scipy.stats import binom, bootstrap, ttest_ind
from sklearn.metrics import accuracy_score
from torch import nn

from fairtoll import Evidence, FairtollError, LinfThreat, audit, audit_evidence
from fairtoll.attacks import PGD
from fairtoll.cli.report import rerender
from fairtoll.data import Dataset
from fairtoll.findings.results import Results
from fairtoll.report import render_card, render_html

X = np.random.default_rng(3).normal(size=(300, 2)).astype(np.float32)
ROWS = Dataset(
    X,
    (X[:, 0] + 0.8 * np.random.default_rng(4).normal(size=300) > 0).astype(int),
    ("low", "high"),
    groups={"site": np.where(X[:, 1] > 0, "north", "south")},
)
QUICK = {"threat": LinfThreat(), "epsilons": [0.2], "attacks": [PGD(steps=5)]}


def linear(seed):
    torch.manual_seed(seed)
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight[1] += torch.tensor([2.0, 0.3])
    return model


def predicted(model):
    with torch.no_grad():
        return model(torch.from_numpy(X)).argmax(dim=1).numpy()


@pytest.mark.parametrize("runs", [1, 3])
def test_gaps_of_one_model_are_those_of_fairlearn(runs):
    models = [linear(seed) for seed in range(runs)]
    found = audit({"clinic": models if runs > 1 else models[0]}, ROWS, **QUICK)
    assert not found.results.findings
    assert [gap.id for gap in found.results.gaps][:2] == ["audit/clinic/cau/class/clean", "audit/clinic/cau/site/clean"]
    for gap in found.results.gaps[:2]:
        groups = ROWS.y if gap.parameters.partition == "class" else ROWS.groups["site"]
        for plain, model in zip(gap.value.plain_per_run, models, strict=True):
            frame = MetricFrame(
                metrics=accuracy_score, y_true=ROWS.y, y_pred=predicted(model), sensitive_features=groups
            )
            assert plain == pytest.approx(frame.difference())
        assert (gap.runs, gap.margin) == (runs, 0.01)
    attacked = [gap for gap in found.results.gaps if gap.metric == "cru_s"]
    assert {gap.parameters.evaluation for gap in attacked} == {"white-box"}
    assert not any(entry.evaluation == "static-transfer" for entry in found.results.accuracy)


def test_the_table_of_one_model():
    found = audit({"clinic": linear(0)}, ROWS, margins={"cau": 0.5}, metrics=["cau"], **QUICK)
    table = found.table()
    assert table["verdict"].tolist() == [gap.verdict for gap in found.results.gaps]
    assert set(table["verdict"]) == {"within margin"}
    assert table["margin"].tolist() == [0.5, 0.5]
    assert set(table["arm"]) == {"clinic"}
    assert found.results.configuration["margins"] == {"cau": 0.5}


def test_the_page_of_one_model_speaks_of_no_toll(tmp_path, monkeypatch):
    monkeypatch.setattr("fairtoll.report.write_report", lambda document, folder: None)
    found = audit({"clinic": linear(0)}, ROWS, out=tmp_path, **QUICK)
    page = render_html(found.results)
    first = page[: page.index("<main")]
    assert "Fairness of clinic" in first
    count = len(found.results.gaps)
    assert f"Of {count} gaps of this model: " in first
    assert "Nothing is said of what hardening costs" in first
    for anchor in ("toll", "findings", "transfer"):
        assert f'<section id="{anchor}"' not in page
    assert '<section id="gaps"' in page
    for gap in found.results.gaps:
        assert gap.verdict in page
    rerender(tmp_path)
    assert Results.read(tmp_path / "results.json") == found.results


def test_the_card_of_one_model_lists_its_gaps():
    found = audit({"clinic": linear(0)}, ROWS, metrics=["cau"], **QUICK)
    card = render_card(found.results)
    (row,) = [line for line in card.splitlines() if line.startswith("| CAU by site")]
    assert row.rstrip(" |").endswith(found.results.gaps[1].verdict)


def test_predictions_of_one_model():
    generator = np.random.default_rng(0)
    site = generator.choice(["north", "south"], size=4000)
    truth = generator.choice(["no", "yes"], size=4000)
    right = generator.random(4000) < np.where(site == "north", 0.9, 0.7)
    chance = np.where((truth == "yes") == right, 0.9, 0.1)
    frame = pd.DataFrame({"y": truth, "site": site, "p": chance})
    found = audit_evidence(Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, groups=["site"]))
    gap = next(one for one in found.results.gaps if one.metric == "cau" and one.parameters.partition == "site")
    assert gap.verdict == "above margin"
    assert gap.value.worst_group == "south"
    assert gap.value.value == pytest.approx(0.2, abs=0.04)
    assert found.results.answer[0].startswith("south rows are worst off with model: accuracy is")
    # Nothing was attacked, so that no attack is listed.
    assert found.results.configuration["attacks"] == []


def test_how_often_a_verdict_is_wrong():
    """The true gap is the margin: either error is at most one in 40, up to the noise of 300 draws."""
    generator = np.random.default_rng(7)
    groups = np.repeat(["a", "b"], 1500)
    counts = Counter()
    for _ in range(300):
        right = generator.random(3000) < np.where(groups == "a", 0.75, 0.65)
        frame = pd.DataFrame({"y": ["no"] * 3000, "g": groups, "p": np.where(right, 0.1, 0.9)})
        evidence = Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, groups=["g"])
        found = audit_evidence(evidence, partitions=["g"], metrics=["cau"], margins={"cau": 0.10})
        counts[found.results.gaps[0].verdict] += 1
    most = int(binom.ppf(0.999, 300, 0.025))
    assert counts["above margin"] <= most
    assert counts["within margin"] <= most


def test_a_group_of_few_rows_gives_no_verdict():
    frame = pd.DataFrame({"y": ["no", "yes"] * 20, "g": ["a"] * 38 + ["b"] * 2, "p": [0.2, 0.9] * 20})
    evidence = Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, groups=["g"])
    found = audit_evidence(evidence, partitions=["g"], metrics=["cau"])
    (gap,) = found.results.gaps
    assert (gap.verdict, gap.value.value, gap.reason) == (
        "insufficient data", None, "fewer than two groups have enough rows to compare",
    )  # fmt: skip
    assert found.results.answer == ["No gap has enough rows."]


def test_a_measured_gap_below_zero_lies_in_its_interval():
    """Equal groups: what the noise of rows adds is taken off, and may be more than there is."""
    generator = np.random.default_rng(0)
    below = 0
    for _ in range(40):
        frame = pd.DataFrame(
            {"y": ["no"] * 400, "g": ["a", "b"] * 200, "p": np.where(generator.random(400) < 0.7, 0.1, 0.9)}
        )
        evidence = Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, groups=["g"])
        value = audit_evidence(evidence, partitions=["g"], metrics=["cau"]).results.gaps[0].value
        assert value.interval[0] <= value.value <= value.interval[1]
        below += value.value < 0
    assert below


def test_no_model_is_an_error():
    with pytest.raises(FairtollError, match="no model is given; expected one, or two or more to compare"):
        audit({}, ROWS, **QUICK)


def accuracy_gap(right, group):
    """The audit's gap of accuracy between two groups, of a model that is right where it is said to be."""
    y = np.arange(len(right)) // 2 % 2
    frame = pd.DataFrame({"y": np.where(y, "yes", "no"), "p": np.where(right == (y == 1), 0.9, 0.1), "g": group})
    evidence = Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, groups=["g"])
    (found,) = audit_evidence(evidence, partitions=["g"], metrics=["cau"]).results.gaps
    return found.value


@pytest.mark.parametrize(("rows", "share"), [(400, 0.5), (1500, 0.2)])
def test_the_interval_of_a_clear_gap_of_two_groups_is_that_of_other_code(rows, share):
    """Welch's interval of two means to the last digits; the bootstrap's within its own error."""
    generator = np.random.default_rng(rows)
    group = np.where(generator.random(rows) < share, "u", "v")
    right = generator.random(rows) < np.where(group == "u", 0.95, 0.6)
    found = accuracy_gap(right, group)
    one, other = right[group == "u"].astype(float), right[group == "v"].astype(float)
    welch = ttest_ind(one, other, equal_var=False).confidence_interval()
    np.testing.assert_allclose(found.interval, (welch.low, welch.high), atol=2e-4)
    drawn = bootstrap((one, other), lambda a, b, axis: a.mean(axis) - b.mean(axis), method="percentile",
                      n_resamples=4000, rng=generator).confidence_interval  # fmt: skip
    np.testing.assert_allclose(found.interval, (drawn.low, drawn.high), atol=0.006)


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0.0, 0.05, 0.2])
def test_how_often_the_interval_of_one_gap_covers_it(gap):
    """At least 95% but for the error of 300 draws, whose lower end at 99.9% is 91%."""
    generator, covered = np.random.default_rng(7), 0
    group = np.where(np.arange(400) < 160, "u", "v")
    for _ in range(300):
        right = generator.random(400) < np.where(group == "u", 0.7, 0.7 + gap)
        low, high = accuracy_gap(right, group).interval
        covered += low <= gap <= high
    assert covered >= binom.ppf(0.001, 300, 0.95)
