"""The rule with the least logistic loss against other optimisers, quadrature and closed forms; Theorem 10."""

import numpy as np
import pytest
from random_settings import random_covariance, random_model
from scipy.integrate import quad
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from fairtoll.errors import FairtollError
from fairtoll.theory import Gaussians, Group, LinearRule, least_loss, least_loss_rule, mean_confidence, messages


def half_difference(model):
    """Half the difference of the classes' means, groups included."""
    if not model.groups:
        return model.theta
    shifts = [sum(one.share[place] * one.shift for one in model.groups) for place in (0, 1)]
    return model.theta + (shifts[1] - shifts[0]) / 2


def loss_by_quadrature(model, weights, bias, epsilon):
    """The expected loss cell by cell, each an adaptive integral over the normal score."""
    total = 0.0
    for place, label in enumerate((-1, 1)):
        of_class = model.prior if place else 1 - model.prior
        spread = np.sqrt(weights @ model.matrix(label) @ weights)
        for group in model.groups or (Group("all", 1.0, np.zeros(model.features)),):
            mean = label * (weights @ (label * model.theta + group.shift) + bias)
            wrong = epsilon * (model.scale @ np.abs(weights)) - mean

            def integrand(z, wrong=wrong, spread=spread):
                return np.logaddexp(0.0, wrong + spread * z) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

            total += of_class * group.share[place] * quad(integrand, -9, 9, limit=200, epsabs=1e-12, epsrel=1e-11)[0]
    return total


@pytest.mark.parametrize("seed", range(40))
def test_no_other_rule_near_it_has_a_smaller_loss(seed):
    """The loss is convex: what has no smaller one nearby, in any direction, features let in, is the least."""
    generator = np.random.default_rng([seed, 12])
    model = random_model(seed, groups=seed % 2 == 0)
    movable = model.scale > 0
    limit = np.min([3.0, np.max(np.abs(half_difference(model)[movable]) / model.scale[movable])])
    epsilon = float(generator.choice([0.0, 0.2, 0.6, 0.95]) * limit)
    rule = least_loss_rule(model, epsilon)
    least = loss_by_quadrature(model, rule.weights, rule.bias, epsilon)
    for place in range(model.features + 4):
        way = (
            np.eye(model.features + 1)[place] if place <= model.features else generator.normal(size=model.features + 1)
        )
        for step in (0.01, -0.01):
            other = loss_by_quadrature(model, rule.weights + step * way[:-1], rule.bias + step * way[-1], epsilon)
            assert other > least


@pytest.mark.parametrize("seed", range(20))
def test_equal_covariances_have_the_log_odds(seed):
    """Then w = 2 Sigma^-1 theta, b = log(p / (1 - p)) is the true posterior, which has the least loss of all."""
    generator = np.random.default_rng([seed, 13])
    features = int(generator.integers(1, 6))
    covariance = random_covariance(generator, features)
    model = Gaussians(generator.normal(size=features), (covariance, covariance), float(generator.uniform(0.05, 0.95)))
    rule = least_loss_rule(model)
    np.testing.assert_allclose(rule.weights, 2 * np.linalg.solve(model.matrix(1), model.theta), rtol=1e-6, atol=1e-6)
    assert rule.bias == pytest.approx(np.log(model.prior / (1 - model.prior)), abs=1e-6)


def test_scikit_learn_comes_to_it_on_a_large_sample():
    groups = (Group("a", (0.8, 0.6), [0.0, 0.0, 0.0]), Group("b", (0.2, 0.4), [0.0, 0.6, -0.4]))
    model = Gaussians([0.6, 0.3, -0.2], ([2.0, 1.0, 3.0], [0.8, 1.0, 0.5]), prior=0.4, groups=groups)
    x, y, _ = model.sample(400_000, np.random.default_rng(3))
    fitted = LogisticRegression(C=1e12, tol=1e-8).fit(x, y)
    rule = least_loss_rule(model)
    # Four standard errors: the information in a row is at least 0.15 times the variance of a feature, 0.6 or more.
    limit = 4 / np.sqrt(400_000 * 0.15 * 0.6)
    np.testing.assert_allclose(rule.weights, fitted.coef_[0], atol=limit)
    assert rule.bias == pytest.approx(fitted.intercept_[0], abs=limit)


@pytest.mark.parametrize("epsilon", [0.2, 0.45])
def test_the_robust_one_is_that_of_a_large_sample(epsilon):
    """Against scipy's minimiser of the mean loss over attacked rows, without quadrature or gradients."""
    groups = (Group("a", 0.7, [0.0, 0.0]), Group("b", 0.3, [0.0, 0.6]))
    model = Gaussians([0.6, 0.3], (2.0, 0.8), prior=0.4, groups=groups)
    x, y, _ = model.sample(50_000, np.random.default_rng(1))

    def loss(parameters):
        w, b = parameters[:2], parameters[2]
        return np.logaddexp(0.0, epsilon * np.abs(w).sum() - y * (x @ w + b)).mean()

    rule = least_loss_rule(model, epsilon)
    own = loss(np.append(rule.weights, rule.bias))
    best = minimize(loss, np.append(rule.weights, rule.bias) + 0.1, method="Nelder-Mead", options={"xatol": 1e-6})
    # A rule of the population is as good on a sample but for what 3 parameters fit of it: about 1.5 / 50,000.
    assert 0 <= own - best.fun < 2e-4
    np.testing.assert_allclose(np.append(rule.weights, rule.bias), best.x, atol=0.05)
    assert (rule.weights[1] == 0) == (epsilon >= 0.45)


def test_units_and_fixed_features():
    unit = np.array([1.0, 1e3, 1e-4])
    model = Gaussians([0.5, -0.4, 0.2], ([1.0, 4.0, 2.0], [1.0, 1.0, 1.0]), scale=[1.0, 1.0, 0.0])
    other = Gaussians(
        model.theta * unit, tuple(one * unit**2 for one in model.covariances), scale=model.scale * unit
    )  # fmt: skip
    rule, same = least_loss_rule(model, 0.45), least_loss_rule(other, 0.45)
    np.testing.assert_allclose(same.weights * unit, rule.weights, rtol=1e-6)
    assert rule.weights[1] == 0  # given up
    assert rule.weights[2] > 0  # it cannot be touched


def test_confidence_is_a_mean_of_the_same_functions_by_quadrature():
    for mean, spread in ((0.3, 0.2), (-2.0, 1.0), (1.0, 1.7), (5.0, 30.0)):
        model, rule = Gaussians([mean], (1.0, spread**2)), LinearRule([1.0], 0.0)
        expected = quad(
            lambda z, mean=mean, spread=spread: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
            / (1 + np.exp(-(mean + spread * z))), -9, 9, limit=400, epsabs=1e-13
        )[0]  # fmt: skip
        assert mean_confidence(model, rule, label=1) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(
    ("model", "epsilon", "limit"),
    [
        (Gaussians([1.0, 0.5], (1.0, 2.0)), 1.0, 1.0),
        (Gaussians([1.0, 0.5], (1.0, 2.0)), 2.0, 1.0),
        (Gaussians([1.0, 0.5], (1.0, 2.0), scale=[1.0, 0.1]), 5.0, 5.0),
        (Gaussians([1.0, 0.0], (1.0, 2.0), scale=[2.0, 0.0]), 0.5, 0.5),
        # Means that differ by their groups alone.
        (
            Gaussians([0.0], (1.0, 1.0), groups=(Group("a", (1.0, 0.0), [-0.5]), Group("b", (0.0, 1.0), [0.5]))),
            0.5,
            0.5,
        ),
    ],
)
def test_a_radius_without_a_rule_is_refused(model, epsilon, limit):
    with pytest.raises(FairtollError) as raised:
        least_loss_rule(model, epsilon)
    assert str(raised.value) == messages.NO_WEIGHTS.format(epsilon=epsilon, limit=limit)


@pytest.mark.parametrize("epsilon", [-0.1, np.nan, "0.1"])
def test_a_radius_that_is_none_is_refused(epsilon):
    with pytest.raises(FairtollError, match=r"epsilon is .*; expected a finite number of 0 or more; give a radius"):
        least_loss_rule(Gaussians([1.0], (1.0, 2.0)), epsilon)


def test_a_search_that_does_not_converge(monkeypatch):
    monkeypatch.setattr(least_loss, "CONVERGED", -1.0)
    with pytest.raises(FairtollError, match=r"^the search for the least loss stopped at a slope of .*; expected below"):
        least_loss_rule(Gaussians([1.0, 0.5], (1.0, 2.0)))
