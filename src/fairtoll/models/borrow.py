"""Run a user's model and restore its state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.models.dense import quick
from fairtoll.models.logit_model import HALF, LogitModel


@contextmanager
def borrowed(model: nn.Module) -> Iterator[nn.Module]:
    """The model to run, in eval mode with frozen weights; restored exactly on exit.

    Yields the model itself, or an equivalent faster function (`fairtoll.models.dense.quick`).
    Restores every module's mode (through its own `train` where a class overrides it), every parameter's
    `requires_grad`, and the global random state. `.grad` is never touched: attacks compute the input's gradient alone.
    `torch.inference_mode` is off inside the block.

    Raises
    ------
    FairtollError
        If a weight was made inside `torch.inference_mode`: no gradient can pass through it.

    Examples
    --------
    >>> model = nn.Linear(2, 2).train()
    >>> with borrowed(model):
    ...     model.training, model.weight.requires_grad
    (False, False)
    >>> model.training, model.weight.requires_grad
    (True, True)
    """
    _refuse_inference_weights(model)
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    devices = [device_of(model)] if device_of(model).type == "cuda" else []
    with ExitStack() as on_leaving:
        on_leaving.enter_context(torch.random.fork_rng(devices=devices))
        if torch.is_inference_mode_enabled():
            on_leaving.enter_context(torch.inference_mode(False))
        on_leaving.callback(_restore, modes, flags)
        model.eval()
        for parameter, _ in flags:
            parameter.requires_grad_(False)
        yield _quicker(model)


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights live; the CPU for a model without weights."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def _restore(modes: list[tuple[nn.Module, bool]], flags: list[tuple[nn.Parameter, bool]]) -> None:
    for module, training in modes:
        if type(module).train is not nn.Module.train or "train" in vars(module):
            # It may keep its own flag. A parent comes before its children, which it may change.
            module.train(training)
    for module, training in modes:
        module.training = training
    for parameter, flag in flags:
        parameter.requires_grad_(flag)


def _quicker(model: nn.Module) -> nn.Module:
    if not isinstance(model, LogitModel):
        return quick(model)
    inner = quick(model.model)
    if inner is model.model:
        return model
    probed = model.probed
    # A plain chain never modifies its input.
    ready = probed.output == "logits" and probed.rows_as is None and probed.precision not in HALF
    return inner if ready else LogitModel(inner, probed)


def _refuse_inference_weights(model: nn.Module) -> None:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_inference():
            raise FairtollError(
                f"the model's '{name}' was made inside torch.inference_mode(), where no gradient can pass through it; "
                "expected a model that was made outside of it; build or load it before entering inference_mode"
            )
