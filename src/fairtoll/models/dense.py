"""Chains of dense layers, K members at once: in numpy on a CPU, as batched products elsewhere.

On a CPU the members run one after another, so that a layer's output is still in the processor's cache when the
next one reads it, and through numpy's products of such small matrices: on the AMD processors that this was measured on
torch's library does not use AVX-512 and takes twice as long (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.gradients import DenseGradients, Slope
from fairtoll.models.networks import Standardize
from fairtoll.models.passes import TENSORS, Array, Kind, Memory, backward, forward, silent

DTYPES = (torch.float32, torch.float64)


LAYERS: dict[type[nn.Module], Kind] = {
    Standardize: "standardize",
    nn.Linear: "linear",
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
}


def dense_chain(model: nn.Module) -> tuple[list[Kind], list[str]] | None:
    """The layers of a plain chain of known dense layers and the names of their tensors; None for another model.

    A chain is plain if it has no hooks, no forward is replaced, no two layers share a tensor, every tensor is a
    parameter or a buffer, and each layer accepts the width of the one before it.

    Examples
    --------
    >>> dense_chain(nn.Sequential(nn.Linear(2, 3), nn.Tanh()))
    (['linear', 'tanh'], ['0.weight', '0.bias'])
    >>> dense_chain(nn.Sequential(nn.Linear(2, 3), nn.Dropout())) is None
    True
    """
    layers: list[tuple[str, nn.Module]] = [("", model)]
    # A subclass may use its layers differently.
    if type(model) is nn.Sequential:
        # Not named_children: it lists a layer that is in two places only once.
        layers = [(f"{name}.", layer) for name, layer in model._modules.items() if layer is not None]
    if not layers or any(type(layer) not in LAYERS for _, layer in layers):
        return None
    kinds = [LAYERS[type(layer)] for _, layer in layers]
    named = [(name, layer, own) for (name, layer), kind in zip(layers, kinds, strict=True) for own in TENSORS[kind]]
    names = [f"{name}{own}" for name, _, own in named]
    # Without repeats: a tensor shared by two layers has one name here, and a missing bias none.
    held = dict(model.named_parameters()) | dict(model.named_buffers())
    if any(name not in held for name in names) or any(is_touched(module) for module in model.modules()):
        return None
    return (kinds, names) if _fits(kinds, [held[name] for name in names]) else None


def is_touched(module: nn.Module) -> bool:
    """Whether a module does something else than its class: it has hooks, or its forward is replaced.

    Examples
    --------
    >>> is_touched(nn.Linear(2, 3))
    False
    """
    hooks = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
    return "forward" in vars(module) or any(getattr(module, name) for name in hooks)


def _fits(kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> bool:
    """Whether each layer accepts as many features as it receives."""
    width, waiting = None, iter(tensors)
    for kind in kinds:
        held = [next(waiting) for _ in TENSORS[kind]]
        if held and width not in (None, held[0].shape[-1]):
            return False
        width = held[0].shape[0] if held else width
    return True


def quick(model: nn.Module) -> nn.Module:
    """An equivalent, faster function of rows `(N, F)` on a CPU, for a model that does not change; else the model.

    Only for a plain chain of dense layers (`dense_chain`), and for what runs such a chain inside and has a method
    `quick_form`; equal to rounding.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> x = torch.randn(5, 2)
    >>> bool(torch.allclose(quick(model)(x), model(x)))
    True
    """
    own = getattr(model, "quick_form", None)
    if own is not None:
        around: nn.Module = own()
        return around
    chain = dense_chain(model)
    if chain is None:
        return model
    held = dict(model.named_parameters()) | dict(model.named_buffers())
    tensors = [held[name].detach().unsqueeze(0) for name in chain[1]]
    return QuickChain(model, chain[0], tensors) if tensors and tensors[0].device.type == "cpu" else model


def dense_logits(x: Tensor, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> Tensor:
    """Logits of a chain of layers, with the gradients that autograd needs.

    Member by member ``x @ weight.T + bias``, ``x.tanh()``, ``x.relu()`` and ``(x - mean) / spread``. On a CPU, the
    output of a member does not depend on the other members.

    Parameters
    ----------
    x : Tensor, (K, N, F)
        Rows of each member.
    kinds : sequence of {"linear", "tanh", "relu", "standardize"}
        The layers in order.
    tensors : sequence of Tensor
        The layers' tensors, in order (`TENSORS`): weight `(K, out, in)` and bias `(K, out)` of each "linear", mean
        and spread `(K, in)` of each "standardize".

    Returns
    -------
    Tensor, (K, N, C)
        On a CPU with a first derivative only, and not for the transforms of ``torch.func``.

    Raises
    ------
    FairtollError
        If `x` is not one set of rows for each member, with as many features as the first layer takes.

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
    outputs, memory = [], Memory()
    with silent():
        for member, own in enumerate(rows):
            outputs.append(forward(own, kinds, [value[member] for value in values], memory)[-1].copy())
    return torch.from_numpy(np.stack(outputs))


def _suits_numpy(x: Tensor, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> bool:
    """On a CPU, all of one precision that numpy has, no autocast, and gradients only of rows and weights."""
    one = x.dtype in DTYPES and all(tensor.dtype == x.dtype for tensor in tensors)
    on_cpu = x.device.type == "cpu" and all(tensor.device.type == "cpu" for tensor in tensors)
    names = [(kind, name) for kind in kinds for name in TENSORS[kind]]
    held = any(kind == "standardize" and tensor.requires_grad for (kind, _), tensor in zip(names, tensors, strict=True))
    return one and on_cpu and not held and not torch.is_autocast_enabled("cpu")


def _check(x: Tensor, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> None:
    """Raise for members without rows, or rows without a member, which a loop over both would miss."""
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


class QuickChain(nn.Module):
    """What `quick` returns: a model's layers in numpy; any other input goes to the model.

    Not for several threads at once: its memory is used again.

    Examples
    --------
    >>> chain = quick(nn.Sequential(nn.Linear(2, 3), nn.Tanh()))
    >>> chain.suits(torch.zeros(5, 2)), chain.suits(torch.zeros(5, 2).double())
    (True, False)
    """

    def __init__(self, model: nn.Module, kinds: Sequence[Kind], tensors: Sequence[Tensor]) -> None:
        super().__init__()
        # In a list, so that its weights are not registered as this module's.
        self._model, self._kinds, self._tensors = [model], kinds, list(tensors)
        self._numpy = DenseGradients(kinds, tensors) if tensors[0].dtype in DTYPES else None

    def forward(self, x: Tensor) -> Tensor:
        """Logits of rows, with the gradient that autograd needs."""
        if self._numpy is not None and self.suits(x) and not (torch.is_grad_enabled() and x.requires_grad):
            return self._numpy.logits(x)
        if x.ndim != 2 or x.shape[1] != self._tensors[0].shape[-1] or x.dtype != self._tensors[0].dtype:
            answer: Tensor = self._model[0](x)
            return answer
        return dense_logits(x.unsqueeze(0), self._kinds, self._tensors)[0]

    def suits(self, x: Tensor) -> bool:
        """Whether rows can be evaluated in numpy."""
        first = self._tensors[0]
        fits = x.ndim == 2 and x.shape[1] == first.shape[-1] and x.dtype == first.dtype and x.device.type == "cpu"
        return fits and self._numpy is not None and not torch.is_autocast_enabled("cpu")

    def logits_and_slopes(self, x: Tensor, slope: Slope) -> tuple[Tensor, Tensor]:
        """Logits of rows that suit, and the gradient in the rows of the loss whose `slope` is given."""
        assert self._numpy is not None
        return self._numpy.logits_and_slopes(x, slope)


class _Dense(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kinds: tuple[Kind, ...], *tensors: Tensor) -> Tensor:
        rows, values = x.detach().numpy(), [tensor.detach().numpy() for tensor in tensors]
        with silent():
            outputs = [
                forward(own, kinds, [value[member] for value in values], Memory()) for member, own in enumerate(rows)
            ]
        ctx.kinds = kinds
        # As tensors, which autograd frees after its pass, or keeps if the graph is retained.
        ctx.save_for_backward(x, *tensors, *(torch.from_numpy(one) for own in outputs for one in own[1:]))
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
            with silent():
                slope = backward(slope, ctx.kinds, own, outputs, targets, Memory(), to_rows=wants_x)
            if wants_x:
                of_rows.append(slope)
        back = [None if one is None else torch.from_numpy(one) for one in found]
        return (torch.from_numpy(np.stack(of_rows)) if wants_x else None, None, *back)
