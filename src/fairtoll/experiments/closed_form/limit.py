"""The linear rule that training tends to as rows are added: the one with the least expected loss."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from fairtoll.errors import FairtollError
from fairtoll.theory import Gaussians, LinearRule, robust_rule

LABELS = (-1, 1)
#: Of the Gauss-Hermite quadrature of the loss over one class and group.
NODES = 64
NO_RULE = (
    "epsilon is {epsilon:g}; expected a radius of 0 or more, below the largest class mean, {largest:g}; give a smaller "
    "one: beyond it the rule with the least loss has no weights"
)


def least_loss_rule(model: Gaussians, epsilon: float = 0.0) -> LinearRule:
    """The rule with the least expected logistic loss under the worst move of every row: what on-line training finds.

    The expectation of ``log(1 + exp(epsilon L - y (w.x + b)))``, which is convex in w and b; w is the difference of two
    vectors without negative entries, so that L is smooth. The rule with the least *error* is another one where classes
    are spread differently.

    Parameters
    ----------
    model : Gaussians
    epsilon : float
        Radius of the adversary; with 0, standard training.

    Raises
    ------
    FairtollError
        For a radius that leaves no rule.

    Examples
    --------
    >>> rule = least_loss_rule(Gaussians([1.0], (1.0, 1.0)))  # equal spreads: w = 2 theta / sigma^2, the log odds
    >>> round(float(rule.weights[0]), 4), abs(round(rule.bias, 4))
    (2.0, 0.0)
    """
    largest = float(np.abs(model.theta / np.where(model.scale > 0, model.scale, np.inf)).max())
    immovable = bool((np.abs(model.theta[model.scale == 0]) > 0).any())
    if not 0 <= epsilon < largest and not (immovable and epsilon >= 0):
        raise FairtollError(NO_RULE.format(epsilon=epsilon, largest=largest))
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    features = model.features
    cells = [
        (label, share, shift, model.matrix(label))
        for place, label in enumerate(LABELS)
        for share, shift in _groups(model, place)
    ]

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        positive, negative, bias = parameters[:features], parameters[features:-1], parameters[-1]
        w = positive - negative
        budget = epsilon * float(model.scale @ (positive + negative))
        value, slope, of_bias, of_budget = 0.0, np.zeros(features), 0.0, 0.0
        for label, share, shift, covariance in cells:
            spread = np.sqrt(max(float(w @ covariance @ w), 1e-300))
            excess = budget - label * float(w @ (label * model.theta + shift) + bias) + spread * nodes
            wrong = weights * expit(excess)
            value += share * float(weights @ np.logaddexp(0.0, excess))
            total = share * float(wrong.sum())
            slope += share * float(wrong @ nodes) * (covariance @ w) / spread
            slope -= total * (model.theta + label * shift)
            of_bias -= total * label
            of_budget += total
        push = of_budget * epsilon * model.scale
        return value, np.concatenate([slope + push, push - slope, [of_bias]])

    start = np.concatenate([np.maximum(model.theta, 0.0), np.maximum(-model.theta, 0.0), [0.0]])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[*[(0.0, None)] * (2 * features), (None, None)],
        options={"maxiter": 5000, "maxfun": 20_000, "ftol": 1e-15, "gtol": 1e-9},
    ).x
    return LinearRule(found[:features] - found[features:-1], float(found[-1]))


@lru_cache(maxsize=256)
def best_rules(model: Gaussians, epsilon: float) -> tuple[LinearRule, LinearRule]:
    """The rules with the least loss and with the least error for a radius; found once for each model.

    Examples
    --------
    >>> least_loss, least_error = best_rules(Gaussians([1.0], (1.0, 1.0)), 0.5)
    >>> round(least_loss.bias, 6) == least_error.bias == 0.0
    True
    """
    return least_loss_rule(model, epsilon), robust_rule(model, epsilon)


def _groups(model: Gaussians, place: int) -> list[tuple[float, NDArray[np.float64]]]:
    """Share of all rows and shift of each group of one class."""
    of_class = model.prior if place else 1.0 - model.prior
    if not model.groups:
        return [(of_class, np.zeros(model.features))]
    return [(of_class * group.share[place], group.shift) for group in model.groups]
