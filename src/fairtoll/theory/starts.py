"""Where descents to the best rule start: directions that related populations have, and random ones, each well cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from fairtoll.theory.checks import Floats
from fairtoll.theory.direction import best_direction
from fairtoll.theory.population import Population, combined, mean_variance
from fairtoll.theory.two_gaussians import unequal_directions

#: Of all starts, those with the least error.
_MOST = 16
_RANDOM = 24
#: Pairs of cells whose best directions are tried, the largest first.
_PAIRS = 9
#: Directions in which the spreads differ most, from either end.
_UNEQUAL = 3
#: Thresholds that are tried in each direction, and how many standard deviations beyond the outermost mean.
_THRESHOLDS, _BEYOND = 161, 5.0


def starts(population: Population) -> list[tuple[Floats, float]]:
    """Weights and biases, the one with the least error first: along each direction the two best thresholds."""
    found = [
        (error, weights, bias)
        for weights in _directions(population)
        if np.abs(weights).max() > 0
        for error, bias in _cuts(population, weights)
    ]
    return [(weights, bias) for _, weights, bias in sorted(found, key=lambda one: one[0])[:_MOST]]


def _cuts(population: Population, weights: Floats) -> list[tuple[float, float]]:
    """Errors and biases at the local minima over the threshold, at most two."""
    score = population.mean @ weights
    spread = np.sqrt(population.variance(weights))[population.place]
    reach = population.penalty @ np.abs(weights)
    beyond = _BEYOND * spread.max() + reach
    thresholds = np.linspace(score.min() - beyond, score.max() + beyond, _THRESHOLDS)
    margin = population.label[:, None] * (score[:, None] - thresholds)
    errors = population.weight @ ndtr((reach - margin) / spread[:, None])
    inner = errors[1:-1]
    places = 1 + np.flatnonzero((inner < errors[:-2]) & (inner <= errors[2:]))
    best = places[np.argsort(errors[places])][:2]
    return [(float(errors[place]), float(-thresholds[place])) for place in best]


def _directions(population: Population) -> Iterator[Floats]:
    label, weight, mean = population.label, population.weight, population.mean
    low, high = population.covariances
    size = mean_variance(high) / mean_variance(low)
    shapes = [combined((low, high), factors) for factors in ((1.0, 1 / size), (1.0, 0.0), (0.0, 1.0))]
    pairs = [(one, other) for one in np.flatnonzero(label == -1) for other in np.flatnonzero(label == 1)]
    largest = sorted(pairs, key=lambda pair: -weight[list(pair)].prod())[:_PAIRS]
    differences = [population.half_difference, *((mean[other] - mean[one]) / 2 for one, other in largest)]
    for half in differences:
        for shape in shapes:
            yield best_direction(half, shape, population.penalty)
            yield best_direction(half, shape, np.zeros_like(half))
    for weights in unequal_directions(population, most=_UNEQUAL):
        yield weights
        yield -weights
    spread = population.spread_of_features()
    usual = population.half_difference / spread
    generator = np.random.default_rng(0)
    for _ in range(_RANDOM):
        yield (usual / (1 + np.linalg.norm(usual)) + generator.standard_normal(len(usual))) / spread
