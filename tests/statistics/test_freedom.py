"""Intervals whose error is in part known from few runs, at confidences widened for many looks and comparisons."""

import numpy as np
import pytest
from scipy import stats

from fairtoll.statistics import difference


@pytest.mark.parametrize("moved", [1.0, 2.0])
def test_five_paired_runs_keep_the_error_of_a_widened_interval(moved):
    # Real outcomes of two groups: the difference of gaps has a run part and a row part of this ratio.
    generator, trials, missed, confidence = np.random.default_rng(0), 2000, 0, 0.99
    labels = np.repeat([0, 1], 20)
    for _ in range(trials):
        rows = generator.standard_normal(40)
        standard = np.zeros((5, 40)) + 10.0 * labels
        robust = standard + rows + moved / np.sqrt(20) * np.sqrt(5) * generator.standard_normal((5, 2))[:, labels]
        found = difference(standard, robust, labels, paired=True, confidence=confidence, rates=False)
        missed += 0.0 not in found.interval
    low = stats.binomtest(missed, trials).proportion_ci(method="exact").low
    assert low <= 1 - confidence


def test_the_p_value_is_that_of_the_t_test_far_out_and_near_the_middle():
    generator = np.random.default_rng(1)
    labels = np.repeat([0, 1], 10)
    for shift in (0.05, 0.5, 3.0):
        runs = np.array([0.0, 10.0]) + 0.2 * generator.standard_normal((8, 2))
        standard, robust = np.repeat(runs, 10, axis=1), np.repeat(runs + np.array([0.0, shift]), 10, axis=1)
        robust = robust + 0.1 * np.repeat(generator.standard_normal((8, 2)), 10, axis=1)
        found = difference(standard, robust, labels, paired=True, rates=False)
        gaps = [np.diff(arm[:, [0, 10]], axis=1)[:, 0] for arm in (standard, robust)]
        oracle = stats.ttest_rel(gaps[1], gaps[0], alternative="greater").pvalue
        assert found.p_value == pytest.approx(oracle, rel=1e-6)


def test_two_runs_that_hardly_differ_have_a_p_value():
    labels, runs = np.repeat([0, 1], 10), np.array([[0.0, 1.0], [0.0, 1.0 + 1e-9]])
    standard = np.repeat(runs, 10, axis=1)
    found = difference(standard, standard + labels, labels, paired=True, rates=False)
    assert 0 <= found.p_value < 1e-3
    assert found.interval.low > 0.9
