"""WCR, the mean certified radius of the class that is worst off (Shah, Visavadiya and Padala 2026)."""

import math

from numpy.typing import ArrayLike

from fairtoll.metrics.certified_radius import robustness_disparity_index_by_group


def worst_class_robustness(
    y_true: ArrayLike, certified_radius: ArrayLike, *, groups: ArrayLike | None = None, minimum_rows: int = 10
) -> float:
    """WCR, Worst-Case Class Robustness: the smallest of the classes' mean certified radii.

    Shah, Visavadiya and Padala, "GF-Score: Certified Class-Conditional Robustness Evaluation with Fairness
    Guarantees" (arXiv 2604.12757), Definition 4: WCR(f) = min over k of W_k. It is a mean over the rows of a class, so
    that half of them may have less. Which class it is: `robustness_disparity_index_by_group(...).lowest`.

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
        In the radius's units; NaN if no group has enough rows.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, or a radius is negative, NaN or infinite.

    Examples
    --------
    >>> from fairtoll.metrics import worst_class_robustness
    >>> worst_class_robustness([0, 0, 1, 1], [0.0, 0.5, 1.0, 0.5], minimum_rows=1)
    0.25
    """
    found = robustness_disparity_index_by_group(y_true, certified_radius, groups=groups, minimum_rows=minimum_rows)
    values = found.values[found.sufficient]
    return float(values.min()) if len(values) else math.nan
