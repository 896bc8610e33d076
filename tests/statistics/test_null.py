import numpy as np
import pandas as pd
import pytest

from fairtoll.statistics import null_gap


def by_brute_force(outcomes, groups, resamples, generator):
    """Draw every row of every group anew from all rows, with the plainest code."""
    names = np.unique(groups)
    gaps = []
    for _ in range(resamples):
        drawn = outcomes[:, generator.integers(0, outcomes.shape[1], outcomes.shape[1])]
        means = np.stack([drawn[:, groups == name].mean(axis=1) for name in names])
        gaps.append((means.max(axis=0) - means.min(axis=0)).mean())
    return np.mean(gaps), np.quantile(gaps, 0.95)


def test_ten_equal_classes_of_1000_at_accuracy_072():
    correct = np.random.default_rng(3).random(10_000) < 0.72
    null = null_gap(correct, np.repeat(np.arange(10), 1000), resamples=20_000)
    assert null.mean == pytest.approx(0.044, abs=0.001)
    assert null.q95 == pytest.approx(0.064, abs=0.001)


@pytest.fixture(scope="module")
def adult():
    from importlib.resources import files

    frame = pd.read_parquet(str(files("fairtoll") / "data" / "adult.parquet"))
    return frame[frame["split"] == "test"]


@pytest.mark.parametrize(("label", "mean", "q95"), [(">50K", 0.09, 0.17), ("<=50K", None, 0.072)])
def test_race_groups_as_in_adult(adult, label, mean, q95):
    rows = adult[adult["income"].str.rstrip(".") == label]
    # The published figures are for confidences with a standard deviation of 0.25 to 0.3.
    values = 0.5 + 0.26 * np.random.default_rng(0).uniform(-(3**0.5), 3**0.5, len(rows))
    null = null_gap(values, rows["race"].to_numpy(dtype=str), resamples=20_000)
    assert null.q95 == pytest.approx(q95, rel=0.06)
    if mean is not None:
        assert null.mean == pytest.approx(mean, rel=0.06)


@pytest.mark.parametrize("kind", ["rates", "numbers"])
def test_agrees_with_brute_force(kind):
    generator = np.random.default_rng(1)
    groups = np.repeat(np.arange(4), [20, 60, 300, 700])
    latent = generator.standard_normal(1080) + 0.5 * generator.standard_normal((3, 1080))
    outcomes = (latent < 1.2).astype(float) if kind == "rates" else np.exp(latent)
    mean, q95 = by_brute_force(outcomes, groups, 4000, generator)
    null = null_gap(outcomes, groups, resamples=8000)
    assert null.mean == pytest.approx(mean, rel=0.03)
    assert null.q95 == pytest.approx(q95, rel=0.05)


def test_runs_that_agree_count_once():
    correct = np.random.default_rng(0).random(4000) < 0.7
    groups = np.repeat(np.arange(4), 1000)
    alone = null_gap(correct, groups, resamples=8000)
    repeated = null_gap(np.tile(correct, (5, 1)), groups, resamples=8000)
    assert repeated.mean == pytest.approx(alone.mean, rel=0.02)
    assert repeated.q95 == pytest.approx(alone.q95, rel=0.03)


def test_a_mask_leaves_fewer_rows():
    generator = np.random.default_rng(0)
    correct = generator.random(8000) < 0.7
    groups = np.repeat(np.arange(2), 4000)
    half = np.tile([True, False], 4000)
    masked = null_gap(correct, groups, included=half, resamples=20_000)
    dropped = null_gap(correct[half], groups[half], resamples=20_000)
    assert masked.mean == pytest.approx(dropped.mean, rel=0.03)
