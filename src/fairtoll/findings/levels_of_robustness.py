"""At which average robust accuracies families of recipes are compared: levels that many of them reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: So many levels at most: each shares the error with the others.
MOST = 3
#: Of several levels that as many families reach, a multiple of the first of these that divides one, in tenths of a
#: percent.
ROUND = (50, 10, 5, 1)
#: Further levels lie at least so many tenths of a percent from the others.
APART = 100

Range = tuple[float, float]


def choose_levels(ranges: Mapping[str, Range]) -> list[float]:
    """The levels at which families are compared, ascending: at most three, chosen from what they reach alone.

    First the level that the most families reach; then, while families are left that reach no level yet, the one that
    the most of those reach. Where that leaves room, the lowest and the highest level that as many reach as the first.
    Of several such levels the widest stretch is taken, in it the roundest, then the one nearest to its middle. No gap
    has a say in it.

    Parameters
    ----------
    ranges : mapping of str to (float, float)
        The smallest and the largest average robust accuracy, fractions, that all runs of a family reach between its
        strengths.

    Returns
    -------
    list of float

    Examples
    --------
    >>> choose_levels({"online": (0.32, 0.78), "trades": (0.41, 0.7), "smoothing": (0.15, 0.3)})
    [0.2, 0.55, 0.65]
    >>> choose_levels({})
    []
    """
    grid = np.arange(1001)
    reached = {
        name: (grid >= np.ceil(1000 * low - 1e-9)) & (grid <= np.floor(1000 * high + 1e-9))
        for name, (low, high) in ranges.items()
    }
    reached = {name: one for name, one in reached.items() if one.any()}
    if not reached:
        return []
    left, chosen = dict(reached), list[int]()
    while left and len(chosen) < MOST:
        chosen.append(_roundest(_most(left)))
        left = {name: one for name, one in left.items() if not one[chosen[-1]]}
    every = _most(reached)
    for end in (every[-1], every[0]):
        # Rounded inwards: what is reached at the end itself is reached a little before it.
        within = every[abs(every - end) <= APART // 2]
        level = _roundest(within)
        if len(chosen) < MOST and all(abs(level - other) >= APART for other in chosen):
            chosen.append(level)
    return [level / 1000 for level in sorted(chosen)]


def _most(reached: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The widest stretch of levels that the most families reach."""
    counts = np.sum(list(reached.values()), axis=0)
    levels = np.flatnonzero(counts == counts.max())
    return max(np.split(levels, np.flatnonzero(np.diff(levels) > 1) + 1), key=len)


def _roundest(levels: NDArray[Any]) -> int:
    for step in ROUND:
        fit = levels[levels % step == 0]
        if len(fit):
            return int(fit[np.abs(fit - levels.mean()).argmin()])
    return int(levels[0])
