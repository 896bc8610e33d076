"""CRU_s, class-wise robustness unfairness by attack success (the paper's Definition 2), and at matched mean success."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_same_rows
from fairtoll.metrics import messages
from fairtoll.metrics._by_group import ByGroup, as_truth_and_partition, means
from fairtoll.metrics._inputs import as_mask
from fairtoll.metrics.metric import Metric, NotMeasurableError


def is_broken(*, success: NDArray[np.bool_], correct: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """The outcome of CRU_s: success; where `correct` is given a row misclassified unattacked is one anyway."""
    return success if correct is None else success | ~correct


def broken_or_unproved(
    *, success: NDArray[np.bool_], proved: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The ends of CRU_s's outcome: a row that is neither broken nor proved robust may succeed or not.

    Examples
    --------
    >>> broken_or_unproved(success=np.array([True, False, False]), proved=np.array([False, True, False]))
    (array([ True, False, False]), array([ True, False,  True]))
    """
    return success, success | ~proved


def success_at_rate(
    *,
    least_epsilon: NDArray[np.float64],
    censored: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    rate: float,
) -> NDArray[np.float64]:
    """The outcome of matched CRU_s: success at the radius that breaks a share `rate` of the rows that count.

    Least epsilon is known to a tolerance, so rows share values: those tied at that radius succeed with the
    share that makes the mean over counted rows `rate` exactly.

    Examples
    --------
    >>> none = np.zeros(4, dtype=bool)
    >>> radius = np.array([0.0, 0.1, 0.2, 0.2])
    >>> success_at_rate(least_epsilon=radius, censored=none, counted=~none, rate=0.75).tolist()
    [1.0, 1.0, 0.5, 0.5]
    """
    total = max(int(counted.sum()), 1)
    wrong = int(((least_epsilon == 0) & counted).sum()) / total
    broken = int((~censored & counted).sum()) / total
    if not wrong < rate < broken:
        raise NotMeasurableError(
            f"no radius has a mean success rate of {rate:g}: {wrong:.3g} of the rows that count are misclassified "
            f"unattacked and {broken:.3g} are broken at the largest radius"
        )
    radius = np.where(censored, np.inf, least_epsilon)
    wanted = rate * counted.sum()
    edge = np.sort(radius[counted])[int(np.ceil(wanted)) - 1]
    below, tied = radius < edge, radius == edge
    share = (wanted - (below & counted).sum()) / (tied & counted).sum()
    return np.asarray(below + share * tied, dtype=np.float64)


CRU_S = Metric(
    name="cru_s",
    symbol="CRU_s",
    title="Attack success gap",
    group_title="Attack success rate",
    outcome=is_broken,
    margin=0.01,
    higher_is_better=False,
    levels_down=True,
    denominators=("all", "correct"),
    in_audits=True,
    ends=broken_or_unproved,
    lead="CRU_s is the largest difference in attack success between two classes or groups. The share is of all rows, "
    "so a misclassified row counts as a success, unless it is said to be of correctly classified rows.",
)
CRU_S_MATCHED = Metric(
    name="cru_s_matched",
    symbol="CRU_s matched",
    title="Attack success gap at matched success",
    group_title="Attack success rate",
    outcome=success_at_rate,
    margin=0.01,
    higher_is_better=False,
    denominators=("all", "correct"),
    lead="CRU_s with each arm attacked at the radius that breaks the same share of its rows.",
)


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
        A group with fewer counted rows is excluded from the gap.

    Returns
    -------
    float
        A fraction in [0, 1]; NaN if fewer than two groups have enough rows.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, an outcome is neither true nor false, the denominator
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
        If lengths or pandas indexes differ, the input is empty, an outcome is neither true nor false, the denominator
        is unknown or `correct` is missing.

    Examples
    --------
    >>> from fairtoll.metrics import success_rate_unfairness_by_group
    >>> success_rate_unfairness_by_group([0, 0, 1, 1], [True, False, True, True], minimum_rows=1).values
    array([0.5, 1. ])
    """
    check_same_rows(y_true=y_true, success=success, groups=groups, correct=correct)
    truth, partition = as_truth_and_partition(y_true, groups)
    outcome = as_mask(success, name="success", like=truth.codes)
    unattacked = None if correct is None else as_mask(correct, name="correct", like=truth.codes)
    if denominator == "all":
        return means(CRU_S.outcome(success=outcome, correct=unattacked), partition, minimum_rows=minimum_rows)
    if denominator != "correct":
        raise FairtollError(messages.UNKNOWN_DENOMINATOR.format(given=repr(denominator)))
    if unattacked is None:
        raise FairtollError(messages.CORRECT_NEEDED)
    return means(CRU_S.outcome(success=outcome), partition, weights=unattacked, minimum_rows=minimum_rows)
