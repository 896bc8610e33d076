"""Intervals of leave-one-out against scipy, loops written out, and simulations with a known truth."""

import numpy as np
import pytest
from scipy import stats

from fairtoll.experiments.leave_one_out.intervals import difference_interval, luf_interval, mean_interval

draw = np.random.default_rng(0)


def test_with_one_reference_they_are_those_of_scipy():
    first, second = draw.random(12), draw.random(9) * 2
    expected = stats.t.interval(0.95, 11, first.mean(), stats.sem(first))
    assert mean_interval(first[None]) == pytest.approx(expected)
    welch = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    found = difference_interval(first[None], second[None], paired=False)
    # Welch's degrees of freedom, but for what a part of few members may hide.
    assert found == pytest.approx((welch.low, welch.high), rel=0.02)
    pairs = stats.ttest_rel(first[:9], second).confidence_interval(0.95)
    assert difference_interval(first[None, :9], second[None], paired=True) == pytest.approx((pairs.low, pairs.high))


def test_they_are_cut_and_a_single_member_has_none():
    assert mean_interval(np.array([[0.0, 0.0, 1.0]]), low=0.0, high=1.0) == (0.0, 1.0)
    assert mean_interval(np.array([[0.5]])) is None
    assert mean_interval(np.array([[0.5], [0.6]])) is None
    assert difference_interval(np.array([[0.5]]), np.array([[0.5, 0.4]]), paired=False) is None
    assert difference_interval(np.zeros((1, 3)), np.zeros((1, 4)), paired=False) == (0.0, 0.0)
    assert luf_interval([np.array([[0.5]])]) is None


@pytest.mark.parametrize("references", [1, 3])
def test_the_jackknife_is_the_one_written_out(references):
    changes = [draw.random((8, 40)) for _ in range(references)]
    changes[0][3] = changes[0][5]  # members that tie
    left = [
        np.mean([np.delete(change, member, axis=0).max(axis=0).mean() for change in changes]) for member in range(8)
    ]
    variance = 7 / 8 * ((left - np.mean(left)) ** 2).sum()
    values = [change.max(axis=0).mean() for change in changes]
    low, high = luf_interval(changes)
    if references == 1:
        reach = stats.t.ppf(0.975, 7) * np.sqrt(variance)
        assert (low, high) == pytest.approx((values[0] - reach, min(1, values[0] + reach)))
    else:
        error = np.sqrt(variance + np.var(values, ddof=1) / references)
        # Few degrees of freedom: at least normal, at most those of the smaller part.
        assert 1.96 * error <= (np.mean(values) - low) <= stats.t.ppf(0.975, 2) * error


def test_the_interval_of_one_reference_holds_the_truth_as_often_as_it_says():
    """Members that flip a tenth of the rows on average, one more and another less."""
    rates = draw.beta(2, 18, size=(2000, 1, 25))
    held = [low <= 0.1 <= high for low, high in map(mean_interval, rates)]
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.parametrize("references", [2, 3, 5])
@pytest.mark.parametrize(
    ("of_rows", "of_references", "of_both"), [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, 0.2, 3)]
)
def test_over_references_it_holds_the_truth_at_least_as_often(references, of_rows, of_references, of_both):
    """Crossed: what a row does everywhere, what a reference does to all rows, and what is of both."""
    trials, members = 2000, 10
    values = of_rows * draw.standard_normal((trials, 1, members))
    values = values + of_references * draw.standard_normal((trials, references, 1))
    values = values + of_both * draw.standard_normal((trials, references, members))
    held = [low <= 0 <= high for low, high in map(mean_interval, values)]
    assert np.mean(held) >= 0.93
    other = values[:, :, ::-1] + of_both * draw.standard_normal(values.shape)
    held = [
        low <= 0 <= high
        for one, two in zip(values, other, strict=True)
        for low, high in [difference_interval(one, two, paired=False)]
    ]
    assert np.mean(held) >= 0.93
