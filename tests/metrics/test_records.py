"""The record of each metric: what it says of the outcome, and that public functions compute through it."""

import dataclasses
import inspect
import math

import numpy as np
import pytest

from fairtoll import FairtollError, metrics
from fairtoll.metrics import METRICS, Metric

ROWS = 300
generator = np.random.default_rng(0)
LEAST = generator.gamma(2.0, size=ROWS) * (generator.random(ROWS) < 0.8)
CENSORED = (LEAST > 3.0).astype(bool)
INPUTS = {
    "labels": generator.integers(3, size=ROWS),
    "predicted": generator.integers(3, size=ROWS),
    "probabilities": generator.dirichlet(np.ones(3), size=ROWS),
    "success": generator.random(ROWS) < 0.4,
    "certified_radius": LEAST,
    "correct": generator.random(ROWS) < 0.8,
    "least_epsilon": LEAST,
    "censored": CENSORED,
    "counted": generator.random(ROWS) < 0.9,
    "target": 1,
    "rate": 0.5,
    "changes": generator.random((7, ROWS)),
    "flips": generator.random((7, ROWS)) < 0.1,
}


def outcome_of(metric, inputs=INPUTS):
    return metric.outcome(**{name: inputs[name] for name in metric.needs})


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_outcome_is_one_number_a_row_on_the_scale_of_the_record(metric):
    values = outcome_of(metric)
    assert values.shape == (ROWS,)
    assert np.isfinite(values).all()
    assert values.min() >= 0
    if metric.scale != "amount":
        assert values.max() <= metric.upper_limit == 1
    assert metric.rates == {"rate": True, "probability": None, "amount": False}[metric.scale]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_outcome_takes_names_alone_and_writes_nothing(metric):
    parameters = inspect.signature(metric.outcome).parameters.values()
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    frozen = {name: np.copy(value) if isinstance(value, np.ndarray) else value for name, value in INPUTS.items()}
    for value in frozen.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    np.testing.assert_array_equal(outcome_of(metric, frozen), outcome_of(metric))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_row_does_not_depend_on_the_order_of_rows(metric):
    order = np.random.default_rng(1).permutation(ROWS)
    shuffled = {
        name: value if not isinstance(value, np.ndarray) else value[..., order] if name in ("changes", "flips")
        else value[order]
        for name, value in INPUTS.items()
    }  # fmt: skip
    np.testing.assert_allclose(outcome_of(metric, shuffled), outcome_of(metric)[order], rtol=1e-12)


def test_names_are_keys_and_titles_are_there():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.symbol
        assert metric.title
        assert metric.group_title
    assert len({metric.symbol for metric in METRICS.values()}) == len(METRICS)


def test_a_record_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        metrics.CAU.margin = 0.5


@pytest.mark.parametrize("margin", [-0.01, math.nan, math.inf])
def test_a_margin_that_is_none(margin):
    with pytest.raises(FairtollError, match=r"margin of new is .*; expected 0 or more"):
        Metric("new", "N", "New", "New", metrics.CAU.outcome, margin=margin)


def test_the_margin_of_least_epsilon_is_a_share_of_the_standard_mean():
    assert metrics.CRU_EPSILON.margin_for(0.04) == pytest.approx(0.002)
    assert metrics.CRU_EPSILON.margin_for(0.0) == 0.0
    assert metrics.CRU_EPSILON_RELATIVE.margin_for(0.04) == 0.05
    assert metrics.CAU.margin_for(0.04) == 0.01


def test_what_needs_an_attack_and_what_may_go_without():
    attacked = {name for name, metric in METRICS.items() if metric.needs_attack}
    assert attacked == {"cru_s", "cru_s_matched", "cru_epsilon", "cru_epsilon_relative"}


CHANGED = {
    "cau": lambda: metrics.class_accuracy_unfairness(np.tile([0, 1], 50), np.repeat([0, 1], 50)),
    "cru_s": lambda: metrics.success_rate_unfairness(np.tile([0, 1], 50), np.repeat([0, 1], 50)),
    "cru_epsilon": lambda: metrics.class_robustness_unfairness(np.tile([0, 1], 50), np.arange(100.0)),
    "cru_epsilon_relative": lambda: metrics.class_robustness_unfairness(
        np.tile([0, 1], 50), np.arange(100.0), relative=True
    ),
    "eou": lambda: metrics.equalized_odds_unfairness(
        np.tile([0, 1], 50), np.full((100, 2), 0.5), sensitive=np.repeat([0, 1], 50), target=1
    ),
    "equalized_odds_rate": lambda: metrics.equalized_odds_rate_gap(
        np.tile([0, 1], 50), np.repeat([0, 1], 50), sensitive=np.repeat([0, 1], 50), target=1, label=1
    ),
    "rdi": lambda: metrics.robustness_disparity_index(np.tile([0, 1], 50), np.arange(100.0)),
    "luf": lambda: metrics.leave_one_out_unfairness(np.full((100, 2), 0.5), np.full((3, 100, 2), 0.5)),
}
MODULES = {
    "cau": "accuracy", "cru_s": "success_rate", "cru_epsilon": "least_epsilon",
    "cru_epsilon_relative": "least_epsilon", "eou": "equalized_odds", "equalized_odds_rate": "equalized_odds",
    "luf": "leave_one_out", "rdi": "certified_radius",
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_public_functions_compute_through_the_record(name, monkeypatch):
    """Another outcome in the record is another number from the function: the definition is written once."""
    record = METRICS[name]

    def rank(**inputs):
        count = next(len(value) if value.ndim == 1 or name == "eou" else value.shape[1] for value in inputs.values())
        return np.arange(count) / 10.0

    (constant,) = [key for key, value in vars(metrics).items() if value is record]
    monkeypatch.setattr(f"fairtoll.metrics.{MODULES[name]}.{constant}", dataclasses.replace(record, outcome=rank))
    expected = {"luf": 4.95, "eou": 5.0, "equalized_odds_rate": 5.0}.get(name, 0.1)
    assert CHANGED[name]() == pytest.approx(expected)
