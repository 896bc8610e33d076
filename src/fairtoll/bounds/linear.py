"""Linear bounds, carried backward from the logits to the input: CROWN (Zhang et al., 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.bounds.chain import Activation, Affine, Chain, MaxPool, Operator
from fairtoll.bounds.interval import rounding_of, rounding_of_activation, step
from fairtoll.bounds.lines import lines

#: A layer with more values than these keeps the intervals that follow from those of the layer before.
TIGHTENED = 1024
#: Coefficients that are held at once.
COEFFICIENTS = 16_000_000

Ends = tuple[Tensor, Tensor]


def linear_floors(chain: Chain, low: Tensor, high: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Lower bounds of the margin ``min over t of z_y - z_t`` of all inputs between `low` and `high`, and its rounding.

    The bounds of each layer's values come from the same backward pass where the layer is small enough, else from
    intervals.

    Parameters
    ----------
    chain : Chain
    low, high : Tensor, (N, ...)
    y : Tensor of int64, (N,)

    Returns
    -------
    floor : Tensor, (N,)
        In exact arithmetic.
    rounding : Tensor, (N,)
        How far below it the model's own arithmetic may be: a row is proved where the floor exceeds it.

    Examples
    --------
    >>> from fairtoll.bounds import read_chain
    >>> layer = torch.nn.Linear(1, 2); _ = layer.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> chain = read_chain(layer, torch.zeros(1, 1))
    >>> floor, rounding = linear_floors(chain, torch.tensor([[-3.0]]), torch.tensor([[-1.0]]), torch.tensor([0]))
    >>> floor.round(decimals=4).tolist(), bool(rounding < 1e-5)
    ([1.0], True)
    """
    ends = layer_bounds(chain, low, high)
    classes = torch.eye(chain.classes, dtype=chain.dtype, device=low.device)
    others = torch.arange(chain.classes - 1, device=y.device).expand(len(y), -1)
    rivals = classes[y].unsqueeze(1) - classes[others + (others >= y.unsqueeze(1))]
    floor, rounding = _lowest(chain, len(chain.layers), rivals, ends)
    worst = floor.argmin(dim=1, keepdim=True)
    lowest, blur = floor.gather(1, worst).squeeze(1), rounding.gather(1, worst).squeeze(1)
    return lowest + blur, blur


def layer_bounds(chain: Chain, low: Tensor, high: Tensor) -> list[Ends]:
    """Ends of the input of every layer as the model computes it, rounding included."""
    ends: list[Ends] = [(low.to(chain.dtype), high.to(chain.dtype))]
    bent = False
    for place, layer in enumerate(chain.layers[:-1]):
        after = step(chain, layer, *ends[-1])
        wanted = not isinstance(chain.layers[place + 1], Affine) and isinstance(layer, Affine)
        if bent and wanted and after[0][0].numel() <= TIGHTENED:
            after = _tightened(chain, place + 1, ends, after)
        bent |= not isinstance(layer, Affine)
        ends.append(after)
    return ends


def _tightened(chain: Chain, depth: int, ends: list[Ends], after: Ends) -> Ends:
    """The ends of a layer's input from the linear bounds, where these are narrower."""
    rows, shape = len(after[0]), chain.shapes[depth]
    count = after[0][0].numel()
    each = torch.eye(count, dtype=chain.dtype, device=after[0].device).reshape(count, *shape)
    # The lowest of -z is the highest of z.
    low = _lowest(chain, depth, each.expand(rows, *each.shape), ends)[0].reshape(after[0].shape)
    high = -_lowest(chain, depth, -each.expand(rows, *each.shape), ends)[0].reshape(after[0].shape)
    return torch.maximum(after[0], low), torch.minimum(after[1], high)


def _lowest(chain: Chain, depth: int, wanted: Tensor, ends: Sequence[Ends]) -> tuple[Tensor, Tensor]:
    """The lowest values of linear functions `(N, S, ...)` of the input of a layer, and the rounding in them."""
    largest = max(torch.Size(shape).numel() for shape in chain.shapes[: depth + 1])
    rows = max(1, COEFFICIENTS // (largest * wanted.shape[1]))
    functions = max(1, COEFFICIENTS // largest)
    found = []
    for first in range(0, len(wanted), rows):
        some = slice(first, first + rows)
        few = [(low[some], high[some]) for low, high in ends]
        parts = [_backward(chain, depth, part, few) for part in wanted[some].split(functions, dim=1)]
        found.append(tuple(torch.cat(one, dim=1) for one in zip(*parts, strict=True)))
    lowest, rounding = (torch.cat(one) for one in zip(*found, strict=True))
    return lowest, rounding


def _backward(chain: Chain, depth: int, slope: Tensor, ends: Sequence[Ends]) -> tuple[Tensor, Tensor]:
    """From the input of layer `depth` back to the rows: the functions are replaced by lower linear ones."""
    total = torch.zeros(slope.shape[:2], dtype=slope.dtype, device=slope.device)
    rounding = torch.zeros_like(total)
    early: Ends | None = None
    for place in reversed(range(depth)):
        layer, (low, high) = chain.layers[place], ends[place]
        match layer:
            case Affine():
                total = total + (slope * layer.bias).flatten(2).sum(2)
                if layer.terms:
                    sums = layer.magnitude(torch.maximum(low.abs(), high.abs())) + layer.bias.abs()
                    rounding = rounding + _sizes(slope, rounding_of(layer, chain) * sums)
                slope = _through(layer.transpose, slope)
                # Over wide boxes, where lines overshoot, intervals of the layer's input may be better.
                early = early or (_least(slope, low, high) + total - rounding, rounding)
            case Activation(kind):
                found = lines(kind, low, high)
                if local := rounding_of_activation(chain, kind):
                    rounding = rounding + local * slope.abs().flatten(2).sum(2)
                up, down = slope.clamp(min=0), slope.clamp(max=0)
                total = total + (
                    up * found.low_shift.unsqueeze(1) + down * found.high_shift.unsqueeze(1)
                ).flatten(2).sum(2)  # fmt: skip
                slope = up * found.low_slope.unsqueeze(1) + down * found.high_slope.unsqueeze(1)
            case MaxPool():
                slope, shift = _pooled(layer, slope, low, high)
                total = total + shift
    lowest = _least(slope, *ends[0]) + total - rounding
    if early is None:
        return lowest, rounding
    better = early[0] > lowest
    return torch.where(better, early[0], lowest), torch.where(better, early[1], rounding)


def _least(slope: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The least values of linear functions between two ends."""
    middle, half = (low + high) / 2, (high - low) / 2
    return (slope * middle.unsqueeze(1)).flatten(2).sum(2) - _sizes(slope, half)


def _sizes(slope: Tensor, each: Tensor) -> Tensor:
    return (slope.abs() * each.unsqueeze(1)).flatten(2).sum(2)


def _through(operator: Operator, slope: Tensor) -> Tensor:
    rows, functions = slope.shape[:2]
    moved = operator(slope.flatten(0, 1))
    return moved.reshape(rows, functions, *moved.shape[1:])


def _pooled(layer: MaxPool, slope: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Functions of the largest values as lower functions of all values.

    Below, the largest is at least the value with the highest lower end, z. Above it is at most ``z + sum of
    max(0, other - z)``, each bounded by its chord, or the highest end, whichever is less in the middle of the box.
    """
    windows_low, windows_high = _windows(layer, low, -torch.inf), _windows(layer, high, -torch.inf)
    best = windows_low.argmax(dim=2, keepdim=True)
    chosen = torch.zeros_like(windows_low).scatter_(2, best, 1.0)
    base_low, base_high = windows_low.gather(2, best), windows_high.gather(2, best)
    # How far another value may exceed z: beyond 0 only where it can.
    least, most = windows_low - base_high, windows_high - base_low
    crosses = (most > 0) & (chosen == 0)
    chord = torch.where(crosses, (most / (most - least).clamp(min=1e-300)).clamp(0, 1), 0.0)
    lift = torch.where(crosses, -chord * least.clamp(max=0), 0.0).nan_to_num(0.0)
    above, shift = chosen * (1 - chord.sum(dim=2, keepdim=True)) + chord, lift.sum(dim=2)
    middle = ((windows_low + windows_high) / 2).nan_to_num(0.0, neginf=0.0)
    peak = windows_high.amax(dim=2)
    flat = (above * middle).sum(dim=2) + shift > peak
    above = torch.where(flat.unsqueeze(2), 0.0, above)
    shift = torch.where(flat, peak, shift)
    up, down = slope.clamp(min=0), slope.clamp(max=0)
    channels, size = low.shape[1], chosen.shape[2]
    # (N, S, C, 1, L) times (N, 1, C, K, L)
    spread = up.flatten(3).unsqueeze(3) * chosen.unsqueeze(1) + down.flatten(3).unsqueeze(3) * above.unsqueeze(1)
    rows, functions = slope.shape[:2]
    padded = (low.shape[2] + 2 * layer.padding[0], low.shape[3] + 2 * layer.padding[1])
    folded = functional.fold(
        spread.reshape(rows * functions, channels * size, -1), padded, layer.kernel, stride=layer.stride
    )
    tall, wide = layer.padding
    inner = folded[..., tall : tall + low.shape[2], wide : wide + low.shape[3]]
    return inner.reshape(rows, functions, *inner.shape[1:]), (down.flatten(3) * shift.unsqueeze(1)).flatten(2).sum(2)


def _windows(layer: MaxPool, x: Tensor, outside: float) -> Tensor:
    """The values of each window, `(N, C, K, L)`; `outside` where there is only padding."""
    tall, wide = layer.padding
    padded = functional.pad(x, (wide, wide, tall, tall), value=outside)
    size = layer.kernel[0] * layer.kernel[1]
    windows = functional.unfold(padded, layer.kernel, stride=layer.stride)
    return windows.reshape(len(x), x.shape[1], size, -1)
