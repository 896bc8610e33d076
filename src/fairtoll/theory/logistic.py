"""Means of the logistic function of a normal score, of its integral, which is the loss, and of its slopes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, ndtr

from fairtoll.theory.checks import Floats

#: Step and reach of the trapezoid rule, whose error falls exponentially for functions that are analytic near the line.
_STEP, _NORMAL_END, _LOGISTIC_END = 0.25, 12.0, 45.0


def logistic_means(mean: Floats, spread: Floats, orders: Sequence[int]) -> Floats:
    """E f(u), u normal, of f(u) = log(1 + exp(u)) (order 0), of its derivative 1 / (1 + exp(-u)) (1), and so on.

    By the trapezoid rule over the normal variable. For a wide normal the poles of the logistic come near the line; then
    over a logistic variable v, whose integrand has none: log(1 + exp(u)) is the mean of max(0, u - v), whose mean over
    u is in closed form.

    Parameters
    ----------
    mean, spread : ndarray, (C,)
        Of u; a spread is 0 or more.
    orders : sequence of int
        0 to 4.

    Returns
    -------
    ndarray of float64, (orders, C)
        To about 13 digits.

    Examples
    --------
    >>> logistic_means(np.array([0.0]), np.array([3.0]), [1]).round(12).tolist()
    [[0.5]]
    """
    narrow = spread <= 1
    found = np.empty((len(orders), len(mean)))
    z = np.arange(-_NORMAL_END, _NORMAL_END + _STEP / 2, _STEP)
    u = mean[narrow, None] + spread[narrow, None] * z
    found[:, narrow] = _STEP * (_of_score(u, orders) @ (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)))
    v = np.arange(-_LOGISTIC_END, _LOGISTIC_END + _STEP / 2, _STEP)
    wide = spread[~narrow, None]
    found[:, ~narrow] = _STEP * (_of_normal(mean[~narrow, None] - v, wide, orders) @ (expit(v) * expit(-v)))
    return found


def _of_score(u: Floats, orders: Sequence[int]) -> Floats:
    """log(1 + exp(u)) and its derivatives."""
    p = expit(u)
    slope = p * expit(-u)
    values = {1: p, 2: slope, 3: slope * (1 - 2 * p), 4: slope * (1 - 6 * slope)}
    return np.stack([np.logaddexp(0.0, u) if order == 0 else values[order] for order in orders])


def _of_normal(mean: Floats, spread: Floats, orders: Sequence[int]) -> Floats:
    """E max(0, u), u normal, and its derivatives in the mean."""
    z = mean / spread
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / spread
    share = ndtr(z)
    values = {
        0: mean * share + spread**2 * density,
        1: share,
        2: density,
        3: -z * density / spread,
        4: (z**2 - 1) * density / spread**2,
    }
    return np.stack([values[order] for order in orders])
