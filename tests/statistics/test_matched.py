"""Gaps at an equal level, read between strengths: against hand-computed ones, and coverage by simulation."""

import numpy as np
import pytest
from scipy import stats
from simulation import LEVEL, Curves

from fairtoll.errors import FairtollError
from fairtoll.statistics import Strengths, difference, level_range, matched_differences

GROUPS = np.repeat([0, 1], 1000)
PLACE = np.arange(1000) / 1000


def with_gap(gaps):
    """Outcomes of 0.8 in one group and `gaps` less in the other, `(S, 2000)`."""
    return np.stack([np.concatenate([PLACE < 0.8, 0.8 - gap > PLACE]) for gap in gaps]).astype(float)


def at_level(levels):
    """Rows that are robust: the same share of both groups."""
    return np.stack([np.concatenate([one > PLACE, one > PLACE]) for one in levels]).astype(float)


def recipe(gaps, levels):
    """A recipe of known gaps and levels, each (strengths, runs)."""
    return Strengths([with_gap(one) for one in gaps], [at_level(one) for one in levels])


def test_gaps_are_read_on_the_line_between_two_strengths_in_each_run():
    # At 0.5 run 1 lies halfway between 0.4 and 0.6, run 2 a quarter of the way, run 3 at its second strength.
    found = recipe([[0.2, 0.2, 0.3], [0.4, 0.4, 0.3]], [[0.4, 0.45, 0.2], [0.6, 0.65, 0.5]])
    (one,) = matched_differences(with_gap([0.1, 0.2, 0.3]), found, GROUPS, levels=[0.5])
    assert one.robust_per_run == pytest.approx([0.3, 0.25, 0.3], abs=2e-3)
    assert one.standard_per_run == pytest.approx([0.1, 0.2, 0.3], abs=2e-3)
    assert one.value == pytest.approx((0.2 + 0.05 + 0.0) / 3, abs=2e-3)


def test_a_level_that_a_run_does_not_reach_is_not_extrapolated():
    found = recipe([[0.2, 0.2], [0.4, 0.4]], [[0.4, 0.3], [0.6, 0.5]])
    assert level_range(found.reached) == pytest.approx((0.4, 0.5))
    answers = matched_differences(with_gap([0.1, 0.1]), found, GROUPS, levels=[0.35, 0.45, 0.55])
    assert [one is None for one in answers] == [True, False, True]
    assert level_range([at_level([0.2, 0.6]), at_level([0.3, 0.7])]) is None


def test_where_the_level_is_passed_twice_the_weaker_strengths_are_taken():
    found = recipe([[0.1], [0.2], [0.4]], [[0.4], [0.6], [0.4]])
    (one,) = matched_differences(with_gap([0.0]), found, GROUPS, levels=[0.5])
    assert one.robust == pytest.approx(0.15, abs=5e-3)


def test_at_the_level_of_a_strength_it_is_the_difference_of_that_arm():
    generator = np.random.default_rng(0)
    arms = [(generator.random((5, 2000)) < np.where(GROUPS == 0, 0.9, b)).astype(float) for b in (0.85, 0.8, 0.7)]
    # The level is the same in every run, and no row moves it: what is left is the second strength.
    levels = [np.tile(at_level([one]), (5, 1)) for one in (0.4, 0.5)]
    (one,) = matched_differences(arms[0], Strengths(arms[1:], levels), GROUPS, levels=[0.5])
    same = difference(arms[0], arms[2], GROUPS, paired=True)
    assert one.value == pytest.approx(same.value)
    # Where the level lies is not known exactly: of 2,000 rows half are robust, and the gap rises by `slope` with it.
    slope = (same.robust - difference(arms[0], arms[1], GROUPS, paired=True).robust) / 0.1
    assert one.standard_error == pytest.approx(np.hypot(same.standard_error, slope * np.sqrt(0.25 / 2000)), rel=0.05)


def test_two_recipes_at_a_level_differ_as_their_tolls_do():
    standard = with_gap([0.1, 0.12, 0.08])
    first = recipe([[0.2] * 3, [0.4] * 3], [[0.4] * 3, [0.6] * 3])
    second = recipe([[0.3] * 3, [0.4] * 3], [[0.3] * 3, [0.7] * 3])
    tolls = [matched_differences(standard, one, GROUPS, levels=[0.5])[0].value for one in (first, second)]
    (between,) = matched_differences(first, second, GROUPS, levels=[0.5])
    assert between.value == pytest.approx(tolls[1] - tolls[0])
    assert between.value == pytest.approx(0.05, abs=2e-3)


def test_rows_that_were_not_attacked_have_no_part_in_the_level():
    attacked = np.arange(2000) % 2 == 0
    found = recipe([[0.2], [0.4]], [[0.4], [0.6]])
    hidden = [np.where(attacked, one, 0.0) for one in found.reached]
    limited = Strengths(found.outcomes, hidden, counted=attacked)
    assert level_range(hidden, counted=attacked) == pytest.approx((0.4, 0.6))
    (one,) = matched_differences(with_gap([0.1]), limited, GROUPS, levels=[0.5])
    assert one.value == pytest.approx(0.2, abs=5e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Strengths([[1.0]], [[1.0]]), "has 1 strengths; expected 2 or more"),
        (lambda: Strengths([[1.0], [1.0]], [[1.0]]), "1 strengths with levels; expected 2"),
        (
            lambda: matched_differences(
                with_gap([0.1]), recipe([[0.2] * 2] * 2, [[0.4] * 2, [0.6] * 2]), GROUPS, levels=[0.5]
            ),
            "has 2 training runs; expected 1",
        ),
        (lambda: level_range([np.ones((1, 4)), np.ones((2, 4))]), "expected the same"),
        (lambda: level_range([np.ones((1, 4))] * 2, counted=np.zeros(4, dtype=bool)), "counted has no row"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(FairtollError, match=message):
        call()


def covered(gaps, groups, runs, deviation, *, trials):
    """How often intervals hold the truth, and how often all of one lies above it."""
    curves, generator = Curves(gaps, groups, runs, deviation), np.random.default_rng(4)
    inside = above = 0
    for _ in range(trials):
        right, robust = curves.draw(generator)
        (found,) = matched_differences(right[0], Strengths(right[1:], robust[1:]), curves.labels, levels=[LEVEL])
        inside += curves.truth in found.interval
        above += found.interval.low > curves.truth
    return inside, above


def test_intervals_hold_a_known_toll():
    inside, _ = covered((0.04, 0.06, 0.14, 0.18), 2, 5, 0.01, trials=60)
    assert inside >= stats.binom.ppf(1e-4, 60, 0.93)


@pytest.mark.slow
@pytest.mark.parametrize("gaps", [(0, 0, 0, 0), (0.04, 0.06, 0.14, 0.18), (0.04, 0.05, 0.25, 0.3)])
@pytest.mark.parametrize(("runs", "deviation"), [(3, 0.02), (5, 0.005), (5, 0.04), (10, 0.02)])
@pytest.mark.parametrize("groups", [2, 5])
def test_coverage(gaps, groups, runs, deviation):
    trials = 150
    inside, above = covered(gaps, groups, runs, deviation, trials=trials)
    assert inside >= stats.binom.ppf(1e-4, trials, 0.93)
    assert trials - above >= stats.binom.ppf(1e-4, trials, 0.95)
