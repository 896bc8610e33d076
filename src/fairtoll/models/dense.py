"""Chains of dense layers, K members at once: in numpy on a CPU, as batched products elsewhere.

On a CPU the members run one after another, so that what a layer makes is still in the processor's cache when the
next one reads it, and through numpy's products of such small matrices: on the AMD processors that this was measured on
torch's library leaves AVX-512 alone and takes twice as long (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.networks import Standardize

Array = NDArray[Any]
Kind = Literal["linear", "tanh", "relu", "standardize"]
DTYPES = (torch.float32, torch.float64)


#: What a layer of each kind holds, in order.
TENSORS: dict[Kind, tuple[str, ...]] = {
    "linear": ("weight", "bias"),
    "tanh": (),
    "relu": (),
    "standardize": ("mean", "spread"),
}


LAYERS: dict[type[nn.Module], Kind] = {
    Standardize: "standardize",
    nn.Linear: "linear",
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
}


def dense_chain(model: nn.Module) -> tuple[list[Kind], list[str]] | None:
    """The layers of a plain chain of known dense layers and the names of their tensors; None for another model.

    A chain is plain if nothing is hooked on it, no forward is replaced, no two layers share a tensor, every tensor is a
    parameter or a buffer, and each layer takes what the one before it gives.

    Examples
    --------
    >>> dense_chain(nn.Sequential(nn.Linear(2, 3), nn.Tanh()))
    (['linear', 'tanh'], ['0.weight', '0.bias'])
    >>> dense_chain(nn.Sequential(nn.Linear(2, 3), nn.Dropout())) is None
    True
    """
    layers: list[tuple[str, nn.Module]] = [("", model)]
    # A class of one's own may do something else with its layers.
    if type(model) is nn.Sequential:
        # Not named_children: it names a layer that is in two places once.
        layers = [(f"{name}.", layer) for name, layer in model._modules.items() if layer is not None]
    if not layers or any(type(layer) not in LAYERS for _, layer in layers):
        return None
    kinds = [LAYERS[type(layer)] for _, layer in layers]
    named = [(name, layer, own) for (name, layer), kind in zip(layers, kinds, strict=True) for own in TENSORS[kind]]
    names = [f"{name}{own}" for name, _, own in named]
    # Without the repeats: of a tensor that two layers share one name is missing here, as is that of no bias.
    held = dict(model.named_parameters()) | dict(model.named_buffers())
    if any(name not in held for name in names) or any(_is_touched(module) for module in model.modules()):
        return None
    return (kinds, names) if _fits(kinds, [held[name] for name in names]) else None


def _is_touched(module: nn.Module) -> bool:
    hooks = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
    return "forward" in vars(module) or any(getattr(module, name) for name in hooks)


def _fits(kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> bool:
    """Whether each layer takes as many features as it is given."""
    width, waiting = None, iter(tensors)
    for kind in kinds:
        held = [next(waiting) for _ in TENSORS[kind]]
        if held and width not in (None, held[0].shape[-1]):
            return False
        width = held[0].shape[0] if held else width
    return True


def quick(model: nn.Module) -> nn.Module:
    """The same function of rows `(N, F)`, quicker on a CPU, for a model that stays as it is; else the model itself.

    Only for a plain chain of dense layers (`dense_chain`); equal to rounding.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> x = torch.randn(5, 2)
    >>> bool(torch.allclose(quick(model)(x), model(x)))
    True
    """
    chain = dense_chain(model)
    if chain is None:
        return model
    held = dict(model.named_parameters()) | dict(model.named_buffers())
    tensors = [held[name].detach().unsqueeze(0) for name in chain[1]]
    return _Quick(model, chain[0], tensors) if tensors and tensors[0].device.type == "cpu" else model


def dense_logits(x: Tensor, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> Tensor:
    """Logits of a chain of layers, with the gradients that autograd needs.

    Member by member ``x @ weight.T + bias``, ``x.tanh()``, ``x.relu()`` and ``(x - mean) / spread``. On a CPU, what a
    member gives does not depend on the other members.

    Parameters
    ----------
    x : Tensor, (K, N, F)
        Rows of each member.
    kinds : sequence of {"linear", "tanh", "relu", "standardize"}
        The layers in order.
    tensors : sequence of Tensor
        What the layers hold, in order (`TENSORS`): weight `(K, out, in)` and bias `(K, out)` of each "linear", mean
        and spread `(K, in)` of each "standardize".

    Returns
    -------
    Tensor, (K, N, C)
        On a CPU with a first derivative alone, and not for the transforms of ``torch.func``.

    Raises
    ------
    FairtollError
        If `x` has not one set of rows for each member, of as many features as the first layer takes.

    Examples
    --------
    >>> weight, bias = torch.ones(1, 2, 3), torch.zeros(1, 2)
    >>> dense_logits(torch.ones(1, 1, 3), ["linear", "relu"], [weight, bias]).tolist()
    [[[3.0, 3.0]]]
    """
    if not len(x) or not _suits_numpy(x, kinds, tensors):
        return _batched(x, kinds, tensors)
    _check(x, kinds, tensors)
    if torch.is_grad_enabled() and any(one.requires_grad for one in (x, *tensors)):
        logits: Tensor = _Dense.apply(x, tuple(kinds), *tensors)  # type: ignore[no-untyped-call]
        return logits
    rows, values = x.detach().numpy(), [tensor.detach().numpy() for tensor in tensors]
    with _silent():
        outputs = [_forward(own, kinds, [value[member] for value in values])[-1] for member, own in enumerate(rows)]
    return torch.from_numpy(np.stack(outputs))


def _silent() -> np.errstate:
    """Infinities and what is no number go on without a word, as in torch."""
    return np.errstate(all="ignore")


def _suits_numpy(x: Tensor, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> bool:
    """On a CPU, all of one precision that numpy has, no autocast, and no gradient needed but of rows and weights."""
    one = x.dtype in DTYPES and all(tensor.dtype == x.dtype for tensor in tensors)
    on_cpu = x.device.type == "cpu" and all(tensor.device.type == "cpu" for tensor in tensors)
    names = [(kind, name) for kind in kinds for name in TENSORS[kind]]
    held = any(kind == "standardize" and tensor.requires_grad for (kind, _), tensor in zip(names, tensors, strict=True))
    return one and on_cpu and not held and not torch.is_autocast_enabled("cpu")


def _check(x: Tensor, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> None:
    """Members that have no rows, or rows that have no member, would pass unseen in a loop over both."""
    models = len(tensors[0]) if tensors else len(x)
    first = next((tensor.shape[-1] for tensor in tensors), x.shape[-1])
    if x.ndim != 3 or len(x) != models or x.shape[-1] != first:
        raise FairtollError(
            f"rows have shape {tuple(x.shape)} for {models} models of {first} features; expected "
            f"({models}, rows, {first})"
        )


def _batched(x: Tensor, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> Tensor:
    waiting = iter(tensors)
    for kind in kinds:
        if kind == "linear":
            weight, bias = next(waiting), next(waiting)
            x = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
        elif kind == "tanh":
            x = x.tanh()
        elif kind == "relu":
            x = x.relu()
        else:
            mean, spread = next(waiting), next(waiting)
            x = (x - mean.unsqueeze(1)) / spread.unsqueeze(1)
    return x


class _Quick(nn.Module):
    """A model's layers by `dense_logits`; whatever is not rows of its features goes to the model."""

    def __init__(self, model: nn.Module, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> None:
        super().__init__()
        # In a list, so that nothing takes its weights for this one's.
        self._model, self._kinds, self._tensors = [model], kinds, list(tensors)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self._tensors[0].shape[-1] or x.dtype != self._tensors[0].dtype:
            answer: Tensor = self._model[0](x)
            return answer
        return dense_logits(x.unsqueeze(0), self._kinds, self._tensors)[0]


class _Dense(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kinds: tuple[Kind, ...], *tensors: Tensor) -> Tensor:
        rows, values = x.detach().numpy(), [tensor.detach().numpy() for tensor in tensors]
        with _silent():
            outputs = [_forward(own, kinds, [value[member] for value in values]) for member, own in enumerate(rows)]
        ctx.kinds = kinds
        # As tensors, which autograd lets go after its pass, or keeps where the graph is retained.
        ctx.save_for_backward(x, *tensors, *(torch.from_numpy(one) for own in outputs for one in own))
        return torch.from_numpy(np.stack([own[-1] for own in outputs]))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        wants_x, wanted = ctx.needs_input_grad[0], ctx.needs_input_grad[2:]
        rows, *saved = [tensor.detach().numpy() for tensor in ctx.saved_tensors]
        values, kept = saved[: len(wanted)], saved[len(wanted) :]
        slopes, layers = gradient.numpy(), len(ctx.kinds)
        found = [np.empty_like(value) if wants else None for value, wants in zip(values, wanted, strict=True)]
        of_rows: list[Array] = []
        for member, slope in enumerate(slopes):
            own = [value[member] for value in values]
            outputs = [rows[member], *kept[member * layers : (member + 1) * layers]]
            targets = [None if one is None else one[member] for one in found]
            with _silent():
                slope = _backward(slope, ctx.kinds, own, outputs, targets, to_rows=wants_x)
            if wants_x:
                of_rows.append(slope)
        back = [None if one is None else torch.from_numpy(one) for one in found]
        return (torch.from_numpy(np.stack(of_rows)) if wants_x else None, None, *back)


def _forward(rows: Array, kinds: Sequence[Kind], tensors: Sequence[Array]) -> list[Array]:
    """What each layer makes of the rows, in order."""
    outputs: list[Array] = []
    before, waiting = rows, iter(tensors)
    for kind in kinds:
        if kind == "linear":
            after = before @ next(waiting).T
            after += next(waiting)
        elif kind == "tanh":
            after = np.tanh(before)
        elif kind == "relu":
            after = np.maximum(before, 0)
        else:
            after = before - next(waiting)
            after /= next(waiting)
        outputs.append(after)
        before = after
    return outputs


def _backward(
    slope: Array,
    kinds: Sequence[Kind],
    tensors: Sequence[Array],
    outputs: Sequence[Array],
    targets: Sequence[Array | None],
    *,
    to_rows: bool,
) -> Array:
    """Write the gradients of the weights to `targets`; returns that of the rows where it is needed."""
    place = len(tensors)
    # Below the first layer with weights nothing is wanted but the gradient of the rows.
    last = 0 if to_rows else min((number for number, kind in enumerate(kinds) if kind == "linear"), default=0)
    for number in reversed(range(last, len(kinds))):
        kind, before, after = kinds[number], outputs[number], outputs[number + 1]
        if kind == "linear":
            place -= 2
            weight, bias = targets[place], targets[place + 1]
            if weight is not None:
                np.matmul(slope.T, before, out=weight)
            if bias is not None:
                np.matmul(np.ones(len(slope), slope.dtype), slope, out=bias)
            if to_rows or number > last:
                slope = slope @ tensors[place]
        elif kind == "tanh":
            factor = after * after
            np.subtract(1, factor, out=factor)
            slope = np.multiply(slope, factor, out=factor)
        elif kind == "relu":
            # What is no number passes, as in torch.
            slope = np.where(after <= 0, 0, slope)
        else:
            place -= 2
            slope = slope / tensors[place + 1]
    return slope
