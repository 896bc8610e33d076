"""Networks that behave differently in training mode cannot be trained in a stack, which runs in eval mode."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.dense import dense_chain

#: Rows on which both modes are compared.
ROWS = 8


def require_no_training_mode(model: nn.Module, x: Tensor) -> None:
    """Raise if the network behaves differently in training mode, as with dropout: a stack would train without it.

    Layers are checked one by one, and operations inside a forward (``dropout(x, training=self.training)``) is found
    by comparing outputs on a few rows.

    Parameters
    ----------
    model : Module
        An untrained network; left as it is.
    x : Tensor, (N, ...)
        Some of its rows, in its precision.

    Raises
    ------
    FairtollError
        That names the layer, or the mode.

    Examples
    --------
    >>> require_no_training_mode(nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.0)), torch.randn(4, 3))
    >>> require_no_training_mode(nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)), torch.randn(4, 3))
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: the network's layer '1' is Dropout(p=0.5, inplace=False), which acts in training \
only; stacks train in eval mode, where it is off; set it to 0 or leave it out
    """
    if dense_chain(model) is not None:
        return
    remedy = "which acts in training only; stacks train in eval mode, where it is off; set it to 0 or leave it out"
    for name, module in model.named_modules():
        if _acts_in_training(module):
            what = str(module) if "\n" not in str(module) else type(module).__name__
            raise FairtollError(f"the network's layer '{name}' is {what}, {remedy}")
    training, using = copy.deepcopy(model).train(), copy.deepcopy(model).eval()
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), torch.no_grad():
        expected, found = using(x[:ROWS].clone()), [training(x[:ROWS].clone()) for _ in range(2)]
    if any(not torch.allclose(one, expected, rtol=1e-3, atol=1e-4, equal_nan=True) for one in found):
        raise FairtollError(
            "the network behaves differently in training mode than in eval mode (dropout, noise or statistics of the "
            "batch in its forward); stacks train in eval mode, where that is off; leave it out"
        )


def _acts_in_training(module: nn.Module) -> bool:
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p > 0
    if isinstance(module, nn.RReLU):
        return True
    # Attention and recurrent layers have their own dropout rate.
    return isinstance(module, nn.MultiheadAttention | nn.RNNBase) and module.dropout > 0
