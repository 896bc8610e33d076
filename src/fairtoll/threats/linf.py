"""What an adversary may change, in the data's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.threats._features import (
    Norm,
    confine_by,
    fit,
    keeps_bounds,
    mask,
    moves,
    numbers,
    places,
    require_places,
    require_row_shape,
)
from fairtoll.threats.range_of import RangeOf


@dataclass(frozen=True, eq=False)
class LinfThreat:
    """An L-infinity adversary: feature j may move by at most ``epsilon * scale[j]``.

    Epsilon is not part of the threat: attacks take it as a separate argument.

    Parameters
    ----------
    scale : float or array-like, broadcastable to one row
        Radius per unit of epsilon, in each feature's own units, 0 or more.
    box : pair of float or array-like, optional
        Lowest and highest admissible value. A row that already lies outside keeps its own value admissible.
    mutable : array-like of bool, the shape of one row, optional
        Features that may move; the others have radius 0. Default: all.
    integer : array-like of bool, the shape of one row, optional
        Features that must stay whole numbers. Default: none. One boolean is for all features.
    range_of : RangeOf, optional
        Of what rows the box is the range, where it is one: how many others may lie outside by chance.
    fixed_where : mapping of int to int, optional
        Of rows of a table, by position: a feature and the indicator that is above 0 in the rows in which the feature
        may not move, such as a number that was missing there and has been filled in.

    Raises
    ------
    FairtollError
        For a negative or non-finite scale, a mask that holds anything but booleans (positions, say) or does not fit
        the scale, or a box whose lower end is above its upper end.

    Examples
    --------
    >>> threat = LinfThreat(scale=[1.0, 10.0], box=(0.0, 100.0), integer=[False, True])
    >>> low, high = threat.bounds(torch.tensor([[0.5, 7.0]]), 0.25)
    >>> low.tolist(), high.tolist()
    ([[0.25, 5.0]], [[0.75, 9.0]])
    """

    #: How it measures the whole of a row's moves.
    norm: ClassVar[Norm] = "linf"

    scale: Any = 1.0
    box: tuple[Any, Any] | None = None
    mutable: Any = None
    integer: Any = None
    range_of: RangeOf | None = None
    fixed_where: Mapping[int, int] = field(default_factory=dict)
    _mask_shape: tuple[int, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        scale = numbers(self.scale, "scale")
        if not torch.isfinite(scale).all() or (scale < 0).any():
            raise FairtollError("scale holds a negative or non-finite value; expected 0 or more for each feature")
        if self.mutable is not None:
            mutable = mask(self.mutable, "mutable")
            object.__setattr__(self, "_mask_shape", mutable.shape)
            try:
                scale = torch.where(mutable, scale, torch.zeros_like(scale))
            except RuntimeError as error:
                raise FairtollError(
                    f"mutable has shape {tuple(mutable.shape)} and scale {tuple(scale.shape)}; expected the same"
                ) from error
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "mutable", scale > 0)
        if self.box is not None:
            if not isinstance(self.box, (tuple, list)) or len(self.box) != 2:
                raise FairtollError(f"box is {self.box!r}; expected a pair (low, high)")
            low, high = (numbers(end, "box") for end in self.box)
            if not (low <= high).all():
                raise FairtollError("box has a lower end above its upper end, or a NaN; give (low, high)")
            object.__setattr__(self, "box", (low, high))
        if self.integer is not None:
            object.__setattr__(self, "integer", mask(self.integer, "integer"))
        object.__setattr__(self, "fixed_where", places(self.fixed_where, "fixed_where"))

    def bounds(self, x: Tensor, epsilon: float | Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest admissible value of every feature around `x`.

        Parameters
        ----------
        x : Tensor, (N, ...)
            Clean rows.
        epsilon : float or Tensor, (N,)
            One bound for all rows, or one for each.

        Returns
        -------
        low, high : Tensor, the shape of `x`
            No value between them is further than ``epsilon * scale`` from `x`, rounding included. The
            box is taken in the precision of `x`.

        Raises
        ------
        FairtollError
            If epsilon is negative or not finite, or the scale, the box or a mask does not fit a row.
        """
        radius = self._radius(x, epsilon)
        low, high = _end(x, radius, -1.0), _end(x, radius, 1.0)
        if self.box is not None:
            box_low, box_high = (fit(end, x, "box").to(x.dtype) for end in self.box)
            low = torch.maximum(low, torch.minimum(box_low, x))
            high = torch.minimum(high, torch.maximum(box_high, x))
        if self.integer is not None:
            require_row_shape(self.integer.shape, x, "integer")
            whole = fit(self.integer, x, "integer")
            low = torch.where(whole, torch.minimum(low.ceil(), x), low)
            high = torch.where(whole, torch.maximum(high.floor(), x), high)
        if self.fixed_where:
            fixed = self._fixed(x)
            low, high = torch.where(fixed, x, low), torch.where(fixed, x, high)
        return low, high

    def _fixed(self, x: Tensor) -> Tensor:
        """Values that may not move since an indicator of their row says so, the shape of `x` `(N, D)`."""
        fixed = torch.zeros_like(x, dtype=torch.bool)
        if self.fixed_where:
            require_places([*self.fixed_where, *self.fixed_where.values()], x, "fixed_where")
            fixed[:, list(self.fixed_where)] = x[:, list(self.fixed_where.values())] > 0
        return fixed

    def radius(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        """``epsilon * scale`` for every feature of `x`, in the data's units, rounded to the precision of `x`.

        In every row alike: `fixed_where` is in the bounds.
        """
        return self._radius(x, epsilon).to(x.dtype)

    def _radius(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        # In float64: 8/255 rounded to float32 is larger than 8/255.
        bound = torch.as_tensor(epsilon, dtype=torch.float64)
        if not torch.isfinite(bound).all() or (bound < 0).any():
            raise FairtollError(f"epsilon is {epsilon}; expected a finite number of 0 or more")
        if bound.ndim:
            if bound.shape != (len(x),):
                raise FairtollError(
                    f"epsilon has shape {tuple(bound.shape)} for {len(x)} rows; expected one or a number"
                )
            bound = bound.reshape(-1, *[1] * (x.ndim - 1))
        require_row_shape(self._mask_shape, x, "mutable")
        return torch.broadcast_to(bound.to(x.device) * fit(self.scale, x, "scale"), x.shape)

    def frees_every_feature(self, x: Tensor) -> bool:
        """Whether every feature of a row of `x` may move, by any amount."""
        return bool((self.radius(x[:1], 1.0) > 0).all()) and not self.fixed_where

    def outside_box(self, x: Tensor) -> Tensor:
        """Values that may move and lie outside the box, `(N, ...)` of bool: they may only move towards the box."""
        if self.box is None:
            return torch.zeros_like(x, dtype=torch.bool)
        low, high = (fit(end, x, "box").to(x.dtype) for end in self.box)
        return ((x < low) | (x > high)) & (self.radius(x, 1.0) > 0) & ~self._fixed(x)

    def project(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The nearest admissible value between `low` and `high`, rounded where it must be a whole number."""
        if self.integer is not None:
            # An immovable fraction stays as it is: its two ends are equal.
            x = torch.where(self.integer.to(x.device), x.round(), x)
        return torch.minimum(torch.maximum(x, low), high)

    def distance(self, x: Tensor, perturbed: Tensor) -> Tensor:
        """The largest move of each row in units of its scale, float64 `(N,)`; infinite if a fixed feature moved."""
        far = moves(self.scale, x, perturbed)
        if self.fixed_where:
            far = torch.where(self._fixed(x) & (far > 0), torch.inf, far)
        return far.amax(dim=1)

    def admits(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Whether each row of `x` may become that of `perturbed` at radius `epsilon`, `(N,)` of bool."""
        return keeps_bounds(self, x, perturbed, epsilon)

    def confine(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """The nearest admissible rows to `perturbed`; a row that is not finite becomes that of `x`."""
        return confine_by(self, x, perturbed, epsilon)

    def to_dict(self) -> dict[str, Any]:
        """The threat as plain lists, for a run's configuration."""
        box = None if self.box is None else [end.tolist() for end in self.box]
        integer = None if self.integer is None else self.integer.tolist()
        described = {"scale": self.scale.tolist(), "box": box, "integer": integer}
        return (
            {**described, "fixed_where": [list(pair) for pair in self.fixed_where.items()]}
            if self.fixed_where
            else described
        )


def _end(x: Tensor, radius: Tensor, sign: float) -> Tensor:
    """``x + sign * radius``, one float towards x wherever rounding would leave the ball."""
    exact = x.double()
    end = (exact + sign * radius).to(x.dtype)
    outer = end.double()
    # The distance is rounded too, which hides the last digits: its rounding error is exact (Knuth's two-sum).
    distance = outer - exact
    part = distance - outer
    lacking = (outer - (distance - part)) - (exact + part)
    outside = (sign * distance > radius) | ((sign * distance == radius) & (sign * lacking > 0))
    return torch.where(outside, torch.nextafter(end, x), end)
