"""A model as a chain of layers that bounds are known for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtoll.bounds.layer_words import layer_in_words
from fairtoll.errors import FairtollError
from fairtoll.models.borrow import device_of
from fairtoll.models.dense import is_touched
from fairtoll.models.logit_model import HALF, LogitModel
from fairtoll.models.networks import Standardize

Shape = tuple[int, ...]
Kind = Literal["relu", "tanh", "sigmoid"]
Operator = Callable[[Tensor], Tensor]

SUPPORTED = (
    "Linear, Conv2d, AvgPool2d, MaxPool2d, BatchNorm, Flatten, ReLU, Tanh, Sigmoid, Dropout, Identity and Standardize "
    "in an nn.Sequential"
)


class NoBoundError(FairtollError):
    """A model for which no bound is known; the message names its layers.

    Examples
    --------
    >>> issubclass(NoBoundError, FairtollError)
    True
    """


@dataclass(frozen=True, eq=False)
class Local:
    """The weights of a convolution, `(out, in / groups, kernel height, kernel width)`, and how they are laid."""

    weight: Tensor
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


@dataclass(frozen=True, eq=False)
class Affine:
    """A layer ``x -> W x + bias``.

    Attributes
    ----------
    apply, magnitude : callable
        ``W x`` and ``|W| x`` of rows of the layer's input shape.
    transpose : callable
        ``W' a`` of rows of the output's shape.
    bias : Tensor, the shape of one row's output
    terms : int
        Products in the longest sum; 0 where nothing is computed, as in a flatten.
    weight : Tensor, (out, in), optional
        W, where it is a matrix.
    back_terms : int
        Products in the longest sum of `transpose`.
    local : Local, optional
        Of a convolution.
    rounded : Tensor, optional
        Sum of the sizes of what the bias is made of, where it is of several numbers.
    """

    apply: Operator
    magnitude: Operator
    transpose: Operator
    bias: Tensor
    terms: int
    weight: Tensor | None = None
    back_terms: int = 1
    local: Local | None = None
    rounded: Tensor | None = None

    @property
    def bias_size(self) -> Tensor:
        """What the rounding of the bias is relative to."""
        return self.bias.abs() if self.rounded is None else self.rounded


@dataclass(frozen=True)
class Activation:
    """A monotone function of each value."""

    kind: Kind


@dataclass(frozen=True)
class MaxPool:
    """The largest value of each window."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


Layer = Affine | Activation | MaxPool


@dataclass(frozen=True, eq=False)
class Chain:
    """The layers of a model in order, and the shapes of a row between them.

    Attributes
    ----------
    layers : tuple of Layer
    shapes : tuple of tuple of int
        Of the input of each layer, then of the logits.
    dtype : torch.dtype
        In which bounds are computed.
    unit : float
        Unit roundoff of the precision in which the model itself computes.
    """

    layers: tuple[Layer, ...]
    shapes: tuple[Shape, ...]
    dtype: torch.dtype
    unit: float

    @property
    def classes(self) -> int:
        """The number of logits."""
        return self.shapes[-1][0]


def read_chain(model: nn.Module, x: Tensor, *, dtype: torch.dtype = torch.float64) -> Chain:
    """The chain of layers of a model that takes rows like `x`.

    Parameters
    ----------
    model : Module
        In eval mode: a layer of known kind, an `nn.Sequential` of them, or one prepared by
        `fairtoll.models.probe.prepare`.
    x : Tensor, (N, ...)
        Rows, of which only the shape and the precision count.
    dtype : torch.dtype
        In which bounds are to be computed.

    Raises
    ------
    NoBoundError
        For layers of other kinds, with hooks or with a replaced forward, or outputs that are not logits: it names them.

    Examples
    --------
    >>> chain = read_chain(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), torch.zeros(1, 3))
    >>> [type(layer).__name__ for layer in chain.layers], chain.classes
    (['Affine', 'Activation', 'Affine'], 2)
    """
    inner, one_logit, precision = model, False, x.dtype
    if isinstance(model, LogitModel):
        probed = model.probed
        # Rows that a model in double precision takes as such are the same rows.
        kept = probed.rows_as in (None, torch.float64)
        if probed.output not in ("logits", "one logit") or not kept or probed.precision in HALF:
            raise NoBoundError(
                f"the model returns {probed.output} in {probed.precision}; bounds need logits in full precision: leave "
                "out its last softmax, or go without a bound"
            )
        inner, one_logit, precision = model.model, probed.output == "one logit", probed.precision
    named = list(_leaves("", inner))
    unknown = [layer_in_words(name, layer) for name, layer in named if not _is_known(layer)]
    if unknown:
        raise NoBoundError(f"no bound is known for {', '.join(unknown)}; bounds exist for {SUPPORTED}")
    layers: list[Layer] = []
    shapes: list[Shape] = [tuple(x.shape[1:])]
    cast = partial(torch.Tensor.to, device=device_of(inner), dtype=dtype)
    for name, layer in named:
        try:
            made = None if isinstance(layer, _NOTHING) else _read(layer, shapes[-1], cast)
            after = None if made is None else _shape_after(made, shapes[-1])
        except (RuntimeError, NotImplementedError) as error:
            raise NoBoundError(f"no bound is known for {name} ({layer}): {' '.join(str(error).split())}") from error
        if made is not None and after is not None:
            layers.append(made)
            shapes.append(after)
    if one_logit:
        # The logit of the other class is 0.
        layers.append(_linear(cast(torch.tensor([[0.0], [1.0]])), cast(torch.zeros(2)), terms=0))
        shapes.append((2,))
    if len(shapes[-1]) != 1:
        raise NoBoundError(f"the last layer returns {shapes[-1]} for a row; expected one logit for each class")
    return Chain(tuple(layers), tuple(shapes), dtype, _unit(inner, x.dtype, precision))


def _unit(model: nn.Module, *precisions: torch.dtype) -> float:
    """The coarsest unit roundoff on the way through a model: of its rows, weights, outputs and products of matrices."""
    held = [tensor.dtype for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point()]
    units = [torch.finfo(kind).eps / 2 for kind in (*held, *precisions)]
    if device_of(model).type == "cuda" and (torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32):
        units.append(2.0**-11)  # TF32 keeps 10 bits
    if torch.get_float32_matmul_precision() != "highest":
        units.append(2.0**-8)  # at worst products of bfloat16
    return max(units)


def _leaves(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers, nested sequences opened; a touched sequence is a leaf, and no known one."""
    if type(module) is nn.Sequential and not is_touched(module):
        # Not named_children: it lists a layer that is in two places only once.
        for key, layer in module._modules.items():
            if layer is not None:
                yield from _leaves(f"{name}.{key}" if name else key, layer)
    else:
        yield name, module


_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)
_ACTIVATIONS: dict[type[nn.Module], Kind] = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_OTHERS = (Standardize, nn.Linear, nn.Conv2d, nn.AvgPool2d, nn.MaxPool2d, nn.Flatten)


def _is_known(layer: nn.Module) -> bool:
    # A subclass may compute something else.
    return type(layer) in (*_NOTHING, *_ACTIVATIONS, *_NORMS, *_OTHERS) and not is_touched(layer)


def _read(layer: nn.Module, shape: Shape, cast: Callable[[Tensor], Tensor]) -> Layer:
    """The layer of rows of a shape."""
    if type(layer) in _ACTIVATIONS:
        return Activation(_ACTIVATIONS[type(layer)])
    if isinstance(layer, Standardize):
        spread = cast(layer.spread)
        return _scaling(1 / spread, -cast(layer.mean) / spread)
    if isinstance(layer, nn.Linear):
        bias = layer.bias if layer.bias is not None else torch.zeros(layer.out_features)
        return _linear(cast(layer.weight.detach()), cast(bias.detach()), terms=layer.in_features)
    if isinstance(layer, _NORMS):
        return _norm(layer, shape, cast)
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, shape, cast)
    if isinstance(layer, nn.AvgPool2d):
        return _average(layer, shape, cast)
    if isinstance(layer, nn.MaxPool2d):
        if layer.ceil_mode or _pair(layer.dilation) != (1, 1):
            raise NotImplementedError("ceil_mode and dilation")
        return MaxPool(_pair(layer.kernel_size), _pair(layer.stride), _pair(layer.padding))
    if isinstance(layer, nn.Flatten):
        if layer.start_dim != 1 or layer.end_dim not in (-1, len(shape)):
            raise NotImplementedError("a flatten that leaves dimensions")
        flat = int(torch.Size(shape).numel())
        there, back = (_reshape(one) for one in ((flat,), shape))
        return Affine(there, there, back, cast(torch.zeros(flat)), terms=0)
    raise NotImplementedError(type(layer).__name__)


def _reshape(shape: Shape) -> Operator:
    return lambda rows: rows.reshape(len(rows), *shape)


def _linear(weight: Tensor, bias: Tensor, *, terms: int) -> Affine:
    magnitude = weight.abs()
    return Affine(
        lambda rows: rows @ weight.T, lambda rows: rows @ magnitude.T, lambda rows: rows @ weight, bias, terms, weight,
        back_terms=len(weight),
    )  # fmt: skip


def _scaling(factor: Tensor, bias: Tensor, *, terms: int = 2) -> Affine:
    magnitude = factor.abs()
    weight = torch.diag(factor) if factor.ndim == 1 else None
    return Affine(
        lambda rows: rows * factor, lambda rows: rows * magnitude, lambda rows: rows * factor, bias, terms, weight
    )


def _norm(layer: Any, shape: Shape, cast: Callable[[Tensor], Tensor]) -> Affine:
    if layer.running_mean is None:
        raise NotImplementedError("statistics of the batch")
    spread = torch.sqrt(cast(layer.running_var) + layer.eps)
    ones = torch.ones_like(spread)
    factor = (cast(layer.weight.detach()) if layer.weight is not None else ones) / spread
    bias = cast(layer.bias.detach()) if layer.bias is not None else 0 * ones
    moved = factor * cast(layer.running_mean)
    each = (len(factor), *[1] * (len(shape) - 1))
    whole = [torch.broadcast_to(one.reshape(each), shape) for one in (factor, bias - moved, bias.abs() + moved.abs())]
    # The model rounds both parts of the bias, which may cancel.
    return replace(_scaling(whole[0], whole[1], terms=8), rounded=whole[2])


def _convolution(layer: nn.Conv2d, shape: Shape, cast: Callable[[Tensor], Tensor]) -> Affine:
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        raise NotImplementedError("padding by name")
    weight = cast(layer.weight.detach())
    pairs = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    how = {name: _pair(value) for name, value in pairs.items()} | {"groups": layer.groups}
    bias = cast(layer.bias.detach() if layer.bias is not None else torch.zeros(layer.out_channels))
    return _convolved(weight, bias, shape, how, terms=weight[0].numel())


def _average(layer: nn.AvgPool2d, shape: Shape, cast: Callable[[Tensor], Tensor]) -> Affine:
    kernel, padding = _pair(layer.kernel_size), _pair(layer.padding)
    if layer.ceil_mode or layer.divisor_override or (padding != (0, 0) and not layer.count_include_pad):
        raise NotImplementedError("ceil_mode, another divisor, or padding that does not count")
    weight = cast(torch.full((shape[0], 1, *kernel), 1 / (kernel[0] * kernel[1]), dtype=torch.float64))
    how = {"stride": _pair(layer.stride), "padding": padding, "dilation": (1, 1), "groups": shape[0]}
    return _convolved(weight, cast(torch.zeros(shape[0])), shape, how, terms=weight[0].numel())


def _convolved(weight: Tensor, bias: Tensor, shape: Shape, how: dict[str, Any], *, terms: int) -> Affine:
    apply = partial(functional.conv2d, weight=weight, **how)
    sides = apply(torch.zeros(1, *shape, dtype=weight.dtype, device=weight.device)).shape[2:]
    lost = [
        before - ((after - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1)
        for before, after, stride, padding, dilation, kernel in zip(
            shape[1:], sides, how["stride"], how["padding"], how["dilation"], weight.shape[2:], strict=True
        )
    ]
    back = partial(functional.conv_transpose2d, weight=weight, output_padding=lost, **how)
    each = torch.broadcast_to(bias.reshape(-1, 1, 1), (len(bias), *sides))
    return Affine(
        apply, partial(functional.conv2d, weight=weight.abs(), **how), back, each, terms,
        back_terms=weight[:, 0].numel(), local=Local(weight, **how),
    )  # fmt: skip


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _shape_after(layer: Layer, shape: Shape) -> Shape:
    """The shape of a row after a layer, or an error if the layer does not take it."""
    match layer:
        case Affine():
            row = torch.zeros(1, *shape, dtype=layer.bias.dtype, device=layer.bias.device)
            return tuple(layer.apply(row)[0].shape)
        case Activation():
            return shape
        case MaxPool():
            return tuple(
                functional.max_pool2d(torch.zeros(1, *shape), layer.kernel, layer.stride, layer.padding)[0].shape
            )
