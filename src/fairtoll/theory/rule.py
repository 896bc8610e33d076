"""Linear rules: what they predict, and how far each row is from being attacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.checks import Floats, is_number, labels, of_kind, radius, scales, table, vector


@dataclass(frozen=True, eq=False)
class LinearRule:
    """Predicts class +1 where ``weights . x + bias`` is above 0, else class -1.

    Parameters
    ----------
    weights : array-like
        w, (d,).
    bias : float
        b.

    Raises
    ------
    FairtollError
        If they are not finite numbers.

    Examples
    --------
    >>> LinearRule([1.0, -1.0], 0.5).predict([[0.0, 0.0], [0.0, 1.0]])
    array([ 1, -1])
    """

    weights: Any
    bias: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", vector(self.weights, name="weights"))
        if not is_number(self.bias):
            raise FairtollError(messages.NOT_NUMBERS.format(name="bias", given=type(self.bias).__name__))
        if not np.isfinite(self.bias):
            raise FairtollError(messages.NOT_FINITE.format(name="bias"))
        object.__setattr__(self, "bias", float(self.bias))

    def score(self, x: ArrayLike) -> Floats:
        """``weights . x + bias`` of each row, (N,)."""
        return np.asarray(table(x, name="x", columns=len(self.weights)) @ self.weights + self.bias)

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """-1 or +1 for each row, (N,)."""
        return np.where(self.score(x) > 0, 1, -1)

    def reach(self, scale: ArrayLike | None = None) -> float:
        """L = sum_j scale_j abs(w_j): how far the score can be moved per unit of epsilon."""
        return float(scales(scale, features=len(self.weights)) @ np.abs(self.weights))


def margins(
    rule: LinearRule, x: ArrayLike, y: ArrayLike, epsilon: float = 0.0, scale: ArrayLike | None = None
) -> Floats:
    """The margin of each row under the worst admissible move: y (w.x + b) - epsilon L.

    The adversary moves feature j by ``epsilon * scale[j]`` against the sign of ``y w_j``; a row withstands every
    attack where the margin is above 0.

    Parameters
    ----------
    rule : LinearRule
    x : array-like, (N, d)
    y : array-like, (N,)
        -1 or +1.
    epsilon : float
        Radius, 0 or more.
    scale : float or array-like, (d,), optional
        As in `LinfThreat`; 0 for a feature that cannot move. Default: 1.

    Returns
    -------
    ndarray of float64, (N,)

    Raises
    ------
    FairtollError
        If shapes differ, a number is not finite, a label is neither -1 nor +1, or the radius or a scale is negative.

    Examples
    --------
    >>> margins(LinearRule([1.0, -2.0], 0.0), [[1.0, 0.0], [1.0, 1.0]], [1, -1], 0.25)
    array([0.25, 0.25])
    """
    of_kind(rule, LinearRule, name="the rule")
    score = rule.score(x)
    return np.asarray(labels(y, rows=len(score)) * score - radius(epsilon) * rule.reach(scale))


def least_epsilon(rule: LinearRule, x: ArrayLike, y: ArrayLike, scale: ArrayLike | None = None) -> Floats:
    """The least radius at which each row can be misclassified: max(0, y (w.x + b)) / L.

    Parameters
    ----------
    rule : LinearRule
    x : array-like, (N, d)
    y : array-like, (N,)
        -1 or +1.
    scale : float or array-like, (d,), optional
        As in `LinfThreat`; 0 for a feature that cannot move. Default: 1.

    Returns
    -------
    ndarray of float64, (N,)
        0 for a row that is misclassified unattacked; infinite for a correct one if no feature that the rule uses can
        move.

    Raises
    ------
    FairtollError
        If shapes differ, a number is not finite, a label is neither -1 nor +1, or a scale is negative.

    Examples
    --------
    >>> least_epsilon(LinearRule([1.0, -3.0], 0.0), [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], [1, -1, 1])
    array([0.25, 0.5 , 0.  ])
    """
    clean, reach = np.maximum(margins(rule, x, y), 0.0), rule.reach(scale)
    return np.divide(clean, reach) if reach > 0 else np.where(clean > 0, np.inf, 0.0)
