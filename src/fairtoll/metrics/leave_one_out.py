"""LUF, leave-one-out unfairness (the paper's Definition 3), and its two counts of flipped classes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.inputs.columns import check_same_rows
from fairtoll.metrics._inputs import as_probabilities, members
from fairtoll.metrics.metric import Metric


def largest_change(*, changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outcome of LUF: of the changes that L members make, (L, n), the largest on each row."""
    return np.asarray(changes.max(axis=0), dtype=np.float64)


def share_of_flips(*, flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The outcome of the flip rate: which share of L members, (L, n), changes the predicted class of each row."""
    return np.asarray(flips.mean(axis=0), dtype=np.float64)


LUF = Metric(
    name="luf",
    symbol="LUF",
    title="Leave-one-out confidence change",
    group_title="Confidence change",
    outcome=largest_change,
    margin=0.01,
    scale="probability",
    higher_is_better=False,
)
LUF_FLIP_RATE = Metric(
    name="luf_flip_rate",
    symbol="Flip rate",
    title="Flip rate",
    group_title="Share of predictions flipped",
    outcome=share_of_flips,
    margin=0.01,
    higher_is_better=False,
)


def changes_by_member(full: ArrayLike, left_out: ArrayLike) -> NDArray[np.float64]:
    """How far each leave-one-out model moves each row: the largest change of any class's confidence.

    Parameters
    ----------
    full : array-like
        Class probabilities of the model trained on all rows, (N, C).
    left_out : array-like
        Class probabilities of the L models each trained without one row, (L, N, C).

    Returns
    -------
    numpy.ndarray
        In [0, 1], in probability, (L, N). Its maximum over members is LUF of each row.

    Raises
    ------
    FairtollError
        If shapes or pandas indexes differ, the input is empty, or entries are not probabilities.

    Examples
    --------
    >>> from fairtoll.metrics import changes_by_member
    >>> changes_by_member([[1.0, 0.0], [0.5, 0.5]], [[[0.5, 0.5], [0.5, 0.5]]])
    array([[0.5, 0. ]])
    """
    check_same_rows(full=full, left_out=left_out)
    whole = as_probabilities(full, name="full")
    return np.stack([np.abs(whole - member).max(axis=1) for member in members(left_out, full=whole)])


def flips_by_member(full: ArrayLike, left_out: ArrayLike) -> NDArray[np.bool_]:
    """Whether each leave-one-out model predicts another class for each row than the full model does.

    Parameters
    ----------
    full : array-like
        Class probabilities of the model trained on all rows, (N, C).
    left_out : array-like
        Class probabilities of the L models each trained without one row, (L, N, C).

    Returns
    -------
    numpy.ndarray
        Whether the class of largest probability differs, (L, N) of bool.

    Raises
    ------
    FairtollError
        If shapes or pandas indexes differ, the input is empty, or entries are not probabilities.

    Examples
    --------
    >>> from fairtoll.metrics import flips_by_member
    >>> flips_by_member([[0.9, 0.1], [0.6, 0.4]], [[[0.8, 0.2], [0.4, 0.6]]])
    array([[False,  True]])
    """
    check_same_rows(full=full, left_out=left_out)
    whole = as_probabilities(full, name="full")
    predicted = whole.argmax(axis=1)
    return np.stack([member.argmax(axis=1) != predicted for member in members(left_out, full=whole)])


def leave_one_out_unfairness(full: ArrayLike, left_out: ArrayLike) -> float:
    """LUF: how far one training row can move a model's confidence, averaged over rows.

    Black and Fredrikson 2021; Sooksatra and Rivas, "Adversarial Training Negatively Affects
    Fairness", Definition 3: LUF(F, D, x) = max over left-out i and class y of
    abs(F_D(x)_y - F_(D without i)(x)_y), and LUF(F, D) its mean over rows.

    It is a maximum over members: compare only values taken with as many members.

    Parameters
    ----------
    full : array-like
        Class probabilities of the model trained on all rows, (N, C).
    left_out : array-like
        Class probabilities of the L models each trained without one row, (L, N, C).

    Returns
    -------
    float
        In [0, 1], in probability.

    Raises
    ------
    FairtollError
        If shapes or pandas indexes differ, the input is empty, or entries are not probabilities.

    Examples
    --------
    >>> from fairtoll.metrics import leave_one_out_unfairness
    >>> leave_one_out_unfairness([[1.0, 0.0], [0.5, 0.5]], [[[0.5, 0.5], [0.5, 0.5]]])
    0.25
    """
    return float(leave_one_out_unfairness_by_row(full, left_out).mean())


def leave_one_out_unfairness_by_row(full: ArrayLike, left_out: ArrayLike) -> NDArray[np.float64]:
    """LUF of each row: the largest change in any class's confidence by any left-out training row.

    Its mean in a class or group is `group_means(leave_one_out_unfairness_by_row(...), groups)`.

    Parameters
    ----------
    full : array-like
        Class probabilities of the model trained on all rows, (N, C).
    left_out : array-like
        Class probabilities of the L models each trained without one row, (L, N, C).

    Returns
    -------
    numpy.ndarray
        In [0, 1], in probability, (N,).

    Raises
    ------
    FairtollError
        If shapes or pandas indexes differ, the input is empty, or entries are not probabilities.

    Examples
    --------
    >>> from fairtoll.metrics import leave_one_out_unfairness_by_row
    >>> leave_one_out_unfairness_by_row([[1.0, 0.0], [0.5, 0.5]], [[[0.5, 0.5], [0.5, 0.5]]])
    array([0.5, 0. ])
    """
    return np.asarray(LUF.outcome(changes=changes_by_member(full, left_out)))


def flips_per_row(full: ArrayLike, left_out: ArrayLike) -> float:
    """LUF_t: how many leave-one-out models change a row's predicted class, averaged over rows.

    Sooksatra and Rivas, section IV.D: mean over rows x of the number of left-out i with
    C_D(x) != C_(D without i)(x), where C is the class of largest probability.

    Parameters
    ----------
    full : array-like
        Class probabilities of the model trained on all rows, (N, C).
    left_out : array-like
        Class probabilities of the L models each trained without one row, (L, N, C).

    Returns
    -------
    float
        Models per row, in [0, L]. Times N it equals `flips_per_model` times L.

    Raises
    ------
    FairtollError
        If shapes or pandas indexes differ, the input is empty, or entries are not probabilities.

    Examples
    --------
    >>> from fairtoll.metrics import flips_per_row
    >>> flips_per_row([[0.9, 0.1], [0.6, 0.4]], [[[0.8, 0.2], [0.4, 0.6]]])
    0.5
    """
    return float(flips_by_member(full, left_out).sum(axis=0).mean())


def flips_per_model(full: ArrayLike, left_out: ArrayLike) -> float:
    """LUF_l: how many rows change their predicted class, averaged over leave-one-out models.

    Sooksatra and Rivas, section IV.D: mean over left-out i of the number of rows x with
    C_D(x) != C_(D without i)(x), where C is the class of largest probability.

    Parameters
    ----------
    full : array-like
        Class probabilities of the model trained on all rows, (N, C).
    left_out : array-like
        Class probabilities of the L models each trained without one row, (L, N, C).

    Returns
    -------
    float
        Rows per model, in [0, N]. Times L it equals `flips_per_row` times N.

    Raises
    ------
    FairtollError
        If shapes or pandas indexes differ, the input is empty, or entries are not probabilities.

    Examples
    --------
    >>> from fairtoll.metrics import flips_per_model
    >>> flips_per_model([[0.9, 0.1], [0.6, 0.4]], [[[0.8, 0.2], [0.4, 0.6]]])
    1.0
    """
    return float(flips_by_member(full, left_out).sum(axis=1).mean())


def flip_rate(full: ArrayLike, left_out: ArrayLike) -> float:
    """Share of (leave-one-out model, row) pairs whose predicted class differs from the full model's.

    LUF_t is this times L, LUF_l this times N: the one number behind both that can be compared
    between studies of different size.

    Parameters
    ----------
    full : array-like
        Class probabilities of the model trained on all rows, (N, C).
    left_out : array-like
        Class probabilities of the L models each trained without one row, (L, N, C).

    Returns
    -------
    float
        A fraction in [0, 1].

    Raises
    ------
    FairtollError
        If shapes or pandas indexes differ, the input is empty, or entries are not probabilities.

    Examples
    --------
    >>> from fairtoll.metrics import flip_rate
    >>> flip_rate([[0.9, 0.1], [0.6, 0.4]], [[[0.8, 0.2], [0.4, 0.6]]])
    0.5
    """
    return float(flips_by_member(full, left_out).mean())
