"""An adversary who may change a few features, each to anything in its range."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.threats._features import Norm, each_row, fit, keeps_bounds, moves
from fairtoll.threats.linf import LinfThreat


@dataclass(frozen=True, eq=False)
class L0Threat:
    """An L0 adversary: at most epsilon features change, each to any value of its box.

    Masks mean what they mean in `LinfThreat`, and are checked as there.

    Parameters
    ----------
    box : pair of float or array-like
        Lowest and highest admissible value, finite for every feature that may move: a count of features bounds nothing
        else. A row that already lies outside keeps its own value admissible.
    scale : float or array-like, broadcastable to one row
        The unit in which attacks move each feature; it has no part in the distance. A feature of scale 0 is fixed.
    mutable : array-like of bool, the shape of one row, optional
        Features that may move. Default: all.
    integer : array-like of bool, the shape of one row, optional
        Features that must stay whole numbers. Default: none.

    Raises
    ------
    FairtollError
        For no box or one with no end, and as `LinfThreat` does.

    Examples
    --------
    >>> threat = L0Threat(box=(0.0, 100.0))
    >>> clean, found = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[90.0, 2.0, 4.0]])
    >>> threat.distance(clean, found).item(), threat.admits(clean, found, 1).item(), threat.confine(clean, found, 1)
    (2.0, False, tensor([[90.,  2.,  3.]]))
    """

    #: How it measures the whole of a row's moves.
    norm: ClassVar[Norm] = "l0"

    box: tuple[Any, Any] | None = None
    scale: Any = 1.0
    mutable: Any = None
    integer: Any = None
    _around: LinfThreat = field(init=False, repr=False)

    def __post_init__(self) -> None:
        around = LinfThreat(self.scale, self.box, self.mutable, self.integer)
        object.__setattr__(self, "_around", around)
        for name in ("scale", "box", "mutable", "integer"):
            object.__setattr__(self, name, getattr(around, name))
        if self.box is None:
            raise FairtollError(
                "an L0 threat has no box; the number of changed features does not bound how far each moves: "
                "give box=(low, high), such as the range of the training rows"
            )
        free = self.scale > 0
        if not all(bool((end.isfinite() | ~free).all()) for end in self.box):
            raise FairtollError("box has an infinite end for a feature that may move; an L0 threat needs finite ones")

    def bounds(self, x: Tensor, epsilon: float | Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest value that each feature can take alone: its box, or its own value if epsilon is below 1.

        Raises
        ------
        FairtollError
            If epsilon is negative or not finite, or the scale, the box or a mask does not fit a row.
        """
        assert self.box is not None
        count = self._count(x, epsilon)
        self._around.bounds(x[:1], 0.0)
        free = (fit(self.scale, x, "scale") > 0) & each_row(count >= 1, x)
        low, high = (fit(end, x, "box").to(x.dtype) for end in self.box)
        if self.integer is not None:
            whole = fit(self.integer, x, "integer")
            low, high = torch.where(whole, low.ceil(), low), torch.where(whole, high.floor(), high)
        return torch.where(free, torch.minimum(low, x), x), torch.where(free, torch.maximum(high, x), x)

    def radius(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        """How far each feature of `x` can move, in the data's units."""
        low, high = self.bounds(x, epsilon)
        return torch.maximum(high - x, x - low)

    def project(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The nearest value between `low` and `high`, rounded where it must be a whole number."""
        return self._around.project(x, low, high)

    def distance(self, x: Tensor, perturbed: Tensor) -> Tensor:
        """How many features of each row changed, float64 `(N,)`; infinite if a fixed feature moved."""
        far = moves(self.scale, x, perturbed)
        return torch.where(far.isinf(), far, (far > 0).double()).sum(dim=1)

    def admits(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Whether each row of `x` may become that of `perturbed` at radius `epsilon`, `(N,)` of bool."""
        return keeps_bounds(self, x, perturbed, epsilon) & (self.distance(x, perturbed) <= self._count(x, epsilon))

    def confine(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Of `perturbed`, the features that moved furthest, as many as may; a row that is not finite becomes `x`."""
        finite = each_row(torch.isfinite(perturbed).flatten(1).all(dim=1), x)
        point = self.project(torch.where(finite, perturbed, x), *self.bounds(x, epsilon))
        far = moves(self.scale, x, point)
        place = far.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        kept = (place < self._count(x, epsilon).reshape(-1, 1)).reshape(x.shape)
        return torch.where(kept, point, x)

    def to_dict(self) -> dict[str, Any]:
        """The threat as plain lists, for a run's configuration."""
        return {"norm": self.norm, **self._around.to_dict()}

    def _count(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        """How many features of each row may change."""
        count = torch.as_tensor(epsilon, dtype=torch.float64, device=x.device)
        if not torch.isfinite(count).all() or (count < 0).any():
            raise FairtollError(f"epsilon is {epsilon}; expected a number of features, 0 or more")
        return count.floor().expand(len(x))
