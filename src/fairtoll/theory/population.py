"""What a linear rule is chosen for: Gaussian cells with their weights, and what an adversary may move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fairtoll.theory.checks import Floats, of_kind
from fairtoll.theory.model import LABELS, Gaussians
from fairtoll.theory.rule import LinearRule


@dataclass(frozen=True, eq=False)
class Population:
    """C Gaussian cells.

    Attributes
    ----------
    label : ndarray of int, (C,)
        -1 or +1.
    weight : ndarray, (C,)
        Share of each, above 0; they sum to 1.
    mean : ndarray, (C, d)
    covariances : pair of ndarray
        Of class -1 and +1: (), (d,) or (d, d).
    penalty : ndarray, (d,)
        How far the adversary moves each feature, epsilon times the scale.
    epsilon : float
        For messages.
    """

    label: NDArray[np.int64]
    weight: Floats
    mean: Floats
    covariances: tuple[Floats, Floats]
    penalty: Floats
    epsilon: float

    @property
    def prior(self) -> float:
        """Share of class +1."""
        return float(self.weight[self.label == 1].sum())

    @property
    def place(self) -> NDArray[np.int64]:
        """Of each cell's class in a pair, (C,): 0 for class -1."""
        return (self.label + 1) // 2

    @property
    def half_difference(self) -> Floats:
        """Half the difference of the classes' means, (d,): theta where groups are alike in both classes."""
        low, high = (self._class_mean(label) for label in LABELS)
        return (high - low) / 2

    @property
    def centre(self) -> Floats:
        """The point half-way between the classes' means, (d,)."""
        low, high = (self._class_mean(label) for label in LABELS)
        return (high + low) / 2

    def _class_mean(self, label: int) -> Floats:
        own = self.label == label
        return np.asarray(self.weight[own] @ self.mean[own] / self.weight[own].sum())

    @property
    def is_two_gaussians(self) -> bool:
        """Whether all cells of a class have one mean."""
        return all(np.ptp(self.mean[self.label == label], axis=0).max() == 0 for label in LABELS)

    def variance(self, weights: Floats) -> Floats:
        """Variance of the score in class -1 and +1, (2,)."""
        return np.array([weights @ times(one, weights) for one in self.covariances])

    def spread_of_features(self) -> Floats:
        """Standard deviation of each feature within a class, mean of both, (d,)."""
        variance = combined(self.covariances, (0.5, 0.5))
        return np.sqrt(variance.diagonal() if variance.ndim == 2 else np.broadcast_to(variance, self.penalty.shape))

    def error(self, weights: Floats, bias: float) -> float:
        """Share of rows that are or can be misclassified; weights not all 0."""
        spread = np.sqrt(self.variance(weights))[self.place]
        margin = self.label * (self.mean @ weights + bias) - self.penalty @ np.abs(weights)
        return float(self.weight @ ndtr(-margin / spread))

    def rule(self, weights: Floats, bias: float) -> LinearRule:
        """The rule, scaled so that its mean variance within a class is its mean margin under the worst move.

        For equal covariances and no adversary the score is then half the log odds. Where that margin is not above 0
        the mean variance is 1.
        """
        share = np.array([1 - self.prior, self.prior])
        variance = float(share @ self.variance(weights))
        margin = float(weights @ self.half_difference - self.penalty @ np.abs(weights))
        factor = margin / variance if margin > 0 else variance**-0.5
        return LinearRule(factor * weights, factor * bias + 0.0)


def population_of(model: Gaussians, epsilon: float) -> Population:
    """A model's cells, and its adversary at a radius."""
    of_kind(model, Gaussians, name="the model")
    shares = np.array([one.share for one in model.groups] or [(1.0, 1.0)])
    shifts = np.array([one.shift for one in model.groups] or [np.zeros(model.features)])
    label = np.repeat(LABELS, len(shares))
    weight = np.concatenate([(1 - model.prior) * shares[:, 0], model.prior * shares[:, 1]])
    mean = label[:, None] * model.theta + np.tile(shifts, (2, 1))
    there = weight > 0
    return Population(
        label[there], weight[there] / weight.sum(), mean[there], model.covariances, epsilon * model.scale, epsilon
    )


def times(covariance: Floats, weights: Floats) -> Floats:
    """A covariance, given as a number, a diagonal or a matrix, times a vector."""
    return np.asarray(covariance @ weights if covariance.ndim == 2 else covariance * weights)


def combined(covariances: tuple[Floats, Floats], factors: tuple[float, float]) -> Floats:
    """The sum of two covariances times factors, dense only if one of them is."""
    low, high = covariances
    if low.ndim != 2 and high.ndim != 2:
        return np.asarray(factors[0] * low + factors[1] * high)
    size = max(low.shape[-1:] + high.shape[-1:])
    low, high = (one if one.ndim == 2 else np.diag(np.broadcast_to(one, size)) for one in (low, high))
    return np.asarray(factors[0] * low + factors[1] * high)


def mean_variance(covariance: Floats) -> float:
    """Mean variance of the features."""
    return float(covariance.diagonal().mean() if covariance.ndim == 2 else covariance.mean())


def are_proportional(covariances: tuple[Floats, Floats]) -> bool:
    """Whether one covariance is a multiple of the other, whatever the units of the features."""
    low, high = (combined(covariances, factors) for factors in ((1.0, 0.0), (0.0, 1.0)))
    ratio = mean_variance(high) / mean_variance(low)
    # Each entry in its own units: a feature of small variance would be lost beside one of large.
    size = high if high.ndim < 2 else np.sqrt(np.outer(high.diagonal(), high.diagonal()))
    return bool((np.abs(high - ratio * low) <= 1e-12 * size).all())
