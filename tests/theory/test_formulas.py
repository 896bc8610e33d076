"""The formulas by algebra and by quadrature of the normal density."""

import numpy as np
import pytest
import sympy
from random_settings import random_model, random_rule
from scipy.integrate import quad
from scipy.special import expit, ndtr
from scipy.stats import norm

from fairtoll.metrics import CRU_S_MATCHED
from fairtoll.theory import (
    Gaussians,
    LinearRule,
    cru_s,
    epsilon_at_rate,
    error,
    least_epsilon,
    mean_confidence,
    mean_least_epsilon,
    success_rate,
)


def cumulative(z):
    return (1 + sympy.erf(z / sympy.sqrt(2))) / 2


def density(z):
    return sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi)


def test_the_positive_part_of_a_normal_margin():
    """E max(0, m + s Z) is 0 far below, and its derivative in m is P(Z > -m / s)."""
    m, s = sympy.symbols("m", real=True), sympy.symbols("s", positive=True)
    formula = m * cumulative(m / s) + s * density(m / s)
    assert sympy.simplify(sympy.diff(formula, m) - cumulative(m / s)) == 0
    assert sympy.limit(formula.subs(s, 1), m, -sympy.oo) == 0


def test_the_mean_of_a_probit():
    """The derivative of E Phi(mu + s Z) in mu is the integral of a normal density, once the square is completed."""
    z, mu, s = (*sympy.symbols("z mu", real=True), sympy.symbols("s", positive=True))
    joint = (mu + s * z) ** 2 + z**2
    square = (1 + s**2) * (z + s * mu / (1 + s**2)) ** 2
    assert sympy.simplify(joint - square - mu**2 / (1 + s**2)) == 0
    # The integral of exp(-square / 2) is sqrt(2 pi / (1 + s^2)).
    of_mean = sympy.exp(-(mu**2) / (1 + s**2) / 2) * sympy.sqrt(2 * sympy.pi / (1 + s**2)) / (2 * sympy.pi)
    assert sympy.simplify(of_mean - sympy.diff(cumulative(mu / sympy.sqrt(1 + s**2)), mu)) == 0


def test_where_the_error_of_a_threshold_is_stationary():
    low, high, prior = sympy.symbols("s_- s_+ p", positive=True)
    t, m = sympy.symbols("t m", real=True)
    error = prior * cumulative((t - m) / high) + (1 - prior) * cumulative(-(t + m) / low)
    ratio = prior * density((m - t) / high) / high / ((1 - prior) * density((m + t) / low) / low)
    slope = sympy.diff(error, t)
    assert sympy.simplify(slope - (1 - prior) * density((m + t) / low) / low * (ratio - 1)) == 0


def cells(model, rule):
    for place, label in enumerate((-1, 1)):
        spread = np.sqrt(rule.weights @ model.matrix(label) @ rule.weights)
        for group in model.groups:
            share = group.share[place] * (model.prior if label == 1 else 1 - model.prior)
            yield label, share, label * (rule.weights @ (label * model.theta + group.shift) + rule.bias), spread


@pytest.mark.parametrize("seed", range(20))
def test_least_epsilon_by_quadrature(seed):
    model = random_model(seed)
    rule = random_rule(seed, model)
    reach = model.scale @ np.abs(rule.weights)
    largest = 0.7

    def mean(value):
        return sum(
            share * quad(lambda z, m=m, s=s: value(m + s * z) * norm.pdf(z), -12, 12, limit=400, epsabs=1e-12,
                         points=sorted({float(np.clip(at, -12, 12)) for at in (-m / s, (largest * reach - m) / s)}))[0]
            for _, share, m, s in cells(model, rule)
        )  # fmt: skip

    full = mean(lambda u: max(u, 0) / reach)
    censored = mean(lambda u: min(max(u, 0) / reach, largest))
    right = mean(lambda u: float(u > 0))
    broken = mean(lambda u: float(0 < u <= largest * reach))
    assert mean_least_epsilon(model, rule) == pytest.approx(full, abs=1e-9)
    assert mean_least_epsilon(model, rule, epsilon_max=largest) == pytest.approx(censored, abs=1e-9)
    assert mean_least_epsilon(model, rule, only_correct=True) == pytest.approx(full / right, abs=1e-9)
    assert success_rate(model, rule, largest, denominator="correct") == pytest.approx(broken / right, abs=1e-8)


@pytest.mark.parametrize("kappa", [0.001, 0.3, 0.99, 1.01, 5.0, 40.0, 3000.0])
@pytest.mark.parametrize("mean", [-2.0, 0.0, 0.01, 1.3])
def test_mean_confidence_by_quadrature(kappa, mean):
    model, rule = Gaussians([mean], (1.0, 1.0)), LinearRule([1.0], 0.0)
    for link, function in (("probit", ndtr), ("logistic", expit)):
        # The step lies where the score is 0: quadrature needs to know.
        expected = quad(
            lambda z, function=function: function(kappa * (mean + z)) * norm.pdf(z), -12, 12, epsabs=1e-13, limit=2000,
            points=sorted({-mean, *(-mean + step / kappa for step in (-20, -5, 5, 20) if abs(step / kappa) < 9)}),
        )[0]  # fmt: skip
        assert mean_confidence(model, rule, link=link, kappa=kappa, label=1) == pytest.approx(expected, abs=1e-11)


def test_a_rule_without_weights():
    model = Gaussians([1.0, 0.5], (1.0, 2.0), prior=0.3)
    always = LinearRule([0.0, 0.0], 0.5)
    assert success_rate(model, always, 0.3) == 0.7
    assert mean_least_epsilon(model, always, epsilon_max=2.0) == pytest.approx(0.6)
    assert mean_confidence(model, always, kappa=2.0) == pytest.approx(expit(1.0), abs=1e-13)


@pytest.mark.parametrize("seed", range(10))
def test_rules_at_a_matched_rate(seed):
    """The radius at a rate is a quantile of least epsilon, so that the package's metric sees the same gap."""
    model = random_model(seed)
    rule = random_rule(seed, model)
    rate = (1 + error(model, rule)) / 2
    epsilon = epsilon_at_rate(model, rule, rate)
    assert error(model, rule, epsilon) == pytest.approx(rate, abs=1e-12)
    x, y, _ = model.sample(40_000, np.random.default_rng([seed, 13]))
    least = least_epsilon(rule, x, y, model.scale)
    every = np.ones(len(y), dtype=bool)
    success = CRU_S_MATCHED.outcome(least_epsilon=least, censored=~every, counted=every, rate=rate)
    gap = abs(success[y == 1].mean() - success[y == -1].mean())
    allowed = 4 * 0.5 * np.sqrt(1 / (y == 1).sum() + 1 / (y == -1).sum())
    assert cru_s(model, rule, epsilon) == pytest.approx(gap, abs=allowed)


def test_success_where_hardly_a_row_is_correct():
    """One row in 1e-57 is: the tail of a normal is as good as exponential, and success is among these rows."""
    model, rule = Gaussians([-16.0], (1.0, 1.0)), LinearRule([1.0], 0.0)
    expected = 1 - np.exp(norm.logsf(16.05) - norm.logsf(16.0))
    assert success_rate(model, rule, 0.05, denominator="correct") == pytest.approx(expected, rel=1e-12)
    mean = mean_least_epsilon(model, rule, only_correct=True)
    assert mean == pytest.approx(1 / (16 + 2 / 16), rel=1e-3)
