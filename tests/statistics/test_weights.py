"""Means over rows that count by weights: an average of all rows from as many rows of each class."""

import numpy as np
import pytest
from scipy import stats

from fairtoll.errors import FairtollError
from fairtoll.statistics import group_changes, group_intervals, mean_worst, worst_difference

SHARE, RATES, EACH = 0.07, (0.9, 0.3), 60
WEIGHTS = np.repeat([2 * (1 - SHARE), 2 * SHARE], EACH)
TRUTH = (1 - SHARE) * RATES[0] + SHARE * RATES[1]


def draw(generator, rates=RATES, runs=1):
    return (generator.random((runs, 2 * EACH)) < np.repeat(rates, EACH)).astype(float)


def test_the_interval_of_a_weighted_mean_covers_that_of_all_rows():
    generator, trials = np.random.default_rng(0), 600
    found = [group_intervals(draw(generator), np.zeros(2 * EACH), weights=WEIGHTS)[0] for _ in range(trials)]
    covered = sum(TRUTH in one for one in found)
    assert stats.binom.ppf(1e-4, trials, 0.93) <= covered < trials
    # Not wider for nothing: the error of a stratified mean, written out.
    error = np.sqrt(sum(w**2 * p * (1 - p) / EACH for w, p in zip((1 - SHARE, SHARE), RATES, strict=True)))
    assert np.median([one.high - one.low for one in found]) < 1.15 * 2 * 1.98 * error
    # The plain mean of these rows is that of no rows but these.
    plain = [group_intervals(draw(generator), np.zeros(2 * EACH))[0] for _ in range(20)]
    assert not any(TRUTH in one for one in plain)


def test_changes_and_worst_groups_are_weighted_too():
    generator = np.random.default_rng(1)
    before, after = draw(generator, runs=3), draw(generator, (0.7, 0.5), runs=3)
    change = group_changes(before, after, np.zeros(2 * EACH), weights=WEIGHTS)[0]
    assert change.value == pytest.approx(float(((after - before) @ WEIGHTS).mean() / WEIGHTS.sum()))
    sides = np.arange(2 * EACH) % 2
    worst = [mean_worst(one, sides, weights=WEIGHTS) for one in (before, after)]
    for one, values in zip(worst, (before, after), strict=True):
        by_side = [values[:, sides == side] @ WEIGHTS[sides == side] / WEIGHTS[sides == side].sum() for side in (0, 1)]
        assert one.plain == pytest.approx(float(np.min(by_side, axis=0).mean()))
    moved = worst_difference(before, after, sides, weights=WEIGHTS)
    assert moved.value == pytest.approx(worst[1].value - worst[0].value)


def test_one_weight_for_all_rows_is_none():
    values, rows = draw(np.random.default_rng(2), runs=3), np.zeros(2 * EACH)
    one, other = group_intervals(values, rows, weights=np.full(2 * EACH, 2.0))[0], group_intervals(values, rows)[0]
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_a_worst_group_is_at_most_the_average_that_it_is_shown_beside():
    # A group too small to be one pulls the average of all rows below that of both others.
    right = np.concatenate([np.repeat([1.0, 0.0], [60, 40]), np.repeat([1.0, 0.0], [60, 40]), np.zeros(5)])[None]
    groups, average = np.repeat(["a", "b", "small"], [100, 100, 5]), float(right.mean())
    assert mean_worst(right, groups).value > average
    found = mean_worst(right, groups, average=average)
    assert found.value == pytest.approx(average)
    assert found.value in found.interval
    assert 0.6 in found.interval
    same = worst_difference(right, right, groups, averages=(average, average))
    assert (same.standard, same.value) == (found.value, 0.0)


@pytest.mark.parametrize("weights", [np.zeros(2 * EACH), np.ones(3), np.full(2 * EACH, np.nan)])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(FairtollError, match=r"weights .*; expected .*; "):
        group_intervals(draw(np.random.default_rng(0)), np.zeros(2 * EACH), weights=weights)
