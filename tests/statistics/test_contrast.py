"""Weighted sums of group means beside scipy's tests, a simulation of their coverage, and bad input."""

import numpy as np
import pytest
from scipy import stats

from fairtoll import FairtollError
from fairtoll.statistics import InsufficientDataError, contrast, paired_estimate

GROUPS = np.repeat(["a", "b"], 300)
AB = {"a": 1.0, "b": -1.0}


def test_one_run_is_welchs_test():
    generator = np.random.default_rng(1)
    values = np.concatenate([generator.normal(0.3, 1, 300), generator.normal(0, 2, 300)])
    found = contrast(values, GROUPS, AB, rates=False)
    expected = stats.ttest_ind(values[:300], values[300:], equal_var=False, alternative="greater")
    assert found.value == pytest.approx(values[:300].mean() - values[300:].mean())
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.01)
    low, high = stats.ttest_ind(values[:300], values[300:], equal_var=False).confidence_interval()
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-3)


def test_two_arms_on_the_same_rows_are_the_paired_test():
    generator = np.random.default_rng(2)
    first = generator.normal(size=600)
    second = first + generator.normal(0.05, 0.2, size=600)
    found = contrast(second, GROUPS, {"a": 1.0}, minus=first, rates=False)
    expected = stats.ttest_rel(second[:300], first[:300], alternative="greater")
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.01)


def test_runs_alone_are_the_one_sample_test():
    per_run = np.array([0.11, 0.02, 0.13, 0.05, 0.08])
    found = paired_estimate(per_run, 0.0)
    expected = stats.ttest_1samp(per_run, 0.0, alternative="greater")
    # Few runs count for fewer degrees of freedom than the test has.
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.02)
    assert found.interval.low <= stats.ttest_1samp(per_run, 0.0).confidence_interval().low + 1e-9


def test_an_allowance_widens_its_side_and_the_p_value():
    plain, allowed = paired_estimate([0.1, 0.2, 0.3], 0.0), paired_estimate([0.1, 0.2, 0.3], 0.0, below=0.05)
    assert allowed.interval.low == pytest.approx(plain.interval.low - 0.05)
    assert allowed.interval.high == plain.interval.high
    assert allowed.p_value > plain.p_value


def test_pairing_takes_out_what_runs_share():
    generator = np.random.default_rng(3)
    shift = generator.normal(0, 0.2, (6, 1)) * np.where(GROUPS == "a", 1, -1)
    first = shift + generator.normal(0, 0.1, (6, 600))
    second = shift + generator.normal(0.02, 0.1, (6, 600))
    paired = contrast(second, GROUPS, AB, minus=first, paired=True, rates=False)
    apart = contrast(second, GROUPS, AB, minus=first, rates=False)
    assert paired.value == pytest.approx(apart.value)
    assert paired.standard_error < apart.standard_error / 5


@pytest.mark.parametrize("paired", [True, False])
def test_coverage(paired):
    generator = np.random.default_rng(4)
    hits = 0
    for _ in range(300):
        rows = generator.normal(0, 1, 600)
        runs = generator.normal(0, 0.05, (5, 1)) * np.where(GROUPS == "a", 1.0, 0.0)
        first = rows + runs + generator.normal(0, 0.3, (5, 600))
        second = rows + 0.1 + runs * paired + generator.normal(0, 0.05, (5, 1)) + generator.normal(0, 0.3, (5, 600))
        hits += 0.1 in contrast(second, GROUPS, {"a": 1.0}, minus=first, paired=paired, rates=False).interval
    assert stats.binomtest(hits, 300).proportion_ci(0.999).high >= 0.95
    assert hits / 300 <= 0.995


def test_bad_input():
    values = np.ones((2, 600))
    with pytest.raises(InsufficientDataError, match="weights name c"):
        contrast(values, GROUPS, {"c": 1.0})
    with pytest.raises(FairtollError, match="paired arms have 2 and 3"):
        contrast(values, GROUPS, AB, minus=np.ones((3, 600)), paired=True)
    with pytest.raises(FairtollError, match="confidence"):
        contrast(values, GROUPS, AB, confidence=95)
