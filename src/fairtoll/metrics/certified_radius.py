"""RDI, the gap between classes in mean certified radius (Shah, Visavadiya and Padala 2026)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.inputs.columns import check_length, check_same_rows
from fairtoll.metrics._by_group import ByGroup, as_truth_and_partition, means
from fairtoll.metrics._inputs import as_numbers
from fairtoll.metrics.metric import Metric


def claimed_radius(*, certified_radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outcome of RDI: the radius that is claimed for a row, 0 where nothing is."""
    return certified_radius


RDI = Metric(
    name="rdi",
    symbol="RDI",
    title="Certified radius gap",
    group_title="Mean certified radius",
    outcome=claimed_radius,
    # As for least epsilon: radii have no common unit.
    margin=0.05,
    margin_is_share=True,
    scale="amount",
    unit="epsilon",
    levels_down=True,
    in_audits=True,
    lead="RDI is the largest difference in mean certified radius between two classes or groups. The radii are claims "
    "of the method named, made elsewhere.",
)


def robustness_disparity_index(
    y_true: ArrayLike, certified_radius: ArrayLike, *, groups: ArrayLike | None = None, minimum_rows: int = 10
) -> float:
    """RDI, the Robustness Disparity Index: the largest difference in mean certified radius between two classes.

    Shah, Visavadiya and Padala, "GF-Score: Certified Class-Conditional Robustness Evaluation with Fairness
    Guarantees" (arXiv 2604.12757), Definition 2: RDI(f) = max over k of W_k - min over k of W_k, where W_k is the mean
    over the rows of class k of a certified radius, there the `local_score`. Any other certificate may take its place.

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
        A group with fewer rows is excluded from the gap.

    Returns
    -------
    float
        In the radius's units; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, or a radius is negative, NaN or infinite.

    Examples
    --------
    >>> from fairtoll.metrics import robustness_disparity_index
    >>> robustness_disparity_index([0, 0, 1, 1], [0.0, 0.5, 1.0, 0.5], minimum_rows=1)
    0.5
    """
    return robustness_disparity_index_by_group(y_true, certified_radius, groups=groups, minimum_rows=minimum_rows).gap


def robustness_disparity_index_by_group(
    y_true: ArrayLike, certified_radius: ArrayLike, *, groups: ArrayLike | None = None, minimum_rows: int = 10
) -> ByGroup:
    """Mean certified radius in each class or group: what RDI is the gap of, and NRGC the Gini coefficient.

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
        A group with fewer rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        Mean certified radius of each group.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, or a radius is negative, NaN or infinite.

    Examples
    --------
    >>> from fairtoll.metrics import robustness_disparity_index_by_group
    >>> robustness_disparity_index_by_group([0, 0, 1, 1], [0.0, 0.5, 1.0, 0.5], minimum_rows=1).values
    array([0.25, 0.75])
    """
    check_same_rows(y_true=y_true, certified_radius=certified_radius, groups=groups)
    truth, partition = as_truth_and_partition(y_true, groups)
    radius = as_numbers(certified_radius, name="certified_radius", nonnegative=True)
    check_length(radius, name="certified_radius", like=truth.codes)
    return means(RDI.outcome(certified_radius=radius), partition, minimum_rows=minimum_rows)
