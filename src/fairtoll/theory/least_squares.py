"""Leave-one-out models of ridge regression, exactly and from one fit, and LUF of a linear score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.checks import Floats, of_kind, slope, table, vector, zero_or_more
from fairtoll.theory.rule import LinearRule

#: A block of rows whose leverage is so near 1 is left out by another fit: what it leaves is the difference of two
#: nearly equal numbers.
_NEARLY_ALONE = 1e-6
_LINKS: dict[str, Callable[[Floats], Floats]] = {"score": np.positive, "probit": ndtr, "logistic": expit}


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """A fit on all rows, and the same fit without each row.

    Attributes
    ----------
    rule : LinearRule
        Fitted on all rows.
    weights, biases : ndarray of float64, (n, d) and (n,)
        Of the n fits without one row.
    """

    rule: LinearRule
    weights: Floats
    biases: Floats

    def scores(self, x: ArrayLike) -> Floats:
        """Scores of each fit without a row, (n, N)."""
        rows = table(x, name="x", columns=self.weights.shape[1])
        return np.asarray(self.weights @ rows.T + self.biases[:, None])


def leave_one_out(
    x: ArrayLike, y: ArrayLike, ridge: float = 0.0, *, intercept: bool = False, blocks: ArrayLike | None = None
) -> LeaveOneOut:
    """The n ridge regressions that lack one row each, without fitting any of them.

    The minimiser of sum_i (y_i - w.x_i)^2 + ``ridge |w|^2`` is w = A^-1 X' y, A = X' X + ridge I, and without row i
    it is w - A^-1 x_i e_i / (1 - h_i), with residual e_i and leverage h_i = x_i' A^-1 x_i (Sherman and Morrison). Of
    rows that are copies of each other all go together: w - A^-1 U (I - U' A^-1 U)^-1 e with their rows as the
    columns of U.

    Parameters
    ----------
    x : array-like, (N, d)
    y : array-like, (N,)
        What is regressed on: labels -1 and +1, or any numbers.
    ridge : float
        lambda, 0 or more, the same with and without the row.
    intercept : bool
        Whether there is a bias, which is not penalised.
    blocks : array-like, optional
        Which of n rows each one is a copy of, (N,); names of any kind, members in their sorted order. Default: each
        its own.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    FairtollError
        If shapes differ, a number is not finite, the ridge is negative, names of blocks cannot be sorted, or the rows,
        all or without one, do not determine the weights.

    Examples
    --------
    >>> left = leave_one_out([[1.0], [2.0], [2.0]], [1.0, 2.0, 3.0])
    >>> left.rule.weights.round(3).tolist(), left.weights.round(3).ravel().tolist()
    ([1.222], [1.25, 1.4, 1.0])
    """
    rows = table(x, name="x")
    target = vector(y, name="y", size=len(rows), message=messages.SHAPE_OF_ROWS)
    penalty = zero_or_more(ridge, messages.RIDGE)
    numbers, names = _blocks(blocks, len(rows))
    return fit_without(rows, target, penalty, intercept=intercept, blocks=numbers, names=names)


def _blocks(blocks: ArrayLike | None, rows: int) -> tuple[NDArray[np.intp], list[str]]:
    """The number of each row's block, and what a message calls each block."""
    if blocks is None:
        return np.arange(rows), [f"row {row}" for row in range(rows)]
    given = np.asarray(blocks)
    if given.shape != (rows,):
        raise FairtollError(messages.SHAPE_OF_ROWS.format(name="blocks", given=given.shape, expected=f"({rows},)"))
    try:
        names, numbers = np.unique(given, return_inverse=True)
    except TypeError as error:
        raise FairtollError(messages.BLOCKS) from error
    return numbers, [f"block {name!r}" for name in names.tolist()]


@dataclass(frozen=True, eq=False)
class _Fit:
    """A ridge regression, in columns of mean 0 if there is an intercept, and of length 1.

    Neither changes the fit, and of columns in units of their own rounding would leave less, or seem to leave nothing.

    Attributes
    ----------
    orthogonal : ndarray, (N, p)
        Rows in a basis in which A is the identity: their products are leverages.
    back : ndarray, (p, p)
        From that basis to weights of the columns given.
    solution, residual : ndarray, (p,) and (N,)
        In that basis, and of each row.
    """

    orthogonal: Floats
    back: Floats
    solution: Floats
    residual: Floats


def _fit(rows: Floats, target: Floats, ridge: float, *, intercept: bool) -> _Fit | None:
    """Least squares on rows and, below them, the penalty; None where they do not determine the weights."""
    features = rows.shape[1]
    design = np.hstack([rows, np.ones((len(rows), 1))]) if intercept else rows
    columns = np.vstack([design, math.sqrt(ridge) * np.eye(features, design.shape[1])])
    move = np.eye(design.shape[1])
    if intercept and len(rows):
        move[-1, :-1] = -rows.mean(axis=0)
    columns = columns @ move
    # The penalty is on the weights alone, whose columns it keeps apart whatever they were moved by.
    columns[len(rows) :] = math.sqrt(ridge) * np.eye(features, design.shape[1])
    length = np.linalg.norm(columns, axis=0)
    if len(columns) < len(length) or not (length > 0).all():
        return None
    left, values, right = np.linalg.svd(columns / length, full_matrices=False)
    if values[-1] <= max(columns.shape) * np.finfo(np.float64).eps * values[0]:
        return None
    orthogonal = left[: len(rows)]
    solution = orthogonal.T @ target
    back = (move / length) @ (right.T / values)
    return _Fit(orthogonal, back, solution, target - orthogonal @ solution)


def fit_without(
    rows: Floats,
    target: Floats,
    ridge: float,
    *,
    intercept: bool,
    blocks: NDArray[np.intp],
    names: Sequence[str] | None = None,
) -> LeaveOneOut:
    """As `leave_one_out`, of what is checked; blocks are numbered from 0, and named by their numbers as rows."""
    fit = _fit(rows, target, ridge, intercept=intercept)
    if fit is None:
        raise FairtollError(messages.UNDETERMINED.format(rows=len(rows), features=rows.shape[1] + intercept))
    found = []
    order = np.argsort(blocks, kind="stable")
    for place, own in enumerate(np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1)):
        rest = np.eye(len(own)) - fit.orthogonal[own] @ fit.orthogonal[own].T
        if np.linalg.eigvalsh(rest)[0] >= _NEARLY_ALONE:
            solution = fit.solution - fit.orthogonal[own].T @ np.linalg.solve(rest, fit.residual[own])
            found.append(fit.back @ solution)
            continue
        others = np.delete(rows, own, axis=0), np.delete(target, own)
        again = _fit(*others, ridge, intercept=intercept)
        if again is None:
            raise FairtollError(messages.DECIDES_ALONE.format(what=f"row {place}" if names is None else names[place]))
        found.append(again.back @ again.solution)
    features, full, members = rows.shape[1], fit.back @ fit.solution, np.array(found)
    bias, biases = (full[-1], members[:, -1]) if intercept else (0.0, np.zeros(len(members)))
    return LeaveOneOut(LinearRule(full[:features], float(bias)), members[:, :features], biases)


def noise_leave_one_out(x: ArrayLike, y: ArrayLike, sigma: float, *, intercept: bool = False) -> LeaveOneOut:
    """Leave-one-out models of least squares on rows with Gaussian noise, in the mean over the noise.

    The mean of sum_i (y_i - w.(x_i + noise))^2 is that without noise plus ``n sigma^2 |w|^2``: a ridge (Bishop 1995,
    "Training with noise is equivalent to Tikhonov regularization"), n sigma^2 on all rows and (n - 1) sigma^2 without
    one.

    Parameters
    ----------
    x : array-like, (n, d)
    y : array-like, (n,)
    sigma : float
        Standard deviation of the noise on every feature, 0 or more.
    intercept : bool
        Whether there is a bias.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    FairtollError
        As for `leave_one_out`, or for fewer than two rows.

    Examples
    --------
    >>> left = noise_leave_one_out([[1.0], [2.0], [2.0]], [1.0, 2.0, 3.0], 1.0)
    >>> left.rule.weights.round(3).tolist(), left.weights.round(3).ravel().tolist()  # 11 / 12; 10 / 10, 7 / 7, 5 / 7
    ([0.917], [1.0, 1.0, 0.714])
    """
    rows = table(x, name="x")
    variance = zero_or_more(sigma, messages.SIGMA) ** 2
    if len(rows) < 2:
        raise FairtollError(messages.DECIDES_ALONE.format(what="row 0"))
    full = leave_one_out(rows, y, len(rows) * variance, intercept=intercept)
    members = leave_one_out(rows, y, (len(rows) - 1) * variance, intercept=intercept)
    return LeaveOneOut(full.rule, members.weights, members.biases)


def luf(left: LeaveOneOut, x: ArrayLike, *, link: str = "score", kappa: float = 1.0) -> float:
    """LUF: the largest change of the score, or confidence, that the absence of one training row makes, over rows.

    Sooksatra and Rivas, "Adversarial Training Negatively Affects Fairness", Definition 3: the mean over rows x of max
    over i of abs(F(x) - F_(i)(x)); of two classes whose confidences sum to 1 both change by the same.

    Parameters
    ----------
    left : LeaveOneOut
    x : array-like, (N, d)
    link : "score", "probit" or "logistic"
        F is kappa u itself, u = w.x + b, or Phi(kappa u), or 1 / (1 + exp(-kappa u)).
    kappa : float
        Above 0.

    Returns
    -------
    float
        In units of the score, or in probability.

    Raises
    ------
    FairtollError
        If shapes differ, a number is not finite, or the link or kappa is none.

    Examples
    --------
    >>> left = leave_one_out([[1.0], [2.0], [2.0]], [1.0, 2.0, 3.0])
    >>> round(luf(left, [[9.0], [18.0]]), 3)  # 27 / 2 times 2 / 9
    3.0
    """
    of_kind(left, LeaveOneOut, name="left")
    if link not in _LINKS:
        raise FairtollError(messages.SCORE_LINK.format(given=repr(link)))
    factor = slope(kappa)
    rows = table(x, name="x", columns=left.weights.shape[1])
    full, members = (_LINKS[link](factor * scores) for scores in (left.rule.score(rows), left.scores(rows)))
    return float(np.abs(members - full).max(axis=0).mean())
