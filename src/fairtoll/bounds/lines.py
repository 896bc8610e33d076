"""Lines that enclose an activation between two ends: what linear bounds are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fairtoll.bounds.chain import Kind


@dataclass(frozen=True, eq=False)
class Lines:
    """``low_slope * z + low_shift <= f(z) <= high_slope * z + high_shift`` between the ends, each like the ends."""

    low_slope: Tensor
    low_shift: Tensor
    high_slope: Tensor
    high_shift: Tensor


def lines(kind: Kind, low: Tensor, high: Tensor) -> Lines:
    """The lines of an activation from `low` to `high`, value by value.

    ReLU: the chord above, and below either 0 or the identity, whichever encloses less (Zhang et al., 2018, CROWN).
    Tanh and sigmoid: a band of the chord's slope (`band`).

    Examples
    --------
    >>> found = lines("relu", torch.tensor([-1.0]), torch.tensor([3.0]))
    >>> found.high_slope.tolist(), found.high_shift.round(decimals=5).tolist(), found.low_slope.tolist()
    ([0.75], [0.75], [1.0])
    """
    if kind != "relu":
        slope, middle, half = band(kind, low, high)
        return Lines(slope, middle - half, slope, middle + half)
    on, off = (low >= 0).to(low), (high <= 0).to(low)
    chord = (high / (high - low).clamp(min=torch.finfo(low.dtype).tiny)).clamp(0, 1)
    slope = torch.where(on > 0, on, torch.where(off > 0, 0 * on, chord))
    # Above the ReLU at both ends whatever the rounding of the chord's slope.
    shift = torch.maximum(-chord * low, (1 - chord) * high) * (1 + 4 * torch.finfo(low.dtype).eps)
    shift = torch.where((on > 0) | (off > 0), 0 * on, shift)
    below = torch.where(on > 0, on, torch.where(off > 0, 0 * on, (high > -low).to(low)))
    return Lines(below, torch.zeros_like(low), slope, shift)


def band(kind: Kind, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Slope, middle and half width of the band of the chord's slope that holds the activation between two ends.

    ``|f(z) - slope * z - middle| <= half`` from `low` to `high`. For a tanh, ``f(z) - slope * z`` has its extremes at
    the ends or where the derivative ``1 - tanh(z)^2`` equals the slope. Rounding is added to the half width.

    Examples
    --------
    >>> slope, middle, half = band("tanh", torch.tensor([-1.0]), torch.tensor([1.0]))
    >>> z = torch.linspace(-1, 1, 101)
    >>> bool(((z.tanh() - slope * z - middle).abs() <= half).all())
    True
    """
    if kind == "sigmoid":
        # sigmoid(z) = (1 + tanh(z / 2)) / 2
        slope, middle, half = band("tanh", low / 2, high / 2)
        return slope / 4, middle / 2 + 0.5, half / 2 + _slack(middle)
    if kind == "relu":
        found = lines("relu", low, high)
        half = found.high_shift / 2
        return found.high_slope, half, half + _slack(half)
    ends = torch.tanh(low), torch.tanh(high)
    width = high - low
    small = width < 1e-3
    slope = (ends[1] - ends[0]) / torch.where(small, torch.ones_like(width), width)
    # Where the ends are close their difference is rounding: any slope will do, as the band is computed for it.
    slope = torch.where(small, 1 - ends[0] * ends[1], slope).clamp(0, 1)
    turn = torch.atanh(torch.sqrt(1 - slope).clamp(max=1 - torch.finfo(low.dtype).eps))
    points = (low, high, torch.clamp(turn, low, high), torch.clamp(-turn, low, high))
    heights = [torch.tanh(point) - slope * point for point in points]
    top, bottom = heights[0], heights[0]
    for height in heights[1:]:
        top, bottom = torch.maximum(top, height), torch.minimum(bottom, height)
    largest = 1 + slope * torch.maximum(low.abs(), high.abs())
    return slope, (top + bottom) / 2, (top - bottom) / 2 + _slack(largest)


def _slack(value: Tensor) -> Tensor:
    """More than the rounding of a handful of operations on values of this size, one of them a tanh."""
    return 8 * torch.finfo(value.dtype).eps * value.abs()
