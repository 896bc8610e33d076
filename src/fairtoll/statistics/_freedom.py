"""Degrees of freedom of a variance that is a sum of estimated parts, and what follows from them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from fairtoll.statistics._groups import Floats

# Within these how much a part counts depends on the tail: at the middle all quantiles are 0, and far out those of one
# degree of freedom have no square.
LEAST_TAIL, LARGEST_TAIL = 1e-15, 0.25
SMALLEST = 1e-300


def combined_freedom(parts: Floats, freedom: Floats, confidence: float) -> Floats:
    """Satterthwaite's degrees of freedom of the sum of `parts (K, ...)`, for an interval at this confidence.

    A part known from few degrees of freedom may be small by luck, and then hardly lowers the sum's: a nominal 99.75%
    interval of five paired runs missed twice as often as it should, a 95% one of two runs in 13%. Each part therefore
    counts as many times as the square of its own t quantile exceeds the normal one's, here and not in the variance. By
    simulation with shares of 20 to 100% of the variance known from 2 to 20 degrees of freedom no confidence from 95 to
    99.9% is then missed.

    Examples
    --------
    >>> combined_freedom(np.array([2.0, 2.0]), np.array([10.0, 10.0]), 0.95).item()
    20.0
    """
    return _combined(parts, freedom, (1 - confidence) / 2)


def quantile(parts: Floats, freedom: Floats, tail: float) -> float:
    """The number of standard errors that a sum of `parts (K,)` is exceeded by with a probability of `tail`."""
    return float(quantiles(parts, freedom, tail))


def quantiles(parts: Floats, freedom: Floats, tail: float) -> Floats:
    """The same of many sums, `parts (K, ...)`."""
    return np.asarray(-stdtrit(_combined(parts, freedom, tail), tail), dtype=np.float64)


def tail_beyond(parts: Floats, freedom: Floats, beyond: float) -> float:
    """The probability of more than `beyond` standard errors: the inverse of `quantile`."""
    if beyond < 0:
        return 1 - tail_beyond(parts, freedom, -beyond)
    low, high = np.log(SMALLEST), np.log(0.5)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if quantile(parts, freedom, float(np.exp(middle))) < beyond else (middle, high)
    return float(stdtr(_combined(parts, freedom, float(np.exp(high))), -beyond))


def _combined(parts: Floats, freedom: Floats, tail: float) -> Floats:
    tail = min(max(tail, LEAST_TAIL), LARGEST_TAIL)
    counted = parts * (stdtrit(freedom, tail) / ndtri(tail)) ** 2
    below: Floats = (counted**2 / freedom).sum(axis=0)
    above: Floats = counted.sum(axis=0) ** 2
    if below.ndim == 0:  # of one sum, as most are, without what arrays cost
        return np.asarray(above / below if below > 0 else freedom.sum(axis=0), dtype=np.float64)
    total = np.broadcast_to(freedom.sum(axis=0), below.shape)
    return np.divide(above, below, out=np.array(total, dtype=np.float64), where=below > 0)
