"""Linear bounds of the values behind a first convolution: each reads a small window of the input.

A value there has one lower and one upper linear function of its window, whatever is asked of it later. So the backward
pass may end at these values, and the ends of a second convolution come from small products, for all its values at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.bounds.chain import Activation, Affine, Chain, Local, MaxPool
from fairtoll.bounds.interval import Ends, largest, model_rounding, rounding_of_activation, unit_of
from fairtoll.bounds.lines import Lines, lines
from fairtoll.bounds.pools import pooled, windows

#: In place of a pool that there is not.
ONE = MaxPool((1, 1), (1, 1), (0, 0))


@dataclass(frozen=True, eq=False)
class Planes:
    """Lower and upper linear functions of P = height x width positions with C values each, for N rows.

    Attributes
    ----------
    low, high : Tensor, (N, P, C, K)
        Slopes in the K values of the position's window of the input.
    low_shift, high_shift : Tensor, (N, P, C)
    error : Tensor, (N, P, C)
        Rounding: of the model up to here, and of these functions.
    size : Tensor, (N, P, C)
        At least the sum of the sizes of slope times input, and of the shift.
    layers : int
        How many layers of the chain this is.
    shape : tuple of int
        Of the values of one row, (C, height, width).
    kernel, stride, padding : pair of int
        Of the windows.
    """

    low: Tensor
    high: Tensor
    low_shift: Tensor
    high_shift: Tensor
    error: Tensor
    size: Tensor
    layers: int
    shape: tuple[int, ...]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def rows(self, some: slice) -> Planes:
        """The planes of some rows."""
        tensors = ("low", "high", "low_shift", "high_shift", "error", "size")
        return replace(self, **{name: getattr(self, name)[some] for name in tensors})


def planes(chain: Chain, ends: Sequence[Ends]) -> Planes:
    """Of the values after a convolution, max pool if any, and activation, with which the chain begins.

    Parameters
    ----------
    ends : sequence of pair of Tensor
        Of the inputs of those layers.

    Examples
    --------
    >>> from fairtoll.bounds import read_chain
    >>> from fairtoll.bounds.interval import interval_bounds
    >>> conv, rows = torch.nn.Conv2d(1, 2, 3, padding=1), torch.zeros(1, 1, 4, 4)
    >>> model = torch.nn.Sequential(conv, torch.nn.MaxPool2d(2), torch.nn.ReLU(), torch.nn.Flatten())
    >>> chain = read_chain(model, rows)
    >>> found = planes(chain, interval_bounds(chain, rows - 1, rows + 1))
    >>> found.low.shape, found.shape, found.kernel
    (torch.Size([1, 4, 2, 16]), (2, 2, 2), (4, 4))
    """
    count = block_length(chain)
    layer, pool, last = chain.layers[0], chain.layers[1], chain.layers[count - 1]
    assert isinstance(layer, Affine)
    assert layer.local is not None
    assert isinstance(last, Activation)
    pool = pool if isinstance(pool, MaxPool) else ONE
    found = pooled(pool, *ends[1])
    line = lines(last.kind, *ends[count - 1])
    bent = Lines(*(one.flatten(2) for one in (line.low_slope, line.low_shift, line.high_slope, line.high_shift)))
    # (N, C, I, P) with I values in a window of the pool.
    low, high = found.lower * bent.low_slope.unsqueeze(2), found.upper * bent.high_slope.unsqueeze(2)
    bias = windows(pool, layer.bias.unsqueeze(0), 0.0)
    sizes = windows(pool, layer.magnitude(largest(ends[0])) + layer.bias_size, 0.0)
    reach = (torch.maximum(low.abs(), high.abs()) * sizes).sum(2)
    upper_shift = bent.high_slope * found.shift + bent.high_shift
    size = reach + torch.maximum(bent.low_shift.abs(), upper_shift.abs())
    # Twenty operations on each product and shift, besides those of the model.
    error = model_rounding(layer, chain) * reach + 20 * unit_of(chain) * size
    # The pool's slope of the value that is the largest is 1 less those of the others, which may cancel.
    error = error + math.prod(pool.kernel) ** 2 * unit_of(chain) * bent.high_slope * sizes.amax(2)
    error = error + rounding_of_activation(chain, last.kind)
    spread = _spread(layer.local, pool.kernel)
    low_shift, high_shift = (low * bias).sum(2) + bent.low_shift, (high * bias).sum(2) + upper_shift
    low, high = (torch.einsum("ncip,cik->npck", one, spread.flatten(2)).contiguous() for one in (low, high))
    return Planes(
        low=low,
        high=high,
        low_shift=low_shift.transpose(1, 2),
        high_shift=high_shift.transpose(1, 2),
        error=error.transpose(1, 2),
        size=size.transpose(1, 2),
        layers=count,
        shape=chain.shapes[count],
        kernel=(spread.shape[3], spread.shape[4]),
        stride=_times(layer.local.stride, pool.stride),
        padding=_plus(layer.local.padding, _times(pool.padding, layer.local.stride)),
    )


def block_length(chain: Chain) -> int:
    """How many layers a first convolution, max pool if any, and activation are; 0 where the chain begins otherwise.

    Examples
    --------
    >>> from fairtoll.bounds import read_chain
    >>> block_length(read_chain(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()), torch.zeros(1, 2)))
    0
    """
    kinds = [type(layer) for layer in chain.layers[:3]]
    count = 2 if kinds[1:2] == [Activation] else 3 if kinds[1:] == [MaxPool, Activation] else 0
    first = chain.layers[0]
    return count if isinstance(first, Affine) and first.local is not None else 0


def back_to_input(block: Planes, slope: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Functions `(N, S, ...)` of the block's values as lower functions of the input; their shifts and rounding."""
    rows, functions, channels = slope.shape[0], slope.shape[1], block.shape[0]
    flat = slope.reshape(rows, functions, channels, -1).permute(0, 3, 1, 2).contiguous()
    # (N, P, S, 2 C): what takes the lower functions, then what takes the upper ones.
    halves = torch.cat([flat.clamp(min=0), flat.clamp(max=0)], dim=3)
    moved = halves @ torch.cat([block.low, block.high], dim=2)
    shift = (halves @ torch.cat([block.low_shift, block.high_shift], dim=2).unsqueeze(3)).squeeze(3)
    overlaps = math.prod(-(-one // two) for one, two in zip(block.kernel, block.stride, strict=True))
    # Sums of C products, and of as many windows as overlap; the other half is zeros.
    errors = block.error + (channels + overlaps + 4) * torch.finfo(slope.dtype).eps / 2 * block.size
    error = (flat.abs() @ errors.unsqueeze(3)).squeeze(3)
    columns = moved.permute(0, 2, 3, 1).flatten(0, 1)
    folded = functional.fold(columns, shape[1:], block.kernel, stride=block.stride, padding=block.padding)
    return folded.reshape(rows, functions, *shape), shift.double().sum(1), error.double().sum(1)


def convolved_ends(chain: Chain, block: Planes, ends: Sequence[Ends]) -> Ends:
    """Ends of the output of the convolution that follows the block, a row at a time: its slopes are many."""
    rows = [slice(row, row + 1) for row in range(len(block.low))]
    each = [_row_ends(chain, block.rows(row), [(low[row], high[row]) for low, high in ends]) for row in rows]
    return torch.cat([low for low, _ in each]), torch.cat([high for _, high in each])


def _row_ends(chain: Chain, block: Planes, ends: Sequence[Ends]) -> Ends:
    layer = chain.layers[block.layers]
    assert isinstance(layer, Affine)
    assert layer.local is not None
    local, weight, (low, high) = layer.local, _without_groups(layer.local), ends[0]
    stride, step = _times(block.stride, local.stride), _times(block.stride, local.dilation)
    kernel = _plus(block.kernel, _times(step, (weight.shape[2] - 1, weight.shape[3] - 1)))
    padding, shape = _plus(block.padding, _times(local.padding, block.stride)), chain.shapes[block.layers + 1]

    def convolved(values: Tensor, weight: Tensor) -> Tensor:
        """Of values of the block, `(N, P, C)`."""
        image = values.transpose(1, 2).reshape(len(values), *block.shape)
        return functional.conv2d(image, weight, None, local.stride, local.padding, local.dilation)

    middle, half = (
        functional.unfold(one, kernel, stride=stride, padding=padding).transpose(1, 2).unsqueeze(2)
        for one in ((low + high) / 2, (high - low) / 2)
    )
    size = convolved(block.size, weight.abs()) + layer.bias_size
    operations = weight[0].numel() + middle.shape[3] + 20
    error = convolved(block.error, weight.abs()) + operations * unit_of(chain) * size
    sums = layer.magnitude(largest(ends[block.layers])) + layer.bias_size
    error = 1.001 * (error + model_rounding(layer, chain) * sums)
    found = []
    for signed in (weight, -weight):
        up, down = signed.clamp(min=0), signed.clamp(max=0)
        slopes = _slopes(block, up, down, local, kernel, shape[1:])
        least = (middle @ slopes - half @ slopes.abs_()).squeeze(2).transpose(1, 2).reshape(len(low), *shape)
        found.append(least + convolved(block.low_shift, up) + convolved(block.high_shift, down) - error)
    return found[0] + layer.bias, layer.bias - found[1]


def _slopes(
    block: Planes, up: Tensor, down: Tensor, local: Local, kernel: tuple[int, int], sides: tuple[int, ...]
) -> Tensor:
    """Slopes of the lower functions of a convolution's output, `(N, Q, K, O)` for Q positions and O channels."""
    pieces = torch.cat([block.low, block.high], dim=2).transpose(2, 3).unflatten(1, block.shape[1:])
    tall, wide = local.padding
    pieces = functional.pad(pieces, (0, 0, 0, 0, wide, wide, tall, tall))
    signed = torch.cat([up, down], dim=1)
    height, width = block.kernel
    inputs = pieces.shape[3] // (height * width)
    found = pieces.new_zeros(len(pieces), *sides, inputs, *kernel, len(up))
    for row in range(up.shape[2]):
        for column in range(up.shape[3]):
            first, second = _times((row, column), local.dilation)
            there = pieces[
                :,
                first : first + (sides[0] - 1) * local.stride[0] + 1 : local.stride[0],
                second : second + (sides[1] - 1) * local.stride[1] + 1 : local.stride[1],
            ]
            moved = (there @ signed[:, :, row, column].T).unflatten(3, (inputs, height, width))
            down_by, right_by = _times((first, second), block.stride)
            found[..., down_by : down_by + height, right_by : right_by + width, :] += moved
    return found.flatten(1, 2).flatten(2, 4)


def _spread(local: Local, kernel: tuple[int, int]) -> Tensor:
    """The weights of each value of a pool's window in the window's input, `(C, I, inputs, height, width)`."""
    weight, size = _without_groups(local), math.prod(kernel)
    single = torch.eye(size, dtype=weight.dtype, device=weight.device).reshape(size, 1, *kernel)
    moved = functional.conv_transpose2d(
        single, weight.flatten(0, 1).unsqueeze(0), stride=local.stride, dilation=local.dilation
    )
    return moved.reshape(size, *weight.shape[:2], *moved.shape[2:]).transpose(0, 1)


def _without_groups(local: Local) -> Tensor:
    weight, groups = local.weight, local.groups
    outputs, inputs = len(weight) // groups, weight.shape[1]
    whole = weight.new_zeros(len(weight), inputs * groups, *weight.shape[2:])
    for group in range(groups):
        part = slice(group * outputs, (group + 1) * outputs)
        whole[part, group * inputs : (group + 1) * inputs] = weight[part]
    return whole


def _times(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] * other[0], one[1] * other[1]


def _plus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]
