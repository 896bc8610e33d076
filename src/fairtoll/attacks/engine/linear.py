"""How far a row must move if the model were equal to its tangent."""

from __future__ import annotations

import torch
from torch import Tensor

#: Each round clips at least one more feature or ends; images end after four or five.
ROUNDS = 12


def linear_radius(need: Tensor, slope: Tensor, room: Tensor) -> Tensor:
    """Least radius r with ``sum_j slope_j * min(r, room_j) >= need``, `(N,)`; infinite where there is none.

    The left side is concave and rises piece by piece, so Newton's steps from 0 never overshoot and end on the
    right piece.

    Parameters
    ----------
    need : Tensor, (N,)
        The margin to gain.
    slope : Tensor, (N, D)
        What it gains for each unit of radius in each feature, 0 or more.
    room : Tensor, (N, D)
        The radius at which each feature meets the end of its range.

    Examples
    --------
    >>> linear_radius(torch.tensor([3.0]), torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 9.0]]))
    tensor([2.])
    """
    radius = torch.zeros_like(need)
    for _ in range(ROUNDS):
        free = room > radius.unsqueeze(1)
        rate = torch.where(free, slope, 0).sum(dim=1)
        spent = torch.where(free, 0, slope * room).sum(dim=1)
        reached = spent + rate * radius >= need
        ahead = torch.where(rate > 0, (need - spent) / rate, torch.inf)
        radius = torch.where(reached, radius, torch.maximum(radius, ahead))
    return radius
