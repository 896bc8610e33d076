"""Intervals are judged by simulation: coverage of nominal 95% and false "less fair" verdicts."""

import numpy as np
import pytest
from scipy import stats
from simulation import Scenario

from fairtoll.statistics import difference, gap_interval, group_intervals, systematic_difference

CORE = [("flat", "flat"), ("separated", "separated"), ("flat", "separated"), ("separated", "flat")]
NEAR = [("flat", "graded"), ("flat", "nearly tied"), ("nearly tied", "halves"), ("graded", "graded")]
DESIGNS = [(1, "rows"), *((runs, noise) for runs in (2, 3, 5, 10) for noise in ("rows", "runs"))]


def fewest(share, trials):
    """The count under which a true share would fall once in ten thousand times."""
    return stats.binom.ppf(1e-4, trials, share)


def run(scenario, trials, seed, systematic=False):
    generator = np.random.default_rng(seed)
    labels, truth = scenario.labels, scenario.systematic if systematic else scenario.truth
    compute = systematic_difference if systematic else difference
    found = [compute(*scenario.draw(generator), labels).interval for _ in range(trials)]
    covered = sum(truth in interval for interval in found)
    false_less_fair = sum(interval.low > max(truth, 0.0) for interval in found)
    return covered, false_less_fair


def judge(scenario, trials, seed, systematic=False):
    covered, false_less_fair = run(scenario, trials, seed, systematic)
    assert covered >= fewest(0.93, trials)
    assert trials - false_less_fair >= fewest(0.95, trials)


@pytest.mark.parametrize("groups", [2, 10])
@pytest.mark.parametrize(("runs", "noise"), [(1, "rows"), (2, "runs"), (3, "rows"), (5, "runs")])
@pytest.mark.parametrize(("standard", "robust"), CORE)
def test_coverage(standard, robust, runs, noise, groups):
    judge(Scenario(standard, robust, groups, runs, noise), trials=150, seed=runs)


@pytest.mark.parametrize(("runs", "noise"), [(3, "rows"), (5, "runs")])
@pytest.mark.parametrize(("standard", "robust"), CORE)
def test_coverage_of_the_systematic_part(standard, robust, runs, noise):
    judge(Scenario(standard, robust, 5, runs, noise), trials=150, seed=runs, systematic=True)


@pytest.mark.parametrize(("standard", "robust"), CORE)
def test_coverage_of_numbers_in_groups_of_uneven_size(standard, robust):
    judge(Scenario(standard, robust, 5, 3, "rows", kind="numbers", sizes=(450, 250, 183, 150, 130)), trials=150, seed=7)


@pytest.mark.parametrize("groups", [2, 10])
def test_coverage_where_runs_move_a_single_group_of_one_arm(groups):
    judge(Scenario("separated", "separated", groups, 3, "runs", lopsided=True), trials=150, seed=6)


@pytest.mark.parametrize(("standard", "robust"), NEAR)
def test_near_ties_are_paid_for(standard, robust):
    judge(Scenario(standard, robust, 10, 3, "rows"), trials=150, seed=8)


@pytest.mark.parametrize("noise", ["rows", "runs"])
def test_one_gap_and_single_groups(noise):
    trials, covered, inside = 200, 0, 0
    scenario = Scenario("flat", "separated", 5, 3, noise)
    generator = np.random.default_rng(9)
    expected = dict(enumerate(scenario.profile("separated")))
    for _ in range(trials):
        flat, apart = scenario.draw(generator)
        covered += gap_interval(flat, scenario.labels).low == 0.0
        found = group_intervals(apart, scenario.labels)
        inside += sum(expected[name] in interval for name, interval in found.items())
    assert covered >= fewest(0.94, trials)
    assert inside >= fewest(0.93, trials * 5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rates", "numbers"])
@pytest.mark.parametrize("groups", [2, 10])
@pytest.mark.parametrize(("runs", "noise"), DESIGNS)
@pytest.mark.parametrize(("standard", "robust"), CORE)
def test_coverage_of_every_design(standard, robust, runs, noise, groups, kind):
    judge(Scenario(standard, robust, groups, runs, noise, kind=kind), trials=600, seed=10 + runs)
