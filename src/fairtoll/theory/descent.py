"""The best linear rule between mixtures of Gaussians, by descent of the exact error from several starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr

from fairtoll.theory.checks import Floats
from fairtoll.theory.population import Population, times

#: The largest slope of the log error, in standard deviations of the features, at which a search has converged.
CONVERGED = 1e-6
#: How often a search that rounding stops starts again from where it stopped.
_RESTARTS = 5


def descents(
    population: Population, starts: Iterable[tuple[Floats, float]]
) -> Iterator[tuple[Floats, float, float, float]]:
    """The local minimum of the exact error that is reached from each start.

    Minimises the logarithm of the error over w = u - v and b with u, v of 0 or more and L = sum_j scale_j (u_j + v_j):
    smooth, and at a minimum one of u_j and v_j is 0, so that L is the adversary's.

    Parameters
    ----------
    population : Population
    starts : iterable of (ndarray, float)
        Weights and biases.

    Yields
    ------
    weights : ndarray, (d,)
    bias, error : float
    slope : float
        The largest slope of the log error that is left, per standard deviation.
    """
    size = population.spread_of_features()
    features = len(size)
    limits = [(0.0, None)] * (2 * features) + [(None, None)]
    for weights, bias in starts:
        scaled = weights * size
        first = np.concatenate([np.maximum(scaled, 0), np.maximum(-scaled, 0), [bias]]) / np.linalg.norm(scaled)
        for _ in range(_RESTARTS):
            result = minimize(
                _log_error, first, args=(population, size), jac=True, bounds=limits, method="L-BFGS-B",
                options={"ftol": 1e-16, "gtol": 1e-11, "maxiter": 5000, "maxfun": 20000, "maxcor": 30},
            )  # fmt: skip
            if not np.isfinite(result.fun) or _slope(result.x, np.asarray(result.jac)) <= CONVERGED:
                break
            # Weights of another length than 1 have other slopes; rounding stops the search where they are small.
            first = result.x / np.linalg.norm(result.x[:-1])
        if np.isfinite(result.fun):
            weights = (result.x[:features] - result.x[features:-1]) / size
            bias = float(result.x[-1])
            yield weights, bias, population.error(weights, bias), _slope(result.x, np.asarray(result.jac))


def _log_error(point: Floats, population: Population, size: Floats) -> tuple[float, Floats]:
    features = len(size)
    weights = (point[:features] - point[features:-1]) / size
    moved = (point[:features] + point[features:-1]) / size
    products = [times(one, weights) for one in population.covariances]
    variance = np.array([weights @ one for one in products])
    if not (variance > 0).all():
        return np.inf, np.zeros_like(point)
    place = population.place
    spread = np.sqrt(variance)[place]
    z = (population.penalty @ moved - population.label * (population.mean @ weights + point[-1])) / spread
    error = float(population.weight @ ndtr(z))
    density = population.weight * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    pull = density / spread
    of_mean = -(pull * population.label) @ population.mean
    for one in (0, 1):
        own = place == one
        of_mean -= (density[own] @ z[own]) / variance[one] * products[one]
    of_reach = pull.sum() * population.penalty
    slope = np.concatenate([(of_mean + of_reach) / size, (of_reach - of_mean) / size, [-pull @ population.label]])
    with np.errstate(divide="ignore"):
        return float(np.log(error)), slope / max(error, np.finfo(np.float64).tiny)


def _slope(point: Floats, jac: Floats) -> float:
    """The largest slope along which the point may move, with weights of length 1."""
    free = np.where((point[:-1] <= 0) & (jac[:-1] > 0), 0.0, jac[:-1])
    length = np.linalg.norm(point[:-1])
    return float(length * max(np.abs(free).max(), abs(jac[-1])))
