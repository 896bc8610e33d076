"""The difference of the mean over runs of one model's gap: its definition, its error and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairtoll.errors import FairtollError
from fairtoll.statistics import difference, mean_gap, state_verdict, systematic_difference


def arms(seed=0, runs=3, rows=900, groups=3):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, groups, rows)
    standard = generator.random((runs, rows)) < 0.8 - 0.05 * labels
    robust = generator.random((runs, rows)) < 0.8 - 0.15 * labels
    return standard.astype(float), robust.astype(float), labels


def gaps_of(arm, labels):
    """Each run's largest minus smallest group mean, written out."""
    return [np.ptp([run[labels == group].mean() for group in np.unique(labels)]) for run in arm]


def by_halves(arm, labels, splits, generator):
    """Each run's gap by really splitting the rows in halves: one chooses the groups, the other measures them."""
    names = np.unique(labels)
    found = np.zeros(len(arm))
    for _ in range(splits):
        first, second = [], []
        for name in names:
            rows = generator.permutation(np.flatnonzero(labels == name))
            first.append(arm[:, rows[: len(rows) // 2]].mean(axis=1))
            second.append(arm[:, rows[len(rows) // 2 :]].mean(axis=1))
        choosing, measuring, each = np.array(first), np.array(second), np.arange(len(arm))
        found += measuring[choosing.argmax(axis=0), each] - measuring[choosing.argmin(axis=0), each]
    return found / splits


@pytest.mark.parametrize("spread", [0.0, 0.02, 0.05, 0.2])
def test_it_is_the_mean_over_real_halves_of_the_rows(spread):
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(5), 400)
    difficulty = generator.random(2000)
    rates = 0.7 + spread * generator.uniform(-0.5, 0.5, (3, 5))
    arm = (0.7 * difficulty + 0.3 * generator.random((3, 2000)) < rates[:, labels]).astype(float)
    halves = by_halves(arm, labels, 2000, generator)
    found = mean_gap(arm, labels)
    # Real halves are drawn without replacement, so they choose and measure as the thinned ones do.
    assert found.per_run == pytest.approx(halves, abs=0.004)
    assert found.value == pytest.approx(np.mean(found.per_run))


def test_plain_is_the_papers_definition_and_the_value_is_the_difference_of_what_is_shown():
    standard, robust, labels = arms()
    found = difference(standard, robust, labels)
    first, second = mean_gap(standard, labels), mean_gap(robust, labels)
    assert first.plain_per_run == pytest.approx(gaps_of(standard, labels))
    assert found.plain == pytest.approx(np.mean(gaps_of(robust, labels)) - np.mean(gaps_of(standard, labels)))
    assert (found.standard, found.robust) == (first.value, second.value)
    assert (found.standard_per_run, found.robust_per_run) == (first.per_run, second.per_run)
    assert found.value == found.robust - found.standard


def test_runs_that_disagree_on_who_pays_have_a_gap_each_and_none_in_the_mean():
    # Half the runs favour one group by 0.2, half the other: a deployment has a gap of 0.2 whichever it gets.
    generator = np.random.default_rng(2)
    labels = np.repeat([0, 1], 1000)
    favoured = np.array([0, 1, 0, 1, 0, 1])[:, np.newaxis]
    robust = generator.random((6, 2000)) < 0.7 + 0.2 * (labels == favoured)
    standard = generator.random((6, 2000)) < np.full(2000, 0.8)
    found = difference(standard, robust, labels)
    assert found.robust == pytest.approx(0.2, abs=0.02)
    assert found.interval.low > 0.1
    systematic = systematic_difference(standard, robust, labels)
    assert abs(systematic.robust) < 0.1
    assert 0 in systematic.interval


def test_one_run_of_separated_groups_is_the_textbook_interval():
    # Four rates p_ag: (p_10 - p_11) - (p_00 - p_01) with the unpooled normal interval, rows shared by the arms.
    generator = np.random.default_rng(0)
    rows, labels = 4000, np.repeat([0, 1], 4000)
    standard = (generator.random(2 * rows) < np.repeat([0.9, 0.7], rows)).astype(float)
    robust = (generator.random(2 * rows) < np.repeat([0.8, 0.4], rows)).astype(float)
    change = [(robust - standard)[labels == group] for group in (0, 1)]
    estimate = change[0].mean() - change[1].mean()
    reach = stats.norm.ppf(0.975) * np.sqrt(sum(np.var(one, ddof=1) / rows for one in change))
    found = difference(standard, robust, labels)
    assert found.value == pytest.approx(estimate, abs=1e-9)
    assert found.interval.low == pytest.approx(estimate - reach, rel=2e-3)
    assert found.interval.high == pytest.approx(estimate + reach, rel=2e-3)
    assert found.row_error == found.standard_error


@pytest.mark.parametrize("paired", [False, True])
def test_without_row_noise_it_is_the_t_interval_of_the_runs_gaps(paired):
    # Outcomes equal in all rows of a group: Welch's t interval of the runs' gaps, or that of paired runs.
    generator = np.random.default_rng(1)
    common = generator.standard_normal((4, 2))
    standard_runs = np.array([0.0, 5.0]) + 0.1 * generator.standard_normal((4, 2)) + common
    robust_runs = np.array([9.0, 0.0]) + 0.3 * generator.standard_normal((4, 2)) - common
    first, second = np.ptp(standard_runs, axis=1), np.ptp(robust_runs, axis=1)
    labels = np.repeat([0, 1], 50)
    found = difference(*(np.repeat(runs, 50, axis=1) for runs in (standard_runs, robust_runs)), labels, paired=paired)
    oracle = stats.ttest_rel(second, first) if paired else stats.ttest_ind(second, first, equal_var=False)
    # Freedom is lowered for few runs: (1 + 9 / 9) times the variance counts in both of two equal parts, so not here.
    interval = oracle.confidence_interval()
    assert found.interval.low == pytest.approx(interval.low, rel=1e-6)
    assert found.interval.high == pytest.approx(interval.high, rel=1e-6)
    greater = stats.ttest_rel(second, first, alternative="greater") if paired else None
    assert found.p_value == pytest.approx(greater.pvalue if greater else oracle.pvalue / 2, rel=1e-6)
    assert found.row_error == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("paired", [False, True])
def test_the_standard_error_is_the_spread_over_new_rows_and_runs(paired):
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1], 400)
    found = []
    for _ in range(300):
        difficulty, common = generator.standard_normal(800), 0.08 * generator.standard_normal((6, 2))
        standard, robust = (
            difficulty + 0.4 * generator.standard_normal((6, 800))
            < (stats.norm.ppf(rates) + common + 0.03 * generator.standard_normal((6, 2)))[:, labels]
            for rates in ([0.5, 0.85], [0.3, 0.8])
        )
        found.append(difference(standard, robust, labels, paired=paired))
    spread = np.std([one.value for one in found])
    expected = np.sqrt(np.mean([one.standard_error**2 for one in found]))
    # Runs are pairs here: who does not say so gets a wider interval. 300 draws leave 4% to chance.
    assert expected == pytest.approx(spread, rel=0.12) if paired else expected > 1.2 * spread


def test_the_row_error_is_what_identical_recipes_share_of_the_rows():
    # Many runs: the rows' part alone is the error of the mean outcome of each row, resampled.
    generator = np.random.default_rng(5)
    labels = np.repeat([0, 1], 800)
    difficulty = generator.standard_normal(1600)
    arm = difficulty + 0.5 * generator.standard_normal((40, 1600)) < np.where(labels == 0, 0.2, 1.0)
    mean = arm.mean(axis=0)
    expected = np.sqrt(sum(mean[labels == group].var(ddof=1) / 800 for group in (0, 1)))
    # A row's mean of 40 runs has a fortieth of the noise that is each run's own, which counts with the runs.
    assert mean_gap(arm, labels).row_error == pytest.approx(expected, rel=0.02)


def test_masks_are_the_means_of_the_rows_that_count():
    standard, robust, labels = arms(rows=3000, groups=2)
    counts = np.random.default_rng(1).random(standard.shape) < 0.7
    found = difference(standard, robust, labels, standard_included=counts)
    masked = [
        np.ptp([run[mask & (labels == g)].mean() for g in (0, 1)]) for run, mask in zip(standard, counts, strict=True)
    ]
    assert found.plain == pytest.approx(np.mean(gaps_of(robust, labels)) - np.mean(masked))
    assert found.standard_error > difference(standard, robust, labels).standard_error


def test_a_mask_of_whole_rows_is_dropping_them():
    standard, robust, labels = arms(rows=3000, groups=2)
    kept = np.arange(3000) % 3 > 0
    mask = np.tile(kept, (3, 1))
    masked = difference(standard, robust, labels, standard_included=mask, robust_included=mask)
    dropped = difference(standard[:, kept], robust[:, kept], labels[kept])
    assert masked.value == pytest.approx(dropped.value, abs=1e-3)
    assert masked.standard_error == pytest.approx(dropped.standard_error, rel=0.01)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), runs=st.integers(1, 5), groups=st.integers(2, 5), paired=st.booleans())
def test_exchanging_the_arms_changes_the_sign(seed, runs, groups, paired):
    standard, robust, labels = arms(seed, runs=runs, groups=groups)
    there = difference(standard, robust, labels, paired=paired)
    back = difference(robust, standard, labels, paired=paired)
    assert there.value == pytest.approx(-back.value)
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.interval.high == pytest.approx(-back.interval.low)
    assert there.plain == pytest.approx(-back.plain)


# The same examples each time: on one in some thousands the error of 1,000 draws is larger than the tolerance.
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(4)), paired=st.booleans())
def test_names_of_groups_and_order_of_runs_and_rows_do_not_matter(seed, order, paired):
    standard, robust, labels = arms(seed, runs=4, groups=4)
    reference = difference(standard, robust, labels, paired=paired)
    rows = np.random.default_rng(seed).permutation(len(labels))
    names = np.array(["d", "a", "c", "b"])[list(order)]
    other = difference(standard[list(order)][:, rows], robust[list(order)][:, rows], names[labels][rows], paired=paired)
    # The random halves are dealt in another order: equal but for the error of 1,000 draws.
    tolerance = 0.15 * reference.standard_error
    assert other.value == pytest.approx(reference.value, abs=tolerance)
    assert other.standard_error == pytest.approx(reference.standard_error, rel=0.1)
    assert other.plain == pytest.approx(reference.plain)
    assert other.robust_lowest == names[reference.robust_lowest]


def test_the_p_value_is_where_the_interval_reaches_0():
    standard, robust, labels = arms()
    found = difference(standard, robust, labels)
    edge = found.interval_at(1 - 2 * found.p_value)
    assert edge.low == pytest.approx(0, abs=1e-6)
    assert found.interval == found.interval_at(0.95)
    assert found.standard_highest == 0
    assert found.robust_lowest == 2


def test_paired_arms_have_the_same_runs():
    standard, robust, labels = arms()
    with pytest.raises(FairtollError, match="paired arms have 2 and 3 training runs"):
        difference(standard[:2], robust, labels, paired=True)
    assert difference(standard[:2], robust, labels).standard_runs == 2


def test_the_same_call_gives_the_same_answer_and_leaves_its_input_alone():
    standard, robust, labels = arms()
    before = standard.copy(), robust.copy(), labels.copy()
    assert difference(standard, robust, labels) == difference(standard, robust, labels)
    for kept, now in zip(before, (standard, robust, labels), strict=True):
        assert np.array_equal(kept, now)


def test_outcomes_all_alike_still_leave_a_doubt():
    ones = np.ones((2, 60))
    found = difference(ones, ones, np.repeat([0, 1, 2], 20))
    assert found.interval.low < 0 < found.interval.high
    assert found.value == pytest.approx(0, abs=0.05)
    one = mean_gap(ones, np.repeat([0, 1, 2], 20)).interval
    assert one.low == 0 < one.high


@pytest.mark.parametrize("found_by", [difference, systematic_difference])
def test_no_difference_of_rates_is_larger_than_any_two_gaps_allow(found_by):
    # Equal groups, whose gap without the noise of the rows falls below 0, beside the largest gap that there is.
    labels = np.repeat(["a", "b"], 10)
    alike = np.array([([1.0, 0.0] * 5) * 2] * 3)
    apart = np.array([[1.0] * 10 + [0.0] * 10] * 3)
    found = found_by(alike, apart, labels)
    assert found.robust - found.standard > 1
    assert found.value == 1.0
    assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1
    back = found_by(apart, alike, labels)
    assert (back.value, back.interval.low, back.interval.high) == (-1.0, -found.interval.high, -found.interval.low)
    assert "is +1, from" in state_verdict(found, margin=0.01).reason
    # Numbers in a unit have no such limit.
    in_a_unit = found_by(8 * alike, 8 * apart, labels, rates=False)
    assert in_a_unit.value == in_a_unit.robust - in_a_unit.standard > 8
