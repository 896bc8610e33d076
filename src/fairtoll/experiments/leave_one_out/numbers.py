"""Numbers of one leave-one-out design, from the probabilities of its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from fairtoll.errors import FairtollError
from fairtoll.metrics import LUF, changes_by_member, flips_by_member

Floats = NDArray[np.float64]
#: Numbers of left-out rows that the curves are drawn at, as far as there are so many members.
CURVE = (5, 10, 25, 50, 100)
#: Test rows sorted at once.
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Changes:
    """The changes that every member makes on every test row.

    Attributes
    ----------
    flips : ndarray of bool, (L, N)
        Whether the predicted class differs from the full model's.
    change : ndarray, (L, N)
        Largest change of any class's confidence.

    Examples
    --------
    >>> changes = changes_of(np.array([[0.9, 0.1]]), np.array([[[0.4, 0.6]]]))
    >>> changes.flips.tolist(), changes.change.round(3).tolist(), changes.luf.round(3).tolist()
    ([[True]], [[0.5]], [0.5])
    """

    flips: NDArray[np.bool_]
    change: Floats

    @property
    def luf(self) -> Floats:
        """LUF of each row, `(N,)`."""
        return np.asarray(LUF.outcome(changes=self.change))


def changes_of(full: NDArray[np.floating], members: NDArray[np.floating]) -> Changes:
    """Compare members `(L, N, C)` with the full model `(N, C)`.

    Raises
    ------
    FairtollError
        If the shapes do not fit, or entries are not probabilities.
    """
    return Changes(flips_by_member(full, members), changes_by_member(full, members))


def luf_curve(change: Floats, sizes: Sequence[int]) -> list[float]:
    """LUF that a study with k members finds, the mean over all choices of k of the L members, for each k.

    From the sorted changes d_(1) <= ... <= d_(L) of a row, the largest of k drawn without replacement is
    d_(j) in C(j - 1, k - 1) of the C(L, k) choices. So the order of members does not matter, and the curve
    does not fall.

    Parameters
    ----------
    change : ndarray, (L, N)
        As `Changes.change`.
    sizes : sequence of int
        Each from 1 to L.

    Examples
    --------
    >>> luf_curve(np.array([[0.0], [0.2], [0.4]]), [1, 3])
    [0.2, 0.4]
    """
    members, rows = change.shape
    weights = np.stack([_largest_of(size, members) for size in sizes])
    total = np.zeros(len(sizes))
    for start in range(0, rows, BLOCK):
        total += (weights @ np.sort(change[:, start : start + BLOCK], axis=0)).sum(axis=1)
    return [float(value) for value in total / rows]


def ever_flipped_curve(flips: NDArray[np.bool_], sizes: Sequence[int]) -> list[float]:
    """Share of rows that some of k members flip, the mean over all choices of k of the L members, for each k.

    A row that f members flip is flipped by none of k drawn without replacement in C(L - f, k) of the C(L, k) choices.

    Parameters
    ----------
    flips : ndarray of bool, (L, N)
        As `Changes.flips`.
    sizes : sequence of int
        Each from 1 to L.

    Examples
    --------
    >>> ever_flipped_curve(np.array([[True, False], [False, False]]), [1, 2])
    [0.25, 0.5]
    """
    members = len(flips)
    how_often = np.bincount(flips.sum(axis=0), minlength=members + 1) / flips.shape[1]
    others = members - np.arange(members + 1, dtype=np.float64)
    found = []
    for size in sizes:
        _require_size(size, members)
        possible = others >= size
        # The logarithm of C(L - f, k) / C(L, k).
        spared = gammaln(others[possible] + 1) - gammaln(others[possible] - size + 1)
        spared += gammaln(members - size + 1) - gammaln(members + 1)
        found.append(float(1 - (how_often[possible] * np.exp(spared)).sum()))
    # Rounding leaves a little where no row is ever flipped.
    return [max(value, 0.0) if flips.any() else 0.0 for value in found]


def _require_size(size: int, members: int) -> None:
    if not 1 <= size <= members:
        raise FairtollError(f"{size} members of {members}; expected 1 to {members}")


def _largest_of(size: int, members: int) -> Floats:
    """Chance that each place of a sorted list holds the largest of `size` drawn without replacement."""
    _require_size(size, members)
    place = np.arange(size, members + 1, dtype=np.float64)
    # The logarithm of C(place - 1, size - 1), up to what all places share.
    ways: Floats = gammaln(place) - gammaln(place - size + 1)
    chance = np.zeros(members)
    chance[size - 1 :] = np.exp(ways - ways.max())
    total: Floats = chance / chance.sum()
    return total
