"""The best linear rule between two Gaussians under an adversary: closed form, or a search over one angle."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh, eigvalsh
from scipy.optimize import brentq, minimize_scalar

from fairtoll.theory.checks import Floats
from fairtoll.theory.direction import best_direction
from fairtoll.theory.population import Population, are_proportional, combined, mean_variance
from fairtoll.theory.threshold import best_threshold, weighted_error

#: Angles that are tried before the best is refined.
_ANGLES = 65

#: Weights and bias, and the error.
Found = tuple[Floats, float, float]


def best_of_two(population: Population) -> Found | None:
    """The best rule between two classes of one mean each, where some feature's means stay apart under the adversary.

    At the optimum (lambda Sigma_- + mu Sigma_+) w = theta - epsilon scale sign(w), zeros where the right side would
    change sign, with lambda : mu = z_- / tau_- : z_+ / tau_+ and z_y the margin in standard deviations (without an
    adversary: Anderson and Bahadur 1962, "Classification into two multivariate normal distributions with different
    covariance matrices"). Where the covariances are proportional the direction does not depend on the ratio, which is
    closed form; else the angle of (lambda, mu) is searched over all that leave the matrix positive definite. The
    threshold is always in closed form.

    Returns
    -------
    weights, bias, error
        None if always predicting one class is no worse.
    """
    if are_proportional(population.covariances):
        return _at(population, population.covariances[0])
    return _searched(population)


def _at(population: Population, covariance: Floats) -> Found | None:
    """The best rule in the direction for one covariance."""
    theta, centre = population.half_difference, population.centre
    weights = best_direction(theta, covariance, population.penalty)
    margin = float(weights @ theta - population.penalty @ np.abs(weights))
    low, high = np.sqrt(population.variance(weights)).tolist()
    threshold = best_threshold(margin, (low, high), population.prior)
    if threshold is None:
        return None
    error = weighted_error(margin, (low, high), population.prior, threshold)
    return weights, -threshold - float(weights @ centre), error


def _searched(population: Population) -> Found | None:
    low, high = population.covariances
    size = mean_variance(high) / mean_variance(low)

    def found(angle: float) -> Found | None:
        return _at(population, combined((low, high), (float(np.cos(angle)), float(np.sin(angle)) / size)))

    def error(angle: float) -> float:
        one = found(angle)
        return 1.0 if one is None else one[2]

    def mismatch(angle: float) -> float:
        """How far the matrix is from the one that the rule itself asks for."""
        one = found(angle)
        if one is None:
            return np.nan
        weights, bias, _ = one
        theta, variance = population.half_difference, population.variance(weights)
        margin = weights @ theta - population.penalty @ np.abs(weights)
        pull = (margin + np.array([-1.0, 1.0]) * (bias + weights @ population.centre)) / variance
        return float(pull[0] * np.sin(angle) / size - pull[1] * np.cos(angle))

    start, end = _range(population, size)
    angles = np.linspace(start, end, _ANGLES + 2)[1:-1]
    place = int(np.argmin([error(angle) for angle in angles]))
    step = angles[1] - angles[0]
    span = (max(angles[place] - step, start + 1e-6 * step), min(angles[place] + step, end - 1e-6 * step))
    best = float(minimize_scalar(error, bounds=span, method="bounded", options={"xatol": 1e-9 * step}).x)
    # The error is flat at its minimum; the condition of the optimum is not.
    near = (max(best - 1e-3 * step, span[0]), min(best + 1e-3 * step, span[1]))
    ends = [mismatch(angle) for angle in near]
    if ends[0] * ends[1] < 0:
        best = float(brentq(mismatch, *near, xtol=1e-15))
    return found(best)


def _range(population: Population, size: float) -> tuple[float, float]:
    """The angles that leave the matrix positive definite; of a diagonal only features that the rule uses count."""
    ratios = _ratios(population) / size
    low, high = population.covariances
    if low.ndim < 2 and high.ndim < 2:
        used = np.abs(population.half_difference) > population.penalty
        ratios = np.broadcast_to(high / low / size, used.shape)[used]
    return -float(np.arctan(1 / ratios.max())), float(np.pi / 2 + np.arctan(ratios.min()))


def unequal_directions(population: Population, *, most: int) -> list[Floats]:
    """Directions in which the ratio of the spreads is smallest and largest, at most so many of each."""
    low, high = population.covariances
    if low.ndim < 2 and high.ndim < 2:
        vectors = np.eye(len(population.penalty))[np.argsort(np.broadcast_to(high / low, population.penalty.shape))]
    else:
        vectors = eigh(combined((low, high), (0.0, 1.0)), combined((low, high), (1.0, 0.0)))[1].T
    places = sorted({*range(min(most, len(vectors))), *range(max(len(vectors) - most, 0), len(vectors))})
    return [vectors[place] for place in places]


def _ratios(population: Population) -> Floats:
    """Ratios of the variance in class +1 to that in class -1 over all directions, from the least to the largest."""
    low, high = population.covariances
    if low.ndim == 2 or high.ndim == 2:
        return np.asarray(eigvalsh(combined((low, high), (0.0, 1.0)), combined((low, high), (1.0, 0.0))))
    return np.sort(np.broadcast_to(high / low, population.penalty.shape))
