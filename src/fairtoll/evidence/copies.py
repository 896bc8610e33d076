"""Duplicate training runs: counted as one, since they are not independent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence._radii import least_epsilons
from fairtoll.evidence.blocks import Blocks

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


def find_copies(arms: Sequence[str], predicted: Blocks, attacked: Blocks) -> dict[str, dict[Any, Any]]:
    """Training runs that predict what another run of their arm predicts on clean rows: {arm: {copy: first}}.

    Runs whose probabilities are all 0 or 1 may agree by chance: they are copies if every attack agrees, too.

    Examples
    --------
    >>> import pandas as pd
    >>> part = pd.DataFrame({"arm": "a", "seed": [0, 1], "evaluation": "clean", "row": 0})
    >>> keys = ["arm", "seed", "evaluation"]
    >>> alike = Blocks([part], keys, lambda part: {"probabilities": np.full((len(part), 2), 0.5)})
    >>> find_copies(["a"], alike, Blocks([], keys, dict))
    {'a': {1: 0}}
    """
    found: dict[str, dict[Any, Any]] = {}
    for arm in arms:
        runs = {key[1]: block for key, block in predicted.ordered(arm) if key[2] == "clean"}
        values = [block.columns["probabilities"].astype(np.float64) for block in runs.values()]
        if all(np.isin(one, (0.0, 1.0)).all() for one in values):
            values = [
                np.concatenate([one.ravel(), _every_attack(attacked, arm, seed)])[:, np.newaxis]
                for seed, one in zip(runs, values, strict=True)
            ]
        alike = copies_among(values)
        if alike:
            seeds = list(runs)
            found[arm] = {seeds[copy]: seeds[first] for copy, first in alike.items()}
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


def _every_attack(attacked: Blocks, arm: str, seed: Any) -> NDArray[np.float64]:
    """Every outcome of every attack on one training run, in one order for all runs."""
    blocks = [block for key, block in attacked.ordered(arm) if key[1] == seed]
    success = [block.columns["success"].astype(np.float64) for block in blocks]
    least = [np.nan_to_num(least_epsilons(block), nan=-1.0) for block in blocks]
    return np.concatenate([np.empty(0), *success, *least])
