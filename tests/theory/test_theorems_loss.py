"""Theorem 10 of docs/theory.md: rules with the least logistic loss, on random settings, and its numbers."""

import numpy as np
import pytest
from closed_forms import (
    Trained,
    accuracy_gap,
    best,
    direction,
    distance_gap,
    introduction,
    proportional,
    says,
    section,
    settings,
)
from scipy.integrate import quad
from scipy.optimize import fsolve, minimize
from scipy.special import expit, ndtr

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


def test_lemma_8_and_theorem_10_for_proportional_covariances():
    assert "of Theorem 10, where each takes a search, 200 for a to c and 300 for d" in introduction()
    for seed in range(200):
        check_lemma_8_and_theorem_10(seed)


def check_lemma_8_and_theorem_10(seed):
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
    says("Summary", "100 weak ones: 0.184 to 0.437", *gaps)
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


def gap_in_least_epsilon(weak, radius, *, loss):
    """Of 4 features of mean 1 and weak ones of mean 0.1, K = 2: directions by hand, the threshold by search."""
    weights = np.r_[np.full(4, 1.0 - radius), np.full(weak, 0.1 - radius)]
    weights = weights / np.linalg.norm(weights)
    mean, reach = float(weights @ np.r_[np.ones(4), np.full(weak, 0.1)]), float(weights.sum())
    attacked = mean - radius * reach
    threshold = by_loss(attacked, 2.0) if loss else best(attacked, 2.0)
    return abs(distance_gap(mean, 2.0, threshold)) / reach


def by_loss(distance, ratio):
    """The threshold with the least logistic loss, by a search over threshold and length on a grid of the normal."""
    points = np.linspace(-10, 10, 801)
    weights = np.exp(-(points**2) / 2) / np.exp(-(points**2) / 2).sum()

    def log_loss(at):
        length, threshold = np.exp(at[0]), at[1]
        easy = np.logaddexp(0, -length * (distance - threshold + points))
        return np.log(weights @ (easy + np.logaddexp(0, -length * (distance + threshold + ratio * points))))

    found = minimize(log_loss, (0.0, 0.1 * distance), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15})
    return float(found.x[1])


def test_dropping_features_is_no_condition_for_a_rise_of_cru_epsilon():
    title = "Why least epsilon can reverse"
    errors = [gap_in_least_epsilon(weak, 0.0, loss=False) for weak in (2, 8, 20)]
    losses = [gap_in_least_epsilon(weak, 0.0, loss=True) for weak in (2, 8, 20)]
    robust = [gap_in_least_epsilon(2, 0.1, loss=loss) for loss in (False, True)]
    text = "from 0.374, 0.335, 0.280 to 0.300 with the least error, and from 0.481, 0.428, 0.353 to 0.437 with the"
    assert "8, 20 of mean 0.1, all of which a rule robust for 0.1 drops" in section(title)
    says(title, text, *errors, robust[0], *losses, robust[1])
    says("Summary", "2 weak ones: 0.481 to 0.437", losses[0], robust[1])
    for weak, error, loss in zip((2, 8, 20), errors, losses, strict=True):
        model = theory.Gaussians([1.0] * 4 + [0.1] * weak, (4.0, 1.0))
        assert theory.cru_epsilon(model, theory.standard_rule(model)) == pytest.approx(error, abs=1e-6)
        assert theory.cru_epsilon(model, theory.least_loss_rule(model)) == pytest.approx(loss, abs=1e-6)


def test_reading_two_accuracies_by_the_loss():
    """Of each row of the table: the K and m printed have a rule with these accuracies, whose CRU_epsilon falls."""
    title = "Reading two accuracies"
    rows = [
        ((0.7196 + 0.143, 0.7196 - 0.143), (6.0, 1.1), "| 6.34 | 1.16 | CRU_eps falls |"),
        ((0.7953 + 0.00975, 0.7953 - 0.00975), (1.2, 0.9), "| 1.18 | 0.90 | CRU_eps falls |"),
        ((0.95, 0.90), (2.2, 2.2), "| 2.23 | 2.25 | CRU_eps falls |"),
    ]
    for accuracies, start, text in rows:

        def missed(at, accuracies=accuracies):
            ratio, mean = np.exp(at)
            threshold = by_loss(mean, ratio)
            return ndtr(mean - threshold) - accuracies[0], ndtr((mean + threshold) / ratio) - accuracies[1]

        ratio, mean = np.exp(fsolve(missed, np.log(start), xtol=1e-7))
        says(title, text, ratio, mean)
        thresholds = [threshold_of(mean * (1 - share), ratio) for share in (0, 0.1, 0.25, 0.5, 0.75)]
        gaps = [distance_gap(mean, ratio, threshold) for threshold in thresholds]
        assert (np.diff(gaps) < 0).all()
        assert min(gaps) > 0
    assert "at radii of a tenth, a quarter, half and three quarters of `η`" in section(title)
