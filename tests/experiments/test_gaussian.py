"""Two Gaussian classes: the rows are what the description says, and a linear model does what theory says."""

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy.stats import norm

from fairtoll.experiments import find_experiment, reproduce, results_of
from fairtoll.experiments.gaussian import EPSILON, TwoGaussians


def test_rows_have_the_means_spreads_and_shares_of_the_description():
    data = TwoGaussians(train=40_000, test=100, shift=0.5, share=0.25)().train
    second = data.groups["group"] == "b"
    assert second.mean() == pytest.approx(0.25, abs=0.01)
    for label, spread in enumerate((1.0, 2.0)):
        for inside, shift in ((~second, 0.0), (second, 0.5)):
            rows = data.x[(data.y == label) & inside]
            np.testing.assert_allclose(rows.mean(axis=0), (0.4 if label else -0.4) + shift, atol=0.12)
            np.testing.assert_allclose(rows.std(axis=0), spread, rtol=0.05)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The experiment with few rows."""
    gaussian = find_experiment("gaussian")
    data = dataclasses.replace(gaussian.data, load=TwoGaussians(train=1500, test=400))
    small = dataclasses.replace(gaussian, data=data)
    folder = tmp_path_factory.mktemp("gaussian") / "run"
    reproduce(small, folder, runs=2, workers=2)
    return folder


def test_it_answers_its_questions_with_nothing_of_the_papers(run):
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    asked = [f"{one.protocol}/{one.robust}/{question.key}" for one, question in find_experiment("gaussian").plan()]
    assert [finding["id"] for finding in results["findings"]] == asked
    assert results["claims"] == results["examples"] == results["leave_one_out"] == []
    assert all(finding["published"] is None for finding in results["findings"])
    assert [alarm["id"] for alarm in results["alarms"] if alarm["fired"]] == []
    assert (run / "report.html").stat().st_size > 100_000
    assert json.loads(results_of(run).model_dump_json())["findings"] == results["findings"]


def test_no_model_is_better_than_the_best_and_an_attack_costs_what_theory_says(run):
    """Within a class features are independent, so that each linear model's accuracy is a normal distribution's."""
    accuracy = {
        (one.arm, one.attack, one.epsilon): one.mean
        for one in results_of(run).accuracy
        if one.evaluation != "static-transfer"
    }
    widest = math.sqrt(10) * 0.55  # half the distance of the means, with the shift at its best
    best = (norm.cdf(widest / 1.0) + norm.cdf(widest / 2.0)) / 2
    for arm in ("standard", "static", "online"):
        clean, union = accuracy[arm, None, None], accuracy[arm, "union", EPSILON]
        assert 0.6 < clean < best + 0.05
        assert union < clean
        # The sign of the gradient is the best step against a linear model: other attacks find no more.
        assert union == pytest.approx(accuracy[arm, "pgd-20", EPSILON], abs=0.005)
