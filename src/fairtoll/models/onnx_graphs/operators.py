"""What each operator of ONNX computes, in torch: the ones of which networks and linear classifiers are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.models.onnx_graphs.windows import average_pool, conv, conv_transposed, max_pool
from fairtoll.models.onnx_graphs.words import Attributes, NotInTorch

#: Takes the inputs of a node, None for one that is left out, and its attributes; returns its output, or several.
Operator = Callable[[list[Any], Attributes], Any]


def _plain(function: Callable[..., Any]) -> Operator:
    return lambda given, _: function(*given)


def _gemm(given: list[Any], attributes: Attributes) -> Tensor:
    first, second = given[0], given[1]
    first = first.T if attributes.get("transA", 0) else first
    second = second.T if attributes.get("transB", 0) else second
    found = attributes.get("alpha", 1.0) * (first @ second)
    if len(given) > 2 and given[2] is not None:
        found = found + attributes.get("beta", 1.0) * given[2]
    return torch.as_tensor(found)


def _clip(given: list[Any], attributes: Attributes) -> Tensor:
    low = given[1] if len(given) > 1 else attributes.get("min")
    high = given[2] if len(given) > 2 else attributes.get("max")
    found: Tensor = given[0]
    if low is not None:
        found = torch.maximum(found, torch.as_tensor(low, dtype=found.dtype, device=found.device))
    if high is not None:
        found = torch.minimum(found, torch.as_tensor(high, dtype=found.dtype, device=found.device))
    return found


def _softmax(function: Callable[..., Tensor]) -> Operator:
    def run(given: list[Any], attributes: Attributes) -> Tensor:
        x: Tensor = given[0]
        if attributes.opset >= 13:
            return function(x, dim=attributes.get("axis", -1))
        axis = attributes.get("axis", 1) % x.ndim  # of the axes from this one on, as one
        return function(x.flatten(axis), dim=axis).reshape(x.shape)

    return run


def _batch_norm(given: list[Any], attributes: Attributes) -> Tensor:
    if attributes.get("training_mode", 0):
        raise NotInTorch("batch normalisation by the batch itself")
    x, scale, shift, mean, variance = given[:5]
    return functional.batch_norm(x, mean, variance, scale, shift, eps=attributes.get("epsilon", 1e-5))


def _layer_norm(given: list[Any], attributes: Attributes) -> Tensor:
    x, axis = given[0], attributes.get("axis", -1)
    shape = list(x.shape[axis % x.ndim :])
    found: Tensor = functional.layer_norm(x, shape, eps=attributes.get("epsilon", 1e-5)) * given[1]
    return found if len(given) < 3 or given[2] is None else found + given[2]


def _group_norm(given: list[Any], attributes: Attributes) -> Tensor:
    if attributes.opset < 21:
        raise NotInTorch("group normalisation with one scale a group")
    return functional.group_norm(
        given[0], attributes["num_groups"], given[1], given[2], attributes.get("epsilon", 1e-5)
    )


def _reduced(function: Callable[..., Any]) -> Operator:
    def run(given: list[Any], attributes: Attributes) -> Tensor:
        x: Tensor = given[0]
        named = attributes.get("axes") if len(given) < 2 or given[1] is None else given[1].tolist()
        if not named and attributes.get("noop_with_empty_axes", 0):
            return x
        axes = [axis % x.ndim for axis in (named or range(x.ndim))]
        found: Tensor = function(x, dim=axes, keepdim=bool(attributes.get("keepdims", 1)))
        return found

    return run


def _reshape(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    wanted = [int(size) for size in given[1].tolist()]
    if not attributes.get("allowzero", 0):
        wanted = [x.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    wanted = attributes.with_rows(x, wanted)
    return x.reshape(wanted)


def _flatten(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    axis = attributes.get("axis", 1) % (x.ndim + 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def _axes(given: list[Any], attributes: Attributes) -> list[int] | None:
    held = attributes.get("axes") if len(given) < 2 or given[1] is None else given[1].tolist()
    return None if held is None else [int(axis) for axis in held]


def _squeeze(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    axes = _axes(given, attributes)
    return x.squeeze(axes if axes is not None else [axis for axis in range(x.ndim) if x.shape[axis] == 1])


def _unsqueeze(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    axes = _axes(given, attributes) or []
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _split(given: list[Any], attributes: Attributes) -> tuple[Tensor, ...]:
    x, axis = given[0], attributes.get("axis", 0)
    sizes = attributes.get("split") if len(given) < 2 or given[1] is None else given[1].tolist()
    if sizes is not None:
        return tuple(torch.split(x, sizes, dim=axis))
    return tuple(torch.split(x, -(-x.shape[axis] // attributes.outputs), dim=axis))


def _slice(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    held = [one.tolist() for one in given[1:] if one is not None]
    starts, ends = held[:2] if held else (attributes["starts"], attributes["ends"])
    axes = held[2] if len(held) > 2 else attributes.get("axes", range(len(starts)))
    steps = held[3] if len(held) > 3 else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        chosen = range(x.shape[axis])[slice(start, end, step) if end > -(2**31) else slice(start, None, step)]
        x = x.index_select(axis, torch.tensor(list(chosen), dtype=torch.long, device=x.device))
    return x


def _gather(given: list[Any], attributes: Attributes) -> Tensor:
    x, index = given[0], given[1].long()
    axis = attributes.get("axis", 0) % x.ndim
    index = torch.where(index < 0, index + x.shape[axis], index)
    found: Tensor = x.index_select(axis, index.flatten())
    return found.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


def _gather_nd(given: list[Any], attributes: Attributes) -> Tensor:
    x, index = given[0], given[1].long()
    if attributes.get("batch_dims", 0):
        raise NotInTorch("GatherND with batch dimensions")
    found: Tensor = x[tuple(index.movedim(-1, 0))]  # columns that a list selects are exported as this
    return found


def _pad(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    if attributes.get("mode", "constant") != "constant" or (len(given) > 3 and given[3] is not None):
        raise NotInTorch("padding other than by a constant")
    pads = given[1].tolist() if len(given) > 1 else attributes["pads"]
    value = float(given[2]) if len(given) > 2 and given[2] is not None else attributes.get("value", 0.0)
    sides = [side for axis in reversed(range(x.ndim)) for side in (pads[axis], pads[axis + x.ndim])]
    return functional.pad(x, sides, value=value)


def _expand(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    wanted = attributes.with_rows(x, [int(size) for size in given[1].tolist()])
    return x.expand(torch.broadcast_shapes(x.shape, wanted))


def _filled(given: list[Any], attributes: Attributes) -> Tensor:
    value = attributes.get("value", torch.zeros(1))
    return torch.full(given[0].tolist(), value.item(), dtype=value.dtype)


def _cast(given: list[Any], attributes: Attributes) -> Tensor:
    return torch.as_tensor(given[0].to(attributes.dtype("to")))


def _divide(given: list[Any], _: Attributes) -> Tensor:
    if given[0].is_floating_point():
        return torch.as_tensor(given[0] / given[1])
    return torch.div(given[0], given[1], rounding_mode="trunc")


def _each(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def run(given: list[Any], _: Attributes) -> Tensor:
        found: Tensor = given[0]
        for other in given[1:]:
            found = function(found, other)
        return found

    return run


def _prelu(given: list[Any], _: Attributes) -> Tensor:
    return torch.where(given[0] < 0, given[0] * given[1], given[0])


def _arg(function: Callable[..., Tensor]) -> Operator:
    return lambda given, held: function(given[0], dim=held.get("axis", 0), keepdim=bool(held.get("keepdims", 1)))


def _scaled(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    offset, scale = (torch.tensor(attributes[name], device=x.device) for name in ("offset", "scale"))
    return (x.float() - offset) * scale


def _normalised(given: list[Any], attributes: Attributes) -> Tensor:
    x: Tensor = given[0]
    norm = attributes.get("norm", "MAX")
    if norm == "MAX":
        raise NotInTorch("division by the largest value")  # which libraries do not agree on
    order = 1.0 if norm == "L1" else 2.0
    size = torch.linalg.vector_norm(x, order, dim=-1, keepdim=True)
    return x / torch.where(size == 0, torch.ones_like(size), size)


def _linear_classifier(given: list[Any], attributes: Attributes) -> tuple[None, Tensor]:
    x: Tensor = given[0].float()
    shift = torch.tensor(attributes.get("intercepts", [0.0]), device=x.device)
    weight = torch.tensor(attributes["coefficients"], device=x.device).reshape(len(shift), -1)
    labels: Sequence[Any] = attributes.get("classlabels_strings") or attributes.get("classlabels_ints") or ()
    if len(shift) != len(labels):
        raise NotInTorch("a linear classifier with one row for two classes")
    scores = x @ weight.T + shift
    after = attributes.get("post_transform", "NONE")
    if after not in ("NONE", "SOFTMAX", "LOGISTIC"):
        raise NotInTorch(f"a linear classifier with {after}")
    return None, {"NONE": lambda: scores, "SOFTMAX": lambda: scores.softmax(-1), "LOGISTIC": scores.sigmoid}[after]()


def _log_sum_exp(x: Tensor, *, dim: list[int], keepdim: bool) -> Tensor:
    return x.logsumexp(dim=dim, keepdim=keepdim)


def _product(x: Tensor, *, dim: list[int], keepdim: bool) -> Tensor:
    for axis in sorted(dim, reverse=True):
        x = x.prod(dim=axis, keepdim=keepdim)
    return x


#: Operators that are functions of tensors without attributes.
PLAIN: dict[str, Callable[..., Any]] = {
    "Abs": torch.abs, "And": torch.logical_and, "Ceil": torch.ceil, "Cos": torch.cos, "Equal": torch.eq,
    "Erf": torch.erf, "Exp": torch.exp, "Floor": torch.floor, "Greater": torch.gt, "GreaterOrEqual": torch.ge,
    "Identity": lambda x: x, "IsNaN": torch.isnan, "Less": torch.lt, "LessOrEqual": torch.le, "Log": torch.log,
    "MatMul": torch.matmul, "Mish": functional.mish, "Mul": torch.mul, "Neg": torch.neg,
    "Not": torch.logical_not, "Or": torch.logical_or, "Pow": torch.pow, "Reciprocal": torch.reciprocal,
    "Relu": torch.relu, "Round": torch.round, "Sigmoid": torch.sigmoid, "Sign": torch.sign, "Sin": torch.sin,
    "Softplus": functional.softplus, "Softsign": functional.softsign, "Sqrt": torch.sqrt, "Sub": torch.sub,
    "Add": torch.add, "Tan": torch.tan, "Tanh": torch.tanh, "Where": torch.where,
    "HardSwish": functional.hardswish,
}  # fmt: skip

OPERATORS: dict[str, Operator] = {
    **{name: _plain(function) for name, function in PLAIN.items()},
    "ArgMax": _arg(torch.argmax),
    "ArgMin": _arg(torch.argmin),
    "AveragePool": average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Celu": lambda given, held: functional.celu(given[0], held.get("alpha", 1.0)),
    "Clip": _clip,
    "Concat": lambda given, held: torch.cat(given, dim=held["axis"]),
    "Constant": lambda _, held: held.constant(),
    "ConstantOfShape": _filled,
    "Conv": conv,
    "ConvTranspose": conv_transposed,
    "Div": _divide,
    "Dropout": lambda given, _: given[0],
    "Einsum": lambda given, held: torch.einsum(held["equation"], *given),
    "Elu": lambda given, held: functional.elu(given[0], held.get("alpha", 1.0)),
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Gelu": lambda given, held: functional.gelu(given[0], approximate=held.get("approximate", "none")),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda given, _: given[0].mean(dim=list(range(2, given[0].ndim)), keepdim=True),
    "GlobalMaxPool": lambda given, _: given[0].amax(dim=list(range(2, given[0].ndim)), keepdim=True),
    "GroupNormalization": _group_norm,
    "HardSigmoid": lambda given, held: (held.get("alpha", 0.2) * given[0] + held.get("beta", 0.5)).clamp(0, 1),
    "InstanceNormalization": lambda given, held: functional.instance_norm(
        given[0], weight=given[1], bias=given[2], eps=held.get("epsilon", 1e-5)
    ),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda given, held: functional.leaky_relu(given[0], held.get("alpha", 0.01)),
    "LinearClassifier": _linear_classifier,
    "LogSoftmax": _softmax(torch.log_softmax),
    "Max": _each(torch.maximum),
    "MaxPool": max_pool,
    "Mean": lambda given, _: sum(given) / len(given),
    "Mod": lambda given, held: (torch.fmod if held.get("fmod", 0) else torch.remainder)(*given),
    "Min": _each(torch.minimum),
    "Normalizer": _normalised,
    "PRelu": _prelu,
    "Pad": _pad,
    "ReduceL1": _reduced(lambda x, **how: x.abs().sum(**how)),
    "ReduceL2": _reduced(lambda x, **how: (x * x).sum(**how).sqrt()),
    "ReduceLogSumExp": _reduced(_log_sum_exp),
    "ReduceMax": _reduced(torch.amax),
    "ReduceMean": _reduced(torch.mean),
    "ReduceMin": _reduced(torch.amin),
    "ReduceProd": _reduced(_product),
    "ReduceSum": _reduced(torch.sum),
    "ReduceSumSquare": _reduced(lambda x, **how: (x * x).sum(**how)),
    "Reshape": _reshape,
    "Scaler": _scaled,
    "Selu": lambda given, held: (
        held.get("gamma", 1.0507009873554805) * functional.elu(given[0], held.get("alpha", 1.6732632423543772))
    ),
    "Shape": lambda given, held: torch.tensor(given[0].shape[held.get("start", 0) : held.get("end")]),
    "Slice": _slice,
    "Softmax": _softmax(torch.softmax),
    "Split": _split,
    "Squeeze": _squeeze,
    "Sum": _each(torch.add),
    "ThresholdedRelu": lambda given, held: torch.where(given[0] > held.get("alpha", 1.0), given[0], 0),
    "Tile": lambda given, _: given[0].tile(given[1].tolist()),
    "Transpose": lambda given, held: given[0].permute(held.get("perm", list(reversed(range(given[0].ndim))))),
    "Unsqueeze": _unsqueeze,
}
