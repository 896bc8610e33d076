"""The paper's static adversarial training in least squares: each row twice, once as attacked on a first fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.theory import messages
from fairtoll.theory.checks import Floats, labels, radius, scales, table, zero_or_more
from fairtoll.theory.least_squares import LeaveOneOut, fit_without


@dataclass(frozen=True, eq=False)
class StaticCopies:
    """Leave-one-out models of a fit on rows and their adversarial copies.

    Attributes
    ----------
    source : LeaveOneOut
        The first fit, on the rows alone, that the copies are crafted on.
    shared : LeaveOneOut
        The fit on both, and without each row and its copy, all copies being crafted on the one first fit.
    own : LeaveOneOut
        The same, each member's copies being crafted on the first fit that lacks the row, as retraining would have it.
    differs : ndarray of bool, (n,)
        Members whose own source moves the copies elsewhere: where it has another sign of a weight. Elsewhere `shared`
        is what retraining gives.
    """

    source: LeaveOneOut
    shared: LeaveOneOut
    own: LeaveOneOut
    differs: NDArray[np.bool_]


def static_copies(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float,
    *,
    ridge: float = 0.0,
    scale: ArrayLike | None = None,
    intercept: bool = False,
) -> StaticCopies:
    """Leave-one-out models of static adversarial training (Sooksatra and Rivas) in ridge regression.

    A first fit F has weights v; the copy of row i is x_i - epsilon y_i scale sign(v), which lowers its margin most; the
    fit is on all 2n rows with the same ridge. Without row i and its copy x~_i it is w - A^-1 U (I - U' A^-1 U)^-1 e,
    with U = [x_i, x~_i] and e their residuals, if the copies of the others stay as they are. They do unless v and
    v_(i) differ in sign; then the member is fitted on copies of its own.

    Parameters
    ----------
    x : array-like, (n, d)
    y : array-like, (n,)
        -1 or +1.
    epsilon : float
        Radius.
    ridge : float
        Of both fits, 0 or more.
    scale : float or array-like, (d,), optional
        As in `LinfThreat`. Default: 1.
    intercept : bool
        Whether there is a bias.

    Returns
    -------
    StaticCopies

    Raises
    ------
    FairtollError
        As for `leave_one_out`, if a label is neither -1 nor +1, or the radius or a scale is negative.

    Examples
    --------
    >>> copies = static_copies([[1.0], [2.0], [-1.5]], [1, 1, -1], 0.5)
    >>> copies.shared.rule.weights.round(3).tolist(), copies.differs.tolist()  # 7.5 / 10.75
    ([0.698], [False, False, False])
    """
    rows = table(x, name="x")
    target = labels(y, rows=len(rows))
    reach = radius(epsilon) * scales(scale, features=rows.shape[1])
    n, penalty = len(rows), zero_or_more(ridge, messages.RIDGE)
    source = fit_without(rows, target, penalty, intercept=intercept, blocks=np.arange(n))

    def merged(weights: Floats) -> tuple[Floats, Floats]:
        copies = rows - target[:, None] * reach * np.sign(weights)
        return np.vstack([rows, copies]), np.tile(target, 2)

    twice = np.tile(np.arange(n), 2)
    shared = fit_without(*merged(source.rule.weights), penalty, intercept=intercept, blocks=twice)
    moved = (np.sign(source.weights) != np.sign(source.rule.weights)) & (reach > 0)
    differs = moved.any(axis=1)
    weights, biases = shared.weights.copy(), shared.biases.copy()
    for member in np.flatnonzero(differs):
        again = fit_without(*merged(source.weights[member]), penalty, intercept=intercept, blocks=twice)
        weights[member], biases[member] = again.weights[member], again.biases[member]
    return StaticCopies(source, shared, LeaveOneOut(shared.rule, weights, biases), differs)
