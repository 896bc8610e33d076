"""EOU, equalized odds unfairness (the paper's Definition 4), and the rate gap of Hardt et al."""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_length, check_same_rows
from fairtoll.inputs.labels import Labels, as_label, as_labels, check_same_classes
from fairtoll.metrics import messages
from fairtoll.metrics._by_group import ByGroup, as_partition, means
from fairtoll.metrics._inputs import as_probabilities
from fairtoll.metrics.metric import Metric


def confidence_in(*, probabilities: NDArray[np.float64], target: int) -> NDArray[np.float64]:
    """The outcome of EOU: the confidence in the class `target`."""
    return probabilities[:, target]


def is_predicted(*, predicted: NDArray[np.intp], target: int) -> NDArray[np.bool_]:
    """The outcome of the rate gap: whether the predicted class is `target`."""
    return np.equal(predicted, target)


EOU = Metric(
    name="eou",
    symbol="EOU",
    title="Mean confidence gap",
    group_title="Mean confidence",
    outcome=confidence_in,
    margin=0.01,
    scale="probability",
    in_audits=True,
    lead="EOU as the paper defines it: the gap in mean confidence between the groups, among rows of one true label.",
)
EQUALIZED_ODDS_RATE = Metric(
    name="equalized_odds_rate",
    symbol="Equalized odds",
    title="Prediction rate gap",
    group_title="Predicted share",
    outcome=is_predicted,
    margin=0.01,
    lead="Equalized odds after Hardt et al.: the gap in the share predicted as the target, given the true label.",
)


def equalized_odds_unfairness(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    *,
    sensitive: ArrayLike,
    target: int,
    label: Any = None,
    minimum_rows: int = 10,
) -> float:
    """EOU: the largest difference in mean confidence of one class between two groups.

    Sooksatra and Rivas, "Adversarial Training Negatively Affects Fairness", Definition 4:
    EOU(F, D, a, y) = max over values i, j of attribute a of
    abs(E[F(x)_y given a = i] - E[F(x)_y given a = j]). The paper's experiments take it among the
    rows of one true label (D_0, D_1): give `label`. A gap in confidence, not in predictions; for
    that see `equalized_odds_rate_gap`.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    probabilities : array-like
        Class probabilities of each row, (N, C), clean or attacked.
    sensitive : array-like
        Value of the protected attribute of each row, (N,); combine several with `intersect`.
    target : int
        The class whose confidence is averaged, as a column of `probabilities`.
    label : optional
        Count only rows with this true label. Default: all rows.
    minimum_rows : int
        A group with fewer counted rows is excluded from the gap.

    Returns
    -------
    float
        In [0, 1], in probability; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, entries are not probabilities, the target is not a
        column or no row has the label.

    Examples
    --------
    >>> from fairtoll.metrics import equalized_odds_unfairness
    >>> probabilities = [[0.5, 0.5], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    >>> equalized_odds_unfairness(
    ...     [0, 0, 1, 1], probabilities, sensitive=["f", "m", "f", "m"], target=1, label=1, minimum_rows=1
    ... )
    0.25
    """
    return equalized_odds_unfairness_by_group(
        y_true, probabilities, sensitive=sensitive, target=target, label=label, minimum_rows=minimum_rows
    ).gap


def equalized_odds_unfairness_by_group(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    *,
    sensitive: ArrayLike,
    target: int,
    label: Any = None,
    minimum_rows: int = 10,
) -> ByGroup:
    """Mean confidence of one class in each group: what EOU is the gap of.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    probabilities : array-like
        Class probabilities of each row, (N, C), clean or attacked.
    sensitive : array-like
        Value of the protected attribute of each row, (N,); combine several with `intersect`.
    target : int
        The class whose confidence is averaged, as a column of `probabilities`.
    label : optional
        Count only rows with this true label. Default: all rows.
    minimum_rows : int
        A group with fewer counted rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        Mean confidence of each group, in probability.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, entries are not probabilities, the target is not a
        column or no row has the label.

    Examples
    --------
    >>> from fairtoll.metrics import equalized_odds_unfairness_by_group
    >>> probabilities = [[0.5, 0.5], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    >>> equalized_odds_unfairness_by_group(
    ...     [0, 0, 1, 1], probabilities, sensitive=["f", "m", "f", "m"], target=1, minimum_rows=1
    ... ).values
    array([0.625, 0.625])
    """
    check_same_rows(y_true=y_true, probabilities=probabilities, sensitive=sensitive)
    truth = as_labels(y_true, name="y_true", fractions=False)
    confidences = as_probabilities(probabilities, name="probabilities")
    check_length(confidences, name="probabilities", like=truth.codes)
    partition = as_partition(sensitive, name="sensitive", like=truth.codes)
    confidence = EOU.outcome(probabilities=confidences, target=_column(target, classes=confidences.shape[1]))
    counted = None if label is None else _rows_of(truth, label)
    return means(confidence, partition, weights=counted, minimum_rows=minimum_rows)


def equalized_odds_rate_gap(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sensitive: ArrayLike,
    target: Any,
    label: Any,
    minimum_rows: int = 10,
) -> float:
    """Gap in equalized odds: largest difference in how often one class is predicted, given the truth.

    Hardt, Price and Srebro 2016: max over groups i, j of
    abs(P(prediction = target given y = label, a = i) - P(prediction = target given y = label, a = j)).
    With target = label it is the gap in true positive rate of that class.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    y_pred : array-like
        Predicted label of each row, (N,), in the same terms.
    sensitive : array-like
        Value of the protected attribute of each row, (N,); combine several with `intersect`.
    target : label
        The predicted label that is counted.
    label : label
        Count only rows with this true label.
    minimum_rows : int
        A group with fewer counted rows is excluded from the gap.

    Returns
    -------
    float
        A fraction in [0, 1]; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, a label is missing or of another kind, nobody has or
        is predicted the target, or no row has the label.

    Examples
    --------
    >>> from fairtoll.metrics import equalized_odds_rate_gap
    >>> equalized_odds_rate_gap(
    ...     [1, 1, 1, 0], [1, 0, 1, 0], sensitive=["f", "f", "m", "m"], target=1, label=1, minimum_rows=1
    ... )
    0.5
    """
    return equalized_odds_rate_gap_by_group(
        y_true, y_pred, sensitive=sensitive, target=target, label=label, minimum_rows=minimum_rows
    ).gap


def equalized_odds_rate_gap_by_group(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sensitive: ArrayLike,
    target: Any,
    label: Any,
    minimum_rows: int = 10,
) -> ByGroup:
    """How often one class is predicted in each group, given the true label.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    y_pred : array-like
        Predicted label of each row, (N,), in the same terms.
    sensitive : array-like
        Value of the protected attribute of each row, (N,); combine several with `intersect`.
    target : label
        The predicted label that is counted.
    label : label
        Count only rows with this true label.
    minimum_rows : int
        A group with fewer counted rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        P(prediction = target given y = label) of each group, a fraction.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, a label is missing or of another kind, nobody has or
        is predicted the target, or no row has the label.

    Examples
    --------
    >>> from fairtoll.metrics import equalized_odds_rate_gap_by_group
    >>> equalized_odds_rate_gap_by_group(
    ...     [1, 1, 1, 0], [1, 0, 1, 0], sensitive=["f", "f", "m", "m"], target=1, label=1, minimum_rows=1
    ... ).values
    array([0.5, 1. ])
    """
    check_same_rows(y_true=y_true, y_pred=y_pred, sensitive=sensitive)
    truth = as_labels(y_true, name="y_true", fractions=False)
    predicted = as_labels(y_pred, name="y_pred", remedy="give the predicted label of each row", fractions=False)
    check_length(predicted.codes, name="y_pred", like=truth.codes)
    check_same_classes(predicted, truth)
    partition = as_partition(sensitive, name="sensitive", like=truth.codes)
    counted = _rows_of(truth, label)
    wanted = as_label(target)
    if wanted not in predicted.names and wanted not in truth.names:
        known = list(dict.fromkeys((*truth.names, *predicted.names)))
        raise FairtollError(messages.UNKNOWN_TARGET.format(given=repr(wanted), expected=known))
    # A class that nobody is predicted to have has no code: none of the predictions equals -1.
    code = predicted.names.index(wanted) if wanted in predicted.names else -1
    outcome = EQUALIZED_ODDS_RATE.outcome(predicted=predicted.codes, target=code)
    return means(outcome, partition, weights=counted, minimum_rows=minimum_rows)


def _column(target: Any, *, classes: int) -> int:
    try:
        column = operator.index(as_label(target))
    except TypeError:
        column = -1
    if not 0 <= column < classes:
        raise FairtollError(messages.UNKNOWN_TARGET_COLUMN.format(given=repr(target), last=classes - 1))
    return column


def _rows_of(truth: Labels, label: Any) -> NDArray[np.bool_]:
    rows = truth.where(as_label(label))
    if not rows.any():
        raise FairtollError(messages.UNKNOWN_LABEL.format(given=repr(label), expected=list(truth.names)))
    return rows
