"""Leave-one-out fits against fits without the row, by other solvers; LUF against the package's metric."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, ndtr
from sklearn.linear_model import LinearRegression, Ridge

from fairtoll import metrics
from fairtoll.errors import FairtollError
from fairtoll.theory import leave_one_out, luf, messages, noise_leave_one_out, static_copies


def rows_of(seed, n=14, d=3):
    generator = np.random.default_rng([seed, 8])
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    return generator.standard_normal((n, d)) + 0.4 * y[:, None], y, generator


def fitted(x, y, ridge, intercept):
    """scikit-learn's fit: weights and bias."""
    options = {"fit_intercept": intercept}
    model = Ridge(alpha=ridge, solver="svd", **options) if ridge else LinearRegression(**options)
    model.fit(x, y)
    return model.coef_, model.intercept_


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 0.5, 20.0])
def test_every_member_is_what_fitting_without_the_row_gives(ridge, intercept):
    x, y, _ = rows_of(0)
    left = leave_one_out(x, y, ridge, intercept=intercept)
    np.testing.assert_allclose(left.rule.weights, fitted(x, y, ridge, intercept)[0], atol=1e-10)
    for row in range(len(x)):
        weights, bias = fitted(np.delete(x, row, 0), np.delete(y, row), ridge, intercept)
        np.testing.assert_allclose(left.weights[row], weights, atol=1e-10)
        assert left.biases[row] == pytest.approx(bias, abs=1e-10)


def test_copies_of_a_row_go_together():
    x, y, _ = rows_of(1)
    names = np.array(["b", "a", "c"])[np.arange(len(x)) % 3]
    left = leave_one_out(x, y, 0.3, blocks=names)
    assert left.weights.shape == (3, 3)
    for place, name in enumerate(["a", "b", "c"]):
        kept = names != name
        np.testing.assert_allclose(left.weights[place], fitted(x[kept], y[kept], 0.3, False)[0], atol=1e-10)


def test_noise_in_the_mean_over_its_draws():
    """The loss in the mean over noise, written out and minimised by another optimiser, with and without a row."""
    x, y, _ = rows_of(2)
    sigma = 0.7

    def minimum(x, y):
        def loss(w):
            # The mean of the square is the square of the mean plus the variance of w.noise, row by row.
            return sum((y[i] - x[i] @ w) ** 2 + sigma**2 * w @ w for i in range(len(x)))

        return minimize(loss, np.zeros(3), tol=1e-14).x

    left = noise_leave_one_out(x, y, sigma)
    np.testing.assert_allclose(left.rule.weights, minimum(x, y), atol=1e-6)
    for row in (0, 5):
        np.testing.assert_allclose(left.weights[row], minimum(np.delete(x, row, 0), np.delete(y, row)), atol=1e-6)


def test_noise_that_is_drawn_comes_near():
    x, y, generator = rows_of(3)
    many = np.tile(x, (20_000, 1))
    noisy = many + 0.5 * generator.standard_normal(many.shape)
    drawn = np.linalg.lstsq(noisy, np.tile(y, 20_000), rcond=None)[0]
    np.testing.assert_allclose(noise_leave_one_out(x, y, 0.5).rule.weights, drawn, atol=0.01)


@pytest.mark.parametrize(("link", "function"), [("probit", ndtr), ("logistic", expit)])
def test_luf_is_the_packages_metric_of_the_confidences(link, function):
    x, y, generator = rows_of(4)
    left = leave_one_out(x, y, 0.1, intercept=True)
    evaluated = generator.standard_normal((30, 3))

    def confidences(weights, bias):
        high = function(2.5 * (evaluated @ weights + bias))
        return np.column_stack([1 - high, high])

    full = confidences(*fitted(x, y, 0.1, True))
    members = [confidences(*fitted(np.delete(x, row, 0), np.delete(y, row), 0.1, True)) for row in range(len(x))]
    expected = metrics.leave_one_out_unfairness(full, members)
    assert luf(left, evaluated, link=link, kappa=2.5) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("intercept", [False, True])
def test_static_copies_against_training_again(intercept):
    x, y, _ = rows_of(5)
    x[:, 2] *= 0.3  # a weak feature, whose weight changes sign without some rows
    scale = np.array([1.0, 0.5, 1.0])
    copies = static_copies(x, y, 0.4, ridge=0.2, scale=scale, intercept=intercept)

    def train(x, y, source=None):
        first = fitted(x, y, 0.2, intercept)[0] if source is None else source
        return fitted(np.vstack([x, x - 0.4 * y[:, None] * scale * np.sign(first)]), np.tile(y, 2), 0.2, intercept)

    source = fitted(x, y, 0.2, intercept)[0]
    np.testing.assert_allclose(copies.shared.rule.weights, train(x, y)[0], atol=1e-10)
    for row in range(len(x)):
        rest = np.delete(x, row, 0), np.delete(y, row)
        of_own, of_shared = train(*rest), train(*rest, source)
        np.testing.assert_allclose(copies.own.weights[row], of_own[0], atol=1e-10)
        np.testing.assert_allclose(copies.shared.weights[row], of_shared[0], atol=1e-10)
        assert copies.own.biases[row] == pytest.approx(of_own[1], abs=1e-10)
        np.testing.assert_allclose(copies.source.weights[row], fitted(*rest, 0.2, intercept)[0], atol=1e-10)
        assert copies.differs[row] == (np.abs(of_own[0] - of_shared[0]).max() > 1e-9)
    if not intercept:
        assert 0 < copies.differs.sum() < len(x)


def test_luf_of_noiseless_rows_rises_with_the_ridge():
    """Without noise every member is the truth at ridge 0, so that regularisation cannot lower LUF."""
    x, _, generator = rows_of(6, n=40)
    y = x @ np.array([0.5, -1.0, 0.3])
    evaluated = generator.standard_normal((50, 3))
    assert luf(leave_one_out(x, y), evaluated) == pytest.approx(0, abs=1e-12)
    assert luf(leave_one_out(x, y, 10.0), evaluated) > 0.01


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_the_units_of_columns_do_not_matter(intercept, ridge):
    """In other units only the weight changes. A ridge is of those units: it leaves a column of 1e-9 no weight."""
    x, y, _ = rows_of(8)
    unit = np.array([1.0, 1.0, 1e-9]) if ridge else np.array([1e9, 1.0, 1e-9])
    left = leave_one_out(x * unit, y, ridge, intercept=intercept)
    for row in range(len(x)):
        rest, of_rest = np.delete(x, row, 0) * unit, np.delete(y, row)
        if ridge:
            # The others are fitted without it.
            expected = fitted(rest[:, :2], of_rest, ridge, intercept)[0]
            np.testing.assert_allclose(left.weights[row, :2], expected, rtol=1e-7)
        else:
            expected = fitted(rest / unit, of_rest, ridge, intercept)[0]
            np.testing.assert_allclose(left.weights[row] * unit, expected, rtol=1e-9)


def test_columns_far_from_zero_have_their_weights_beside_an_intercept():
    """Years, or prices in a small currency: nearly the column of the intercept, but for rounding."""
    x, y, _ = rows_of(9)
    left = leave_one_out(x + np.array([2e6, 0.0, -3e7]), y, intercept=True)
    for row in range(len(x)):
        expected = fitted(np.delete(x, row, 0), np.delete(y, row), 0.0, True)[0]
        np.testing.assert_allclose(left.weights[row], expected, rtol=1e-6)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e9])
def test_a_row_far_out_is_left_out_like_any_other(size):
    """Its leverage is 1 but for rounding, though the others determine every weight."""
    x, y, _ = rows_of(10)
    x[4] *= size
    left = leave_one_out(x, y)
    for row in (3, 4):
        expected = np.linalg.lstsq(np.delete(x, row, 0), np.delete(y, row), rcond=None)[0]
        np.testing.assert_allclose(left.weights[row], expected, rtol=1e-6)


def test_the_block_that_decides_alone_is_named():
    x, y, _ = rows_of(11)
    x[[2, 9], 1], x[[0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13], 1] = 1.0, 0.0
    names = np.array(["north", "south"])[np.arange(len(x)) % 2]
    names[[2, 9]] = "far"
    with pytest.raises(FairtollError, match=r"^the rows without block 'far' do not determine the weights; expected"):
        leave_one_out(x, y, blocks=names)
    with pytest.raises(FairtollError, match=r"^the rows without block 7 do not determine the weights; expected"):
        leave_one_out(x, y, blocks=np.where(names == "far", 7, np.arange(len(x)) % 2))
    assert np.isfinite(leave_one_out(x, y, 0.1, blocks=names).weights).all()


def test_bad_input():
    x, y, _ = rows_of(7)

    def refused(call, template, **fields):
        with pytest.raises(FairtollError) as raised:
            call()
        assert str(raised.value) == template.format(**fields)

    for ridge in (-1.0, math.nan, math.inf, "1", None):
        refused(lambda ridge=ridge: leave_one_out(x, y, ridge), messages.RIDGE, given=repr(ridge))
        refused(lambda ridge=ridge: static_copies(x, y, 0.1, ridge=ridge), messages.RIDGE, given=repr(ridge))
        refused(lambda sigma=ridge: noise_leave_one_out(x, y, sigma), messages.SIGMA, given=repr(ridge))
    refused(lambda: leave_one_out(x, y[:3]), messages.SHAPE_OF_ROWS, name="y", given=(3,), expected="(14,)")
    refused(lambda: leave_one_out(x * math.nan, y), messages.NOT_FINITE, name="x")
    refused(lambda: leave_one_out(x, y, blocks=[0, 1]), messages.SHAPE_OF_ROWS, name="blocks", given=(2,),
            expected="(14,)")  # fmt: skip
    refused(lambda: leave_one_out(x[:2], y[:2]), messages.UNDETERMINED, rows=2, features=3)
    refused(lambda: leave_one_out(x, y, blocks=[None, 1] * 7), messages.BLOCKS)
    refused(lambda: leave_one_out(x[:3], y[:3]), messages.DECIDES_ALONE, what="row 0")
    refused(lambda: static_copies(x[:3], y[:3], 0.0), messages.DECIDES_ALONE, what="row 0")
    refused(lambda: noise_leave_one_out(x[:1], y[:1], 1.0), messages.DECIDES_ALONE, what="row 0")
    refused(lambda: static_copies(x, y + 1, 0.1), messages.LABELS, given="0")
    refused(lambda: static_copies(x, y, -0.1), messages.EPSILON, name="epsilon", given="-0.1")
    refused(lambda: static_copies(x, y, 0.1, scale=[1.0, -1.0, 1.0]), messages.SCALE, given="-1", feature=1)
    left = leave_one_out(x, y)
    refused(lambda: luf(left, x, link="step"), messages.SCORE_LINK, given="'step'")
    refused(lambda: luf(left, x, link="probit", kappa=-1), messages.KAPPA, given="-1")
    wanted = "(N, 3) with N of at least 1"
    refused(lambda: luf(left, x[:, :2]), messages.SHAPE, name="x", given=(14, 2), expected=wanted)
