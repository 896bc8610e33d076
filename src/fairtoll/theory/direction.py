"""The best direction for one covariance under a budget of moves: a lasso, in closed form where it is diagonal."""

from __future__ import annotations

import numpy as np

from fairtoll.theory.checks import Floats

#: Relative slack of the optimality conditions.
_SLACK = 1e-11


def best_direction(theta: Floats, covariance: Floats, penalty: Floats) -> Floats:
    """The w that maximises (theta.w - sum_j penalty_j abs(w_j)) / sqrt(w' covariance w).

    The minimiser of w' covariance w / 2 - theta.w + sum_j penalty_j abs(w_j), whose scale makes the variance equal
    to the penalised mean. For a diagonal covariance it is soft thresholding: sign(theta_j) max(abs(theta_j) -
    penalty_j, 0) / covariance_jj. Otherwise the feature-sign search of Lee et al. 2007, "Efficient sparse coding
    algorithms", which ends after finitely many steps at the exact solution.

    Parameters
    ----------
    theta : ndarray, (d,)
    covariance : ndarray, () or (d,) or (d, d)
        A number (times the identity), a diagonal or a matrix; positive definite.
    penalty : ndarray, (d,)
        0 or more; at least one below ``abs(theta)``.

    Returns
    -------
    ndarray of float64, (d,)

    Examples
    --------
    >>> best_direction(np.array([1.0, -0.5]), np.array(2.0), np.array([0.6, 0.6])).tolist()
    [0.2, 0.0]
    """
    if covariance.ndim < 2:
        return np.asarray(np.sign(theta) * np.maximum(np.abs(theta) - penalty, 0.0) / covariance + 0.0)
    # Each feature in its own unit: beside one of large numbers the slack would drop one of small.
    size = np.sqrt(covariance.diagonal())
    theta, covariance, penalty = theta / size, covariance / np.outer(size, size), penalty / size
    if not penalty.any():
        return np.asarray(np.linalg.solve(covariance, theta) / size)
    return _feature_sign(theta, covariance, penalty) / size


def _feature_sign(theta: Floats, covariance: Floats, penalty: Floats) -> Floats:
    weights, signs = np.zeros(len(theta)), np.zeros(len(theta))
    slack = _SLACK * np.abs(theta).max()
    while True:
        slope = covariance @ weights - theta
        excess = np.where(signs == 0, np.abs(slope) - penalty, -np.inf)
        enter = int(np.argmax(excess))
        if excess[enter] <= slack:
            return weights
        signs[enter] = -np.sign(slope[enter])
        weights = _settle(theta, covariance, penalty, weights, signs)


def _settle(theta: Floats, covariance: Floats, penalty: Floats, weights: Floats, signs: Floats) -> Floats:
    """Minimise over the features with a sign; one that would change it goes to 0 and leaves."""
    while True:
        active = np.flatnonzero(signs)
        target = np.zeros_like(weights)
        target[active] = np.linalg.solve(
            covariance[np.ix_(active, active)], theta[active] - penalty[active] * signs[active]
        )
        crossing = active[target[active] * signs[active] < 0]
        # A feature that has just entered is 0: it moves its own way first, since that is downhill.
        crossing = crossing[weights[crossing] != 0]
        if crossing.size == 0:
            signs[active[target[active] == 0]] = 0
            return target
        parts = weights[crossing] / (weights[crossing] - target[crossing])
        part = parts.min()
        weights = weights + part * (target - weights)
        leaving = crossing[parts == part]
        weights[leaving], signs[leaving] = 0.0, 0.0
