"""Numbers that are no rates, such as least epsilon: any unit will do, and intervals hold the truth in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairtoll.errors import FairtollError
from fairtoll.statistics import difference, gap_interval, group_intervals, null_gap, swap_test

UNIT = 0.002


def radii(generator, labels, factors, runs, *, wrong=0.3):
    """Least epsilons of one arm `(S, N)`: log-normal, 0 for misclassified rows, each group times its factor.

    A group's mean is `UNIT * exp(0.5) * (1 - wrong)` times its factor; runs share their rows and move groups.
    """
    difficulty = np.sqrt(0.9) * generator.standard_normal(len(labels))
    difficulty = difficulty + np.sqrt(0.1) * generator.standard_normal((runs, len(labels)))
    moved = np.exp(0.05 * generator.standard_normal((runs, len(factors))) - 0.05**2 / 2) * factors
    return np.where(generator.random(len(labels)) < wrong, 0.0, UNIT * np.exp(difficulty)) * moved[:, labels]


def all_of(standard, robust, labels, **options):
    """Every number that the statistics give, as one array."""
    found = difference(standard, robust, labels, **options)
    one = gap_interval(robust, labels, **options)
    null = null_gap(robust, labels, resamples=200)
    groups = [limit for each in group_intervals(robust, labels, **options).values() for limit in (each.low, each.high)]
    return np.array(
        [
            found.value, found.interval.low, found.interval.high, found.plain, found.least_detectable(0.0),
            found.standard_error, found.standard, found.robust, one.low, one.high, null.mean,
            null.q95, *groups,
        ]
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    runs=st.integers(1, 4),
    groups=st.integers(2, 6),
    exponent=st.floats(-9, 9),
    kind=st.sampled_from(["radii", "zeros and ones", "all alike"]),
)
def test_another_unit_scales_every_number(seed, runs, groups, exponent, kind):
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(40 * groups) % groups)
    arms = [radii(generator, labels, np.linspace(1, top, groups), runs) / UNIT for top in (1.5, 3.0)]
    if kind == "zeros and ones":
        arms = [(arm > 1).astype(float) for arm in arms]
    elif kind == "all alike":
        arms = [np.ones_like(arm) for arm in arms]
    unit = 10.0**exponent
    here = all_of(*arms, labels, rates=False)
    there = all_of(*(unit * arm for arm in arms), labels, rates=False)
    np.testing.assert_allclose(there, unit * here, rtol=1e-6, atol=unit * 1e-9)


def test_the_p_value_and_the_freedom_have_no_unit():
    generator = np.random.default_rng(0)
    labels = np.arange(300) % 3
    arms = [radii(generator, labels, np.array([1.0, 1.0, top]), 3) for top in (1.5, 1.9)]
    here, there = (difference(*(unit * arm for arm in arms), labels, rates=False) for unit in (1.0, 1e-6))
    assert there.p_value == pytest.approx(here.p_value)
    assert there.degrees_of_freedom == pytest.approx(here.degrees_of_freedom)


def test_the_swap_test_has_no_unit():
    generator = np.random.default_rng(1)
    labels = np.arange(60) % 2
    standard = generator.integers(0, 3, 60).astype(float)
    arms = standard, standard + (generator.random(60) < 0.4) * (labels == 1)
    values = [swap_test(*(unit * arm for arm in arms), labels, resamples=500).p_value for unit in (1.0, 1e-13)]
    assert values[0] == values[1] < 0.5


def test_zeros_and_ones_that_are_no_rates_have_the_t_interval():
    values = np.repeat([0.0, 1.0], [30, 10])  # least epsilons: misclassified, or 1 in the threat's unit
    oracle = stats.ttest_1samp(values, 0.0).confidence_interval()
    found = group_intervals(values, ["all"] * 40, rates=False)["all"]
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high))
    assert group_intervals(values, ["all"] * 40)["all"].low == pytest.approx(
        stats.binomtest(10, 40).proportion_ci(method="wilson").low, abs=0.01
    )


def test_fractions_of_rows_that_are_rates_stay_between_0_and_1():
    shares = np.tile(np.repeat([1.0, 0.75], [58, 2]), (3, 1))
    (found,) = group_intervals(shares, np.repeat("few", 60), rates=True).values()
    assert 0 <= found.low < shares.mean() < found.high <= 1
    alike = difference(np.ones((3, 40)), np.ones((3, 40)), np.arange(40) % 2, rates=True)
    assert alike.interval.low < 0 < alike.interval.high  # never known without error


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_rates_lie_between_0_and_1(value):
    values = np.full((2, 40), 0.5)
    values[0, 0] = value
    labels = np.arange(40) % 2
    for call in (
        lambda: difference(np.ones((2, 40)), values, labels, rates=True),
        lambda: gap_interval(values, labels, rates=True),
        lambda: group_intervals(values, labels, rates=True),
    ):
        with pytest.raises(FairtollError, match=r"runs from .* expected rates, from 0 to 1; give rates=False"):
            call()


def fewest(share, trials):
    """The count under which a true share would fall once in ten thousand times."""
    return stats.binom.ppf(1e-4, trials, share)


@pytest.mark.parametrize(("groups", "rows"), [(2, 40), (10, 100)])
@pytest.mark.parametrize(("standard", "robust"), [(1.0, 1.0), (1.0, 3.0), (3.0, 1.0), (3.0, 3.0)])
def test_coverage(standard, robust, groups, rows):
    generator = np.random.default_rng(8)
    labels = np.repeat(np.arange(groups), rows)
    factors = [np.append(np.ones(groups - 1), top) for top in (standard, robust)]
    truth = (robust - standard) * UNIT * np.exp(0.5) * 0.7
    trials, covered, false_less_fair, silent = 120, 0, 0, 0
    for _ in range(trials):
        arms = [radii(generator, labels, factor, 3) for factor in factors]
        interval = difference(*arms, labels, rates=False).interval
        covered += truth in interval
        false_less_fair += interval.low > max(truth, 0.0)
        silent += gap_interval(arms[0], labels, rates=False).low == 0.0
    assert covered >= fewest(0.93, trials)
    assert trials - false_less_fair >= fewest(0.95, trials)
    if standard == 1.0:
        assert silent >= fewest(0.94, trials)
