"""CRU, class-wise robustness unfairness (the paper's Definition 2): by least epsilon, by success rate."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.metrics import _messages as messages
from fairtoll.metrics._by_group import ByGroup, as_truth_and_partition, means
from fairtoll.metrics._inputs import as_mask, as_numbers, check_length


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
        epsilons, so the plain gap grows by scale alone.
    censored : array-like, optional
        Which rows no attack broke, (N,). Their least epsilon is a lower limit; the number returned
        is the same, and `class_robustness_unfairness_by_group` reports their share.
    minimum_rows : int
        A group with fewer counted rows takes no part in the gap.

    Returns
    -------
    float
        In the threat's units, or without unit if relative; NaN if fewer than two groups have enough
        rows.

    Raises
    ------
    FairtollError
        If lengths differ, the input is empty, a least epsilon is negative, NaN or infinite, or a
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
        limit where `censored` is above 0.

    Raises
    ------
    FairtollError
        If lengths differ, the input is empty, a least epsilon is negative, NaN or infinite, or a
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
    truth, partition = as_truth_and_partition(y_true, groups)
    radius = as_numbers(
        least_epsilon, name="least_epsilon", not_finite=messages.LEAST_EPSILON_NOT_FINITE, nonnegative=True
    )
    check_length(radius, name="least_epsilon", like=truth.codes)
    counted = None if correct is None else as_mask(correct, name="correct", like=truth.codes)
    limits = None if censored is None else as_mask(censored, name="censored", like=truth.codes)
    result = means(radius, partition, weights=counted, minimum_rows=minimum_rows)
    if limits is not None:
        impossible = limits & (radius == 0)
        if impossible.any():
            raise FairtollError(messages.CENSORED_AT_ZERO.format(row=int(np.argmax(impossible))))
        share = means(limits, partition, weights=counted, minimum_rows=minimum_rows)
        result = replace(result, censored=share.values)
    return _divided(result, _mean(radius, counted)) if relative else result


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
        If lengths differ, the input is empty, or an entry is neither true nor false.

    Examples
    --------
    >>> from fairtoll.metrics import censored_share_by_group
    >>> censored_share_by_group([0, 0, 1, 1], [False, False, False, True], minimum_rows=1).values
    array([0. , 0.5])
    """
    truth, partition = as_truth_and_partition(y_true, groups)
    limits = as_mask(censored, name="censored", like=truth.codes)
    counted = None if correct is None else as_mask(correct, name="correct", like=truth.codes)
    return means(limits, partition, weights=counted, minimum_rows=minimum_rows)


def success_rate_unfairness(
    y_true: ArrayLike,
    success: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    denominator: Literal["all", "correct"] = "all",
    correct: ArrayLike | None = None,
    minimum_rows: int = 10,
) -> float:
    """CRU_s: the largest difference in attack success rate between two classes or groups.

    Sooksatra and Rivas, "Adversarial Training Negatively Affects Fairness", Definition 2:
    CRU_s(F, D, eps) = max over y, y' of abs(SR(F, D_y, eps) - SR(F, D_y', eps)).

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    success : array-like
        Whether the row is misclassified under attack, (N,), at one radius.
    groups : array-like, optional
        The group of each row, (N,). Default: its true class, as the paper has it.
    denominator : {"all", "correct"}
        "all": share of all rows, so that the rate is 1 less robust accuracy. "correct": share of
        the rows that are classified correctly unattacked.
    correct : array-like, optional
        Which rows are classified correctly unattacked, (N,). Needed for "correct"; with "all", a
        row that is not counts as a success, whatever the attack did to it.
    minimum_rows : int
        A group with fewer counted rows takes no part in the gap.

    Returns
    -------
    float
        A fraction in [0, 1]; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        If lengths differ, the input is empty, an outcome is neither true nor false, the denominator
        is unknown or `correct` is missing.

    Examples
    --------
    >>> from fairtoll.metrics import success_rate_unfairness
    >>> success = [True, False, True, True]
    >>> success_rate_unfairness([0, 0, 1, 1], success, minimum_rows=1)
    0.5
    >>> correct = [False, True, True, True]
    >>> success_rate_unfairness([0, 0, 1, 1], success, denominator="correct", correct=correct, minimum_rows=1)
    1.0
    """
    return success_rate_unfairness_by_group(
        y_true, success, groups=groups, denominator=denominator, correct=correct, minimum_rows=minimum_rows
    ).gap


def success_rate_unfairness_by_group(
    y_true: ArrayLike,
    success: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    denominator: Literal["all", "correct"] = "all",
    correct: ArrayLike | None = None,
    minimum_rows: int = 10,
) -> ByGroup:
    """Attack success rate in each class or group: what CRU_s is the gap of.

    Parameters
    ----------
    y_true : array-like
        True label of each row, (N,).
    success : array-like
        Whether the row is misclassified under attack, (N,), at one radius.
    groups : array-like, optional
        The group of each row, (N,). Default: its true class, as the paper has it.
    denominator : {"all", "correct"}
        Share of all rows, or of the rows that are classified correctly unattacked.
    correct : array-like, optional
        Which rows are classified correctly unattacked, (N,). Needed for "correct"; with "all", a
        row that is not counts as a success.
    minimum_rows : int
        A group with fewer counted rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        Success rate of each group, a fraction; `rows` counts the denominator.

    Raises
    ------
    FairtollError
        If lengths differ, the input is empty, an outcome is neither true nor false, the denominator
        is unknown or `correct` is missing.

    Examples
    --------
    >>> from fairtoll.metrics import success_rate_unfairness_by_group
    >>> success_rate_unfairness_by_group([0, 0, 1, 1], [True, False, True, True], minimum_rows=1).values
    array([0.5, 1. ])
    """
    truth, partition = as_truth_and_partition(y_true, groups)
    outcome = as_mask(success, name="success", like=truth.codes)
    unattacked = None if correct is None else as_mask(correct, name="correct", like=truth.codes)
    if denominator == "all":
        if unattacked is not None:
            outcome = outcome | ~unattacked
        return means(outcome, partition, minimum_rows=minimum_rows)
    if denominator != "correct":
        raise FairtollError(messages.UNKNOWN_DENOMINATOR.format(given=repr(denominator)))
    if unattacked is None:
        raise FairtollError(messages.CORRECT_NEEDED)
    return means(outcome, partition, weights=unattacked, minimum_rows=minimum_rows)


def _mean(radius: NDArray[np.float64], counted: NDArray[np.bool_] | None) -> float:
    among = radius if counted is None else radius[counted]
    return float(among.mean()) if among.size else 0.0


def _divided(result: ByGroup, by: float) -> ByGroup:
    """Express `result` in units of `by`; where every least epsilon is 0 nothing is known."""
    if by == 0:
        nothing = np.zeros(len(result.groups), dtype=np.bool_)
        return replace(result, values=np.full(len(result.groups), np.nan), sufficient=nothing)
    return replace(result, values=result.values / by)
