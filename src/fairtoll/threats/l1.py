"""An adversary whose moves count together: the sum of moves in units of their scales."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from fairtoll.threats._features import Norm, confine_by, keeps_bounds, moves
from fairtoll.threats.linf import LinfThreat


@dataclass(frozen=True, eq=False)
class L1Threat:
    """An L1 adversary: the sum of moves, each in units of its scale, is at most epsilon.

    Scale, box and masks mean what they mean in `LinfThreat`, and are checked as there.

    Parameters
    ----------
    scale : float or array-like, broadcastable to one row
        Radius per unit of epsilon of a feature that moves alone, in its own units, 0 or more.
    box : pair of float or array-like, optional
        Lowest and highest admissible value. A row that already lies outside keeps its own value admissible.
    mutable : array-like of bool, the shape of one row, optional
        Features that may move. Default: all.
    integer : array-like of bool, the shape of one row, optional
        Features that must stay whole numbers. Default: none.

    Raises
    ------
    FairtollError
        As `LinfThreat` does.

    Examples
    --------
    >>> threat = L1Threat(scale=[1.0, 10.0])
    >>> threat.distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 40.0]]))
    tensor([7.], dtype=torch.float64)
    """

    #: How it measures the whole of a row's moves.
    norm: ClassVar[Norm] = "l1"

    scale: Any = 1.0
    box: tuple[Any, Any] | None = None
    mutable: Any = None
    integer: Any = None
    _around: LinfThreat = field(init=False, repr=False)

    def __post_init__(self) -> None:
        around = LinfThreat(self.scale, self.box, self.mutable, self.integer)
        object.__setattr__(self, "_around", around)
        for name in ("scale", "box", "mutable", "integer"):
            object.__setattr__(self, name, getattr(around, name))

    def bounds(self, x: Tensor, epsilon: float | Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest value that each feature can take alone: the smallest box around the ball."""
        return self._around.bounds(x, epsilon)

    def radius(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        """``epsilon * scale`` for every feature of `x`, in the data's units, rounded to the precision of `x`."""
        return self._around.radius(x, epsilon)

    def project(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The nearest value between `low` and `high`, rounded where it must be a whole number."""
        return self._around.project(x, low, high)

    def distance(self, x: Tensor, perturbed: Tensor) -> Tensor:
        """The sum of each row's moves in units of the scales, float64 `(N,)`; infinite if a fixed feature moved."""
        return moves(self.scale, x, perturbed).sum(dim=1)

    def admits(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Whether each row of `x` may become that of `perturbed` at radius `epsilon`, `(N,)` of bool."""
        radius = torch.as_tensor(epsilon, dtype=torch.float64, device=x.device)
        return keeps_bounds(self, x, perturbed, epsilon) & (self.distance(x, perturbed) <= radius)

    def confine(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Admissible rows on the straight way back from `perturbed` to `x`; one that is not finite becomes `x`."""
        return confine_by(self, x, perturbed, epsilon)

    def to_dict(self) -> dict[str, Any]:
        """The threat as plain lists, for a run's configuration."""
        return {"norm": self.norm, **self._around.to_dict()}
