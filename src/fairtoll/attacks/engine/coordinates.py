"""Rows as a library of attacks sees them: only what may move, in units of its scale, between 0 and 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.threats.any import Threat


class Coordinates:
    """The moves that a threat admits around some rows, as a cube around 0.5 with equal units on every axis.

    The value of feature j is ``x[j] + 2 * reach * scale[j] * (v - 0.5)``, cut off at the threat's bounds. So every
    norm of ``v - 0.5`` is the threat's, divided by ``2 * reach``; the clean rows lie at 0.5; and settings of a library
    that are meant for values between 0 and 1 mean the same for a table.

    Attributes
    ----------
    reach : float
        The furthest that any feature of any row can move, in units of its scale: that is where 0 and 1 lie.
    """

    def __init__(self, threat: Threat, clean: Tensor, epsilon: float) -> None:
        self.clean, (self.low, self.high) = clean, threat.bounds(clean, epsilon)
        scale = torch.broadcast_to(threat.scale.to(clean.device), clean.shape[1:])
        self.free = (scale > 0).flatten().nonzero().flatten()
        # A library that works on images needs their shape; nothing may then be left out of a row.
        self.shape = clean.shape[1:] if len(self.free) == scale.numel() else (len(self.free),)
        self.unit = scale.flatten()[self.free]
        reach = torch.maximum(self.high - clean, clean - self.low).flatten(1)[:, self.free].double() / self.unit
        self.reach = float(reach.max()) if reach.numel() else 0.0

    def start(self) -> Tensor:
        """The clean rows, float32."""
        return torch.full((len(self.clean), *self.shape), 0.5, device=self.clean.device)

    def length(self, epsilon: float) -> float:
        """A radius of the threat in these coordinates."""
        return epsilon / (2 * self.reach)

    def limits(self) -> tuple[Tensor, Tensor]:
        """The lowest and highest move of each row's features from 0.5, float64 `(n, features)`."""
        ends = ((end.double() - self.clean.double()).flatten(1)[:, self.free] for end in (self.low, self.high))
        low, high = (end / (2 * self.reach * self.unit) for end in ends)
        return low, high

    def rows(self, values: Tensor, which: Tensor) -> Tensor:
        """The model's input for `values` of the rows `which`, inside the bounds of each; differentiable."""
        clean, low, high = (part[which].flatten(1) for part in (self.clean, self.low, self.high))
        step = (2 * self.reach * self.unit).to(clean.dtype)
        moved = clean[:, self.free] + step * (values.flatten(1) - 0.5).to(clean.dtype)
        # The gradient of a clamp is whole at its ends, where those of a minimum and a maximum are halved.
        moved = torch.clamp(moved, low[:, self.free], high[:, self.free])
        rows = moved if len(self.free) == clean.shape[1] else clean.index_copy(1, self.free, moved)
        return rows.reshape(-1, *self.clean.shape[1:])


class LibraryModel(nn.Module):
    """The model as a function of these coordinates.

    Parameters
    ----------
    which : Tensor, (n,)
        The rows that the library is given, in their order.
    tagged : bool
        Whether a last coordinate holds the position of the row in `which`, for a library that picks rows itself.
    """

    def __init__(self, model: nn.Module, coordinates: Coordinates, which: Tensor, *, tagged: bool = False) -> None:
        super().__init__()
        # Not a submodule: a library that sets modes or moves weights does so to this module alone.
        self._inner = (model,)
        self.coordinates, self.which, self.tagged = coordinates, which, tagged

    def forward(self, values: Tensor) -> Tensor:
        """Logits, in float32."""
        if self.tagged:
            place = values[:, -1].detach().round().long().clamp(0, len(self.which) - 1)
            values, which = values[:, :-1], self.which[place]
        elif len(self.which) == 1:
            which = self.which.expand(len(values))
        elif len(values) == len(self.which):
            which = self.which
        else:
            raise FairtollError(
                f"the attack asks for {len(values)} inputs at once where it was given {len(self.which)} rows, so that "
                "nobody can tell which rows they are; expected as many; pass batch_size=1"
            )
        logits: Tensor = self._inner[0](self.coordinates.rows(values, which))
        return logits.float()
