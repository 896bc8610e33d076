"""The worst group: each run's own, without the noise of its rows."""

import numpy as np
import pytest
from scipy import stats
from simulation import Scenario

from fairtoll.errors import FairtollError
from fairtoll.statistics import InsufficientDataError, mean_worst, worst_difference

GROUPS = np.repeat(["a", "b"], 1000)


def with_rates(a, b):
    """Outcomes of exactly these rates in both groups, `(S, 2000)`."""
    place = np.arange(1000) / 1000
    return np.stack([np.concatenate([place < x, place < y]) for x, y in zip(a, b, strict=True)]).astype(float)


def test_runs_that_disagree_have_each_their_own_worst_group():
    # In the mean over runs both groups have 0.7; no model has a group better than 0.5 as its worst one.
    found = mean_worst(with_rates([0.9, 0.5, 0.9, 0.5], [0.5, 0.9, 0.5, 0.9]), GROUPS)
    assert found.value == pytest.approx(0.5, abs=1e-3)
    assert found.plain == pytest.approx(0.5)
    assert found.per_run == pytest.approx([0.5] * 4, abs=1e-3)


def test_equal_groups_are_not_made_worse_by_the_noise_of_their_rows():
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 100)
    found = [mean_worst(generator.random((3, 1000)) < 0.7, groups) for _ in range(60)]
    assert np.mean([one.plain for one in found]) < 0.66
    assert np.mean([one.value for one in found]) == pytest.approx(0.7, abs=0.01)


def test_a_difference_is_the_difference_of_both_values():
    standard, robust = with_rates([0.9, 0.8, 0.9], [0.7, 0.7, 0.6]), with_rates([0.6, 0.7, 0.6], [0.8, 0.8, 0.9])
    found = worst_difference(standard, robust, GROUPS, paired=True)
    assert found.standard == mean_worst(standard, GROUPS).value
    assert found.robust == mean_worst(robust, GROUPS).value
    assert (found.standard_lowest, found.robust_lowest) == ("b", "a")
    assert worst_difference(robust, standard, GROUPS, paired=True).value == -found.value


def test_no_worst_group_is_better_than_the_average_of_the_same_rows():
    generator = np.random.default_rng(1)
    groups, held = np.repeat(np.arange(4), [400, 50, 50, 50]), 0
    for _ in range(60):
        right = generator.random((3, 550)) < 0.7
        found, average = mean_worst(right, groups), right.mean()
        assert found.value <= average + 1e-12
        assert np.mean(found.per_run) == pytest.approx(found.value, abs=1e-12)
        assert found.value in found.interval
        held += found.value > average - 1e-9
    assert 10 < held < 50  # noise is held back where it points upwards, and there alone


def test_rows_that_do_not_count_are_not_in_the_average():
    groups = np.repeat(["a", "b"], 100)
    included = np.ones((1, 200), dtype=bool)
    included[0, 180:] = False  # of these, all wrong, none counts: without them both groups have exactly 0.5
    right = np.tile([1.0, 0.0], 100)
    right[180:] = 0.0
    found = mean_worst(right, groups, included=included)
    assert found.value == pytest.approx(0.5, abs=1e-9)
    # Groups of exactly the same rate: all that noise adds is taken off.
    assert mean_worst(np.tile([1.0, 0.0], 100), groups).value == pytest.approx(0.5, abs=1e-12)


def test_the_difference_of_arms_held_to_their_averages_is_that_of_what_is_shown():
    generator = np.random.default_rng(2)
    groups = np.repeat(np.arange(4), 100)
    for _ in range(40):
        standard, robust = generator.random((2, 3, 400)) < 0.7
        found = worst_difference(standard, robust, groups)
        one, other = mean_worst(standard, groups), mean_worst(robust, groups)
        assert (found.standard, found.robust) == (one.value, other.value)
        assert found.value in found.interval


@pytest.mark.parametrize(("shape", "noise"), [("flat", "rows"), ("nearly tied", "rows"), ("separated", "runs")])
def test_coverage(shape, noise):
    scenario, trials = Scenario(shape, shape, 5, 5, noise), 150
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(trials):
        interval = mean_worst(scenario.draw(generator)[0], scenario.labels).interval
        covered += scenario.worst[0] in interval
    assert covered >= stats.binom.ppf(1e-4, trials, 0.93)


@pytest.mark.parametrize("pair", [("flat", "separated"), ("nearly tied", "halves"), ("flat", "flat")])
def test_coverage_of_a_difference(pair):
    scenario, trials = Scenario(*pair, 5, 5, "rows"), 100
    generator, truth = np.random.default_rng(4), scenario.worst[1] - scenario.worst[0]
    found = [worst_difference(*scenario.draw(generator), scenario.labels).interval for _ in range(trials)]
    assert sum(truth in one for one in found) >= stats.binom.ppf(1e-4, trials, 0.93)


def test_bad_input_is_refused():
    with pytest.raises(InsufficientDataError, match="1 groups of 1 have 10 rows"):
        mean_worst([1.0] * 20, ["a"] * 20)
    with pytest.raises(FairtollError, match="paired arms have 1 and 2 training runs; expected the same runs"):
        worst_difference(np.ones((1, 40)), np.ones((2, 40)), ["a", "b"] * 20, paired=True)


def test_a_group_with_nothing_right_has_0_and_no_less():
    right = np.stack([np.repeat([1.0, 0.0], [30, 13])] * 3)
    found = mean_worst(right, np.repeat(["a", "b"], [30, 13]))
    assert (found.value, found.per_run) == (0.0, (0.0, 0.0, 0.0))
    assert not np.signbit([found.value, *found.per_run]).any()  # -0.0 is written as "-0.0"
    moved = worst_difference(right, right, np.repeat(["a", "b"], [30, 13]))
    assert not np.signbit([moved.standard, moved.robust]).any()
