import numpy as np
import pytest
from scipy import stats

from fairtoll.statistics import group_changes


def test_one_run_is_the_paired_t_interval_of_each_group():
    generator = np.random.default_rng(0)
    standard, robust = generator.normal(size=300), generator.normal(0.2, 1.0, 300)
    labels = np.repeat(["a", "b"], [100, 200])
    found = group_changes(standard, robust, labels)
    for name in ("a", "b"):
        oracle = stats.ttest_rel(robust[labels == name], standard[labels == name], alternative="greater")
        both = stats.ttest_rel(robust[labels == name], standard[labels == name]).confidence_interval()
        assert found[name].p_value == pytest.approx(oracle.pvalue, rel=1e-6)
        assert (found[name].interval.low, found[name].interval.high) == pytest.approx((both.low, both.high))


@pytest.mark.parametrize("paired", [False, True])
def test_without_row_noise_it_is_the_t_test_over_runs(paired):
    generator = np.random.default_rng(1)
    standard, robust = generator.normal(size=(6, 1)), generator.normal(size=(6, 1))
    robust += 0.9 * standard
    found = group_changes(np.repeat(standard, 30, axis=1), np.repeat(robust, 30, axis=1), ["all"] * 30, paired=paired)
    if paired:
        oracle = stats.ttest_rel(robust[:, 0], standard[:, 0]).confidence_interval()
        assert (found["all"].interval.low, found["all"].interval.high) == pytest.approx((oracle.low, oracle.high))
    variances = [np.var(robust - standard, ddof=1)] if paired else [np.var(one, ddof=1) for one in (standard, robust)]
    assert found["all"].standard_error == pytest.approx(np.sqrt(sum(variances) / 6))


def test_coverage_with_runs_rows_and_pairs():
    generator = np.random.default_rng(2)
    labels, covered, trials = np.repeat([0, 1], [60, 300]), 0, 300
    for _ in range(trials):
        difficulty, own = generator.standard_normal(360), generator.standard_normal((8, 2))
        standard, robust = (
            (difficulty + 0.5 * generator.standard_normal((8, 360)) + 0.1 * own[:, labels] < cut).astype(float)
            for cut in (0.5, 0.0)
        )
        scale = np.sqrt(1 + 0.25 + 0.01)
        truth = stats.norm.cdf(0.0) - stats.norm.cdf(0.5 / scale)
        found = group_changes(standard, robust, labels, paired=True)
        covered += sum(truth in one.interval for one in found.values())
    assert covered >= stats.binom.ppf(1e-4, 2 * trials, 0.93)
