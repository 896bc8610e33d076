"""Certified radii of smoothed models: the closed form of linear ones, exact binomial limits, and how often they err."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from fairtoll import FairtollError
from fairtoll.bounds.smoothing import certify, lower_limit, radius_of
from fairtoll.models.smoothed import Smoothed

WEIGHT = torch.tensor([1.5, -2.0, 0.5])
BIAS = 0.3
X = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
SCALE = torch.tensor([1.0, 0.5, 3.0])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def linear():
    """Two classes, whose logits differ by the signed distance times the norm."""
    model = nn.Linear(3, 2)
    model.load_state_dict({"weight": torch.stack([-WEIGHT, WEIGHT]) / 2, "bias": torch.tensor([-BIAS, BIAS]) / 2})
    return model


def smoothed(sigma=0.7, scale=SCALE, draws=2000):
    """Its draws come in pairs, so that the deployed mean has the class of the linear model."""
    noise = torch.randn(draws, 3, generator=generator(9)) * sigma * scale
    return Smoothed(linear(), torch.cat([noise, -noise]), sigma * scale, sigma=sigma)


def distances(scale=SCALE):
    """From the row to the boundary, in units of the scale: |w x + b| over the norm of the scaled weights."""
    return (X @ WEIGHT + BIAS).abs() / (WEIGHT * scale).norm()


@pytest.mark.parametrize("scale", [SCALE, torch.ones(3), torch.tensor([1.0, 0.0, 2.0])])
def test_the_radius_of_a_linear_model_is_its_distance_from_the_boundary(scale):
    """Cohen et al., appendix: of two linear classes the certified radius is the true one, for the true share."""
    share = stats.norm.cdf(distances(scale).numpy() / 0.7)
    np.testing.assert_allclose(radius_of(share, sigma=0.7), distances(scale).numpy(), rtol=1e-5, atol=1e-6)
    found = certify(smoothed(scale=scale), X, generator=generator(), draws=4000)
    assert torch.equal(found.classes, (X @ WEIGHT + BIAS > 0).long())
    # As near as 4,000 votes tell: of fewer than these one vote in a million rows has.
    fewest = np.maximum(stats.binom.ppf(1e-6, 4000, share), 1)
    low = stats.norm.ppf(np.maximum(stats.beta.ppf(0.001, fewest, 4001 - fewest), 0.5)) * 0.7
    assert (found.radius.numpy() >= low - 1e-9).all()
    assert float((found.radius > distances(scale)).float().mean()) < 0.01


def test_limits_are_the_exact_binomial_ones():
    for draws, alpha in ((20, 0.05), (1000, 0.001)):
        votes = np.arange(0, draws + 1, max(1, draws // 20))
        expected = [
            stats.binomtest(int(k), draws, alternative="greater").proportion_ci(1 - alpha, "exact").low for k in votes
        ]
        np.testing.assert_allclose(lower_limit(votes, draws=draws, alpha=alpha), expected, atol=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_limits_are_above_the_truth_no_more_often_than_they_say(share):
    votes = np.random.default_rng(0).binomial(200, share, 20_000)
    above = int((lower_limit(votes, draws=200, alpha=0.02) > share).sum())
    assert above <= stats.binom(20_000, 0.02).ppf(0.9999)


def test_radii_are_too_large_no_more_often_than_they_say():
    """Over rows and repetitions, with the votes of the model itself."""
    above = sum(
        int((certify(smoothed(draws=200), X, generator=generator(seed), draws=100, alpha=0.05).radius > distances())
            .sum())
        for seed in range(10)
    )  # fmt: skip
    assert above <= stats.binom(4000, 0.05).ppf(0.9999)
    assert above > 40  # and it does happen: the limits are no wider than they need to be


def test_a_row_abstains_where_its_vote_is_open():
    on_the_boundary = X - ((X @ WEIGHT + BIAS) / WEIGHT.square().sum()).unsqueeze(1) * WEIGHT
    with pytest.warns(UserWarning, match=r"abstains on each of 400 rows: the noise, 0.7 .* train with a smaller sigma"):
        found = certify(smoothed(draws=10), on_the_boundary, generator=generator(), draws=300, alpha=1e-4)
    assert found.abstained.all()
    assert (found.radius == 0).all()
    votes = certify(smoothed(), X, generator=generator(), draws=300)
    assert torch.equal(votes.abstained, votes.radius == 0)
    assert 0 < votes.abstained.float().mean() < 0.5


def test_bad_input():
    for wrong in ({"draws": 0}, {"alpha": 0.0}, {"alpha": 1.0}):
        with pytest.raises(FairtollError, match=r"certification with .* draws and an error probability of"):
            certify(smoothed(draws=2), X, generator=generator(), **wrong)
