"""Duplicate training runs: counted as one, since they are not independent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Two trainings never agree this closely on every row, unless all probabilities are 0 or 1; one model that is
#: run on two machines does.
TOLERANCE = 1e-6


def copies_among(values: Sequence[NDArray[np.float64]]) -> dict[int, int]:
    """Which of S runs duplicate an earlier one, by position: {copy: the first equal one}.

    Parameters
    ----------
    values : sequence of ndarray, each (N, C)
        The clean class probabilities of each run.

    Examples
    --------
    >>> one, other = np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])
    >>> copies_among([one, other, one])
    {2: 0}
    """
    found: dict[int, int] = {}
    for place, run in enumerate(values):
        for earlier in range(place):
            if earlier not in found and _alike(values[earlier], run):
                found[place] = earlier
                break
    return found


def describe_copies(arm: str, copies: Mapping[Any, Any]) -> str:
    """One sentence for the runs of an arm that duplicate others, {copy: the first equal one}.

    Examples
    --------
    >>> describe_copies("robust", {1: 0, 2: 0})
    "Training runs 1 and 2 of 'robust' predict exactly what run 0 predicts: counted as one run."
    """
    sentences = []
    for first in dict.fromkeys(copies.values()):
        runs = [str(copy) for copy, like in copies.items() if like == first]
        several = len(runs) > 1
        listed = f"{', '.join(runs[:-1])} and {runs[-1]}" if several else runs[0]
        sentences.append(
            f"Training run{'s' if several else ''} {listed} of '{arm}' predict{'' if several else 's'} exactly what "
            f"run {first} predicts: counted as one run."
        )
    return " ".join(sentences)


def _alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    if one.shape != other.shape:
        return False
    # Most runs differ in the first rows already.
    return bool(np.abs(one[:64] - other[:64]).max() <= TOLERANCE and np.abs(one - other).max() <= TOLERANCE)
