"""Two Gaussian classes: the rows are what the description says, and measurements are what formulas give."""

import dataclasses
import json
import re

import numpy as np
import pytest
from safetensors.torch import load_file

from fairtoll import FairtollError
from fairtoll.data import load_adult
from fairtoll.experiments import find_experiment, reproduce
from fairtoll.experiments.gaussian import TwoGaussians, gaussian_formulas
from fairtoll.experiments.parts import Data
from fairtoll.experiments.workspace import Workspace
from fairtoll.findings.results import Results

#: Ids of the paper's claims: those of the experiments on its data sets, and its conclusion.
PUBLISHED = {claim.id for name in ("adult", "cifar10") for claim in find_experiment(name).claims} | {"conclusion"}
ARMS = ("standard", "online", "standard-small", "online-small")


def test_rows_have_the_means_spreads_and_shares_of_the_description():
    data = TwoGaussians(strong=2, weak=1, train=40_000, test=100, shift=0.5, share=0.25)().train
    second = data.groups["group"] == "b"
    assert second.mean() == pytest.approx(0.25, abs=0.01)
    assert data.y.mean() == pytest.approx(0.5, abs=0.01)
    for label, (side, spread) in enumerate(((-1, 2.0), (1, 1.0))):
        for inside, shift in ((~second, 0.0), (second, 0.5)):
            rows = data.x[(data.y == label) & inside]
            expected = [side * 0.5, side * 0.5, side * 0.18 + shift]
            np.testing.assert_allclose(rows.mean(axis=0), expected, atol=0.12)
            np.testing.assert_allclose(rows.std(axis=0), spread, rtol=0.05)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The experiment with few rows and arms."""
    gaussian = find_experiment("gaussian")
    small = dataclasses.replace(
        gaussian,
        data=Data(TwoGaussians(train=1500, test=2000), attacked=300),
        # What questions read.
        collections=tuple(
            one for one in gaussian.collections if one.name in ("predict", "pgd", "union", "least-epsilon")
        ),
        questions=tuple(one for one in gaussian.questions if one[0].robust in ARMS),
    )
    folder = tmp_path_factory.mktemp("gaussian") / "run"
    reproduce(small, folder, runs=2, workers=2)
    return folder


@pytest.fixture(scope="module")
def results(run):
    return Results.read(run / "results.json")


def test_it_answers_its_questions_with_nothing_of_the_papers(run, results):
    asked = [
        f"{one.protocol}/{one.robust}/{question.key}"
        for one, question in find_experiment("gaussian").plan()
        if one.robust in ARMS
    ]
    assert [finding.id for finding in results.findings] == asked
    assert results.claims == results.examples == results.leave_one_out == []
    assert all(finding.published is None for finding in results.findings)
    assert [alarm.id for alarm in results.alarms if alarm.fired] == []
    assert (run / "report.html").stat().st_size > 100_000


def test_arms_of_the_small_network_have_it(run):
    names = {arm: set(load_file(run / "models" / f"{arm}-0.safetensors")) for arm in ARMS}
    assert names["standard"] == names["online"]
    assert names["standard-small"] == names["online-small"] > names["standard"]


def test_what_is_measured_is_what_formulas_give_at_the_trained_rules(results):
    """At 95% a few of a hundred intervals miss; those of two runs on the same rows miss together."""
    values = [value for value in results.theory.values if value.exact is not None and value.measured is not None]
    assert {value.arm for value in values} == {"standard", "online"}
    assert {value.metric for value in values} == {"cau", "cru_s", "cru_epsilon", "eou"}
    # Four standard errors of a share of 150 rows are 14 points.
    for value in values:
        if value.group is not None:
            limit = 0.14 if value.epsilon else 0.065
            assert value.measured == pytest.approx(value.exact, abs=limit), (value.arm, value.question, value.group)
    assert np.mean([value.inside for value in values]) > 0.85


def test_the_exact_values_are_those_of_a_simulation(run, results):
    """Rows drawn anew and the trained weights, read from their file and written out as a plain product."""
    held = {name: one.double().numpy() for name, one in load_file(run / "models/online-0.safetensors").items()}
    names = sorted(held)
    mean, spread = (next(held[name] for name in names if name.endswith(end)) for end in ("mean", "spread"))
    weights, bias = (next(held[name] for name in names if name.endswith(end)) for end in ("1.weight", "1.bias"))
    x, y, group = TwoGaussians().model.sample(300_000, np.random.default_rng(7))
    for number in range(2):
        logits = ((x - mean[number]) / spread[number]) @ weights[number].T + bias[number]
        margin = y * (logits[:, 1] - logits[:, 0])
        reach = np.abs((weights[number][1] - weights[number][0]) / spread[number]).sum()
        of_row = {
            "cau": margin > 0,
            "cru_epsilon": np.minimum(np.maximum(margin, 0) / reach, 2.0),
            "eou": 1 / (1 + np.exp(-y * margin)),
        }
        for value in results.theory.values:
            if value.arm != "online" or value.group is None:
                continue
            inside = np.ones(len(y), dtype=bool) if value.label is None else y == {"wide": -1, "narrow": 1}[value.label]
            inside &= {"wide": y == -1, "narrow": y == 1, "a": group == 0, "b": group == 1}[value.group]
            broken = margin <= (value.epsilon or 0.0) * reach
            rows = (broken if value.metric == "cru_s" else of_row[value.metric])[inside].astype(float)
            error = rows.std() / np.sqrt(len(rows))
            assert value.per_run[number] == pytest.approx(rows.mean(), abs=4 * error)


def test_formulas_are_kept_in_the_folder_and_read_from_it(run, results):
    assert (run / "evidence" / "theory.json").is_file()
    kept = json.loads((run / "evidence" / "theory.json").read_text(encoding="utf-8"))
    assert all(value["measured"] is None for value in kept["values"])
    # Of the small network no finding asks for success at further radii.
    unasked = [value for value in results.theory.values if value.measured is None]
    assert {(value.metric, value.epsilon) for value in unasked} == {("cru_s", 0.1), ("cru_s", 0.3)}
    assert [value["exact"] for value in kept["values"]] == [value.exact for value in results.theory.values]


def test_the_report_has_its_pictures_and_the_table_of_findings(run, results):
    page = (run / "report.html").read_text(encoding="utf-8")
    for figure in ("two-classes", "toll-by-radius", "signs", "signs-4", "measured-and-exact"):
        assert (run / "figures" / f"{figure}.svg").is_file()
        assert f'id="figure-{figure}"' in page
    claims = {claim.finding: claim for claim in results.theory.claims}
    assert 'id="theorems"' in page
    for finding in claims:
        assert re.sub(r"_(\w)", r"<sub>\1</sub>", finding).replace("'", "&#39;") in page
    # The exact values at the trained rules: CAU rises, CRU_epsilon is reversed here, and so is EOU.
    (cau,), (least,) = claims["CAU rises"].changes, claims["CRU_ε rises"].changes
    assert cau.robust > cau.standard
    assert least.robust < least.standard
    assert all(change.robust < change.standard for change in claims["EOU rises"].changes)
    assert {id for claim in results.theory.claims for id in claim.claims} == PUBLISHED
    shrinks = claims["The rise of CRU_s shrinks with the radius of the attack"].changes
    assert [change.of for change in shrinks] == ["at epsilon 0.1", "at epsilon 0.2", "at epsilon 0.3"]
    difference = next(one for one in results.findings if one.id == "sound/online/cau/class/clean").difference
    assert (cau.measured, cau.interval) == (difference.value, difference.interval)
    assert all(change.measured is not None for change in shrinks)
    assert claims["CRU_ε rises"].places["CIFAR-10-like"] == (
        "rises with the least error at 28 of 37 pairs, with the least loss at 0; at 8 more no rule is robust"
    )
    confidences = [change.of for change in claims["One group's mean confidence is lower in both classes"].changes]
    assert confidences == ["a among wide", "b among wide", "a among narrow", "b among narrow"]


def test_the_answer_is_that_of_the_question(results):
    """Which gaps go which way by formula, then how many intervals hold the exact value, in figures of the results."""
    ways, static, *between = results.answer[:-1]
    place = next(place for place, text in enumerate(between) if text.startswith("Of "))
    agreement, rest = between[place - 1], between[place:]
    # Without static models here: what the paper trained is said all the same.
    assert static == "The paper, which trained networks statically, found all of them wider."
    caus = [
        100 * next(one.exact for one in results.theory.values if (one.arm, one.metric, one.partition) == of)
        for of in (("standard", "cau", "class"), ("online", "cau", "class"))
    ]
    assert f"widens CAU ({caus[0]:.1f} to {caus[1]:.1f} points)" in ways
    assert "narrows CRU_ε (" in ways
    inside = [value.inside for value in results.theory.values if value.inside is not None]
    assert agreement.startswith(f"{sum(inside)} of {len(inside)} measured 95% intervals")
    assert "miss together" in agreement
    assert rest[0].startswith(f"Of {len(results.findings)} comparisons with the standard model")


def test_rows_from_elsewhere_have_no_model(tmp_path):
    gaussian = find_experiment("gaussian")
    elsewhere = Workspace(dataclasses.replace(gaussian, data=Data(load_adult)), tmp_path)
    with pytest.raises(FairtollError, match="rows come from load_adult; expected a TwoGaussians, whose model is"):
        gaussian_formulas(elsewhere)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spread": (0.0, 1.0)}, "covariance"),
        ({"share": 1.5}, "share"),
        ({"means": (float("nan"), 0.1)}, "theta"),
    ],
)
def test_a_model_that_cannot_be_is_refused_before_rows_are_drawn(change, message):
    with pytest.raises(FairtollError, match=message):
        TwoGaussians(**change)()
