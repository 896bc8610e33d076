"""Forward and backward passes of one chain of dense layers in numpy, in memory that is used again.

Fresh memory for every product costs as much as the product itself where networks are small, and takes the place of
what the processor's cache still holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["linear", "tanh", "relu", "standardize"]

#: The tensors of a layer of each kind, in order.
TENSORS: dict[Kind, tuple[str, ...]] = {
    "linear": ("weight", "bias"),
    "tanh": (),
    "relu": (),
    "standardize": ("mean", "spread"),
}
#: numpy's tanh in float64 is three times as fast as torch's with these instructions, and slower without them.
WIDE = frozenset({"X86_V4", "AVX512_SKX"})
NUMPY_TANH_IN_FLOAT64 = not WIDE.isdisjoint(np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", ()))


class Memory:
    """Arrays by name, each as large as the most rows that were taken of it.

    Examples
    --------
    >>> memory = Memory()
    >>> first = memory.take("sums", (3, 2), np.float32)
    >>> first.shape, np.shares_memory(first, memory.take("sums", (2, 2), np.float32))
    ((3, 2), True)
    """

    def __init__(self) -> None:
        self._held: dict[Any, Array] = {}

    def take(self, name: object, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of this shape with whatever is in it."""
        held = self._held.get(name)
        if held is not None and held.shape == shape and held.dtype == dtype:
            return held
        if held is None or len(held) < shape[0] or held.shape[1:] != shape[1:] or held.dtype != dtype:
            held = self._held[name] = np.empty(shape, dtype)
        return held[: shape[0]]

    def ones(self, rows: int, dtype: Any) -> Array:
        """So many ones."""
        held = self._held.get("ones")
        if held is None or len(held) < rows or held.dtype != dtype:
            held = self._held["ones"] = np.ones(rows, dtype)
        return held[:rows]


def silent() -> np.errstate:
    """Inside, infinities and NaN propagate silently, as in torch; to enter it takes as long as a small product.

    Examples
    --------
    >>> with silent():
    ...     float(np.float64(1.0) / 0.0)
    inf
    """
    return np.errstate(all="ignore")


def forward(rows: Array, kinds: Sequence[Kind], tensors: Sequence[Array], memory: Memory) -> list[Array]:
    """The rows and the output of each layer, in order; an activation takes the place of what it is computed from.

    Examples
    --------
    >>> weight, bias = np.ones((2, 3)), np.zeros(2)
    >>> forward(np.ones((1, 3)), ["linear", "relu"], [weight, bias], Memory())[-1].tolist()
    [[3.0, 3.0]]
    """
    outputs, before, waiting, spare = [rows], rows, iter(tensors), False
    for number, kind in enumerate(kinds):
        if kind == "linear":
            weight = next(waiting)
            after = memory.take(number, (len(before), len(weight)), before.dtype)
            np.matmul(before, weight.T, out=after)
            after += next(waiting)
        elif kind == "standardize":
            after = memory.take(number, before.shape, before.dtype)
            np.subtract(before, next(waiting), out=after)
            after /= next(waiting)
        else:
            after = before if spare else memory.take(number, before.shape, before.dtype)
            if kind == "tanh":
                _tanh(before, after)
            else:
                np.maximum(before, 0, out=after)
        outputs.append(after)
        # No gradient needs what these two return.
        before, spare = after, kind in ("linear", "standardize")
    return outputs


def backward(
    slope: Array,
    kinds: Sequence[Kind],
    tensors: Sequence[Array],
    outputs: Sequence[Array],
    targets: Sequence[Array | None],
    memory: Memory,
    *,
    to_rows: bool,
    spend: bool = False,
) -> Array:
    """Write the gradients of the weights to `targets`; returns that of the rows where it is needed.

    Parameters
    ----------
    slope : ndarray, (N, C)
        Gradient of the last output.
    kinds, tensors
        As in `forward`.
    outputs : sequence of ndarray
        What `forward` returned.
    targets : sequence of ndarray or None
        Where the gradient of each tensor is wanted; none of "standardize".
    memory : Memory
        The result is in it, too.
    to_rows : bool
        Whether the gradient of the rows is needed.
    spend : bool
        Whether `outputs` may be overwritten.
    """
    place, given, side = len(tensors), slope, 0
    ones = memory.ones(len(slope), slope.dtype)
    # Below the first layer with weights only the gradient of the rows is needed.
    last = 0 if to_rows else min((number for number, kind in enumerate(kinds) if kind == "linear"), default=0)
    for number in reversed(range(last, len(kinds))):
        kind, before, after = kinds[number], outputs[number], outputs[number + 1]
        if kind == "linear":
            place -= 2
            weight, bias = targets[place], targets[place + 1]
            if weight is not None:
                np.matmul(slope.T, before, out=weight)
            if bias is not None:
                np.matmul(ones, slope, out=bias)
            if to_rows or number > last:
                # By turns, as a product does not write over what it reads.
                side = 1 - side
                target = memory.take((side, before.shape[1]), before.shape, slope.dtype)
                slope = np.matmul(slope, tensors[place], out=target)
        elif kind == "tanh":
            factor = after if spend else memory.take(("factor", after.shape[1]), after.shape, after.dtype)
            np.multiply(after, after, out=factor)
            np.subtract(1, factor, out=factor)
            # What was given is the caller's.
            slope = np.multiply(slope, factor, out=None if slope is given else slope)
        elif kind == "relu":
            # NaN propagates, as in torch.
            slope = np.where(after <= 0, 0, slope)
        else:
            place -= 2
            slope = np.divide(slope, tensors[place + 1], out=None if slope is given else slope)
    return slope


def _tanh(before: Array, after: Array) -> None:
    if before.dtype != np.float64 or NUMPY_TANH_IN_FLOAT64:
        np.tanh(before, out=after)
    else:
        torch.tanh(torch.from_numpy(before), out=torch.from_numpy(after))
