"""Lemma 5 and Theorem 5 of docs/theory.md, against models that are fitted anew without the row."""

import numpy as np
import pytest
import sympy
from closed_forms import says

from fairtoll import theory

ONE = np.arange(1.0, 6.0)


def fit(x, y, penalty):
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)


def without(x, y, penalty, row):
    return fit(np.delete(x, row, axis=0), np.delete(y, row), penalty)


def data(seed, rows=12, features=3):
    generator = np.random.default_rng([seed, 6])
    x = generator.normal(size=(rows, features))
    return x, np.where(x @ generator.normal(size=features) + generator.normal(0, 0.7, rows) > 0, 1.0, -1.0), generator


def one_feature(x, y, penalty):
    """Theorem 5c: w - w_(i) of each row."""
    total = (x * x).sum()
    rest = total - x * x
    residual = y - x * (x @ y) / total
    return x * (residual * total + y * penalty) / ((total + penalty) * (rest + penalty))


def pairs(u, move):
    """Theorem 5f with one feature: w - w_(i) where every row has a copy that is moved by `move`."""
    total = (u * u).sum() + ((u - move) ** 2).sum()
    weight = (2 * u - move).sum() / total
    first, second = 1 - weight * u, 1 - weight * (u - move)
    return (u * first + (u - move) * second) / (total - u * u - (u - move) ** 2)


def test_theorem_5a_formula_and_bound():
    for seed in range(1000):
        x, y, generator = data(seed)
        penalty, at = generator.uniform(0.01, 20), generator.normal(size=3)
        inverse = np.linalg.inv(x.T @ x + penalty * np.eye(3))
        weights = fit(x, y, penalty)
        for row in range(2):
            change = at @ (weights - without(x, y, penalty, row))
            leverage, residual = x[row] @ inverse @ x[row], y[row] - x[row] @ weights
            assert change == pytest.approx(at @ inverse @ x[row] * residual / (1 - leverage), abs=1e-10)
            assert abs(change) <= np.linalg.norm(at) * np.linalg.norm(x[row]) * np.linalg.norm(y) / penalty
    left = theory.leave_one_out(x, y, penalty)
    assert np.allclose(left.weights[2], without(x, y, penalty, 2), atol=1e-10)


def test_theorem_5b_where_it_rises():
    for seed in range(1000):
        x, y, generator = data(seed)
        penalty, at, row = generator.uniform(0.01, 30), generator.normal(size=3), 0
        change = [abs(at @ (fit(x, y, p) - without(x, y, p, row))) for p in (penalty, penalty * (1 + 1e-6))]
        inverse = np.linalg.inv(x.T @ x + penalty * np.eye(3))
        rest = np.linalg.inv(np.delete(x, row, 0).T @ np.delete(x, row, 0) + penalty * np.eye(3))
        left = without(x, y, penalty, row)
        grows = x[row] @ rest @ left / (y[row] - left @ x[row])
        shrinks = at @ inverse @ inverse @ x[row] / (at @ inverse @ x[row])
        if abs(grows - shrinks) > 1e-3:
            assert (change[1] > change[0]) == (grows > shrinks)


def test_theorem_5c_one_feature():
    generator = np.random.default_rng(4)
    for _ in range(1000):
        x, y, penalty = generator.normal(size=6), generator.normal(size=6), generator.uniform(0, 9)
        brute = (x @ y) / (x @ x + penalty) - (x @ y - x * y) / (x @ x - x * x + penalty)
        assert np.allclose(one_feature(x, y, penalty), brute, atol=1e-10)
        total, rest = (x * x).sum(), (x * x).sum() - x * x
        ratio = y / (y - x * (x @ y) / total)
        rises = np.abs(one_feature(x, y, 1e-7)) > np.abs(one_feature(x, y, 0.0))
        clear = np.abs(ratio - 1 - total / rest) > 1e-4
        assert (rises == (ratio > 1 + total / rest))[clear].all()
    total, rest, penalty = sympy.symbols("S R l", positive=True)
    slope = sympy.diff(penalty / ((total + penalty) * (rest + penalty)), penalty)
    assert sympy.solve(slope, penalty) == [sympy.sqrt(total * rest)]


def largest(y, penalty):
    return np.abs(one_feature(ONE, np.asarray(y, float), penalty)).max()


def test_theorem_5_examples_of_ridge():
    title = "Theorem 5"
    says(title, "is 0 at `λ = 0`, 0.075 at 40, 0.012 at 1000", largest(ONE / 2, 40), largest(ONE / 2, 1000))
    assert largest(ONE / 2, 0) == pytest.approx(0, abs=1e-15)
    values = [largest([1, 0, 2, 1, 3], penalty) for penalty in (0, 20, 1000)]
    says(title, "0.106, 0.127 at 20, 0.014 at 1000", *values)
    values = [largest([-1, 1, 1, 1, 1], penalty) for penalty in (0, 5, 55, 1000)]
    says(title, "0.030, 0.021 at 5, 0.024 at 55, 0.005 at 1000", *values)
    left = theory.leave_one_out(ONE[:, None], ONE / 2, 40.0)
    assert np.abs(left.rule.weights - left.weights).max() == pytest.approx(largest(ONE / 2, 40))


def test_theorem_5d_noise():
    for seed in range(50):
        x, y, generator = data(seed)
        variance, rows = generator.uniform(0.05, 2), len(x)
        weights = fit(x, y, rows * variance)
        member = without(x, y, (rows - 1) * variance, 0)
        rest = np.delete(x, 0, 0)
        inverse = np.linalg.inv(rest.T @ rest + (rows - 1) * variance * np.eye(3))
        formula = inverse @ (x[0] * (y[0] - x[0] @ weights) - variance * weights)
        assert np.allclose(weights - member, formula, atol=1e-10)
        assert np.allclose(theory.noise_leave_one_out(x, y, float(np.sqrt(variance))).weights[0], member, atol=1e-9)


def test_theorem_5e_static_training_is_half_of_the_way_and_a_ridge_along_the_attack():
    residual, step = sympy.symbols("r d")
    assert sympy.expand(residual**2 + (residual + step) ** 2 - 2 * (residual + step / 2) ** 2 - step**2 / 2) == 0
    x, y, generator = data(0)
    rows, move, weights = y[:, None] * x, generator.normal(size=3), generator.normal(size=3)
    static = ((1 - rows @ weights) ** 2).sum() + ((1 - (rows - move) @ weights) ** 2).sum()
    half = 2 * ((1 - (rows - move / 2) @ weights) ** 2).sum() + len(x) / 2 * (weights @ move) ** 2
    assert static == pytest.approx(half)


def test_theorem_5f_blocks_are_exact_where_no_sign_changes():
    x, y, _ = data(3, rows=40)
    radius, source = 0.2, fit(x, y, 0.0)
    found = theory.static_copies(x, y, radius)
    for row in range(len(x)):
        own = without(x, y, 0.0, row)
        rest_x, rest_y = np.delete(x, row, 0), np.delete(y, row)
        copies = rest_x - radius * rest_y[:, None] * np.sign(own)
        member = fit(np.vstack([rest_x, copies]), np.tile(rest_y, 2), 0.0)
        assert np.allclose(found.own.weights[row], member, atol=1e-9)
        if (np.sign(own) == np.sign(source)).all():
            block = np.stack([y[row] * x[row], y[row] * x[row] - radius * np.sign(source)], axis=1)
            all_rows = y[:, None] * x
            design = np.vstack([all_rows, all_rows - radius * np.sign(source)])
            inverse = np.linalg.inv(design.T @ design)
            weights = inverse @ design.sum(axis=0)
            change = inverse @ block @ np.linalg.solve(np.eye(2) - block.T @ inverse @ block, 1 - block.T @ weights)
            assert np.allclose(weights - member, change, atol=1e-9)


def rises_for_many_rows(value, spread):
    """Theorem 5g in words: z and r."""
    if value < 0:
        return spread <= 2 or value > -1 / (spread - 2)
    if value < 1:
        return value > 1 / (spread + 2)
    return spread < 2 and value > 1 / (2 - spread)


def test_theorem_5g_the_criterion_and_its_cases():
    generator = np.random.default_rng(7)
    checked = 0
    for _ in range(1200):
        u = generator.normal(generator.uniform(0.3, 2), 1, 10_000)
        if u.mean() <= 0.05:
            continue
        own = generator.normal(0, 3)  # the row in question, beside so many others
        u[0] = own
        mean, square = u.mean(), (u * u).mean()
        value, spread = own * mean / square, np.sqrt(square) / mean
        criterion = (spread**2 * value**2 - (1 - 2 * value) ** 2) * value * (1 - value)
        if abs(criterion) > 0.02:
            rises = abs(pairs(u, 1e-5)[0]) > abs(pairs(u, 0.0)[0])
            assert rises == (criterion > 0) == rises_for_many_rows(value, spread)
            checked += 1
    assert checked > 1000


def test_theorem_5_examples_of_static_copies():
    for u, text in (
        ([-1, 1, 2, 3], "`u = (-1, 1, 2, 3)`: largest `|w - w_(i)|` 0.095, with copies at `c = 0.5` 0.154"),
        ([-1, 2, 2, 5], "`u = (-1, 2, 2, 5)`: 0.098 and 0.056"),
    ):
        u = np.array(u, float)
        sizes = [np.abs(pairs(u, move)).max() for move in (0.0, 0.5)]
        says("Theorem 5", text, *(sizes if text.count("0.5`") == 0 else [sizes[0], 0.5, sizes[1]]))
        found = theory.static_copies(u[:, None], np.ones(len(u)), 0.5)
        assert np.abs(found.shared.rule.weights - found.shared.weights).max() == pytest.approx(sizes[1])
    says("Summary", "static copies: 0.098 falls to 0.056", *sizes)
