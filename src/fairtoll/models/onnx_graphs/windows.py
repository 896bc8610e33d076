"""Operators of ONNX that slide a window over an image: convolutions and pools."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.models.onnx_graphs.words import Attributes, NotInTorch


def conv(given: list[Any], attributes: Attributes) -> Tensor:
    """Convolution with 1 to 3 axes."""
    x, weight = given[0], given[1]
    axes = x.ndim - 2
    step, spread = _sizes(attributes, axes)
    padded = functional.pad(x, _sides(x, list(weight.shape[2:]), step, spread, attributes))
    function = (functional.conv1d, functional.conv2d, functional.conv3d)[axes - 1]
    bias = given[2] if len(given) > 2 else None
    return function(padded, weight, bias, stride=step, dilation=spread, groups=attributes.get("group", 1))


def conv_transposed(given: list[Any], attributes: Attributes) -> Tensor:
    """Transposed convolution with the same padding on both sides."""
    x, weight = given[0], given[1]
    axes = x.ndim - 2
    step, spread = _sizes(attributes, axes)
    pads = attributes.get("pads", [0] * 2 * axes)
    named = attributes.get("auto_pad", "NOTSET")
    if pads[:axes] != pads[axes:] or named != "NOTSET" or attributes.get("output_shape"):
        raise NotInTorch("a transposed convolution with another padding on each side")
    function = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)[axes - 1]
    return function(
        x,
        weight,
        given[2] if len(given) > 2 else None,
        stride=step,
        padding=pads[:axes],
        output_padding=attributes.get("output_padding", 0),
        groups=attributes.get("group", 1),
        dilation=spread,
    )


def max_pool(given: list[Any], attributes: Attributes) -> Tensor:
    """The largest value in each window."""
    x: Tensor = given[0]
    axes, window = x.ndim - 2, attributes["kernel_shape"]
    _require_floor(attributes)
    step, spread = _sizes(attributes, axes)
    padded = functional.pad(x, _sides(x, window, step, spread, attributes), value=-torch.inf)
    function = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[axes - 1]
    found: Tensor = function(padded, window, stride=step, dilation=spread)
    return found


def average_pool(given: list[Any], attributes: Attributes) -> Tensor:
    """The mean of each window; of what is padded only where it counts."""
    x: Tensor = given[0]
    axes, window = x.ndim - 2, attributes["kernel_shape"]
    _require_floor(attributes)
    step, spread = _sizes(attributes, axes)
    if any(one != 1 for one in spread):
        raise NotInTorch("an average of a spread window")
    sides = _sides(x, window, step, spread, attributes)
    function = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[axes - 1]
    means = function(functional.pad(x, sides), window, stride=step)
    if attributes.get("count_include_pad", 0) or not any(sides):
        return means
    inside = function(functional.pad(torch.ones_like(x[:1, :1]), sides), window, stride=step)
    return means / inside


def _require_floor(attributes: Attributes) -> None:
    if attributes.get("ceil_mode", 0):
        raise NotInTorch("a pool with ceil_mode")


def _sizes(attributes: Attributes, axes: int) -> tuple[list[int], list[int]]:
    if not 1 <= axes <= 3:
        raise NotInTorch(f"windows over {axes} axes")
    return attributes.get("strides", [1] * axes), attributes.get("dilations", [1] * axes)


def _sides(x: Tensor, window: list[int], step: list[int], spread: list[int], attributes: Attributes) -> list[int]:
    """How much to add on each side of each axis, the last axis first, as torch takes it."""
    axes, named = x.ndim - 2, attributes.get("auto_pad", "NOTSET")
    if named in ("NOTSET", "VALID"):
        pads = attributes.get("pads", [0] * 2 * axes) if named == "NOTSET" else [0] * 2 * axes
        before, after = pads[:axes], pads[axes:]
    else:
        before, after = [], []
        for axis, size in enumerate(x.shape[2:]):
            reach = (window[axis] - 1) * spread[axis] + 1
            total = max(0, (-(-size // step[axis]) - 1) * step[axis] + reach - size)
            small, large = total // 2, total - total // 2
            before.append(small if named == "SAME_UPPER" else large)
            after.append(large if named == "SAME_UPPER" else small)
    return [side for axis in reversed(range(axes)) for side in (before[axis], after[axis])]
