"""CRU_eps, class-wise robustness unfairness by least epsilon (the paper's Definition 2), plain and over its mean."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_length, check_same_rows
from fairtoll.metrics import messages
from fairtoll.metrics._by_group import ByGroup, as_truth_and_partition, means
from fairtoll.metrics._inputs import as_mask, as_numbers
from fairtoll.metrics.metric import Metric, NotMeasurableError

NOT_MEASURABLE = (
    "no row that counts is broken between radius 0 and the largest one: each is misclassified unattacked or still "
    "classified correctly at the largest radius"
)


def measured_radius(
    *, least_epsilon: NDArray[np.float64], censored: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The outcome of CRU_eps: the least epsilon itself, if at least one that counts is neither 0 nor a lower limit."""
    if not (counted & ~censored & (least_epsilon > 0)).any():
        raise NotMeasurableError(NOT_MEASURABLE)
    return least_epsilon


def radius_over_mean(
    *, least_epsilon: NDArray[np.float64], censored: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The outcome of relative CRU_eps: least epsilon over its mean among the rows that count."""
    radius = measured_radius(least_epsilon=least_epsilon, censored=censored, counted=counted)
    among: NDArray[np.float64] = radius[counted]
    return np.asarray(radius / among.mean(), dtype=np.float64)


def bracketed_radius(
    *, least_epsilon: NDArray[np.float64], proved_radius: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of CRU_eps's outcome: the radius that is proved, and the one at which the row is known to break.

    Of a row that nothing broke both count with the largest radius at most.

    Examples
    --------
    >>> bracketed_radius(least_epsilon=np.array([0.5, 1.0]), proved_radius=np.array([0.4, 1.0]))
    (array([0.4, 1. ]), array([0.5, 1. ]))
    """
    return np.minimum(proved_radius, least_epsilon), least_epsilon


def bracketed_over_mean(
    *, least_epsilon: NDArray[np.float64], proved_radius: NDArray[np.float64], counted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of relative CRU_eps's outcome: each end of a row over the other end of the mean.

    Examples
    --------
    >>> both = np.array([True, True])
    >>> bracketed_over_mean(least_epsilon=np.array([1.0, 3.0]), proved_radius=np.array([1.0, 3.0]), counted=both)
    (array([0.5, 1.5]), array([0.5, 1.5]))
    """
    low, high = bracketed_radius(least_epsilon=least_epsilon, proved_radius=proved_radius)
    least, most = low[counted].mean(), high[counted].mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.where(high > 0, high / least, 0.0)
    return np.asarray(low / most, dtype=np.float64), np.asarray(largest, dtype=np.float64)


CRU_EPSILON = Metric(
    name="cru_epsilon",
    symbol="CRU_ε",
    title="Least epsilon gap",
    group_title="Mean least epsilon",
    outcome=measured_radius,
    # A robust model has larger least epsilons, so no fixed number would do.
    margin=0.05,
    margin_is_share=True,
    scale="amount",
    unit="epsilon",
    levels_down=True,
    denominators=("all", "correct"),
    in_audits=True,
    ends=bracketed_radius,
    lead="CRU_eps is the largest difference in mean least epsilon between two classes or groups.",
)
CRU_EPSILON_RELATIVE = Metric(
    name="cru_epsilon_relative",
    symbol="CRU_ε / mean",
    title="Least epsilon gap over the mean",
    group_title="Least epsilon over the mean",
    outcome=radius_over_mean,
    margin=0.05,
    scale="amount",
    unit="ratio",
    denominators=("all", "correct"),
    in_audits=True,
    ends=bracketed_over_mean,
    lead="Relative CRU_eps is CRU_eps divided by the arm's mean least epsilon: a more robust model has larger ones, so "
    "the plain gap grows by scale only.",
)


def class_robustness_unfairness(
    y_true: ArrayLike,
    least_epsilon: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    relative: bool = False,
    censored: ArrayLike | None = None,
    minimum_rows: int = 10,
) -> float:
    """CRU_eps: the largest difference in mean least epsilon between two classes or groups.

    Sooksatra and Rivas, "Adversarial Training Negatively Affects Fairness", Definition 2:
    CRU_eps(F, D) = max over y, y' of abs(LE(F, D_y) - LE(F, D_y')), where LE is the mean over rows
    of the least L-inf bound at which an attack finds an adversarial example.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    least_epsilon : array-like
        Least radius at which an attack succeeds, (N,), in the threat's units; 0 for a row that is
        misclassified unattacked, the largest radius tried for a row that no attack broke.
    groups : array-like, optional
        The group of each row, (N,). Default: its true class, as the paper has it.
    correct : array-like, optional
        Which rows are classified correctly unattacked, (N,): only these are then counted.
    relative : bool
        Divide by the mean least epsilon over all counted rows. A more robust model has larger least
        epsilons, so the plain gap grows by scale only.
    censored : array-like, optional
        Which rows no attack broke, (N,). Their least epsilon is a lower limit; the number returned
        is the same, and `class_robustness_unfairness_by_group` reports their share.
    minimum_rows : int
        A group with fewer counted rows is excluded from the gap.

    Returns
    -------
    float
        In the threat's units, or without unit if relative; NaN if fewer than two groups have enough
        rows, or if no row is broken between 0 and the largest radius: all are misclassified unattacked,
        or limits (see `censored`).

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, a least epsilon is negative, NaN or infinite, or a
        censored row has least epsilon 0.

    Examples
    --------
    >>> from fairtoll.metrics import class_robustness_unfairness
    >>> class_robustness_unfairness([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], minimum_rows=1)
    1.0
    >>> class_robustness_unfairness([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], relative=True, minimum_rows=1)
    1.0
    """
    return class_robustness_unfairness_by_group(
        y_true,
        least_epsilon,
        groups=groups,
        correct=correct,
        relative=relative,
        censored=censored,
        minimum_rows=minimum_rows,
    ).gap


def class_robustness_unfairness_by_group(
    y_true: ArrayLike,
    least_epsilon: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    relative: bool = False,
    censored: ArrayLike | None = None,
    minimum_rows: int = 10,
) -> ByGroup:
    """Mean least epsilon in each class or group: what CRU_eps is the gap of.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    least_epsilon : array-like
        Least radius at which an attack succeeds, (N,), in the threat's units; 0 for a row that is
        misclassified unattacked, the largest radius tried for a row that no attack broke.
    groups : array-like, optional
        The group of each row, (N,). Default: its true class, as the paper has it.
    correct : array-like, optional
        Which rows are classified correctly unattacked, (N,): only these are then counted.
    relative : bool
        Divide by the mean least epsilon over all counted rows.
    censored : array-like, optional
        Which rows no attack broke, (N,): their share of each group's counted rows is returned.
    minimum_rows : int
        A group with fewer counted rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        Mean least epsilon of each group, in the threat's units or without unit if relative; a lower
        limit where `censored` is above 0. No group is sufficient if no row is broken between 0 and the
        largest radius.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, a least epsilon is negative, NaN or infinite, or a
        censored row has least epsilon 0.

    Examples
    --------
    >>> from fairtoll.metrics import class_robustness_unfairness_by_group
    >>> robustness = class_robustness_unfairness_by_group(
    ...     [0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], censored=[False, False, False, True], minimum_rows=1
    ... )
    >>> robustness.values, robustness.censored
    (array([0.5, 1.5]), array([0. , 0.5]))
    """
    check_same_rows(y_true=y_true, least_epsilon=least_epsilon, groups=groups, correct=correct, censored=censored)
    truth, partition = as_truth_and_partition(y_true, groups)
    radius = as_numbers(
        least_epsilon, name="least_epsilon", not_finite=messages.LEAST_EPSILON_NOT_FINITE, nonnegative=True
    )
    check_length(radius, name="least_epsilon", like=truth.codes)
    counted = None if correct is None else as_mask(correct, name="correct", like=truth.codes)
    limits = None if censored is None else as_mask(censored, name="censored", like=truth.codes)
    if limits is not None and (impossible := limits & (radius == 0)).any():
        raise FairtollError(messages.CENSORED_AT_ZERO.format(row=int(np.argmax(impossible))))
    outcome = (CRU_EPSILON_RELATIVE if relative else CRU_EPSILON).outcome
    try:
        values = outcome(
            least_epsilon=radius,
            censored=np.zeros(len(radius), dtype=np.bool_) if limits is None else limits,
            counted=np.ones(len(radius), dtype=np.bool_) if counted is None else counted,
        )
        result = means(values, partition, weights=counted, minimum_rows=minimum_rows)
    except NotMeasurableError:
        result = means(radius, partition, weights=counted, minimum_rows=minimum_rows)
        result = replace(result, sufficient=np.zeros_like(result.sufficient))
        if relative:
            result = replace(result, values=np.full(len(result.groups), np.nan))
    if limits is not None:
        share = means(limits, partition, weights=counted, minimum_rows=minimum_rows)
        result = replace(result, censored=share.values)
    return result


def censored_share_by_group(
    y_true: ArrayLike,
    censored: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    minimum_rows: int = 10,
) -> ByGroup:
    """Share of rows in each class or group that no attack broke: how far mean least epsilon is a limit.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    censored : array-like
        Which rows no attack broke below the largest radius tried, (N,).
    groups : array-like, optional
        The group of each row, (N,). Default: its true class.
    correct : array-like, optional
        Which rows are classified correctly unattacked, (N,): only these are then counted.
    minimum_rows : int
        A group with fewer counted rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        Share of each group's counted rows, a fraction.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, or an entry is neither true nor false.

    Examples
    --------
    >>> from fairtoll.metrics import censored_share_by_group
    >>> censored_share_by_group([0, 0, 1, 1], [False, False, False, True], minimum_rows=1).values
    array([0. , 0.5])
    """
    check_same_rows(y_true=y_true, censored=censored, groups=groups, correct=correct)
    truth, partition = as_truth_and_partition(y_true, groups)
    limits = as_mask(censored, name="censored", like=truth.codes)
    counted = None if correct is None else as_mask(correct, name="correct", like=truth.codes)
    return means(limits, partition, weights=counted, minimum_rows=minimum_rows)
