"""The target of an attack: the models of an arm, the rows, and the threat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.models.logit_model import LogitModel
from fairtoll.threats.any import AuditedThreat


@dataclass(frozen=True, eq=False)
class Arm:
    """The models of one arm, one for each training run.

    Examples
    --------
    >>> Arm("standard", [nn.Linear(2, 2)], [0]).seeds
    [0]
    """

    name: str
    models: Sequence[nn.Module]
    seeds: Sequence[int]

    @property
    def has_gradients(self) -> bool:
        """Whether autograd can follow every model, as far as a probe has found out."""
        return not any(isinstance(one, LogitModel) and one.probed.gradients == "absent" for one in self.models)

    @property
    def pairs(self) -> list[tuple[nn.Module, int]]:
        """Each model with its seed."""
        return list(zip(self.models, self.seeds, strict=True))


@dataclass(frozen=True, eq=False)
class Target:
    """The rows that are attacked, and the threat.

    Attributes
    ----------
    data : Dataset
        The whole evaluation set.
    threat : LinfThreat
        What the adversary may change.
    threat_name : str
        What to call it.
    rows : array-like of int, (n,), optional
        Positions in `data` of the rows that are attacked, the same for every arm; all when not given.

    Raises
    ------
    FairtollError
        If a position does not exist or is given twice.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> data = Dataset(np.zeros((3, 2)), np.array([0, 1, 0]), ("no", "yes"))
    >>> target = Target(data, LinfThreat(), "paper", rows=[0, 2])
    >>> target.x.shape, target.numbers.tolist()
    (torch.Size([2, 2]), [0, 2])
    """

    data: Dataset
    threat: AuditedThreat
    threat_name: str
    rows: ArrayLike | None = None

    def __post_init__(self) -> None:
        numbers, last = self.numbers, len(self.data) - 1
        if numbers.ndim != 1 or not len(numbers) or numbers.dtype.kind not in "iu":
            raise FairtollError(f"rows is of type {numbers.dtype} and shape {numbers.shape}; expected row numbers (n,)")
        if numbers.min() < 0 or numbers.max() > last or len(np.unique(numbers)) < len(numbers):
            raise FairtollError(
                f"{len(numbers)} rows from {numbers.min()} to {numbers.max()}, {len(np.unique(numbers))} of them "
                f"different; expected different row numbers from 0 to {last}"
            )

    @cached_property
    def numbers(self) -> NDArray[Any]:
        """Row numbers of the attacked rows, `(n,)`."""
        return np.arange(len(self.data)) if self.rows is None else np.asarray(self.rows)

    @cached_property
    def x(self) -> Tensor:
        """Attacked rows, `(n, ...)`."""
        return torch.from_numpy(self.data.x if self.rows is None else self.data.x[self.numbers])

    @cached_property
    def y(self) -> Tensor:
        """True classes of the attacked rows, `(n,)`."""
        return torch.from_numpy(self.data.y if self.rows is None else self.data.y[self.numbers])
