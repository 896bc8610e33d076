import numpy as np
import pytest
from scipy import stats

from fairtoll.statistics import bonferroni, gap_interval, group_intervals


def mean_interval(values, **options):
    """The interval of the mean of all rows: they are one group."""
    return group_intervals(values, ["all"] * np.shape(values)[-1], **options)["all"]


def test_a_single_run_of_numbers_is_the_t_interval():
    values = np.random.default_rng(0).exponential(size=40)
    oracle = stats.ttest_1samp(values, 0.0).confidence_interval(0.9)
    found = mean_interval(values, confidence=0.9)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high))


def test_a_single_run_of_rates_is_wilsons_interval():
    outcomes = np.repeat([1.0, 0.0], [700, 300])
    oracle = stats.binomtest(700, 1000).proportion_ci(method="wilson")
    found = mean_interval(outcomes)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=2e-4)


def test_runs_without_row_noise_give_the_t_interval_over_runs():
    runs = np.array([0.3, 0.9, 0.45, 1.7])
    oracle = stats.ttest_1samp(runs, 0.0).confidence_interval()
    found = mean_interval(np.repeat(runs[:, np.newaxis], 30, axis=1))
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high))


def test_all_right_is_not_known_without_error():
    found = group_intervals(np.ones(24), np.repeat("few", 24))["few"]
    assert found.high == 1.0
    assert 0.8 < found.low < 0.9


def test_two_groups_of_one_run_give_the_interval_of_two_proportions():
    first, second = np.repeat([1.0, 0.0], [1800, 200]), np.repeat([1.0, 0.0], [1400, 600])
    found = gap_interval(np.concatenate([first, second]), np.repeat([0, 1], 2000), confidence=0.95)
    reach = 1.96 * np.sqrt(0.9 * 0.1 / 2000 + 0.7 * 0.3 / 2000)
    assert found.low == pytest.approx(0.2 - reach, abs=2e-4)
    assert found.high == pytest.approx(0.2 + reach, abs=2e-4)


def test_the_lower_limit_for_many_groups_is_that_of_the_pair_that_differs_most():
    # One run: Welch's t interval of each pair, at an error that is shared by all six.
    generator = np.random.default_rng(1)
    samples = [generator.normal(mean, 1.0 + mean, 200) for mean in (0, 0, 0.1, 0.9)]
    labels = np.repeat(np.arange(4), 200)
    limits = [
        stats.ttest_ind(one, other, equal_var=False).confidence_interval(1 - 0.05 / 6)
        for place, one in enumerate(samples)
        for other in samples[:place]
    ]
    assert gap_interval(np.concatenate(samples), labels).low == pytest.approx(max(one.low for one in limits), rel=2e-3)


def test_equal_groups_seldom_show_a_gap():
    generator = np.random.default_rng(2)
    labels = np.repeat(np.arange(10), 300)
    above = [gap_interval(generator.random(3000) < 0.72, labels).low > 0 for _ in range(300)]
    # 5% nominal; 300 trials leave it under 9% but for a chance of one in a thousand.
    assert np.mean(above) < 0.09


def test_bonferroni():
    assert bonferroni(0.95, 1) == pytest.approx(0.95)
    assert bonferroni(0.95, 6) == pytest.approx(1 - 0.05 / 6)
