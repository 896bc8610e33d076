"""Linear bounds, carried backward from the logits to the input: CROWN (Zhang et al., 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fairtoll.bounds.chain import Activation, Affine, Chain, MaxPool, Operator
from fairtoll.bounds.interval import Ends, largest, model_rounding, pool, rounding_of_activation, step, unit_of
from fairtoll.bounds.lines import lines
from fairtoll.bounds.planes import Planes, back_to_input, block_length, convolved_ends, planes
from fairtoll.bounds.pools import through_pool

#: A layer with more values than these keeps the intervals that follow from those of the layer before.
TIGHTENED = 1024
#: Coefficients that are held at once: about what a processor's cache holds.
COEFFICIENTS = 2_000_000
#: Sums of up to a million sizes in single precision, one after another in the worst order, lack less than this.
SUMMED = 1.07


def linear_floors(chain: Chain, low: Tensor, high: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Lower bounds of the margin ``min over t of z_y - z_t`` of all inputs between `low` and `high`, and its rounding.

    The ends of each layer's values come from the same backward pass where the layer is small enough, those of a second
    convolution from windows of the input (`fairtoll.bounds.planes`), others from intervals.

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
    ends, block = _bounds(chain, low, high)
    classes = torch.eye(chain.classes, dtype=chain.dtype, device=low.device)
    others = torch.arange(chain.classes - 1, device=y.device).expand(len(y), -1)
    rivals = classes[y].unsqueeze(1) - classes[others + (others >= y.unsqueeze(1))]
    floor, rounding = _lowest(chain, len(chain.layers), rivals, ends, block)
    last = chain.layers[-1]
    if isinstance(last, Affine):
        # Over wide boxes, where lines overshoot, intervals of the last layer's input may be better.
        slope = _through(last.transpose, rivals)
        blur = _sizes(rivals, _rounding(chain, last, ends[-1]))
        plain = _least(slope, *ends[-1]) + (rivals * last.bias).sum(2) - blur
        better = plain > floor
        floor, rounding = torch.where(better, plain, floor), torch.where(better, blur, rounding)
    worst = floor.argmin(dim=1, keepdim=True)
    lowest, blur = floor.gather(1, worst).squeeze(1), rounding.gather(1, worst).squeeze(1)
    return lowest + blur, blur


def layer_bounds(chain: Chain, low: Tensor, high: Tensor) -> list[Ends]:
    """Ends of the input of every layer as the model computes it, rounding included."""
    return _bounds(chain, low, high)[0]


def _bounds(chain: Chain, low: Tensor, high: Tensor) -> tuple[list[Ends], Planes | None]:
    """Ends of the input of every layer, and the values behind a first convolution as planes."""
    ends: list[Ends] = [(low.to(chain.dtype), high.to(chain.dtype))]
    bent, block = False, None
    for place, layer in enumerate(chain.layers[:-1]):
        after = step(chain, layer, *ends[-1])
        if not isinstance(layer, Affine):
            bent = True
            if place + 1 == block_length(chain):
                block = planes(chain, ends)
        elif bent and layer.terms:
            if block is not None and place == block.layers and layer.local is not None:
                after = _narrower(after, convolved_ends(chain, block, ends))
            if after[0][0].numel() <= TIGHTENED and not isinstance(chain.layers[place + 1], Affine):
                after = _tightened(chain, place + 1, ends, block, after)
        ends.append(after)
    return ends, block


def _narrower(one: Ends, other: Ends) -> Ends:
    return torch.maximum(one[0], other[0]), torch.minimum(one[1], other[1])


def _tightened(chain: Chain, depth: int, ends: list[Ends], block: Planes | None, after: Ends) -> Ends:
    """The ends of a layer's input from the linear bounds, where these are narrower."""
    low, high = (one.clone() for one in after)
    shape, next_layer = chain.shapes[depth], chain.layers[depth]
    count = low[0].numel()
    each = torch.eye(count, dtype=chain.dtype, device=low.device).reshape(count, *shape)
    switches = isinstance(next_layer, Activation) and next_layer.kind == "relu"
    for row in range(len(low)):
        # Of a ReLU that does not switch the lines are exact already.
        asked = ((low[row] < 0) & (high[row] > 0)).flatten() if switches else torch.ones(count, dtype=torch.bool)
        if not asked.any():
            continue
        some = each[asked.to(low.device)]
        part = slice(row, row + 1)
        few, its = [(one[part], other[part]) for one, other in ends], None if block is None else block.rows(part)
        # The lowest of -z is the highest of z.
        found = _lowest(chain, depth, torch.cat([some, -some]).unsqueeze(0), few, its)[0][0]
        # The next number below, as the conversion may round up.
        least, less = torch.nextafter(found.to(low), torch.full_like(found, -torch.inf).to(low)).split(len(some))
        most = -less
        low[row].view(-1)[asked] = torch.maximum(low[row].view(-1)[asked], least)
        high[row].view(-1)[asked] = torch.minimum(high[row].view(-1)[asked], most)
    return low, high


def _lowest(
    chain: Chain, depth: int, wanted: Tensor, ends: Sequence[Ends], block: Planes | None
) -> tuple[Tensor, Tensor]:
    """The lowest values of linear functions `(N, S, ...)` of the input of a layer, and the rounding in them."""
    first = 0 if block is None else block.layers
    most = max(torch.Size(shape).numel() for shape in chain.shapes[first : depth + 1])
    rows = max(1, COEFFICIENTS // (most * wanted.shape[1]))
    functions = max(1, COEFFICIENTS // most)
    found = []
    for start in range(0, len(wanted), rows):
        some = slice(start, start + rows)
        few = [(low[some], high[some]) for low, high in ends]
        its = None if block is None else block.rows(some)
        parts = [_backward(chain, depth, part, few, its) for part in wanted[some].split(functions, dim=1)]
        found.append(tuple(torch.cat(one, dim=1) for one in zip(*parts, strict=True)))
    lowest, rounding = (torch.cat(one) for one in zip(*found, strict=True))
    return lowest, rounding


def _backward(
    chain: Chain, depth: int, slope: Tensor, ends: Sequence[Ends], block: Planes | None
) -> tuple[Tensor, Tensor]:
    """From the input of layer `depth` back to the rows: the functions are replaced by lower linear ones.

    Slopes are in the chain's precision, sums of them in double precision.
    """
    total = torch.zeros(slope.shape[:2], dtype=torch.float64, device=slope.device)
    rounding = torch.zeros_like(total)
    for place in reversed(range(0 if block is None else block.layers, depth)):
        layer, (low, high) = chain.layers[place], ends[place]
        match layer:
            case Affine():
                total = total + _summed(slope * layer.bias)
                if layer.terms:
                    rounding = rounding + _sizes(slope, _rounding(chain, layer, ends[place]))
                slope = _through(layer.transpose, slope)
            case Activation(kind):
                found = lines(kind, low, high)
                local = rounding_of_activation(chain, kind) + 8 * unit_of(chain) * (largest(ends[place]) + 1)
                rounding = rounding + _sizes(slope, local)
                up, down = slope.clamp(min=0), slope.clamp(max=0)
                total = total + _summed(down * found.high_shift.unsqueeze(1))
                if kind != "relu":
                    total = total + _summed(up * found.low_shift.unsqueeze(1))
                slope = (up * found.low_slope.unsqueeze(1)).addcmul_(down, found.high_slope.unsqueeze(1))
            case MaxPool():
                # Slopes of a window add up to less than twice its size, and so does the shift in units of its ends.
                size = layer.kernel[0] * layer.kernel[1]
                local = (16 + size) * 4 * size * unit_of(chain) * pool(layer, largest(ends[place]))
                rounding = rounding + _sizes(slope, local)
                slope, shift = through_pool(layer, slope, low, high)
                total = total + shift
    if block is not None:
        slope, shift, error = back_to_input(block, slope, chain.shapes[0])
        total, rounding = total + shift, rounding + error
    rounding = rounding * SUMMED
    return _least(slope, *ends[0]) + total - rounding, rounding


def _rounding(chain: Chain, layer: Affine, ends: Ends) -> Tensor:
    """Of each of a layer's values: of the model's sums, and of slopes that are carried back through it."""
    sums = layer.magnitude(largest(ends)) + layer.bias_size
    return (model_rounding(layer, chain) + (layer.back_terms + 4) * unit_of(chain)) * sums


def _least(slope: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The least values of linear functions between two ends, in double precision."""
    slope, low, high = slope.double().flatten(2), low.double().flatten(1), high.double().flatten(1)
    middle, half = ((low + high) / 2).unsqueeze(2), ((high - low) / 2).unsqueeze(2)
    return (slope @ middle - slope.abs() @ half).squeeze(2)


def _summed(value: Tensor) -> Tensor:
    return value.flatten(2).sum(2, dtype=torch.float64)


def _sizes(slope: Tensor, each: Tensor) -> Tensor:
    return (slope.abs().flatten(2) @ each.flatten(1).unsqueeze(2)).squeeze(2).double()


def _through(operator: Operator, slope: Tensor) -> Tensor:
    rows, functions = slope.shape[:2]
    moved = operator(slope.flatten(0, 1))
    return moved.reshape(rows, functions, *moved.shape[1:])
