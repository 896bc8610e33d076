"""Static copies, weights, groups and the repair, on the whole population, against other optimisers and simulation."""

import numpy as np
import pytest
from random_settings import random_model, random_rule
from scipy.optimize import differential_evolution, minimize_scalar
from scipy.stats import norm

from fairtoll.errors import FairtollError
from fairtoll.theory import (
    Gaussians,
    Group,
    LinearRule,
    cau,
    error,
    messages,
    repair,
    reweighted,
    robust_rule,
    standard_rule,
    static_rule,
    with_groups,
)


def two_variances(seed):
    generator = np.random.default_rng([seed, 9])
    features, eta = int(generator.integers(1, 20)), float(generator.uniform(0.1, 1))
    high, ratio = float(generator.uniform(0.5, 2)), float(generator.uniform(1.05, 4))
    epsilon = float(generator.uniform(0.05, 0.9)) * eta
    return Gaussians(np.full(features, eta), ((ratio * high) ** 2, high**2)), epsilon


def threshold_of(rule):
    return -rule.bias / np.linalg.norm(rule.weights)


def attacked(model, t, reach):
    """Mean error at a threshold of the mean feature, whose class means an adversary has moved by `reach`."""
    mean = np.linalg.norm(model.theta) - reach
    low, high = (np.sqrt(float(one)) for one in model.covariances)
    return (norm.cdf((t - mean) / high) + norm.cdf(-(t + mean) / low)) / 2


@pytest.mark.parametrize("seed", range(15))
def test_static_training_with_two_variances(seed):
    model, epsilon = two_variances(seed)
    reach = epsilon * np.sqrt(model.features)
    rule = static_rule(model, epsilon)
    assert np.ptp(rule.weights) <= 1e-6 * rule.weights[0]
    grid = np.linspace(-6, 6, 4001) * float(model.covariances[0]) ** 0.5
    merged = attacked(model, grid, 0.0) + attacked(model, grid, reach)
    place = int(np.argmin(merged))
    best = minimize_scalar(
        lambda t: attacked(model, t, 0.0) + attacked(model, t, reach),
        bounds=(grid[place - 1], grid[place + 1]), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    assert threshold_of(rule) == pytest.approx(best.x, abs=1e-5)
    standard, robust = (threshold_of(one) for one in (standard_rule(model), robust_rule(model, epsilon)))
    assert robust < threshold_of(rule) < standard


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))])
def test_static_training_against_a_search_without_gradients(seed):
    model = random_model(seed, features=2)
    source, epsilon = random_rule(seed, model), 0.3
    move = epsilon * model.scale * np.sign(source.weights)

    def merged(point):
        if np.abs(point[:-1]).max() < 1e-9:
            return 1.0
        total = 0.0
        for place, label in enumerate((-1, 1)):
            spread = np.sqrt(point[:-1] @ model.matrix(label) @ point[:-1])
            for group in model.groups:
                share = group.share[place] * (model.prior if label == 1 else 1 - model.prior) / 2
                for mean in (model.theta, model.theta - move):
                    margin = label * (point[:-1] @ (label * mean + group.shift) + point[-1])
                    total += share * norm.cdf(-margin / spread)
        return total

    found = differential_evolution(merged, [(-1, 1)] * 2 + [(-8, 8)], seed=seed, popsize=15, tol=1e-8, maxiter=200)
    if found.fun >= min(model.prior, 1 - model.prior) - 1e-6:
        return
    rule = static_rule(model, epsilon, source=source)
    assert merged(np.append(rule.weights, rule.bias)) <= found.fun + 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_transfer_from_another_rule_against_rows(seed):
    model = random_model(seed)
    rule, source = random_rule(seed, model), LinearRule(-random_rule(seed + 50, model).weights, 0.1)
    x, y, group = model.sample(50_000, np.random.default_rng([seed, 10]))
    moved = x - 0.3 * y[:, None] * model.scale * np.sign(source.weights)
    wrong = rule.predict(moved) != y
    name = model.groups[1].name
    for exact, values in (
        (error(model, rule, 0.3, source=source), wrong),
        (error(model, rule, 0.3, source=source, label=1), wrong[y == 1]),
        (error(model, rule, 0.3, source=source, group=name), wrong[group == 1]),
    ):
        assert exact == pytest.approx(values.mean(), abs=4 * values.std() / np.sqrt(len(values)) + 1e-9)
    assert error(model, rule, 0.3, source=rule) == pytest.approx(error(model, rule, 0.3), abs=1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_weights_and_copies_are_another_prior(seed):
    """The best rule of the reweighted model minimises the weighted error of the model."""
    generator = np.random.default_rng([seed, 11])
    model, (low, high) = random_model(seed, groups=False), generator.uniform(0.7, 1.6, 2)
    changed = reweighted(model, (low, high))
    try:
        rule = robust_rule(changed, 0.1, by_means=True)
    except FairtollError:
        return

    def weighted(one):
        wrong = {label: error(model, one, 0.1, label=label) for label in (-1, 1)}
        return low * (1 - model.prior) * wrong[-1] + high * model.prior * wrong[1]

    best = weighted(rule)
    for _ in range(50):
        near = LinearRule(
            rule.weights + 0.02 * np.abs(rule.weights).max() * generator.standard_normal(model.features),
            rule.bias + 0.02 * generator.standard_normal(),
        )
        assert weighted(near) >= best - 1e-12
    # The share of class +1 where its rows are there three times.
    _, y, _ = model.sample(20_000, generator)
    copies = np.concatenate([y, y[y == 1], y[y == 1]])
    assert reweighted(model, (1, 3)).prior == pytest.approx((copies == 1).mean(), abs=0.02)


def test_some_groups_alone():
    groups = tuple(
        Group(name, share, [shift]) for name, share, shift in
        (("a", (0.5, 0.2), 0.0), ("b", (0.3, 0.2), 0.4), ("c", (0.2, 0.6), -0.5))
    )  # fmt: skip
    model = Gaussians([1.0], (1.0, 2.0), 0.4, groups)
    part = with_groups(model, ["a", "b"])
    # By counting: class -1 has .6 (.5 + .3) = .48 of all rows, class +1 .4 (.2 + .2) = .16.
    assert part.prior == pytest.approx(0.25)
    assert [one.share for one in part.groups] == [pytest.approx((0.625, 0.5)), pytest.approx((0.375, 0.5))]
    rule = LinearRule([1.0], 0.2)
    for name in ("a", "b"):
        assert error(part, rule, group=name) == pytest.approx(error(model, rule, group=name))


def test_what_a_rare_group_pays_is_its_error_at_the_rule_of_the_others():
    paid = []
    for share in (0.2, 0.02, 0.002):
        groups = (Group("many", 1 - share, [0.0, 0.0]), Group("rare", share, [0.8, -0.8]))
        model = Gaussians([0.6, 0.3], (2.0, 1.0), groups=groups)
        without = robust_rule(with_groups(model, ["many"]), 0.1)
        paid.append(error(model, robust_rule(model, 0.1), 0.1, group="rare") - error(model, without, 0.1, group="rare"))
    # The rule of all serves the rare group the less the rarer it is.
    assert paid[0] < 5 * paid[1] < 25 * paid[2] < 0


def past_the_crossing(model, t, epsilon):
    """Slope of the log ratio of the attacked densities of class -1 and +1 at a threshold, by a difference."""
    mean = np.linalg.norm(model.theta) - epsilon * np.sqrt(model.features)
    low, high = (np.sqrt(float(one)) for one in model.covariances)
    above, below = (norm.logpdf(at, -mean, low) - norm.logpdf(at, mean, high) for at in (t + 1e-5, t - 1e-5))
    return above - below


@pytest.mark.parametrize("seed", range(20))
def test_the_repair_with_two_variances(seed):
    """It gives the standard rule back, so that it costs all that robust training gains."""
    model, epsilon = two_variances(seed)
    standard, robust = standard_rule(model), robust_rule(model, epsilon)
    if (past := past_the_crossing(model, threshold_of(standard), epsilon)) > 0:
        with pytest.raises(FairtollError, match="no class weights"):
            repair(model, epsilon)
        return
    assert past < 0
    done = repair(model, epsilon)
    assert threshold_of(done.rule) == pytest.approx(threshold_of(standard), abs=1e-9)
    assert done.cost == pytest.approx(error(model, standard, epsilon) - error(model, robust, epsilon), abs=1e-12)
    assert done.cost > 0
    assert cau(model, done.rule) == pytest.approx(cau(model, standard), abs=1e-12)
    assert np.mean(done.class_weights) == pytest.approx(1)
    check_weights(model, done, epsilon)


def check_weights(model, done, epsilon):
    """The weighted robust error has a minimum at the repaired rule's threshold."""
    low, high = done.class_weights

    def weighted(bias):
        rule = LinearRule(done.rule.weights, bias)
        wrong = {label: error(model, rule, epsilon, label=label) for label in (-1, 1)}
        return low * (1 - model.prior) * wrong[-1] + high * model.prior * wrong[1]

    step = 0.05 * np.sqrt(done.rule.weights @ model.matrix(1) @ done.rule.weights)
    near = (done.rule.bias - step, done.rule.bias + step)
    found = minimize_scalar(weighted, bounds=near, method="bounded", options={"xatol": 1e-9})
    assert found.x == pytest.approx(done.rule.bias, abs=1e-3 * step)
    smaller = min(low * (1 - model.prior), high * model.prior)
    assert done.beats_one_class == (weighted(done.rule.bias) < smaller)


@pytest.mark.parametrize("seed", range(10))
def test_the_repair_with_features_of_unequal_means_and_classes(seed):
    generator = np.random.default_rng([seed, 12])
    root = generator.standard_normal((3, 3))
    covariance = root @ root.T / 3 + 0.5 * np.eye(3)
    model = Gaussians(
        generator.uniform(0.4, 1.2, 3), (2.5 * covariance, covariance), float(generator.uniform(0.4, 0.6)),
        scale=[0.5, 1.0, 0.8],
    )  # fmt: skip
    done, standard = repair(model, 0.2), standard_rule(model)
    deviations = [np.sqrt(one.weights @ covariance @ one.weights) for one in (done.rule, standard)]
    assert done.rule.bias / deviations[0] == pytest.approx(standard.bias / deviations[1], abs=1e-9)
    assert model.prior * done.class_weights[1] + (1 - model.prior) * done.class_weights[0] == pytest.approx(1)
    assert done.cost == pytest.approx(
        error(model, done.rule, 0.2) - error(model, robust_rule(model, 0.2), 0.2), abs=1e-14
    )
    check_weights(model, done, 0.2)


def test_bad_input():
    model = Gaussians([1.0, 0.5], (2.0, 1.0), groups=(Group("a", 1.0, [0.0, 0.0]),))

    def refused(call, template, **fields):
        with pytest.raises(FairtollError) as raised:
            call()
        assert str(raised.value) == template.format(**fields)

    for weights in ((1.0, 0.0), (1.0, -1.0), (1.0,), 2.0, (1.0, float("nan")), (1.0, "2")):
        refused(lambda weights=weights: reweighted(model, weights), messages.CLASS_WEIGHTS, given=repr(weights))
    refused(lambda: with_groups(model, ["b"]), messages.UNKNOWN_GROUP, given="'b'", expected=["a"])
    refused(lambda: with_groups(model, []), messages.NO_ROW, label="-1", group="among []")
    wide = LinearRule([1.0] * 3, 0.0)
    refused(lambda: static_rule(model, 0.1, source=wide), messages.FEATURES_DIFFER, given=3, expected=2)
    refused(lambda: error(model, LinearRule([1.0, 1.0], 0.0), 0.1, source=wide), messages.FEATURES_DIFFER,
            given=3, expected=2)  # fmt: skip
    refused(lambda: static_rule(model, -0.1), messages.EPSILON, name="epsilon", given="-0.1")
    refused(lambda: repair(model, -0.1), messages.EPSILON, name="epsilon", given="-0.1")
    refused(lambda: repair(model, 1.0), messages.NO_RULE, epsilon=1.0, limit=1.0)
    refused(lambda: repair(Gaussians([1.0, 0.5], ([1.0, 2.0], 1.0)), 0.1), messages.NO_CLOSED_REPAIR)
    apart = (Group("a", 0.5, [0.0, 0.0]), Group("b", 0.5, [1.0, 0.0]))
    refused(lambda: repair(Gaussians([1.0, 0.5], (2.0, 1.0), groups=apart), 0.1), messages.NO_CLOSED_REPAIR)
    # Classes far apart have their threshold near the narrow one: past its mean under attack.
    refused(lambda: repair(Gaussians([2.0], (9.0, 1.0)), 1.9), messages.NO_REPAIR, epsilon=1.9)
