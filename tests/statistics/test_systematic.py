import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairtoll.statistics import systematic_difference


def arms(seed=0, runs=3, rows=900, groups=3):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, groups, rows)
    standard = generator.random((runs, rows)) < 0.8 - 0.05 * labels
    robust = generator.random((runs, rows)) < 0.8 - 0.15 * labels
    return standard.astype(float), robust.astype(float), labels


def test_one_run_of_separated_groups_is_the_textbook_interval():
    # Four independent rates p_ag: (p_10 - p_11) - (p_00 - p_01) with the unpooled normal interval.
    generator = np.random.default_rng(0)
    rows, rates = 4000, {("s", 0): 0.9, ("s", 1): 0.7, ("r", 0): 0.8, ("r", 1): 0.4}
    values = {key: (generator.random(rows) < rate).astype(float) for key, rate in rates.items()}
    standard = np.concatenate([values["s", 0], values["s", 1]])
    robust = np.concatenate([values["r", 0], values["r", 1]])
    # Outcomes are drawn apart, but by chance not quite uncorrelated: the pairing is in the textbook's too.
    means = {key: value.mean() for key, value in values.items()}
    variance = sum(np.var(values["r", g] - values["s", g], ddof=1) / rows for g in (0, 1))
    estimate = (means["r", 0] - means["r", 1]) - (means["s", 0] - means["s", 1])
    found = systematic_difference(standard, robust, np.repeat([0, 1], rows))
    reach = stats.norm.ppf(0.975) * np.sqrt(variance)
    assert found.value == pytest.approx(estimate, abs=1e-9)
    assert found.interval.low == pytest.approx(estimate - reach, rel=2e-3)
    assert found.interval.high == pytest.approx(estimate + reach, rel=2e-3)
    unpaired = sum(mean * (1 - mean) / rows for mean in means.values())
    assert found.standard_error == pytest.approx(np.sqrt(unpaired), rel=0.03)


def test_without_row_noise_it_is_the_t_interval_of_independent_runs():
    # Real outcomes, equal in all rows of a group: what is left is Welch's t interval over runs.
    generator = np.random.default_rng(1)
    standard_runs = np.array([0.0, 5.0]) + 0.1 * generator.standard_normal((4, 2))
    robust_runs = np.array([0.0, 9.0]) + 0.3 * generator.standard_normal((4, 2))
    labels = np.repeat([0, 1], 50)
    found = systematic_difference(np.repeat(standard_runs, 50, axis=1), np.repeat(robust_runs, 50, axis=1), labels)
    oracle = stats.ttest_ind(
        robust_runs[:, 1] - robust_runs[:, 0], standard_runs[:, 1] - standard_runs[:, 0], equal_var=False
    )
    interval = oracle.confidence_interval()
    assert found.interval.low == pytest.approx(interval.low, rel=1e-6)
    assert found.interval.high == pytest.approx(interval.high, rel=1e-6)
    assert found.p_value == pytest.approx(oracle.pvalue / 2, rel=1e-6)
    assert found.degrees_of_freedom == pytest.approx(oracle.df, rel=1e-6)


def test_the_standard_error_is_that_of_resampled_rows_and_runs():
    # The variance of runs and rows, by resampling the same rows in every run of both arms.
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1], 1500)
    difficulty = generator.standard_normal(3000)

    def draw(rates):
        shift = 0.02 * generator.standard_normal((12, 2))
        cut = stats.norm.ppf(np.asarray(rates) + shift)[:, labels]
        return (difficulty + 0.4 * generator.standard_normal((12, 3000)) < cut).astype(float)

    standard, robust = draw([0.5, 0.85]), draw([0.4, 0.9])

    def plain(arm, picked, runs):
        means = [arm[runs][:, chosen].mean() for chosen in picked]
        return means[1] - means[0]

    drawn = []
    for _ in range(1500):
        picked = [generator.integers(0, 1500, 1500) + 1500 * group for group in (0, 1)]
        first, second = generator.integers(0, 12, 12), generator.integers(0, 12, 12)
        drawn.append(plain(robust, picked, second) - plain(standard, picked, first))
    assert systematic_difference(standard, robust, labels).standard_error == pytest.approx(np.std(drawn), rel=0.1)


def test_masks_are_the_means_of_the_rows_that_count():
    standard, robust, labels = arms(rows=3000, groups=2)
    counts = np.random.default_rng(1).random(standard.shape) < 0.7
    found = systematic_difference(standard, robust, labels, standard_included=counts)
    plain = [
        np.ptp(
            [np.mean([run[mask & (labels == g)].mean() for run, mask in zip(arm, masks, strict=True)]) for g in (0, 1)]
        )
        for arm, masks in ((robust, np.full_like(counts, True)), (standard, counts))
    ]
    assert found.plain == pytest.approx(plain[0] - plain[1])
    whole = systematic_difference(standard, robust, labels)
    assert found.standard_error > whole.standard_error


def test_a_mask_of_whole_rows_is_dropping_them():
    standard, robust, labels = arms(rows=3000, groups=2)
    kept = np.arange(3000) % 3 > 0
    mask = np.tile(kept, (3, 1))
    masked = systematic_difference(standard, robust, labels, standard_included=mask, robust_included=mask)
    dropped = systematic_difference(standard[:, kept], robust[:, kept], labels[kept])
    assert masked.value == pytest.approx(dropped.value, abs=1e-3)
    assert masked.standard_error == pytest.approx(dropped.standard_error, rel=0.01)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), runs=st.integers(1, 5), groups=st.integers(2, 5))
def test_exchanging_the_arms_changes_the_sign(seed, runs, groups):
    standard, robust, labels = arms(seed, runs=runs, groups=groups)
    there, back = systematic_difference(standard, robust, labels), systematic_difference(robust, standard, labels)
    assert there.value == pytest.approx(-back.value)
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.interval.high == pytest.approx(-back.interval.low)
    assert there.plain == pytest.approx(-back.plain)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(4)))
def test_names_of_groups_and_order_of_runs_and_rows_do_not_matter(seed, order):
    standard, robust, labels = arms(seed, runs=4, groups=4)
    reference = systematic_difference(standard, robust, labels)
    rows = np.random.default_rng(seed).permutation(len(labels))
    names = np.array(["d", "a", "c", "b"])[list(order)]
    other = systematic_difference(standard[list(order)][:, rows], robust[list(order)][:, rows], names[labels][rows])
    # The random halves are dealt in another order: equal but for the error of 1,000 draws.
    tolerance = 0.15 * reference.standard_error
    assert other.value == pytest.approx(reference.value, abs=tolerance)
    assert other.standard_error == pytest.approx(reference.standard_error, rel=0.1)
    assert other.plain == pytest.approx(reference.plain)
    assert other.robust_lowest == names[reference.robust_lowest]


def test_parts_add_up_and_the_interval_leaves_out_zero_as_the_p_value_says():
    standard, robust, labels = arms(rows=6000)
    found = systematic_difference(standard, robust, labels)
    assert found.value == found.robust - found.standard
    assert (found.p_value < 0.025) == (found.interval.low > 0)
    edge = systematic_difference(standard, robust, labels, confidence=1 - 2 * found.p_value)
    assert edge.interval.low == pytest.approx(0, abs=1e-6)
    assert found.standard_highest == 0
    assert found.robust_lowest == 2


def test_the_same_call_gives_the_same_answer_and_leaves_its_input_alone():
    standard, robust, labels = arms()
    before = standard.copy(), robust.copy(), labels.copy()
    assert systematic_difference(standard, robust, labels) == systematic_difference(standard, robust, labels)
    for kept, now in zip(before, (standard, robust, labels), strict=True):
        assert np.array_equal(kept, now)


def test_outcomes_all_alike_still_leave_a_doubt():
    ones = np.ones((2, 60))
    found = systematic_difference(ones, ones, np.repeat([0, 1, 2], 20))
    assert found.interval.low < 0 < found.interval.high
    assert found.value == pytest.approx(0, abs=0.05)
