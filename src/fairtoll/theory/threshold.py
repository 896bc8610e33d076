"""The best threshold between two normal scores, in closed form."""

from __future__ import annotations

import math

from scipy.special import ndtr


def best_threshold(mean: float, spreads: tuple[float, float], prior: float) -> float | None:
    """Where a score is best cut that is N(-mean, spreads[0]^2) in class -1 and N(mean, spreads[1]^2) in class +1.

    The weighted error p_+ Phi((t - m) / s_+) + p_- Phi(-(t + m) / s_-) is stationary where the two weighted densities
    are equal: a^2 = b^2 + 2 log(p_+ s_- / (p_- s_+)) with a = (m - t) / s_+ and b = (m + t) / s_-. Of the two roots
    the one where the density of class +1 takes over is the minimum.

    Parameters
    ----------
    mean : float
        m, 0 or more.
    spreads : pair of float
        s_- and s_+, above 0.
    prior : float
        p_+.

    Returns
    -------
    float or None
        None if always predicting one class is no worse.

    Examples
    --------
    >>> best_threshold(1.0, (1.0, 1.0), 0.5)
    0.0
    >>> best_threshold(0.1, (2.0, 1.0), 0.01) is None
    True
    """
    low, high = spreads
    # half of the log of the ratio of the densities is -(square t^2 + 2 slope t + constant) / 4
    square = (1 / high - 1 / low) * (1 / high + 1 / low)
    slope = -mean * (1 / high**2 + 1 / low**2)
    constant = mean**2 * square - 2 * (math.log(prior) - math.log1p(-prior) + math.log(low) - math.log(high))
    root = slope**2 - square * constant
    if root < 0:
        return None
    over = -slope + math.sqrt(root)
    if over == 0:
        return None
    threshold = constant / over
    return threshold if weighted_error(mean, spreads, prior, threshold) < min(prior, 1 - prior) else None


def weighted_error(mean: float, spreads: tuple[float, float], prior: float, threshold: float) -> float:
    """The error at a threshold, as above."""
    return float(prior * ndtr((threshold - mean) / spreads[1]) + (1 - prior) * ndtr(-(threshold + mean) / spreads[0]))
