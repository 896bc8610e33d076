"""Linear bounds of the largest value of a window."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.bounds.chain import MaxPool


@dataclass(frozen=True, eq=False)
class Pooled:
    """Linear bounds of the largest of the I values of each of L windows.

    Attributes
    ----------
    lower, upper : Tensor, (N, C, I, L)
        Slopes in the values of the window.
    shift : Tensor, (N, C, L)
        Of the upper function; that of the lower one is 0.
    """

    lower: Tensor
    upper: Tensor
    shift: Tensor


def pooled(layer: MaxPool, low: Tensor, high: Tensor) -> Pooled:
    """The largest value of each window as linear functions of all values, which lie between `low` and `high`.

    Below, the largest is at least the value with the highest lower end, z. Above it is at most ``z + sum of
    max(0, other - z)``, each bounded by its chord, or the highest end, whichever is less in the middle of the box.

    Examples
    --------
    >>> low, high = torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[[[1.0, 3.0]]]])
    >>> found = pooled(MaxPool((1, 2), (1, 2), (0, 0)), low, high)
    >>> found.lower.flatten().tolist(), found.upper.flatten().tolist(), found.shift.item()
    ([0.0, 1.0], [0.0, 1.0], 0.0)
    """
    windows_low, windows_high = windows(layer, low, -torch.inf), windows(layer, high, -torch.inf)
    best = windows_low.argmax(dim=2, keepdim=True)
    chosen = torch.zeros_like(windows_low).scatter_(2, best, 1.0)
    base_low, base_high = windows_low.gather(2, best), windows_high.gather(2, best)
    # How far another value may exceed z: beyond 0 only where it can.
    least, most = windows_low - base_high, windows_high - base_low
    crosses = (most > 0) & (chosen == 0)
    chord = torch.where(crosses, (most / (most - least).clamp(min=torch.finfo(low.dtype).tiny)).clamp(0, 1), 0.0)
    # Above max(0, other - z) at both ends, whatever the rounding of the chord's slope and of the ends.
    eps = torch.finfo(low.dtype).eps
    sizes = (windows_low.abs() + windows_high.abs() + base_low.abs() + base_high.abs()) * (2 * eps)
    lift = torch.maximum(-chord * least, (1 - chord) * most) * (1 + 4 * eps) + sizes
    shift = torch.where(crosses, lift, 0.0).sum(dim=2)
    above = chosen * (1 - chord.sum(dim=2, keepdim=True)) + chord
    middle = ((windows_low + windows_high) / 2).nan_to_num(0.0, neginf=0.0)
    peak = windows_high.amax(dim=2)
    flat = (above * middle).sum(dim=2) + shift > peak
    return Pooled(chosen, torch.where(flat.unsqueeze(2), 0.0, above), torch.where(flat, peak, shift))


def through_pool(layer: MaxPool, slope: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Functions `(N, S, ...)` of the largest values as lower functions of all values, and their shifts.

    Examples
    --------
    >>> low, high = torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[[[1.0, 3.0]]]])
    >>> slope = torch.tensor([[[[[-1.0]]]]])
    >>> through_pool(MaxPool((1, 2), (1, 2), (0, 0)), slope, low, high)[0].flatten().tolist()
    [0.0, -1.0]
    """
    found = pooled(layer, low, high)
    up, down = slope.clamp(min=0), slope.clamp(max=0)
    rows, functions, channels = slope.shape[:3]
    # (N, S, C, 1, L) times (N, 1, C, I, L)
    spread = up.flatten(3).unsqueeze(3) * found.lower.unsqueeze(1) + down.flatten(3).unsqueeze(
        3
    ) * found.upper.unsqueeze(1)
    columns = spread.reshape(rows * functions, channels * spread.shape[3], -1)
    folded = functional.fold(columns, low.shape[2:], layer.kernel, stride=layer.stride, padding=layer.padding)
    shift = (down.flatten(3) * found.shift.unsqueeze(1)).flatten(2).sum(2, dtype=torch.float64)
    return folded.reshape(rows, functions, *folded.shape[1:]), shift


def windows(layer: MaxPool, x: Tensor, outside: float) -> Tensor:
    """The values of each window, `(N, C, I, L)`; `outside` where there is only padding."""
    tall, wide = layer.padding
    padded = functional.pad(x, (wide, wide, tall, tall), value=outside)
    found = functional.unfold(padded, layer.kernel, stride=layer.stride)
    return found.reshape(len(x), x.shape[1], layer.kernel[0] * layer.kernel[1], -1)
