"""The part of a gap's variance that the rows give, which are the same in every training run and both arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtoll.statistics._groups import Arm, Floats, rare_variance
from fairtoll.statistics._thinning import Runs


@dataclass(frozen=True)
class Side:
    """One arm of a difference: `choice (G, S, draws)` its contrasts, and its rows' deviations `(S, M)`."""

    arm: Arm
    choice: Floats
    deviations: Floats

    @classmethod
    def of(cls, arm: Arm, runs: Runs) -> Side:
        """From the groups that each run's draws chose."""
        return cls(arm, runs.contrasts(len(arm.partition.names)), arm.deviations)


def row_parts(first: Side, second: Side | None = None, *, paired: bool = False) -> Floats:
    """Variance by group `(G,)` that the rows give to the mean over runs of a gap, or to the difference of two.

    Averaged over the draws of chosen groups. What is new in each run and row is part of the variance between runs and
    left out here, so that of two runs only their covariance over rows counts; with one run all of it counts.
    """
    parts = _within(first) if second is None else _within(first) + _within(second) - 2 * _across(first, second, paired)
    floors = _floors(first) if second is None else _floors(first) + _floors(second)
    return np.maximum(parts, 0.0) + floors


def _within(side: Side) -> Floats:
    products = _products(side, side)
    runs = products.shape[1]
    if runs == 1:
        return np.asarray(products[:, 0, 0])
    return np.asarray((products.sum(axis=(1, 2)) - np.trace(products, axis1=1, axis2=2)) / (runs * (runs - 1)))


def _across(first: Side, second: Side, paired: bool) -> Floats:
    products = _products(first, second)
    runs = products.shape[1]
    if paired and runs > 1:
        return np.asarray((products.sum(axis=(1, 2)) - np.trace(products, axis1=1, axis2=2)) / (runs * (runs - 1)))
    return np.asarray(products.mean(axis=(1, 2)))


def _products(first: Side, second: Side) -> Floats:
    """Covariance over rows of each pair of runs, weighted by how the draws chose their groups: `(G, S, S')`."""
    partition = first.arm.partition
    draws = first.choice.shape[2]
    together = first.choice @ second.choice.transpose(0, 2, 1) / draws
    for group, (start, rows) in enumerate(zip(partition.starts, partition.rows, strict=True)):
        if not together[group].any():
            continue
        of_group = slice(start, start + rows)
        covariance = first.deviations[:, of_group] @ second.deviations[:, of_group].T
        together[group] *= covariance / (rows * (rows - 1))
    return np.asarray(together)


def _floors(side: Side) -> Floats:
    """What rates of 0 or 1 lack: see `rare_variance`."""
    arm = side.arm
    if not arm.rates:
        return np.zeros(len(arm.partition.names))
    known = arm.row_variance + arm.interaction
    lacking = np.maximum(rare_variance(arm.included_rows.astype(np.float64)) - known, 0.0)
    chosen = (side.choice**2).mean(axis=(1, 2))
    return np.asarray(chosen * lacking)
