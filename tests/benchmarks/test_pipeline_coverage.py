"""The whole line, from training to verdicts, beside exact tolls: its machinery, and how often it is right."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from _coverage_pipeline import (
    EPSILON,
    EPSILON_MAX,
    FURTHER_SEEDS,
    QUESTIONS,
    REPETITIONS,
    SETTINGS,
    exact,
    is_false,
    measure,
    of_repetition,
    record_of,
)
from _coverage_pipeline_tables import coverage, false_verdicts
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import RECIPES, Adversary, TrainingSetup

UNEQUAL = SETTINGS["unequal spreads"]
SMALL = replace(UNEQUAL, rows=replace(UNEQUAL.rows, train=300, test=400))


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_intervals_hold_exact_tolls_and_few_verdicts_are_false(name):
    """Goals are missed where the interval of Clopper and Pearson excludes them."""
    setting = SETTINGS[name]
    truth = exact(setting)
    found = [record_of(measure(setting, place)) for place in range(REPETITIONS)]
    judged = [*coverage(found, truth).values(), *false_verdicts(found, truth).values()]
    assert [f"{one.what}: {one}" for one in judged if one.fails] == []


def test_exact_tolls_are_those_of_a_simulation():
    """The same training runs, their weights written out as a plain product, and 400,000 rows."""
    found, experiment, rows = exact(SMALL, further=2), of_repetition(SMALL, 0), 400_000
    seeds = [FURTHER_SEEDS, FURTHER_SEEDS + 1]
    setup = TrainingSetup.for_rows(
        SMALL.rows().train, seeds=seeds, network=experiment.network, settings=experiment.settings
    )
    x, y, second = SMALL.rows.model.sample(rows, np.random.default_rng(8))
    parts = {"class": [y == -1, y == 1], "group": [second == 0, second == 1]}
    gaps = {}
    for arm in ("standard", "online"):
        for model in RECIPES[arm](setup, Adversary(LinfThreat(), EPSILON)).members():
            standardize, layer = model
            weight = ((layer.weight[1] - layer.weight[0]).detach() / standardize.spread).double().numpy()
            bias = float(layer.bias[1] - layer.bias[0]) - weight @ standardize.mean.double().numpy()
            score, reach = x @ weight + bias, np.abs(weight).sum()
            outcomes = {
                "cau": y * score > 0,
                "cru_s": y * score <= EPSILON * reach,
                "cru_epsilon": np.minimum(np.maximum(y * score, 0) / reach, EPSILON_MAX),
                "eou": 1 / (1 + np.exp(-score)),
            }
            for question in QUESTIONS:
                of = {None: True, "wide": y == -1, "narrow": y == 1}[question.label]
                means = [outcomes[question.metric][one & of].mean() for one in parts[question.partition]]
                gaps.setdefault((question.key, arm), []).append(max(means) - min(means))
    for question in QUESTIONS:
        standard, robust = (np.mean(gaps[question.key, arm]) for arm in ("standard", "online"))
        # Four standard errors of a difference of two shares of a quarter of the rows.
        assert found["toll", question.key][0] == pytest.approx(robust - standard, abs=4 * 0.5 * np.sqrt(8 / rows))
        assert found["standard", question.key][0] == pytest.approx(standard, abs=4 * 0.5 * np.sqrt(8 / rows))


def test_a_repetition_has_an_interval_for_everything_that_is_exact_and_is_the_same_again():
    intervals, verdicts = record_of(measure(SMALL, 3))
    assert set(intervals) == set(exact(SMALL, further=2))
    assert all(low < high for low, high in intervals.values())
    assert set(verdicts) == {question.key for question in QUESTIONS}
    assert record_of(measure(SMALL, 3)) == (intervals, verdicts)


def test_repetitions_share_the_training_rows_and_nothing_else():
    first, other = (of_repetition(UNEQUAL, place).data.load() for place in (0, 1))
    np.testing.assert_array_equal(first.train.x, other.train.x)
    rows = [{tuple(row) for row in split.x.tolist()} for split in (first.test, other.test, first.train)]
    assert len(set.union(*rows)) == sum(map(len, rows)) == 2 * UNEQUAL.rows.test + UNEQUAL.rows.train


@pytest.mark.parametrize(
    ("verdict", "toll", "false"),
    [
        ("less fair", 0.0, True), ("less fair", 0.01, True), ("less fair", 0.011, False), ("less fair", -0.5, True),
        ("fairer", 0.0, True), ("fairer", -0.01, True), ("fairer", -0.011, False), ("fairer", 0.5, True),
        ("equivalent", 0.0, False), ("equivalent", 0.01, True), ("equivalent", -0.02, True),
        ("inconclusive", 0.5, False), ("inconclusive", 0.0, False),
    ],
)  # fmt: skip
def test_what_makes_a_verdict_false(verdict, toll, false):
    assert is_false(verdict, 0.01, toll) is false


def test_counts_and_failures_of_repetitions_made_up():
    """Of 200 repetitions 172 hold the truth: Clopper and Pearson reach up to 90.5%, below 93%."""
    truth = {("toll", question.key): (0.0, 0.0) for question in QUESTIONS}
    cau, eou = QUESTIONS[0].key, QUESTIONS[-1].key
    found = []
    for place in range(200):
        intervals = dict.fromkeys(truth, (-1.0, 1.0))
        intervals["toll", cau] = (-1.0, 1.0) if place < 172 else (0.1, 1.0)
        verdicts = {question.key: ("inconclusive", 0.01) for question in QUESTIONS}
        # Of one metric, in different repetitions: 9 and 10 of 200, which are 19 of the family.
        verdicts[QUESTIONS[-2].key] = ("less fair", 0.01) if place < 9 else verdicts[QUESTIONS[-2].key]
        verdicts[eou] = ("fairer", 0.01) if place >= 190 else verdicts[eou]
        found.append((intervals, verdicts))
    held, false = coverage(found, truth), false_verdicts(found, truth)
    assert [key for key, one in held.items() if one.fails] == [("toll", cau)]
    assert str(held["toll", cau]) == "86.0% (80.4 to 90.5) **fails**"
    assert (false[QUESTIONS[-2].key].count, false[eou].count, false["eou"].count) == (9, 10, 19)
    assert [name for name, one in false.items() if one.fails] == ["eou"]
