"""NRGC, the Gini coefficient of the classes' mean certified radii (Shah, Visavadiya and Padala 2026)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from fairtoll.metrics.certified_radius import robustness_disparity_index_by_group


def normalized_robustness_gini(
    y_true: ArrayLike, certified_radius: ArrayLike, *, groups: ArrayLike | None = None, minimum_rows: int = 10
) -> float:
    """NRGC, the Normalized Robustness Gini Coefficient of the classes' mean certified radii.

    Shah, Visavadiya and Padala, "GF-Score: Certified Class-Conditional Robustness Evaluation with Fairness
    Guarantees" (arXiv 2604.12757), Definition 3: NRGC(f) = sum over i, j of abs(W_i - W_j) / (2 K^2 W), where W_k is
    the mean certified radius of class k and W the mean of the K class means, every class with the same weight. There is
    no factor K / (K - 1), so that the largest value, of one class that has everything, is 1 - 1 / K.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    certified_radius : array-like
        The radius claimed for each row, (N,), in the certificate's norm; 0 for a row that is misclassified or that
        the certificate abstains on.
    groups : array-like, optional
        The group of each row, (N,). Default: its true class, as published.
    minimum_rows : int
        A group with fewer rows is left out.

    Returns
    -------
    float
        From 0, all groups equal, to less than 1, without unit; NaN if fewer than two groups have enough rows, or no
        radius is above 0 (0 / 0; the authors' code returns 0).

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, or a radius is negative, NaN or infinite.

    Examples
    --------
    >>> from fairtoll.metrics import normalized_robustness_gini
    >>> normalized_robustness_gini([0, 0, 1, 1], [0.0, 0.5, 1.0, 0.5], minimum_rows=1)
    0.25
    """
    found = robustness_disparity_index_by_group(y_true, certified_radius, groups=groups, minimum_rows=minimum_rows)
    values = found.values[found.sufficient]
    if len(values) < 2 or values.sum() <= 0:
        return math.nan
    apart = np.abs(values[:, np.newaxis] - values).sum()
    return float(apart / (2 * len(values) ** 2 * values.mean()))
