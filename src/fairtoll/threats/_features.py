"""What threats of every norm share: scale, box and masks of one row's features, and how far a row has moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from fairtoll.errors import FairtollError

#: How a threat measures the whole of a row's moves.
Norm = Literal["l0", "l1", "l2", "linf", "table"]
#: How far below the radius a row is put that lies outside: the rounding of float32 must not carry it out again.
BELOW = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


class Ball(Protocol):
    """What `confine_by` needs of a threat."""

    @property
    def integer(self) -> Any:
        """Which features must stay whole numbers."""

    def bounds(self, x: Tensor, epsilon: float | Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest value of every feature."""

    def project(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The nearest value between them."""

    def distance(self, x: Tensor, perturbed: Tensor) -> Tensor:
        """Of every row, in units of epsilon."""

    def admits(self, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
        """Whether every row may be moved there."""


def numbers(value: Any, name: str) -> Tensor:
    """`value` in float64, or an error that names it."""
    try:
        return torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise FairtollError(f"{name} is {value!r}; expected numbers, one or one for each feature") from error


def mask(value: Any, name: str) -> Tensor:
    """Booleans only, nothing that merely converts to them."""
    try:
        booleans = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise FairtollError(f"{name} is {value!r}; expected True or False for each feature") from error
    if booleans.dtype != torch.bool:
        raise FairtollError(
            f"{name} holds {str(booleans.dtype).removeprefix('torch.')}; expected True or False for each feature of a "
            "row, not positions or numbers"
        )
    return booleans


def places(value: Any, name: str) -> dict[int, int]:
    """Positions of features by those of others, or an error that names it."""
    if not isinstance(value, Mapping) or not all(
        isinstance(one, int | np.integer) and not isinstance(one, bool) and one >= 0
        for pair in value.items()
        for one in pair
    ):
        raise FairtollError(f"{name} is {value!r}; expected positions of features by position, such as {{0: 1}}")
    return {int(one): int(other) for one, other in value.items()}


def require_places(wanted: Sequence[int], x: Tensor, name: str) -> None:
    """Raise if a row of `x` is not one of a table that has these positions."""
    if x.ndim != 2 or max(wanted) >= x.shape[1]:
        raise FairtollError(
            f"the threat's {name} has position {max(wanted)} and a row has shape {tuple(x.shape[1:])}; expected "
            "positions of a table's features"
        )


def require_row_shape(shape: tuple[int, ...], x: Tensor, name: str) -> None:
    """Raise if a mask of this shape does not fit a row of `x`."""
    if len(shape) and shape != x.shape[1:]:
        raise FairtollError(
            f"the threat's {name} has shape {tuple(shape)} and a row has shape {tuple(x.shape[1:])}; expected one "
            "boolean for each feature"
        )


def fit(value: Tensor, x: Tensor, name: str) -> Tensor:
    """`value` for each feature of a row of `x`, on its device."""
    try:
        return torch.broadcast_to(value.to(x.device), x.shape[1:])
    except RuntimeError as error:
        raise FairtollError(
            f"the threat's {name} has shape {tuple(value.shape)} and a row has shape {tuple(x.shape[1:])}; "
            "expected one value, or one for each feature"
        ) from error


def moves(scale: Tensor, x: Tensor, perturbed: Tensor) -> Tensor:
    """How far every feature has moved, in units of `scale`, float64 `(N, features)`; infinite where it may not move."""
    if perturbed.shape != x.shape:
        raise FairtollError(
            f"the perturbed rows have shape {tuple(perturbed.shape)} and the rows {tuple(x.shape)}; expected the same"
        )
    move, unit = (perturbed.double() - x.double()).abs(), fit(scale, x, "scale")
    if not len(x):
        return move.reshape(0, unit.numel())
    far = torch.where(unit > 0, move / torch.where(unit > 0, unit, 1.0), torch.where(move == 0, 0.0, torch.inf))
    return far.nan_to_num(nan=torch.inf, posinf=torch.inf).flatten(1)


def keeps_bounds(threat: Ball, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
    """Rows of which every feature lies between its bounds and is whole where it must be, `(N,)` of bool."""
    low, high = threat.bounds(x, epsilon)
    kept = (perturbed >= low) & (perturbed <= high)
    if threat.integer is not None:
        # A value that is no whole number from the start may stay as it is.
        kept &= ~fit(threat.integer, x, "integer") | (perturbed == perturbed.round()) | (perturbed == x)
    return kept.flatten(1).all(dim=1)


def confine_by(threat: Ball, x: Tensor, perturbed: Tensor, epsilon: float | Tensor) -> Tensor:
    """`perturbed` between its bounds, and on the straight way back to `x` as far as the radius asks.

    Whole numbers are rounded to the nearest, then towards `x`; a row that is not finite becomes `x`.
    """
    finite = each_row(torch.isfinite(perturbed).flatten(1).all(dim=1), x)
    low, high = threat.bounds(x, epsilon)
    wanted = torch.where(finite, perturbed, x)
    point = threat.project(wanted, low, high)
    radius = torch.as_tensor(epsilon, dtype=torch.float64, device=x.device).expand(len(x))
    for below in BELOW:
        outside = ~threat.admits(x, point, epsilon)
        if not outside.any():
            break
        rows = outside.nonzero().flatten()
        clean, end = x[rows], torch.minimum(torch.maximum(wanted[rows], low[rows]), high[rows])
        share = radius[rows] / threat.distance(clean, end).clamp(min=1e-300) * (1 - below)
        shrunk = clean + ((end - clean).double() * each_row(share.clamp(max=1.0), clean)).to(clean.dtype)
        if threat.integer is not None:
            towards = torch.where(shrunk > clean, shrunk.floor().maximum(clean), shrunk.ceil().minimum(clean))
            shrunk = torch.where(fit(threat.integer, x, "integer"), towards, shrunk)
        point = point.index_copy(0, rows, torch.minimum(torch.maximum(shrunk, low[rows]), high[rows]))
    return torch.where(each_row(threat.admits(x, point, epsilon), x), point, x)


def each_row(value: Tensor, x: Tensor) -> Tensor:
    """One value a row, shaped so that it broadcasts against `x`."""
    return value.reshape(-1, *[1] * (x.ndim - 1))
