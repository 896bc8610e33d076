"""Resampled means against a plain loop over rows, and against the formulas they must meet."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fairtoll.metrics import group_means

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from _bootstrap import bootstrap_by_group

RESAMPLED = 4000


def outcomes_of(kind, rows, generator):
    if kind == "rates":
        return (generator.random(rows) < 0.3).astype(float)
    if kind == "few values":
        return generator.choice([0.0, 0.5, 2.0, 8.0], size=rows)
    return generator.gamma(2.0, size=rows)


@pytest.fixture(params=["rates", "few values", "real"])
def case(request):
    generator = np.random.default_rng(3)
    groups = np.repeat(["a", "b", "c"], [40, 120, 300])
    return outcomes_of(request.param, len(groups), generator), generator.permutation(groups)


def plain_loop(outcomes, groups, *, within_groups, generator):
    names = np.unique(groups)
    means = np.empty((RESAMPLED, len(names)))
    for b in range(RESAMPLED):
        if within_groups:
            for g, name in enumerate(names):
                rows = np.flatnonzero(groups == name)
                means[b, g] = outcomes[rows[generator.integers(len(rows), size=len(rows))]].mean()
        else:
            drawn = generator.integers(len(outcomes), size=len(outcomes))
            for g, name in enumerate(names):
                means[b, g] = outcomes[drawn][groups[drawn] == name].mean()
    return means


@pytest.mark.parametrize("within_groups", [True, False])
def test_it_is_the_plain_bootstrap(case, within_groups):
    options = {"within_groups": within_groups}
    ours = bootstrap_by_group(*case, resamples=RESAMPLED, generator=np.random.default_rng(0), **options)
    plain = plain_loop(*case, generator=np.random.default_rng(1), **options)
    spread = plain.std(axis=0)
    # Both sides are draws: 5 standard errors of a mean and of a standard deviation.
    assert ours.mean(axis=0) == pytest.approx(plain.mean(axis=0), abs=5 * spread.max() * (2 / RESAMPLED) ** 0.5)
    np.testing.assert_allclose(ours.std(axis=0), spread, rtol=5 / RESAMPLED**0.5)
    gap, expected = np.ptp(ours, axis=1), np.ptp(plain, axis=1)
    assert gap.mean() == pytest.approx(expected.mean(), abs=5 * expected.std() * (2 / RESAMPLED) ** 0.5)
    np.testing.assert_allclose(
        np.quantile(gap, [0.05, 0.5, 0.95]),
        np.quantile(expected, [0.05, 0.5, 0.95]),
        atol=0.2 * expected.std(),
    )


@pytest.mark.parametrize("within_groups", [True, False])
def test_groups_are_drawn_independently_of_each_other(case, within_groups):
    ours = bootstrap_by_group(
        *case, resamples=RESAMPLED, generator=np.random.default_rng(0), within_groups=within_groups
    )
    correlation = np.corrcoef(ours.T)[np.triu_indices(3, k=1)]
    assert np.abs(correlation).max() < 5 / RESAMPLED**0.5


def test_within_groups_its_spread_is_the_formula(case):
    outcomes, groups = case
    ours = bootstrap_by_group(outcomes, groups, resamples=RESAMPLED, generator=np.random.default_rng(0))
    formula = [(outcomes[groups == name].var() / np.sum(groups == name)) ** 0.5 for name in "abc"]
    np.testing.assert_allclose(ours.std(axis=0), formula, rtol=5 / RESAMPLED**0.5)
    centre = group_means(outcomes, groups).values
    np.testing.assert_allclose(ours.mean(axis=0), centre, atol=5 * max(formula) / RESAMPLED**0.5)


@pytest.mark.parametrize("within_groups", [True, False])
def test_a_resample_is_a_mean_of_as_many_rows(within_groups):
    """A rate of ten rows is a tenth; with sizes that vary it need not be."""
    means = bootstrap_by_group(
        [1, 0] * 10,
        [0] * 10 + [1] * 10,
        resamples=200,
        generator=np.random.default_rng(0),
        within_groups=within_groups,
    )
    tenths = np.isclose(means * 10, np.round(means * 10))
    assert tenths.all() == within_groups


def test_a_group_that_drew_no_row_is_not_zero():
    means = bootstrap_by_group(
        [1] * 21, ["a"] + ["b"] * 20, resamples=300, generator=np.random.default_rng(0), within_groups=False
    )
    assert np.isnan(means[:, 0]).any()
    assert np.nanmin(means) == 1.0


def test_the_generator_decides_and_the_input_stays(case):
    outcomes, groups = case
    before = outcomes.copy(), groups.copy()
    one, same, other = (
        bootstrap_by_group(outcomes, groups, resamples=5, generator=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(outcomes, before[0])
    np.testing.assert_array_equal(groups, before[1])


def test_a_group_of_one_row_never_changes():
    means = bootstrap_by_group([0.3, 1.0], ["x", "y"], resamples=7, generator=np.random.default_rng(0))
    np.testing.assert_allclose(means, np.tile([0.3, 1.0], (7, 1)))
