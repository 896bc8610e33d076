from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fairtoll import FairtollError
from fairtoll.statistics import (
    VerdictKind,
    difference,
    levelling_down,
    state_models_verdict,
    state_verdict,
    swap_test,
)


@pytest.fixture(scope="module")
def found():
    generator = np.random.default_rng(0)
    return difference(generator.random((3, 200)), generator.random((3, 200)), np.repeat([0, 1], 100))


def between(found, low, high):
    """The difference whose 95% interval this is."""
    error = (high - low) / 2 / stats.t.ppf(0.975, 4)
    middle = (low + high) / 2
    return replace(found, standard=0.0, robust=middle, parts=((error**2, 4.0),), below=0.0, above=0.0)


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (0.011, 0.05, VerdictKind.LESS_FAIR),
        (0.009, 0.05, VerdictKind.INCONCLUSIVE),
        (-0.05, -0.011, VerdictKind.FAIRER),
        (-0.009, 0.009, VerdictKind.EQUIVALENT),
        (-0.02, 0.009, VerdictKind.INCONCLUSIVE),
        (0.001, 0.009, VerdictKind.EQUIVALENT),
    ],
)
def test_the_interval_alone_decides(found, low, high, kind):
    verdict = state_verdict(between(found, low, high), margin=0.01)
    assert verdict.kind == kind
    least = between(found, low, high).least_detectable(0.01)
    assert (f"{least:.4g}" in verdict.reason) == (kind == VerdictKind.INCONCLUSIVE)


def test_equivalence_is_two_one_sided_tests_at_the_level():
    """The 95% interval ends at 0.0105, beyond the margin; that of 90%, at 0.01 or less, is what shows equivalence."""
    generator = np.random.default_rng(0)
    found = difference(generator.random((3, 200)), generator.random((3, 200)), np.repeat([0, 1], 100))
    wide = between(found, -0.0105, 0.0105)
    narrow = wide.interval_at(0.9)
    oracle = stats.t.ppf(0.95, wide.degrees_of_freedom) * wide.standard_error
    assert narrow.high == pytest.approx(oracle)
    assert narrow.high < 0.01
    assert state_verdict(wide, margin=0.01).kind == VerdictKind.EQUIVALENT
    assert state_verdict(between(found, -0.014, 0.014), margin=0.01).kind == VerdictKind.INCONCLUSIVE


def test_allowances_count_on_their_sides(found):
    apart = between(found, 0.02, 0.05)
    assert state_verdict(replace(apart, below=0.009), margin=0.01).kind == "less fair"
    assert state_verdict(replace(apart, below=0.011), margin=0.01).kind == "inconclusive"
    assert state_verdict(replace(between(found, -0.05, -0.02), above=0.011), margin=0.01).kind == "inconclusive"
    assert state_verdict(replace(between(found, -0.009, 0.009), above=0.004), margin=0.01).kind == "inconclusive"


def test_the_least_detectable_difference_is_detected_with_a_power_of_80_percent(found):
    margin, steady = 0.01, replace(found, standard=0.0, robust=0.0, parts=((0.015**2, 1e9),), below=0.002, above=0.0)
    least = steady.least_detectable(margin)
    drawn = np.random.default_rng(0).normal(least, steady.standard_error, 4000)
    verdicts = [state_verdict(replace(steady, robust=float(value)), margin=margin).kind for value in drawn]
    assert np.mean([kind == "less fair" for kind in verdicts]) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (0.011, 0.05, "wider gap"),
        (0.009, 0.05, "unclear"),
        (-0.05, -0.011, "narrower gap"),
        (-0.009, 0.009, "same gap"),
        (-0.02, 0.009, "unclear"),
    ],
)
def test_two_models_have_words_of_their_own(found, low, high, kind):
    one = replace(between(found, low, high), standard_runs=1, robust_runs=1)
    assert state_models_verdict(one, margin=0.01) == kind
    with pytest.raises(FairtollError, match="3 and 3 runs"):
        state_models_verdict(between(found, low, high), margin=0.01)
    with pytest.raises(FairtollError, match="margin is -1"):
        state_models_verdict(one, margin=-1)


@pytest.mark.parametrize(("runs", "opening"), [(1, "one training run: "), (2, "two training runs: ")])
@pytest.mark.parametrize("arm", ["standard_runs", "robust_runs"])
@pytest.mark.parametrize(("low", "high"), [(0.5, 0.6), (-0.6, -0.5), (-0.001, 0.001)])
def test_fewer_than_three_training_runs_never_decide(found, runs, opening, arm, low, high):
    few = replace(between(found, low, high), **{arm: runs})
    verdict = state_verdict(few, margin=0.01)
    assert verdict.kind == "inconclusive"
    assert verdict.reason.startswith(opening)
    assert state_verdict(replace(few, **{arm: 3}), margin=0.01).kind != "inconclusive"


def test_levelling_down_names_the_fall_of_the_best():
    down = levelling_down({"a": 0.9, "b": 0.7}, {"a": 0.75, "b": 0.71}, higher_is_better=True)
    assert down.levelled_down
    assert down.changes == pytest.approx({"a": -0.15, "b": 0.01})
    assert (down.best, down.worst_standard, down.worst_robust) == ("a", "b", "b")
    assert (down.standard_gap, down.robust_gap) == pytest.approx((0.2, 0.04))


@pytest.mark.parametrize(
    ("robust", "higher"), [({"a": 0.9, "b": 0.85}, True), ({"a": 0.9, "b": 0.5}, True), ({"a": 0.7, "b": 0.7}, False)]
)
def test_a_rise_of_the_worst_is_not_levelling_down(robust, higher):
    assert not levelling_down({"a": 0.9, "b": 0.7}, robust, higher_is_better=higher).levelled_down


def test_levelling_down_of_attack_success():
    down = levelling_down({"a": 0.2, "b": 0.6}, {"a": 0.58, "b": 0.6}, higher_is_better=False)
    assert down.levelled_down


def test_swap_test_is_exact_for_a_single_discordant_kind():
    # One group's ten discordant rows all favour one model; the other group is the same in both.
    standard = np.concatenate([np.ones(30), np.ones(30)])
    robust = standard.copy()
    robust[:10] = 0
    result = swap_test(standard, robust, np.repeat([0, 1], 30), resamples=40_000)
    # |gap difference| is |10 - 2 k| / 30, k of ten coins: as large as observed only for k of 0 or 10.
    assert result.p_value == pytest.approx(2 * 0.5**10, abs=8e-4)
    assert result.value == pytest.approx(1 / 3)
    assert "these two trained models" in result.about


def test_swap_test_of_numbers_holds_its_level():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 50)
    values = [swap_test(generator.random(150), generator.random(150), labels, resamples=99).p_value for _ in range(200)]
    assert 0.01 <= np.mean(np.array(values) <= 0.1) <= 0.18
