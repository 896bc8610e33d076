"""Bounds of many small boxes of few features: zonotopes, carried forward through dense layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fairtoll.bounds.chain import Activation, Affine, Chain, Kind, NoBoundError
from fairtoll.bounds.lines import band

SMALLEST = 1e-30


@dataclass(frozen=True, eq=False)
class Floors:
    """How small the margin of the true class may become in each of B boxes with d movable features.

    Attributes
    ----------
    floor : Tensor, (B,)
        No input of the box has a smaller margin in exact arithmetic.
    rounding : Tensor, (B,)
        How far the model's own arithmetic may be below it, that of the bound included: the box is proved
        where `floor` exceeds it.
    spread : Tensor, (B,)
        By how much the floor lies below the margin at the middle of the box.
    slope : Tensor, (B, d)
        Change of the smallest margin along each feature, over half the box.
    blame : Tensor, (B, d)
        How much of the spread is due to each feature, nonlinearity included: the one to split.
    """

    floor: Tensor
    rounding: Tensor
    spread: Tensor
    slope: Tensor
    blame: Tensor


@dataclass(frozen=True, eq=False)
class DenseChain:
    """Alternating dense layers and activations: weights `(out, in)` and biases, one activation fewer.

    Attributes
    ----------
    weights, biases : tuple of Tensor
    kinds : tuple of str
        The activation after each layer but the last.
    first, first_bias : Tensor
        The layers before the first activation as one matrix, in float64.
    entry : tuple of Affine
        The same layers one by one, for their rounding.
    unit : float
        Unit roundoff of the model.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    kinds: tuple[Kind, ...]
    first: Tensor
    first_bias: Tensor
    entry: tuple[Affine, ...]
    unit: float

    @property
    def dtype(self) -> torch.dtype:
        """In which the layers after the first are bounded."""
        return self.weights[-1].dtype

    def boxes_of(self, values: int) -> int:
        """How many boxes the largest array of `floors` has at most so many values for; 8 at least."""
        terms = sum(len(weight) for weight in self.weights[:-1])
        return max(8, values // (terms * max(len(weight) for weight in self.weights[:-1])) if terms else values)


def dense_chain(chain: Chain, *, dtype: torch.dtype = torch.float32) -> DenseChain:
    """A chain of float64 as dense layers.

    Raises
    ------
    NoBoundError
        If a layer is a convolution or a pooling, or two layers follow each other after the first activation.

    Examples
    --------
    >>> from fairtoll.bounds import read_chain
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    >>> [tuple(weight.shape) for weight in dense_chain(read_chain(model, torch.zeros(1, 3))).weights]
    [(4, 3), (2, 4)]
    """
    groups: list[list[Affine]] = [[]]
    kinds: list[Kind] = []
    for layer in chain.layers:
        if isinstance(layer, Activation) and groups[-1]:
            kinds.append(layer.kind)
            groups.append([])
        elif isinstance(layer, Affine) and (layer.weight is not None or not layer.terms):
            groups[-1].append(layer)
        else:
            raise NoBoundError("exact answers need dense layers, each activation after one of them")
    if not groups[-1] or len(chain.shapes[0]) != 1:
        raise NoBoundError("exact answers need rows of a table, and a dense layer at the end")
    if any(sum(layer.terms > 0 for layer in group) > 1 for group in groups[1:]):
        # Their rounding is of each, not of their product, in which sizes may cancel.
        raise NoBoundError("exact answers need one dense layer between two activations, and after the last")
    merged = [_merged(group) for group in groups]
    weights = tuple(weight.to(dtype) for weight, _ in merged)
    biases = tuple(bias.to(dtype) for _, bias in merged)
    return DenseChain(weights, biases, tuple(kinds), *merged[0], tuple(groups[0]), chain.unit)


def _merged(group: list[Affine]) -> tuple[Tensor, Tensor]:
    """Dense layers with nothing between them as one."""
    weight, bias = None, None
    for layer in group:
        if layer.weight is None:
            continue
        bias = layer.bias if bias is None else layer.weight @ bias + layer.bias
        weight = layer.weight if weight is None else layer.weight @ weight
    if weight is None or bias is None:
        raise NoBoundError("an activation comes before any dense layer")
    return weight, bias


def floors(dense: DenseChain, x: Tensor, features: Tensor, low: Tensor, high: Tensor, y: Tensor) -> Floors:
    """Lower bounds of the margin ``min over t of z_y - z_t`` in B boxes.

    DeepZ (Singh et al., 2018) with bands of the chord's slope: a layer's output is a middle, plus a linear
    function of the box, plus what each nonlinearity before it may add, so that what cancels further on is kept.

    Parameters
    ----------
    dense : DenseChain
    x : Tensor of float64, (B, D)
        The row of each box; its values in `features` do not count.
    features : Tensor of int64, (d,)
        Which features the boxes cover.
    low, high : Tensor of float64, (B, d)
    y : Tensor of int64, (B,)

    Examples
    --------
    >>> from fairtoll.bounds import read_chain
    >>> layer = torch.nn.Linear(1, 2); _ = layer.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> dense = dense_chain(read_chain(layer, torch.zeros(1, 1)))
    >>> box = torch.tensor([[-3.0]], dtype=torch.float64), torch.tensor([[-1.0]], dtype=torch.float64)
    >>> floors(dense, 0 * box[0], torch.tensor([0]), *box, torch.tensor([0])).floor
    tensor([1.])
    """
    middle, half = (low + high) / 2, (high - low) / 2
    rows = x.clone()
    rows[:, features] = middle
    center = rows @ dense.first.T + dense.first_bias
    entering = half.unsqueeze(2) * dense.first[:, features].T
    error = _entry_error(dense, rows, features, half)
    own = torch.finfo(dense.dtype).eps / 2
    center, noise, error = center.to(dense.dtype), entering.to(dense.dtype), error.to(dense.dtype)
    error = error + 2 * own * (center.abs() + noise.abs().sum(1))
    shares, blurs = [], []
    for kind, weight, bias in zip(dense.kinds, dense.weights[1:], dense.biases[1:], strict=True):
        sizes = noise.abs()
        radius = sizes.sum(1)
        shares.append(sizes[:, : len(features)] / radius.clamp(min=SMALLEST).unsqueeze(1))
        around = radius + error
        slope, shift, fresh = band(kind, center - around, center + around)
        center, radius = slope * center + shift, slope * radius
        # Rounding so far, of the activation, and of what is computed here, at least what `band` adds for it: one more
        # thing that is not known.
        blur = slope * error + 8 * dense.unit + 16 * own * (1 + center.abs() + shift.abs() + radius)
        fresh = fresh + blur
        blurs.append(blur / fresh)
        noise = noise * slope.unsqueeze(1)
        if weight is dense.weights[-1]:
            return _margins(dense, center, noise, fresh, radius, y, shares, blurs, len(features))
        error = _sum_error(dense, weight) * ((center.abs() + radius + fresh) @ weight.abs().T + bias.abs())
        center = center @ weight.T + bias
        # A product of each fresh term with its column, without making the diagonal matrix.
        noise = torch.cat([_times(noise, weight), fresh.unsqueeze(2) * weight.T], dim=1)
    return _linear_margins(dense, center, noise, error, y)


def _sum_error(dense: DenseChain, weight: Tensor) -> float:
    """Relative to the sum of sizes: the rounding of a layer's sums in any order, by the model and here."""
    return (weight.shape[1] + 3) * (dense.unit + torch.finfo(dense.dtype).eps / 2)


def _times(noise: Tensor, weight: Tensor) -> Tensor:
    boxes, terms, width = noise.shape
    return (noise.reshape(boxes * terms, width) @ weight.T).reshape(boxes, terms, len(weight))


def _entry_error(dense: DenseChain, rows: Tensor, features: Tensor, half: Tensor) -> Tensor:
    """Rounding of the model in the layers before its first activation, in float64."""
    largest = rows.abs()
    largest[:, features] += half
    error = torch.zeros_like(largest)
    for layer in dense.entry:
        sums = layer.magnitude(largest) + layer.bias_size
        error = layer.magnitude(error) + (layer.terms + 2 if layer.terms else 0) * (dense.unit + 2.3e-16) * sums
        largest = sums
    return error


def _rivals(weight: Tensor, bias: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The rows of `weight` and `bias` of the true class minus those of the others, and the sums of their sizes."""
    classes = len(weight)
    others = torch.arange(classes - 1, device=y.device).expand(len(y), -1)
    others = others + (others >= y.unsqueeze(1))
    mine, its = weight[y].unsqueeze(1), bias[y].unsqueeze(1)
    theirs, their = weight[others], bias[others]
    return mine - theirs, its - their, mine.abs() + theirs.abs(), its.abs() + their.abs()


def _margins(
    dense: DenseChain, center: Tensor, noise: Tensor, fresh: Tensor, radius: Tensor, y: Tensor,
    shares: list[Tensor], blurs: list[Tensor], features: int,
) -> Floors:  # fmt: skip
    weight, bias, weight_size, bias_size = _rivals(dense.weights[-1], dense.biases[-1], y)
    middle = (weight @ center.unsqueeze(2)).squeeze(2) + bias
    moved = noise @ weight.transpose(1, 2)
    late = weight.abs() * fresh.unsqueeze(1)
    spread = moved.abs().sum(1) + late.sum(2)
    sums = (weight_size @ (center.abs() + radius + fresh).unsqueeze(2)).squeeze(2) + bias_size
    local = _sum_error(dense, dense.weights[-1]) * sums
    worst = (middle - spread - local).argmin(dim=1, keepdim=True)
    pick = worst.unsqueeze(2)
    slope = moved.gather(2, pick.expand(-1, moved.shape[1], 1)).squeeze(2)
    late = late.gather(1, pick.expand(-1, 1, late.shape[2])).squeeze(1)
    blame, rounding, first = slope[:, :features].abs(), local.gather(1, worst).squeeze(1), features
    for place, (share, blur) in enumerate(zip(shares, blurs, strict=True)):
        width = share.shape[2]
        due = late if place == len(shares) - 1 else slope[:, first : first + width].abs()
        first += width
        blame = blame + (share @ due.unsqueeze(2)).squeeze(2)
        rounding = rounding + (blur * due).sum(1)
    middle, spread, local = (one.gather(1, worst).squeeze(1) for one in (middle, spread, local))
    # Rounding is a part of the spread; the rest is the nonlinearity's.
    return Floors(middle - spread - local + rounding, rounding, spread + local - rounding, slope[:, :features], blame)


def _linear_margins(dense: DenseChain, center: Tensor, noise: Tensor, error: Tensor, y: Tensor) -> Floors:
    """Of a linear model, which has no activation: exact but for rounding."""
    classes = torch.eye(center.shape[1], dtype=center.dtype, device=center.device)
    weight, _, size, _ = _rivals(classes, torch.zeros_like(classes[0]), y)
    middle = (weight @ center.unsqueeze(2)).squeeze(2)
    moved = noise @ weight.transpose(1, 2)
    spread, off = moved.abs().sum(1), (size @ error.unsqueeze(2)).squeeze(2)
    off = off + 4 * torch.finfo(center.dtype).eps * (middle.abs() + spread)
    worst = (middle - spread - off).argmin(dim=1, keepdim=True)
    slope = moved.gather(2, worst.unsqueeze(2).expand(-1, moved.shape[1], 1)).squeeze(2)
    return Floors(
        (middle - spread).gather(1, worst).squeeze(1), off.gather(1, worst).squeeze(1),
        spread.gather(1, worst).squeeze(1), slope, slope.abs(),
    )  # fmt: skip
