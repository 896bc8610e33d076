"""A table of what goes with what in the training rows, such as the years of schooling of each degree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtoll.errors import FairtollError


@dataclass(frozen=True, eq=False)
class Lookup:
    """The value that goes with each combination of keys.

    Attributes
    ----------
    keys : ndarray, (L, A)
        Combinations, sorted.
    values : ndarray, (L,)
        What goes with each.
    """

    keys: NDArray[np.float64]
    values: NDArray[np.float64]

    def of(self, asked: Tensor) -> Tensor:
        """The value of each combination `(N, A)`; NaN, which equals nothing, for one that never occurred."""
        known, places = np.zeros(len(self.keys), dtype=np.int64), torch.zeros(len(asked), dtype=torch.int64)
        found = torch.ones(len(asked), dtype=torch.bool)
        rows = asked.detach().cpu().double().contiguous()
        for column, own in enumerate(self.keys.T):
            each, within = np.unique(own, return_inverse=True)
            known = known * len(each) + within
            levels, wanted = torch.from_numpy(each), rows[:, column].contiguous()
            at = torch.searchsorted(levels, wanted).clamp(max=len(each) - 1)
            found &= levels[at] == wanted
            places = places * len(each) + at
        order = np.argsort(known)
        codes, values = torch.from_numpy(known[order]), torch.from_numpy(self.values[order])
        at = torch.searchsorted(codes, places).clamp(max=len(codes) - 1)
        found &= codes[at] == places
        return torch.where(found, values[at], torch.nan).to(asked.device)

    def to_list(self) -> list[list[float]]:
        """Each combination with its value at the end, for a run's configuration."""
        found: list[list[float]] = np.column_stack([self.keys, self.values]).tolist()
        return found


def learn(keys: NDArray[np.float32], values: NDArray[np.float32], *, what: str) -> Lookup:
    """The table that training rows show: combinations `(N, A)` and what goes with them `(N,)`.

    Raises
    ------
    FairtollError
        If one combination goes with several values.
    """
    pairs = np.unique(np.column_stack([keys, values]).astype(np.float64), axis=0)
    combinations, counts = np.unique(pairs[:, :-1], axis=0, return_counts=True)
    if len(several := np.flatnonzero(counts > 1)):
        shown = ", ".join(f"{one:g}" for one in combinations[several[0]])
        raise FairtollError(
            f"{what}: {len(several)} of {len(combinations)} values that are looked up go with several, such as {shown} "
            f"with {counts[several[0]]}; expected one each in the training rows; give an inequality instead"
        )
    return Lookup(pairs[:, :-1], pairs[:, -1])
