"""Intervals of leave-one-out numbers: over left-out rows, and over reference models where there are several.

All references leave out the same rows, so the design is crossed: what a row does by itself averages out over
references, what a reference does by itself averages out over rows, and the variance of the mean is the sum of both
(what a row does to one reference alone is counted twice, which is on the safe side).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from fairtoll.statistics._freedom import combined_freedom

Floats = NDArray[np.float64]
Pair = tuple[float, float]
CONFIDENCE = 0.95


def mean_interval(values: Floats, *, low: float = -np.inf, high: float = np.inf) -> Pair | None:
    """95% t interval of the mean of `values (R, L)`, cut at `low` and `high`; None for a single member.

    R reference models, L members of each. With one reference the interval is over members alone, given that model.
    Where all agree it is a point.

    Examples
    --------
    >>> mean_interval(np.array([[1.0, 1.0, 1.0]]))
    (1.0, 1.0)
    """
    if values.shape[1] < 2:
        return None
    parts = [_spread(values.mean(axis=0)), _spread(values.mean(axis=1))]
    return _around(float(values.mean()), parts, low=low, high=high)


def difference_interval(first: Floats, second: Floats, *, paired: bool) -> Pair | None:
    """95% t interval of mean(first) - mean(second), both `(R, L)`, over pairs of members or over both apart (Welch).

    References are always the same models, or those of the same seed.

    Examples
    --------
    >>> difference_interval(np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]]), paired=True)
    (1.0, 1.0)
    """
    if paired:
        return mean_interval(first - second)
    if min(first.shape[1], second.shape[1]) < 2:
        return None
    references = first.mean(axis=1) - second.mean(axis=1)
    parts = [_spread(first.mean(axis=0)), _spread(second.mean(axis=0)), _spread(references)]
    return _around(float(first.mean() - second.mean()), parts)


def luf_interval(changes: Sequence[Floats]) -> Pair | None:
    """95% interval of LUF, by the delete-one jackknife over members, in [0, 1]; None for one member.

    A bootstrap would draw members twice and so see the maximum of fewer.

    Parameters
    ----------
    changes : sequence of ndarray, (L, N)
        For each reference, the largest change of each row's confidences by each member.

    Examples
    --------
    >>> luf_interval([np.full((3, 2), 0.25)])
    (0.25, 0.25)
    """
    members = len(changes[0])
    if members < 2:
        return None
    lost = np.mean([_lost(change) for change in changes], axis=0)
    jackknife = (members - 1) / members * float(((lost - lost.mean()) ** 2).sum())
    values = np.array([change.max(axis=0).mean() for change in changes])
    return _around(float(values.mean()), [(jackknife, members - 1), _spread(values)], low=0.0, high=1.0)


def _lost(change: Floats) -> Floats:
    """What LUF loses without each member, `(L,)`."""
    members, rows = change.shape
    first = change.argmax(axis=0)
    # Without its largest change a row is left with the second; without any other, with the same.
    second = np.partition(change, members - 2, axis=0)[members - 2]
    lost: Floats = np.bincount(first, weights=change.max(axis=0) - second, minlength=members) / rows
    return lost


def _spread(values: Floats) -> tuple[float, int]:
    """Variance of a mean and its degrees of freedom; none of one value."""
    return (float(values.var(ddof=1)) / len(values), len(values) - 1) if len(values) > 1 else (0.0, 0)


def _around(value: float, parts: Sequence[tuple[float, int]], *, low: float = -np.inf, high: float = np.inf) -> Pair:
    variances, freedom = np.array([part for part in parts if part[1]], dtype=np.float64).T
    known = freedom[0] if len(freedom) == 1 else float(combined_freedom(variances, freedom))
    reach = float(stdtrit(known, 1 - (1 - CONFIDENCE) / 2)) * float(variances.sum()) ** 0.5
    return max(low, value - reach), min(high, value + reach)
