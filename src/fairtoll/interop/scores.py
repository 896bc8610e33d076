"""The metrics as functions of fairlearn's form, for `MetricFrame`, `make_scorer` and search over parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import as_array
from fairtoll.inputs.labels import as_labels
from fairtoll.metrics import (
    ByGroup,
    class_accuracy_unfairness_by_group,
    equalized_odds_unfairness_by_group,
    intersect,
    success_rate_unfairness_by_group,
)


def accuracy_difference(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: Any = None, minimum_rows: int = 10
) -> float:
    """CAU: the largest difference in accuracy between two groups, by default between two classes.

    `fairtoll.metrics.class_accuracy_unfairness` with the names that fairlearn and scikit-learn use: smaller is better.

    Parameters
    ----------
    y_true, y_pred : array-like
        True and predicted label of each row, (N,).
    sensitive_features : array-like, DataFrame or mapping, optional
        The group of each row, (N,); of several columns, (N, A), their intersections. Default: its true class.
    minimum_rows : int
        A group with fewer rows is excluded.

    Returns
    -------
    float
        A fraction in [0, 1]; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        As `fairtoll.metrics.class_accuracy_unfairness` does.

    Examples
    --------
    >>> accuracy_difference([0, 0, 1, 1], [0, 1, 1, 1], sensitive_features=["f", "m", "f", "m"], minimum_rows=1)
    0.5
    """
    return _accuracies(y_true, y_pred, sensitive_features, minimum_rows).gap


def worst_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: Any = None, minimum_rows: int = 10
) -> float:
    """Accuracy of the group that is worst off, by default of the worst class. On attacked predictions: robust accuracy.

    Larger is better.

    Parameters
    ----------
    y_true, y_pred : array-like
        True and predicted label of each row, (N,).
    sensitive_features : array-like, DataFrame or mapping, optional
        The group of each row, (N,); of several columns, (N, A), their intersections. Default: its true class.
    minimum_rows : int
        A group with fewer rows is excluded.

    Returns
    -------
    float
        A fraction in [0, 1]; NaN if no group has enough rows.

    Raises
    ------
    FairtollError
        As `fairtoll.metrics.class_accuracy_unfairness` does.

    Examples
    --------
    >>> worst_accuracy([0, 0, 1, 1], [0, 1, 1, 1], minimum_rows=1)
    0.5
    """
    found = _accuracies(y_true, y_pred, sensitive_features, minimum_rows)
    return float(found.values[found.sufficient].min()) if found.sufficient.any() else math.nan


def attack_success_difference(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sensitive_features: Any = None,
    clean: ArrayLike | None = None,
    minimum_rows: int = 10,
) -> float:
    """CRU_s: the largest difference in attack success between two groups, by default between two classes.

    `fairtoll.metrics.success_rate_unfairness` from predictions: an attack succeeds where the prediction is wrong.
    Smaller is better.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    y_pred : array-like
        Predicted label of each row under attack, (N,).
    sensitive_features : array-like, DataFrame or mapping, optional
        The group of each row, (N,); of several columns, (N, A), their intersections. Default: its true class.
    clean : array-like, optional
        Predicted label without an attack, (N,): only rows in which it is right are counted. Default: all rows are.
    minimum_rows : int
        A group with fewer counted rows is excluded.

    Returns
    -------
    float
        A fraction in [0, 1]; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        As `fairtoll.metrics.success_rate_unfairness` does.

    Examples
    --------
    >>> attack_success_difference([0, 0, 1, 1], [1, 1, 1, 0], clean=[0, 1, 1, 1], minimum_rows=1)
    0.5
    """
    return success_rate_unfairness_by_group(
        y_true,
        ~_right(y_true, y_pred),
        groups=_groups(sensitive_features),
        denominator="all" if clean is None else "correct",
        correct=None if clean is None else _right(y_true, clean),
        minimum_rows=minimum_rows,
    ).gap


def confidence_difference(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sensitive_features: Any,
    target: int = 1,
    label: Any = None,
    minimum_rows: int = 10,
) -> float:
    """EOU: the largest difference in mean confidence of one class between two groups.

    `fairtoll.metrics.equalized_odds_unfairness`; of two classes the scores may be one column, as scikit-learn's scorers
    pass them. Smaller is better.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    y_score : array-like
        Probability of the second of two classes, (N,), or of each class, (N, C).
    sensitive_features : array-like, DataFrame or mapping
        The group of each row, (N,); of several columns, (N, A), their intersections.
    target : int
        The class whose confidence is averaged, as a column.
    label : optional
        Count only rows with this true label, as the paper does. Default: all rows.
    minimum_rows : int
        A group with fewer counted rows is excluded.

    Returns
    -------
    float
        In [0, 1], in probability; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        As `fairtoll.metrics.equalized_odds_unfairness` does, or for no `sensitive_features`.

    Examples
    --------
    >>> score = [0.5, 0.25, 0.75, 1.0]
    >>> confidence_difference([0, 0, 1, 1], score, sensitive_features=["f", "m", "f", "m"], label=1, minimum_rows=1)
    0.25
    """
    groups = _groups(sensitive_features)
    if groups is None:
        raise FairtollError("sensitive_features is None; expected the group of each row; give a column")
    scores: Any = as_array(y_score, name="y_score")
    if scores.ndim == 1:
        scores = np.stack([1 - scores, scores], axis=1)
    return equalized_odds_unfairness_by_group(
        y_true, scores, sensitive=groups, target=target, label=label, minimum_rows=minimum_rows
    ).gap


def _accuracies(y_true: ArrayLike, y_pred: ArrayLike, sensitive_features: Any, minimum_rows: int) -> ByGroup:
    return class_accuracy_unfairness_by_group(
        y_true, y_pred, groups=_groups(sensitive_features), minimum_rows=minimum_rows
    )


def _right(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[np.bool_]:
    """Which rows are predicted right, with labels checked as those of accuracy are."""
    class_accuracy_unfairness_by_group(y_true, y_pred)
    truth = as_labels(y_true, name="y_true", fractions=False)
    return np.equal(as_labels(y_pred, name="y_pred", fractions=False).codes_in(truth), truth.codes)


def _groups(given: Any) -> Any:
    """One column of groups: intersections of several, as fairlearn reads them; None stays None."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return intersect(*given.values())
    if hasattr(given, "columns"):
        columns = [given.iloc[:, place] for place in range(len(given.columns))]
        return columns[0] if len(columns) == 1 else intersect(*columns)
    array = as_array(given, name="sensitive_features")
    return intersect(*array.T) if array.ndim == 2 and array.shape[1] > 1 else given
