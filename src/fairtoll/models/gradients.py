"""Gradients of K dense chains without autograd, one member after another: in the rows or in the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from fairtoll.models.passes import Array, Kind, Memory, backward, forward, silent

#: Called with a member's number and its logits `(N, C)`; returns the gradient of the loss in them.
Slope = Callable[[int, Array], Array]

#: Called with a member's number, its logits of clean rows and those of moved ones; returns the gradients in both.
PairSlope = Callable[[int, Array, Array], tuple[Array, Array]]


class DenseGradients:
    """Gradients of K dense chains on a CPU, in memory that is used again at every call.

    A member's numbers do not depend on the other members. Each member's backward pass follows its forward pass, while
    what it reads is still in the processor's cache.

    Parameters
    ----------
    kinds : sequence of str
        The layers in order, as `fairtoll.models.dense.dense_logits` takes them.
    tensors : sequence of Tensor, (K, ...) each
        The layers' tensors. Changes to their values are seen.

    Examples
    --------
    >>> weight, bias = torch.tensor([[[2.0, 3.0]]]), torch.zeros(1, 1)
    >>> found = DenseGradients(["linear"], [weight, bias])
    >>> found.in_rows(torch.ones(1, 4, 2), lambda member, logits: np.ones_like(logits))[0, 0]
    tensor([2., 3.])
    """

    def __init__(self, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> None:
        self._kinds = kinds
        values = [tensor.detach().numpy() for tensor in tensors]
        self._members = [[value[member] for value in values] for member in range(len(values[0]))]
        self._memory, self._second = Memory(), Memory()

    def in_rows(self, x: Tensor, slope: Slope) -> Tensor:
        """Gradient in the rows `x` `(K, N, F)`, of their shape."""
        rows = x.detach().numpy()
        found = np.empty(rows.shape, rows.dtype)
        with silent():
            for member, (own, tensors) in enumerate(zip(rows, self._members, strict=True)):
                found[member] = self._pass(member, own, tensors, [None] * len(tensors), slope, to_rows=True)
        return torch.from_numpy(found)

    def logits(self, x: Tensor) -> Tensor:
        """Logits `(N, C)` of rows `(N, F)` by the first member."""
        with silent():
            return torch.from_numpy(forward(x.detach().numpy(), self._kinds, self._members[0], self._memory)[-1].copy())

    def logits_and_slopes(self, x: Tensor, slope: Slope) -> tuple[Tensor, Tensor]:
        """Logits `(N, C)` of rows `(N, F)` by the first member, and the gradient in the rows."""
        tensors, logits = self._members[0], np.empty(0)

        def keeping(member: int, found: Array) -> Array:
            nonlocal logits
            logits = found.copy()
            return slope(member, found)

        with silent():
            unwanted = [None] * len(tensors)
            gradient = self._pass(0, x.detach().numpy(), tensors, unwanted, keeping, to_rows=True).copy()
        return torch.from_numpy(logits), torch.from_numpy(gradient)

    def in_weights(self, x: Tensor, slope: Slope, targets: Sequence[Tensor | None]) -> None:
        """Gradients in the weights, written to `targets`: one for each of the tensors, or None where none is wanted."""
        found = [None if target is None else target.detach().numpy() for target in targets]
        with silent():
            for member, (own, tensors) in enumerate(zip(x.detach().numpy(), self._members, strict=True)):
                of_member = [None if one is None else one[member] for one in found]
                self._pass(member, own, tensors, of_member, slope, to_rows=False)

    def of_pairs(
        self,
        clean: Tensor,
        moved: Tensor,
        slope: PairSlope,
        targets: Sequence[Tensor | None],
        others: Sequence[Tensor | None],
    ) -> None:
        """Gradients in the weights of a loss that reads each clean row and its moved copy: their sum is the whole.

        Parameters
        ----------
        clean, moved : Tensor, (K, N, F)
            The rows.
        slope : callable
            The gradients of the loss in the logits of both.
        targets, others : sequence of Tensor or None
            Where the part that goes through the clean rows is written, and the part through the moved ones.
        """
        found, more = ([None if one is None else one.detach().numpy() for one in given] for given in (targets, others))
        first, second = self._memory, self._second
        with silent():
            for member, tensors in enumerate(self._members):
                before = forward(clean[member].detach().numpy(), self._kinds, tensors, first)
                after = forward(moved[member].detach().numpy(), self._kinds, tensors, second)
                both = slope(member, before[-1], after[-1])
                for wanted, outputs, places, memory in zip(
                    both, (before, after), (found, more), (first, second), strict=True
                ):
                    own = [None if one is None else one[member] for one in places]
                    backward(wanted, self._kinds, tensors, outputs, own, memory, to_rows=False, spend=True)

    def _pass(
        self,
        member: int,
        rows: Array,
        tensors: Sequence[Array],
        targets: Sequence[Array | None],
        slope: Slope,
        *,
        to_rows: bool,
    ) -> Array:
        outputs = forward(rows, self._kinds, tensors, self._memory)
        wanted = slope(member, outputs[-1])
        return backward(wanted, self._kinds, tensors, outputs, targets, self._memory, to_rows=to_rows, spend=True)


def cross_entropy_slope(targets: Tensor, shares: Tensor | None = None) -> Slope:
    """Of the cross-entropy of rows, each weighted by its share `(K, N)`.

    Parameters
    ----------
    targets : Tensor
        Classes `(K, N)` of int64, or probabilities `(K, N, C)`: the divergence from these has the same gradient.
    shares : Tensor, (K, N), optional
        Default: 1.

    Examples
    --------
    >>> cross_entropy_slope(torch.tensor([[0]]))(0, np.zeros((1, 2))).tolist()
    [[-0.5, 0.5]]
    >>> cross_entropy_slope(torch.tensor([[[0.75, 0.25]]]))(0, np.zeros((1, 2))).tolist()
    [[-0.25, 0.25]]
    """
    weight = None if shares is None else shares.numpy()
    by_class: Array | None = None

    def slope(member: int, logits: Array) -> Array:
        nonlocal by_class
        if by_class is None:
            by_class = one_by_class(targets, logits)
        # The softmax minus the target.
        found = softmax_by_class(logits)
        found -= by_class[member]
        if weight is not None:
            found *= weight[member]
        return found.T

    return slope


def one_by_class(targets: Tensor, logits: Array) -> Array:
    """Classes `(K, N)` as 0 and 1, or probabilities `(K, N, C)`, as `(K, C, N)`, for logits `(N, C)`.

    Examples
    --------
    >>> one_by_class(torch.tensor([[1, 1, 0]]), np.zeros((3, 2))).tolist()
    [[[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]]
    """
    if targets.is_floating_point():
        return np.ascontiguousarray(targets.numpy().swapaxes(1, 2), dtype=logits.dtype)
    found: Array = np.equal(targets.numpy()[:, None], np.arange(logits.shape[1])[:, None]).astype(logits.dtype)
    return found


def softmax_by_class(logits: Array) -> Array:
    """Probabilities `(C, N)` of logits `(N, C)`: class by class, since numpy is slow on short rows.

    Examples
    --------
    >>> softmax_by_class(np.log([[1.0, 3.0]])).round(6).tolist()
    [[0.25], [0.75]]
    """
    found: Array = logits.T.copy()
    found -= found.max(axis=0)
    np.exp(found, out=found)
    found /= found.sum(axis=0)
    return found
