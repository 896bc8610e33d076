"""CAU, class-wise accuracy unfairness (the paper's Definition 1)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.inputs.columns import check_length, check_same_rows
from fairtoll.inputs.labels import as_labels, check_same_classes
from fairtoll.metrics._by_group import ByGroup, as_truth_and_partition, means
from fairtoll.metrics.metric import Metric


def is_correct(*, labels: NDArray[np.intp], predicted: NDArray[np.intp]) -> NDArray[np.bool_]:
    """The outcome of CAU: whether the predicted class is the true one."""
    return np.equal(predicted, labels)


CAU = Metric(
    name="cau",
    symbol="CAU",
    title="Accuracy gap",
    group_title="Accuracy",
    outcome=is_correct,
    margin=0.01,
    levels_down=True,
    in_audits=True,
    lead="CAU is the largest difference in accuracy between two classes or groups.",
)


def class_accuracy_unfairness(
    y_true: ArrayLike, y_pred: ArrayLike, *, groups: ArrayLike | None = None, minimum_rows: int = 10
) -> float:
    """CAU: the largest difference in accuracy between two classes, or two groups of any partition.

    Sooksatra and Rivas, "Adversarial Training Negatively Affects Fairness", Definition 1:
    CAU(F, D) = max over y, y' of abs(Acc(F, D_y) - Acc(F, D_y')).

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,): integers or text, any number of classes.
    y_pred : array-like
        Predicted label of each row, (N,), in the same terms.
    groups : array-like, optional
        The group of each row, (N,). Default: its true class, as the paper has it.
    minimum_rows : int
        A group with fewer rows is excluded from the gap.

    Returns
    -------
    float
        A fraction in [0, 1]; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, a label is missing or a fraction, or the
        predictions share too few labels with the truth (see `fairtoll.inputs.labels`).

    Examples
    --------
    >>> from fairtoll.metrics import class_accuracy_unfairness
    >>> class_accuracy_unfairness([0, 0, 1, 1], [0, 1, 1, 1], minimum_rows=1)
    0.5
    """
    return class_accuracy_unfairness_by_group(y_true, y_pred, groups=groups, minimum_rows=minimum_rows).gap


def class_accuracy_unfairness_by_group(
    y_true: ArrayLike, y_pred: ArrayLike, *, groups: ArrayLike | None = None, minimum_rows: int = 10
) -> ByGroup:
    """Accuracy in each class, or each group of any partition: what CAU is the gap of.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,): integers or text, any number of classes.
    y_pred : array-like
        Predicted label of each row, (N,), in the same terms.
    groups : array-like, optional
        The group of each row, (N,). Default: its true class, as the paper has it.
    minimum_rows : int
        A group with fewer rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        Accuracy of each group, a fraction.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, a label is missing or a fraction, or the
        predictions share too few labels with the truth (see `fairtoll.inputs.labels`).

    Examples
    --------
    >>> from fairtoll.metrics import class_accuracy_unfairness_by_group
    >>> accuracy = class_accuracy_unfairness_by_group(
    ...     ["cat", "cat", "dog", "dog"], ["cat", "dog", "dog", "dog"], minimum_rows=1
    ... )
    >>> accuracy.groups, accuracy.values
    (('cat', 'dog'), array([0.5, 1. ]))
    """
    check_same_rows(y_true=y_true, y_pred=y_pred, groups=groups)
    truth, partition = as_truth_and_partition(y_true, groups)
    predicted = as_labels(y_pred, name="y_pred", remedy="give the predicted label of each row", fractions=False)
    check_length(predicted.codes, name="y_pred", like=truth.codes)
    check_same_classes(predicted, truth)
    outcome = CAU.outcome(labels=truth.codes, predicted=predicted.codes_in(truth))
    return means(outcome, partition, minimum_rows=minimum_rows)
