"""The best rules against other optimisers of the error written out here, and against the literature's closed forms."""

import numpy as np
import pytest
import torch
from random_settings import random_covariance, random_model
from scipy.optimize import brentq, differential_evolution, minimize
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from fairtoll.attacks import pgd
from fairtoll.errors import FairtollError
from fairtoll.theory import (
    Gaussians,
    Group,
    LinearRule,
    cau,
    error,
    least_epsilon,
    margins,
    robust_rule,
    standard_rule,
)


def written_out(model, point, epsilon):
    """The exact robust error, cell by cell."""
    return written_out_of(model, epsilon)(point)


def written_out_of(model, epsilon):
    """As a function of weights and bias, the model's arrays read once: the search calls it often."""
    groups = model.groups or (Group("all", 1.0, np.zeros(model.features)),)
    cells = [
        (share * group.share[place], label, label * model.theta + group.shift, model.matrix(label))
        for place, (label, share) in enumerate(((-1, 1 - model.prior), (1, model.prior)))
        for group in groups
    ]

    def of(point):
        weights, bias = point[:-1], point[-1]
        away = epsilon * np.sum(model.scale * np.abs(weights))
        return sum(
            share * ndtr((away - label * (weights @ mean + bias)) / np.sqrt(weights @ matrix @ weights))
            for share, label, mean, matrix in cells
        )

    return of


def global_minimum(model, epsilon, seed):
    """Differential evolution over directions and biases, then Nelder and Mead: no gradient, no sign pattern."""
    bound = 8.0 * float(np.sqrt(max(model.matrix(-1).max(), model.matrix(1).max())))
    limits = [(-1.0, 1.0)] * model.features + [(-bound, bound)]
    exact = written_out_of(model, epsilon)

    def of(point):
        return exact(point) if np.abs(point[:-1]).max() > 1e-9 else 1.0

    found = differential_evolution(of, limits, seed=seed, popsize=20, tol=1e-9, maxiter=300, polish=False)
    return minimize(
        of, found.x, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 3000, "adaptive": True}
    ).fun


def compare(seed, *, groups):
    model = random_model(seed, groups=groups, features=2 + seed % 2)
    # Every fifth without an adversary.
    epsilon = float(np.random.default_rng([seed, 3]).uniform(0, 0.5)) * (seed % 5 != 4)
    lowest = global_minimum(model, epsilon, seed)
    rule, refusal = rule_or_refusal(model, epsilon)
    if rule is None:
        # Then the other search finds nothing better than one class for all, or a rule that has the means swapped.
        rival = refusal.startswith("at epsilon") and rule_or_refusal(model, epsilon, by_means=True)[0]
        limit = min(model.prior, 1 - model.prior) if not rival else error(model, rival, epsilon)
        assert (lowest < limit) == refusal.startswith("at epsilon") or lowest == pytest.approx(limit, abs=1e-6)
        return False
    ours = written_out(model, np.append(rule.weights, rule.bias), epsilon)
    assert error(model, rule, epsilon) == pytest.approx(ours, abs=1e-13)
    assert ours <= lowest + 1e-12
    return True


def rule_or_refusal(model, epsilon, **options):
    try:
        return robust_rule(model, epsilon, **options), ""
    except FairtollError as error_of_use:
        return None, str(error_of_use)


@pytest.mark.parametrize("groups", [False, True])
def test_robust_rules_are_no_worse_than_a_search_without_gradients(groups):
    found = [compare(seed, groups=groups) for seed in (4, 24, 38)]
    assert sum(found) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("groups", [False, True])
def test_robust_rules_in_a_hundred_settings(groups):
    found = [compare(seed, groups=groups) for seed in range(100)]
    assert sum(found) >= 70


@pytest.mark.parametrize("seed", range(10))
def test_fisher_for_equal_covariances(seed):
    generator = np.random.default_rng([seed, 4])
    covariance, theta = random_covariance(generator, 4), generator.standard_normal(4)
    prior = generator.uniform(0.2, 0.8)
    model = Gaussians(theta, (covariance, covariance), prior)
    rule = standard_rule(model)
    # Twice the score is the log of the ratio of the two weighted densities, at any point.
    x = generator.standard_normal((5, 4))
    high, low = (multivariate_normal(label * theta, model.matrix(1)).logpdf(x) for label in (1, -1))
    np.testing.assert_allclose(2 * rule.score(x), high - low + np.log(prior / (1 - prior)), atol=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_two_variances_have_the_threshold_of_equal_densities(seed):
    """Theorem 1's model: one direction, and a threshold where the two densities of the attacked mean feature meet."""
    generator = np.random.default_rng([seed, 5])
    features, ratio = int(generator.integers(1, 20)), float(generator.uniform(1.1, 5))
    eta, high = float(generator.uniform(0.1, 1)), float(generator.uniform(0.5, 2))
    epsilon = float(generator.uniform(0, 0.9)) * eta
    model = Gaussians(np.full(features, eta), ((ratio * high) ** 2, high**2))
    rule = robust_rule(model, epsilon)
    assert np.ptp(rule.weights) == 0
    threshold = -rule.bias / np.linalg.norm(rule.weights)
    mean = np.sqrt(features) * (eta - epsilon)
    root = brentq(
        lambda t: norm.logpdf(t, mean, high) - norm.logpdf(t, -mean, ratio * high), -mean - 3 * high, mean, xtol=1e-15
    )
    assert threshold == pytest.approx(root, abs=1e-9)


def anderson_and_bahadur(model):
    """Least error of their procedures w = (t Sigma_+ + (1 - t) Sigma_-)^-1 2 theta, each with their threshold."""

    def of(t):
        weights = np.linalg.solve(t * model.matrix(1) + (1 - t) * model.matrix(-1), 2 * model.theta)
        # Their (1962) c: from class -1's mean t_- w' Sigma_- w to the right.
        cut = -weights @ model.theta + (1 - t) * weights @ model.matrix(-1) @ weights
        return written_out(model, np.append(weights, -cut), 0.0)

    grid = np.linspace(0.001, 0.999, 400)
    best = grid[np.argmin([of(t) for t in grid])]
    found = minimize(lambda t: of(t[0]), [best], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-15})
    return found.fun


@pytest.mark.parametrize("seed", range(10))
def test_anderson_and_bahadur_for_unequal_covariances(seed):
    generator = np.random.default_rng([seed, 6])
    covariances = (random_covariance(generator, 4, kind=2), random_covariance(generator, 4, kind=2))
    model = Gaussians(generator.standard_normal(4), covariances)
    assert error(model, standard_rule(model)) == pytest.approx(anderson_and_bahadur(model), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_diagonal_and_the_same_matrix_have_one_rule(seed):
    generator = np.random.default_rng([seed, 7])
    theta, low, high = generator.uniform(-1, 1, 5), *generator.uniform(0.5, 2, (2, 5))
    epsilon = 0.4 * np.abs(theta).max()
    of_diagonals = robust_rule(Gaussians(theta, (low, high)), epsilon)
    of_matrices = robust_rule(Gaussians(theta, (np.diag(low), np.diag(high))), epsilon)
    np.testing.assert_allclose(of_diagonals.weights, of_matrices.weights, atol=1e-8)
    assert of_diagonals.bias == pytest.approx(of_matrices.bias, abs=1e-8)


def test_two_blocks_of_features():
    """The toll rises, then vanishes where the robust rule drops the block whose spreads differ."""
    theta = np.r_[np.full(4, 0.5), np.full(30, 0.25)]
    model = Gaussians(theta, (np.r_[np.ones(4), np.full(30, 4.0)], np.ones(34)))
    found = [cau(model, robust_rule(model, epsilon, by_means=True)) for epsilon in (0, 0.1, 0.25, 0.35, 0.45)]
    assert np.round(found, 3).tolist() == [0.037, 0.05, 0.0, 0.0, 0.0]


def test_a_shift_that_all_groups_share_moves_the_bias_alone():
    plain = Gaussians([0.5, 1.0], (1.0, 2.0))
    shift = [3.0, -1.0]
    moved = Gaussians([0.5, 1.0], (1.0, 2.0), groups=(Group("a", 0.2, shift), Group("b", 0.8, shift)))
    one, other = standard_rule(plain), standard_rule(moved)
    np.testing.assert_allclose(other.weights, one.weights, atol=1e-12)
    assert other.bias == pytest.approx(one.bias - one.weights @ shift)


def test_a_group_that_grows_rare_leaves_the_rule_of_the_other():
    alone = robust_rule(Gaussians([0.6, 0.3], (1.0, 2.0)), 0.1)
    distances = []
    for share in (0.1, 0.01, 0.001):
        groups = (Group("many", 1 - share, [0.0, 0.0]), Group("rare", share, [1.0, -1.0]))
        rule = robust_rule(Gaussians([0.6, 0.3], (1.0, 2.0), groups=groups), 0.1)
        distances.append(np.linalg.norm(np.append(rule.weights - alone.weights, rule.bias - alone.bias)))
    assert distances[0] > 5 * distances[1] > 25 * distances[2] > 0


def test_units_do_not_matter():
    errors = []
    for factor in (0.01, 1.0, 100.0):
        groups = (Group("a", 0.7, [0.0, 0.0]), Group("b", 0.3, np.array([0.5, -0.2]) * factor))
        model = Gaussians(np.array([0.6, 0.4]) * factor, (2 * factor**2, 1 * factor**2), 0.4, groups)
        errors.append(error(model, robust_rule(model, 0.2 * factor), 0.2 * factor))
    np.testing.assert_allclose(errors, errors[0], rtol=1e-9)


def test_the_threat_is_that_of_attacks():
    """PGD on the rule as a network breaks exactly the rows whose margin under attack is not above 0."""
    model = random_model(12, features=3)
    rule = robust_rule(model, 0.1)
    x, y, _ = model.sample(200, np.random.default_rng(1))
    network = torch.nn.Linear(3, 2).double()
    with torch.no_grad():
        network.weight[:] = torch.tensor(np.stack([-rule.weights, rule.weights]) / 2)
        network.bias[:] = torch.tensor([-rule.bias, rule.bias]) / 2
    rows, labels = torch.tensor(x), torch.tensor((y + 1) // 2)
    found = pgd(network, rows, labels, threat=model.threat, epsilon=0.1, steps=10)
    margin = margins(rule, x, y, 0.1, model.scale)
    assert np.abs(margin).min() > 1e-6
    assert 0 < (margin <= 0).sum() < 200
    np.testing.assert_array_equal(found.success.numpy().ravel(), margin <= 0)


def test_rows_one_by_one_by_brute_force():
    """Least epsilon by trying every corner of the ball and bisecting, and success at a radius from the corners."""
    model = random_model(11, features=4)
    rule = LinearRule(model.theta + 0.1, -0.2)
    x, y, _ = model.sample(50, np.random.default_rng(0))
    corners = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T * model.scale

    def breaks(row, label, radius):
        scores = (row + radius * corners) @ rule.weights + rule.bias
        return bool((label * scores <= 0).any())

    least = least_epsilon(rule, x, y, model.scale)
    for row, label, known, margin in zip(x, y, least, margins(rule, x, y, 0.3, model.scale), strict=True):
        low, high = 0.0, 100.0
        if breaks(row, label, 0.0):
            high = 0.0
        while high - low > 1e-12:
            middle = (low + high) / 2
            low, high = (low, middle) if breaks(row, label, middle) else (middle, high)
        assert known == pytest.approx(high, abs=1e-10)
        assert (margin <= 0) == breaks(row, label, 0.3)


@pytest.mark.parametrize("epsilon", [0.0, 0.4])
def test_the_units_of_features_do_not_change_the_best_rule(epsilon):
    """The spread of a share and of an income: what differs between the classes is the feature of small numbers."""
    units = np.array([1e5, 0.05])
    raw = Gaussians(units, (units**2, np.array([1.0, 4.0]) * units**2), scale=units)
    standard = Gaussians([1.0, 1.0], (1.0, [1.0, 4.0]))
    found = robust_rule(standard, epsilon)
    expected = error(standard, found, epsilon)
    assert error(raw, robust_rule(raw, epsilon), epsilon) == pytest.approx(expected, abs=1e-6)
    # The other rule in these units is as good, so that the two are one model.
    rescaled = LinearRule(found.weights / units, found.bias)
    assert error(raw, rescaled, epsilon) == pytest.approx(expected, abs=1e-12)


def weights_of_proportional(theta, covariance, penalty):
    """The best direction by quadratic programming over weights split into positive and negative parts."""
    features = len(theta)

    def loss(split):
        weights = split[:features] - split[features:]
        return weights @ covariance @ weights / 2 - theta @ weights + np.tile(penalty, 2) @ split

    limits = [(0, None)] * (2 * features)
    found = minimize(loss, np.full(2 * features, 0.1), bounds=limits, options={"ftol": 1e-16, "gtol": 1e-10}).x
    return found[:features] - found[features:]


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e6, 1e7])
@pytest.mark.parametrize("epsilon", [0.0, 0.2])
def test_correlated_features_in_very_different_units_have_one_rule(unit, epsilon):
    """A feature of small numbers is not dropped beside one of large ones; weights by a solver in equal units."""
    units, covariance, theta = np.array([1 / unit, unit]), np.array([[1.0, 0.3], [0.3, 1.0]]), np.array([1.0, 0.5])
    raw = covariance * np.outer(units, units)
    for factor in (1.0, 4.0):
        model = Gaussians(theta * units, (factor * raw, raw), scale=units)
        found = robust_rule(model, epsilon).weights * units
        expected = weights_of_proportional(theta, covariance, np.full(2, epsilon))
        np.testing.assert_allclose(found / found[0], expected / expected[0], atol=1e-5)
    unequal = np.array([[2.0, -0.5], [-0.5, 1.0]])
    errors = [
        error(one, robust_rule(one, epsilon), epsilon)
        for one in (
            Gaussians(theta, (covariance, unequal)),
            Gaussians(theta * units, (raw, unequal * np.outer(units, units)), scale=units),
        )
    ]
    assert errors[0] == pytest.approx(errors[1], abs=1e-9)


def test_a_covariance_is_singular_or_not_in_any_units():
    units = np.array([1e5, 1e-4])
    matrix = np.array([[1.0, 0.3], [0.3, 1.0]]) * np.outer(units, units)
    assert robust_rule(Gaussians(units, (matrix, matrix), scale=units), 0.1).weights.shape == (2,)
    with pytest.raises(FairtollError, match="singular"):
        Gaussians(units, (np.outer(units, units), matrix))
