"""One arm's mean gap: its parts, equal groups, and small groups at the extremes."""

import numpy as np
import pytest
from scipy import stats
from simulation import UNEVEN, Scenario

from fairtoll.errors import FairtollError
from fairtoll.statistics import gap_interval, mean_gap


def test_several_runs_are_the_mean_of_their_own_gaps():
    generator = np.random.default_rng(2)
    groups = np.repeat(["a", "b", "c"], [50, 80, 200])
    outcomes = (
        generator.normal(size=(4, 330)) + 0.3 * generator.normal(size=(4, 3))[:, np.repeat([0, 1, 2], [50, 80, 200])]
    )
    found = mean_gap(outcomes, groups)
    single = [mean_gap(run, groups) for run in outcomes]
    assert found.per_run == pytest.approx([one.value for one in single])
    assert found.value == pytest.approx(np.mean([one.value for one in single]))
    assert found.plain == pytest.approx(np.mean([one.plain for one in single]))
    means = [[run[groups == name].mean() for name in "abc"] for run in outcomes]
    assert found.plain_per_run == pytest.approx(np.ptp(means, axis=1))
    assert found.runs == 4


def test_equal_groups_have_a_gap_of_zero_on_average_where_the_plain_one_grows():
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(5), 100)
    found = [mean_gap(generator.normal(size=500), groups) for _ in range(200)]
    # Standard deviation 0.1 or so of each: 0.007 of the mean.
    assert np.mean([one.value for one in found]) == pytest.approx(0.0, abs=0.03)
    # The expected range of five means: 2.326 standard errors of 0.1.
    assert np.mean([one.plain for one in found]) == pytest.approx(0.2326, abs=0.02)


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(FairtollError, match="expected a number between 0 and 1"):
        mean_gap(np.zeros(40), np.repeat([0, 1], 20), confidence=confidence)


@pytest.mark.parametrize("runs", [1, 5])
def test_its_interval_holds_the_gap_of_small_groups_at_the_extremes(runs):
    """A group of 15 rows is lowest: half of its information often misses it, and the value falls short."""
    scenario, trials = Scenario("separated", "separated", 5, runs, "rows", sizes=UNEVEN), 200
    generator = np.random.default_rng(4)
    found = [mean_gap(scenario.draw(generator)[0], scenario.labels).interval for _ in range(trials)]
    assert sum(scenario.gaps[0] in interval for interval in found) >= stats.binom.ppf(1e-4, trials, 0.93)


@pytest.mark.parametrize(("runs", "noise", "options"), [
    (3, "rows", {"sizes": UNEVEN}), (3, "rows", {"spread": 6.0}), (5, "rows", {"spread": 6.0}), (3, "runs", {}),
])  # fmt: skip
def test_equal_groups_seldom_have_a_systematic_gap_above_0(runs, noise, options):
    """Also where one is small, or moved further by runs than the others."""
    scenario, trials = Scenario("flat", "flat", 5, runs, noise, **options), 200
    generator = np.random.default_rng(5)
    silent = sum(gap_interval(scenario.draw(generator)[0], scenario.labels).low == 0.0 for _ in range(trials))
    assert stats.binomtest(silent, trials).proportion_ci(method="exact").high >= 0.95
