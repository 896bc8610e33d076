"""What all of the evidence says of a row: the smallest radius that broke it, the largest within which it is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.measures import NO_FIGURES

if TYPE_CHECKING:
    from fairtoll.evidence.store import Evidence


def smallest_broken(
    evidence: Evidence, arm: str, *, threat: str, rows: NDArray[np.int64], runs: int
) -> NDArray[np.float64]:
    """For each training run and each of `rows` the smallest radius that broke it under a threat, infinite if none did.

    Transferred examples count: they lie within the same radius, whoever they were crafted for. An attack that covers
    other training runs is left out, and searches for least epsilon are.

    Returns
    -------
    ndarray of float, (S, n)

    Examples
    --------
    >>> from fairtoll.evidence import Evidence
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"a": "p"})
    >>> smallest_broken(evidence, "model", threat="paper", rows=np.arange(2), runs=1)
    array([[inf, inf]])
    """
    smallest = np.full((runs, len(rows)), np.inf)
    searches = evidence.least_epsilon_names(arm)
    for name in evidence.attack_names(arm):
        evaluation, of_threat, attack, epsilon = name
        if of_threat != threat or attack in NO_FIGURES or name in searches:
            continue
        success, covered = evidence.success_of_rows(
            arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon
        )
        if len(success) != runs:
            continue
        _, ours, theirs = np.intersect1d(rows, covered, assume_unique=True, return_indices=True)
        broken = np.where(success[:, theirs], epsilon, np.inf)
        smallest[:, ours] = np.minimum(smallest[:, ours], broken)
    return smallest


def largest_proved(
    evidence: Evidence, arm: str, *, threat: str, rows: NDArray[np.int64], runs: int
) -> NDArray[np.float64]:
    """For each training run and each of `rows` the largest radius within which it is proved robust, 0 for none.

    Returns
    -------
    ndarray of float, (S, n)

    Examples
    --------
    >>> from fairtoll.evidence import Evidence
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"a": "p"})
    >>> largest_proved(evidence, "model", threat="paper", rows=np.arange(2), runs=1)
    array([[0., 0.]])
    """
    largest = np.zeros((runs, len(rows)))
    for evaluation, of_threat, attack, epsilon in evidence.proof_names(arm):
        if of_threat != threat:
            continue
        proved, _, covered = evidence.proved_radius(
            arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon
        )
        if len(proved) != runs:
            continue
        _, ours, theirs = np.intersect1d(rows, covered, assume_unique=True, return_indices=True)
        largest[:, ours] = np.maximum(largest[:, ours], proved[:, theirs])
    return largest
