"""What an adversary may change, in the data's units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fairtoll.errors import FairtollError


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

    scale: Any = 1.0
    box: tuple[Any, Any] | None = None
    mutable: Any = None
    integer: Any = None
    _mask_shape: tuple[int, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        scale = _numbers(self.scale, "scale")
        if not torch.isfinite(scale).all() or (scale < 0).any():
            raise FairtollError("scale holds a negative or non-finite value; expected 0 or more for each feature")
        if self.mutable is not None:
            mutable = _mask(self.mutable, "mutable")
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
            low, high = (_numbers(end, "box") for end in self.box)
            if not (low <= high).all():
                raise FairtollError("box has a lower end above its upper end, or a NaN; give (low, high)")
            object.__setattr__(self, "box", (low, high))
        if self.integer is not None:
            object.__setattr__(self, "integer", _mask(self.integer, "integer"))

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
            box_low, box_high = (_fit(end, x, "box").to(x.dtype) for end in self.box)
            low = torch.maximum(low, torch.minimum(box_low, x))
            high = torch.minimum(high, torch.maximum(box_high, x))
        if self.integer is not None:
            _require_row_shape(self.integer.shape, x, "integer")
            whole = _fit(self.integer, x, "integer")
            low = torch.where(whole, torch.minimum(low.ceil(), x), low)
            high = torch.where(whole, torch.maximum(high.floor(), x), high)
        return low, high

    def radius(self, x: Tensor, epsilon: float | Tensor) -> Tensor:
        """``epsilon * scale`` for every feature of `x`, in the data's units, rounded to the precision of `x`."""
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
        _require_row_shape(self._mask_shape, x, "mutable")
        return torch.broadcast_to(bound.to(x.device) * _fit(self.scale, x, "scale"), x.shape)

    def frees_every_feature(self, x: Tensor) -> bool:
        """Whether every feature of a row of `x` may move, by any amount."""
        return bool((self.radius(x[:1], 1.0) > 0).all())

    def outside_box(self, x: Tensor) -> Tensor:
        """Values that may move and lie outside the box, `(N, ...)` of bool: they may only move towards the box."""
        if self.box is None:
            return torch.zeros_like(x, dtype=torch.bool)
        low, high = (_fit(end, x, "box").to(x.dtype) for end in self.box)
        return ((x < low) | (x > high)) & (self.radius(x, 1.0) > 0)

    def project(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The nearest admissible value between `low` and `high`, rounded where it must be a whole number."""
        if self.integer is not None:
            # An immovable fraction stays as it is: its two ends are equal.
            x = torch.where(self.integer.to(x.device), x.round(), x)
        return torch.minimum(torch.maximum(x, low), high)

    def to_dict(self) -> dict[str, Any]:
        """The threat as plain lists, for a run's configuration."""
        box = None if self.box is None else [end.tolist() for end in self.box]
        integer = None if self.integer is None else self.integer.tolist()
        return {"scale": self.scale.tolist(), "box": box, "integer": integer}


def _numbers(value: Any, name: str) -> Tensor:
    try:
        return torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise FairtollError(f"{name} is {value!r}; expected numbers, one or one for each feature") from error


def _mask(value: Any, name: str) -> Tensor:
    """Booleans only, nothing that merely converts to them."""
    try:
        mask = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise FairtollError(f"{name} is {value!r}; expected True or False for each feature") from error
    if mask.dtype != torch.bool:
        raise FairtollError(
            f"{name} holds {str(mask.dtype).removeprefix('torch.')}; expected True or False for each feature of a row, "
            "not positions or numbers"
        )
    return mask


def _require_row_shape(shape: tuple[int, ...], x: Tensor, name: str) -> None:
    if len(shape) and shape != x.shape[1:]:
        raise FairtollError(
            f"the threat's {name} has shape {tuple(shape)} and a row has shape {tuple(x.shape[1:])}; expected one "
            "boolean for each feature"
        )


def _fit(value: Tensor, x: Tensor, name: str) -> Tensor:
    """`value` for each feature of a row of `x`, on its device."""
    try:
        return torch.broadcast_to(value.to(x.device), x.shape[1:])
    except RuntimeError as error:
        raise FairtollError(
            f"the threat's {name} has shape {tuple(value.shape)} and a row has shape {tuple(x.shape[1:])}; "
            "expected one value, or one for each feature"
        ) from error


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
