"""Theorem 10 of docs/theory.md: rules with the least logistic loss, on random settings, and its numbers."""

import numpy as np
import pytest
from closed_forms import Trained, accuracy_gap, direction, distance_gap, proportional, says, settings
from scipy.integrate import quad
from scipy.special import expit

from fairtoll import theory

PART = "Theorem 10"


def threshold_of(distance, ratio):
    """Of two classes on one line: where the rule with the least loss divides them."""
    rule = theory.least_loss_rule(theory.Gaussians([distance], (ratio**2, 1.0)))
    return float(-rule.bias / rule.weights[0])


def wrong_confidence(centre, spread):
    """Mean confidence in the wrong class of a class whose margins are normal."""

    def integrand(z):
        return expit(-(centre + spread * z)) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    return quad(integrand, -9, 9, limit=200, epsabs=1e-12)[0]


@pytest.mark.parametrize("seed", range(60))
def test_lemma_8_and_theorem_10_for_proportional_covariances(seed):
    theta, scale, variances, ratio, radius = proportional(seed)
    model = theory.Gaussians(theta, (ratio**2 * variances, variances), scale=scale)
    rule = theory.least_loss_rule(model, radius)
    weights, mean, reach = direction(theta, radius, scale, variances)
    length = np.sqrt(np.sum(variances * rule.weights**2))
    np.testing.assert_allclose(rule.weights / length, weights, atol=1e-6)
    threshold, attacked = -rule.bias / length, mean - radius * reach
    easy = wrong_confidence(length * (attacked - threshold), length)
    hard = wrong_confidence(length * (attacked + threshold), length * ratio)
    assert easy == pytest.approx(hard, abs=1e-7)
    assert 0 < threshold < attacked * (ratio - 1) / (ratio + 1)
    for share in (0.0, 0.5, 1.0):
        assert accuracy_gap(mean - share * radius * reach, ratio, threshold) > 0
    assert distance_gap(mean, ratio, threshold) > 0


def test_theorem_10d_under_condition_u_the_gaps_go_opposite_ways():
    """And that the threshold falls with the distance, which is not proved, in as many settings."""
    for ratio, mean, attacked in zip(*settings(300), strict=True):
        before, after = threshold_of(mean, ratio), threshold_of(attacked, ratio)
        assert after < before
        assert accuracy_gap(mean, ratio, after) > accuracy_gap(mean, ratio, before) > 0
        assert 0 < distance_gap(mean, ratio, after) < distance_gap(mean, ratio, before)
        for radius in (0.3, 1.0, 2.0):
            assert accuracy_gap(mean * (1 - radius), ratio, after) > accuracy_gap(mean * (1 - radius), ratio, before)


def test_numbers_of_one_direction():
    thresholds = [threshold_of(2.0 * (1 - share), 2.0) for share in (0, 0.25, 0.5, 0.75)]
    says(PART, "thresholds 0.463, 0.288, 0.131, 0.025", *thresholds)
    says(PART, "CAU 0.047, 0.083, 0.113, 0.132", *(accuracy_gap(2.0, 2.0, t) for t in thresholds))
    distances = [distance_gap(2.0, 2.0, t) for t in thresholds]
    says(PART, "CRU_eps 1.004, 0.683, 0.396, 0.203", *distances)
    near = [distance_gap(0.8, 2.0, threshold_of(0.8 * (1 - share), 2.0)) for share in (0, 0.5)]
    errors = [abs(Trained([0.8], 0.8 * share, 2.0).distance_gap) for share in (0, 0.5)]
    text = "CRU_eps 0.455 and 0.360, where the rules with the least error have 0.235 and 0.816"
    says(PART, text, *near, *errors)
    says("Summary", "0.455 falls to 0.360", *near)
    far = [abs(accuracy_gap(2.0, 2.0, threshold_of(distance, 2.0))) for distance in (4.0, 2.0)]
    says(PART, "`m = 4`, half of `η`: 0.153 to 0.047", *far)


def test_numbers_of_dropped_features():
    model = theory.Gaussians(np.r_[np.ones(4), np.full(100, 0.1)], (4.0, 1.0))
    rules = [theory.least_loss_rule(model, radius) for radius in (0.0, 0.1)]
    gaps = [
        theory.mean_least_epsilon(model, rule, label=-1) - theory.mean_least_epsilon(model, rule, label=1)
        for rule in rules
    ]
    says(PART, "rises from 0.184 to 0.437", *gaps)
    says("Summary", "0.184 to 0.437", *gaps)
    says(PART, "from 0.505 to 0.423", *(theory.cru_epsilon(model, rule, relative=True) for rule in rules))
    says(PART, "error 0.0457 to 0.0539", *(theory.error(model, rule, label=1) for rule in rules))


def test_numbers_of_two_blocks():
    spread = np.r_[np.ones(4), np.full(30, 4.0)]
    model = theory.Gaussians(np.r_[np.full(4, 0.5), np.full(30, 0.25)], (spread, 1.0))
    caus = {
        radius: theory.cau(model, theory.least_loss_rule(model, radius)) for radius in (0.0, 0.1, 0.25, 0.4, 0.43, 0.49)
    }
    says(PART, "CAU 0.018, 0.024 at 0.1", *list(caus.values())[:2], 0.1)
    assert all(caus[radius] == pytest.approx(0.0, abs=1e-7) for radius in (0.25, 0.4, 0.43, 0.49))
