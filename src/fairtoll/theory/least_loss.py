"""The linear rule with the least expected logistic loss, without and with an adversary: what training tends to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.checks import Floats, radius
from fairtoll.theory.direction import best_direction
from fairtoll.theory.logistic import logistic_means
from fairtoll.theory.model import Gaussians
from fairtoll.theory.population import Population, combined, population_of
from fairtoll.theory.rule import LinearRule

#: The largest slope of the log loss, in standard deviations of the features, at which the search has converged.
CONVERGED = 1e-7
_STEPS, _HALVINGS = 200, 40
_NO_LOSS = 1e-280
#: Share of the descent that the slope promises which a step must make.
_SUFFICIENT = 1e-4


def least_loss_rule(model: Gaussians, epsilon: float = 0.0) -> LinearRule:
    """The linear rule with the least expected logistic loss under the worst admissible move of each row.

    It minimises ``E log(1 + exp(epsilon L - y (w.x + b)))``: what standard training (epsilon 0) and on-line adversarial
    training of a linear model tend to as rows are added. For equal covariances without groups or adversary it is the
    rule of `standard_rule`, w = 2 Sigma^-1 theta. Where classes are spread differently it has another threshold than
    the rule with the least error (`robust_rule`), and gaps can go the other way (docs/theory.md, Theorem 10).

    The loss is convex in w and b, and its mean over a cell depends on the mean and the variance of the score alone, by
    quadrature (`logistic_means`). Newton's method, a feature leaving where it would change its sign; that no slope is
    left is checked, so that it is the minimum.

    Parameters
    ----------
    model : Gaussians
    epsilon : float
        Radius.

    Returns
    -------
    LinearRule
        Its score is the logit of the confidence in class +1.

    Raises
    ------
    FairtollError
        If the radius is negative or so large that the least loss has no weights, the classes have the same means or are
        so far apart that no loss is left, or the search does not converge.

    Examples
    --------
    >>> rule = least_loss_rule(Gaussians([1.0], (1.0, 1.0)))  # 2 theta / sigma^2: the score is the log odds
    >>> round(float(rule.weights[0]), 9), abs(round(rule.bias, 9))
    (2.0, 0.0)
    """
    population = population_of(model, radius(epsilon))
    theta, penalty = np.abs(population.half_difference), population.penalty
    if not theta.any():
        raise FairtollError(messages.SAME_MEANS_NO_WEIGHTS)
    if not (theta > penalty).any():
        movable = model.scale > 0
        limit = float(np.max(theta[movable] / model.scale[movable])) if movable.any() else 0.0
        raise FairtollError(messages.NO_WEIGHTS.format(epsilon=population.epsilon, limit=limit))
    size = population.spread_of_features()
    weights, bias = _minimum(_Loss(_in_units_of(population, size)))
    return LinearRule(weights / size, bias)


def _in_units_of(population: Population, size: Floats) -> Population:
    """The same cells with each feature in its own unit, covariances as matrices."""
    low, high = (
        (one if one.ndim == 2 else np.diag(np.broadcast_to(one, size.shape))) / np.outer(size, size)
        for one in population.covariances
    )
    return replace(population, mean=population.mean / size, covariances=(low, high), penalty=population.penalty / size)


def _start(population: Population) -> tuple[Floats, float]:
    """The rule that is best for the average covariance, as if it were that of both classes."""
    shape = combined(population.covariances, (1 - population.prior, population.prior))
    weights = 2 * best_direction(population.half_difference, shape, population.penalty)
    odds = float(np.log(population.prior / (1 - population.prior)))
    return weights, odds - float(weights @ population.centre)


@dataclass(frozen=True, eq=False)
class _Loss:
    """The expected loss of a population, by cells."""

    population: Population

    def moments(self, weights: Floats, bias: float, orders: list[int]) -> Floats:
        """Weighted means over each cell of the loss (order 0) and of its derivatives, (orders, C)."""
        cells = self.population
        wrong = cells.penalty @ np.abs(weights) - cells.label * (cells.mean @ weights + bias)
        spread = np.sqrt(cells.variance(weights))[cells.place]
        return cells.weight * logistic_means(wrong, spread, orders)

    def at(self, weights: Floats, bias: float) -> float:
        """The loss."""
        return float(self.moments(weights, bias, [0]).sum())

    def signs(self, weights: Floats, moments: Floats) -> Floats:
        """Of the weights; of one that is 0 the sign that it takes where it leaves 0, 0 where it stays."""
        cells = self.population
        smooth = -(moments[1] * cells.label) @ cells.mean
        for place, covariance in enumerate(cells.covariances):
            smooth = smooth + moments[2][cells.place == place].sum() * covariance @ weights
        enters = np.where(np.abs(smooth) > moments[1].sum() * cells.penalty, -np.sign(smooth), 0.0)
        return np.where(weights != 0, np.sign(weights), enters)

    def slope_and_curvature(self, weights: Floats, moments: Floats, signs: Floats) -> tuple[Floats, Floats]:
        """Of weights and bias, (d + 1,) and (d + 1, d + 1), where weights keep these signs.

        By the chain rule of the mean m and the variance v of a cell's score, whose derivatives are known: those of a
        mean over normal scores in v are half the second ones in m.
        """
        cells = self.population
        first, second, third, fourth = moments[1:]
        of_mean = np.column_stack([cells.penalty * signs - cells.label[:, None] * cells.mean, -cells.label])
        slope = first @ of_mean
        curvature = (of_mean * second[:, None]).T @ of_mean
        for place, covariance in enumerate(cells.covariances):
            own = cells.place == place
            of_variance = np.append(covariance @ weights, 0.0)
            slope += second[own].sum() * of_variance
            mixed = np.outer(third[own] @ of_mean[own], of_variance)
            curvature += mixed + mixed.T + fourth[own].sum() * np.outer(of_variance, of_variance)
            curvature[:-1, :-1] += second[own].sum() * covariance
        return slope, curvature


def _minimum(loss: _Loss) -> tuple[Floats, float]:
    """Newton's method on the features that are in, until no slope is left."""
    weights, bias = _start(loss.population)
    penalty = loss.population.penalty
    left = np.inf
    for _ in range(_STEPS):
        moments = loss.moments(weights, bias, [0, 1, 2, 3, 4])
        value = float(moments[0].sum())
        # Of classes so far apart that rounding leaves no loss there is no minimum to find.
        if value <= _NO_LOSS:
            raise FairtollError(messages.NO_LOSS)
        signs = loss.signs(weights, moments)
        free = np.append((signs != 0) | (penalty == 0), True)
        slope, curvature = loss.slope_and_curvature(weights, moments, signs)
        left = float(np.abs(slope[free]).max()) / value
        newton = np.zeros_like(slope)
        newton[free] = -np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        if left <= CONVERGED:
            # The last step squares what is left, where the loss itself no longer tells two rules apart.
            last = weights + newton[:-1]
            kept = bool((last * signs >= 0)[penalty > 0].all())
            return (last, bias + float(newton[-1])) if kept else (weights, bias)
        for direction in (newton, np.where(free, -slope, 0.0)):
            moved = _moved(loss, (weights, bias, value), signs, slope, direction)
            if moved is not None:
                weights, bias = moved
                break
        else:
            break
    raise FairtollError(messages.LOSS_NOT_CONVERGED.format(given=left, expected=CONVERGED))


def _moved(
    loss: _Loss, start: tuple[Floats, float, float], signs: Floats, slope: Floats, direction: Floats
) -> tuple[Floats, float] | None:
    """The longest of halved steps from weights, a bias and their loss that lowers it enough; None if there is none."""
    held: NDArray[np.bool_] = loss.population.penalty > 0
    weights, bias, before = start
    for halvings in range(_HALVINGS):
        step = 0.5**halvings
        tried = weights + step * direction[:-1]
        tried = np.where(held & (tried * signs < 0), 0.0, tried)
        other = bias + step * float(direction[-1])
        promised = float(slope @ np.append(tried - weights, other - bias))
        if promised < 0 and loss.at(tried, other) <= before + _SUFFICIENT * promised + 1e-15 * abs(before):
            return tried, other
    return None
