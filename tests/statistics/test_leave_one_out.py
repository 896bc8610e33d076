"""Intervals of leave-one-out against scipy, loops written out, and simulations with a known truth."""

import numpy as np
import pytest
from scipy import stats

from fairtoll.statistics.leave_one_out import difference_interval, luf_interval, mean_interval

draw = np.random.default_rng(0)


def symmetric(values):
    """The values and their mirror image: no skewness."""
    return np.concatenate([values, 2 * values.mean() - values])


def test_of_values_without_skewness_they_are_those_of_scipy():
    first, second = symmetric(draw.random(6)), symmetric(draw.random(5) * 2)
    expected = stats.t.interval(0.95, 11, first.mean(), stats.sem(first))
    assert mean_interval(first[None]) == pytest.approx(expected)
    welch = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    found = difference_interval(first[None], second[None], paired=False)
    # Welch's degrees of freedom, but for what a part of few members may hide.
    assert found == pytest.approx((welch.low, welch.high), rel=0.02)
    other = first + symmetric(draw.random(6))
    pairs = stats.ttest_rel(first, other).confidence_interval(0.95)
    assert difference_interval(first[None], other[None], paired=True) == pytest.approx((pairs.low, pairs.high))


def test_of_skewed_values_halls_cubic_of_the_ends_is_that_of_t():
    """g(T) = T + k T^2 / 3 + k^2 T^3 / 27 + k / 6 (Hall 1992), k the skewness of the mean."""
    values = draw.exponential(size=20)
    mean, error = values.mean(), stats.sem(values)
    k = ((values - mean) ** 3).mean() / 20**2 / error**3
    low, high = mean_interval(values[None])
    for end, quantile in ((low, 0.975), (high, 0.025)):
        t = (mean - end) / error
        assert t + k * t**2 / 3 + k**2 * t**3 / 27 + k / 6 == pytest.approx(stats.t.ppf(quantile, 19))
    assert high - mean > mean - low


def test_they_are_cut():
    assert mean_interval(np.array([[0.0, 0.0, 1.0]]), low=0.0, high=1.0) == (0.0, 1.0)


@pytest.mark.parametrize("values", [[[0.5]], [[0.5], [0.6]], [[0.0, 0.0, 0.0]], [[0.1 + 0.2, 0.3, 0.3]]])
def test_a_single_member_and_members_that_agree_have_none(values):
    assert mean_interval(np.array(values)) is None
    assert difference_interval(np.array(values), np.zeros((len(values), 1)), paired=False) is None
    assert luf_interval([np.array(one)[:, None] for one in values]) is None


def test_two_that_agree_within_themselves_have_no_interval_of_their_difference():
    assert difference_interval(np.zeros((1, 3)), np.ones((1, 4)), paired=False) is None


@pytest.mark.parametrize("references", [1, 3])
def test_the_jackknife_is_the_one_written_out(references):
    changes = [draw.random((8, 40)) for _ in range(references)]
    changes[0][3] = changes[0][5]  # members that tie
    left = [
        np.mean([np.delete(change, member, axis=0).max(axis=0).mean() for change in changes]) for member in range(8)
    ]
    squares = (left - np.mean(left)) ** 2
    variance = 7 / 8 * squares.sum()
    freedom = np.clip(squares.sum() ** 2 / (squares**2).sum(), 2, 7)
    values = [change.max(axis=0).mean() for change in changes]
    low, high = luf_interval(changes)
    if references == 1:
        reach = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
        assert (low, high) == pytest.approx((values[0] - reach, min(1, values[0] + reach)))
    else:
        error = np.sqrt(variance + np.var(values, ddof=1) / references)
        # Few degrees of freedom: at least normal, at most those of the smaller part.
        assert 1.96 * error <= (np.mean(values) - low) <= stats.t.ppf(0.975, 2) * error


SHAPES = {
    "beta": lambda size: draw.beta(2, 18, size) / 0.1,
    "lognormal": lambda size: draw.lognormal(0, 1, size) / np.exp(0.5),
    "a tenth of rows": lambda size: (draw.random(size) < 0.1) * draw.uniform(0.5, 1.5, size) / 0.1,
    "a third of rows, and few much": lambda size: (draw.random(size) < 0.65) * draw.exponential(1, size) / 0.65,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("members", "at_least"), [(100, 0.93), (25, 0.90)])
def test_means_of_skewed_members_are_held_nearly_as_often_as_they_say(shape, members, at_least):
    """Members of mean 1, few of which make most of it."""
    found = [mean_interval(values) for values in SHAPES[shape]((2000, 1, members))]
    held = [pair is not None and pair[0] <= 1 <= pair[1] for pair in found]
    assert np.mean(held) >= at_least


@pytest.mark.parametrize("members", [10, 25, 100])
def test_luf_of_members_that_all_move_many_rows_is_held_as_often_as_it_says(members):
    """As seeds do on Adult: rows differ in how far they move, members by a tenth."""
    of_row, size = draw.beta(1, 6, (1, 200)), (600, members, 1)

    def studies():
        return of_row * draw.random((*size[:2], 200)) * draw.uniform(0.9, 1.1, size)

    truth = np.mean(studies().max(axis=1))
    held = [low <= truth <= high for low, high in (luf_interval([change]) for change in studies())]
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize(("members", "at_least"), [(10, 0.85), (25, 0.90), (100, 0.90)])
@pytest.mark.parametrize("deviation", [0.1, 0.5])
def test_luf_of_members_of_different_size_is_held_nearly_as_often(members, at_least, deviation):
    """Sizes are lognormal; 93% but for 10 members, less four standard errors of 400 trials."""
    of_row, size = draw.beta(1, 6, (1, 100)), (400, members, 1)

    def studies():
        return np.minimum(of_row * draw.random((*size[:2], 100)) * draw.lognormal(0, deviation, size), 1)

    truth = np.mean([studies().max(axis=1).mean() for _ in range(4)])
    held = [low <= truth <= high for low, high in (luf_interval([change]) for change in studies())]
    assert np.mean(held) >= at_least - 0.02


@pytest.mark.parametrize("references", [2, 3, 5])
@pytest.mark.parametrize(
    ("of_rows", "of_references", "of_both"), [(1, 0, 0), (0, 1, 0.01), (0, 0, 1), (1, 1, 1), (1, 0.2, 3)]
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
