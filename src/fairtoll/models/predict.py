"""Asking a user's model for logits, and giving it back as it came."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError, FairtollWarning
from fairtoll.models.batches import chunk_rows, in_batches
from fairtoll.models.dense import quick


@contextmanager
def borrowed(model: nn.Module) -> Iterator[nn.Module]:
    """The model to ask, in eval mode with frozen weights; on leaving, exactly as it was.

    What is given is the model itself, or the same function of it that is quicker (`fairtoll.models.dense.quick`).
    Restores every module's mode, every parameter's `requires_grad`, and the global random state.
    `.grad` is never touched: attacks ask for the input's gradient alone.

    Examples
    --------
    >>> model = nn.Linear(2, 2).train()
    >>> with borrowed(model):
    ...     model.training, model.weight.requires_grad
    (False, False)
    >>> model.training, model.weight.requires_grad
    (True, True)
    """
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    devices = [device_of(model)] if device_of(model).type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            model.eval()
            for parameter, _ in flags:
                parameter.requires_grad_(False)
            yield quick(model)
        finally:
            for module, training in modes:
                module.training = training
            for parameter, flag in flags:
                parameter.requires_grad_(flag)


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights live; the CPU for a model without weights."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def checked_logits(model: nn.Module, x: Tensor, *, classes: int | None = None) -> Tensor:
    """``model(x)``, or an error that says what is wrong with it.

    Raises
    ------
    FairtollError
        If the output is not `(N, C)` with at least two classes.

    Examples
    --------
    >>> checked_logits(nn.Linear(2, 3), torch.zeros(4, 2)).shape
    torch.Size([4, 3])
    """
    logits = model(x)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(x) or logits.shape[1] < 2:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise FairtollError(
            f"the model returned {shape} for {len(x)} rows; expected logits of shape ({len(x)}, classes), "
            "two classes or more"
        )
    if classes is not None and logits.shape[1] != classes:
        raise FairtollError(f"the model returned {logits.shape[1]} classes; expected {classes}, as the data has")
    return logits


def require_finite(logits: Tensor, *, where: str, rows: Tensor | None = None) -> None:
    """Raise, naming the first bad row, if any logit is NaN or infinite.

    `rows` holds the number of each row; default: its position.
    """
    finite = torch.isfinite(logits).all(dim=1)
    if not finite.all():
        bad = torch.nonzero(~finite).flatten()
        bad = bad if rows is None else rows[bad]
        raise FairtollError(
            f"the model returned NaN or infinity for {len(bad)} rows {where}, the first is row {int(bad[0])}; "
            "check its input range and weights"
        )


def warn_if_probabilities(logits: Tensor, *, stacklevel: int = 3) -> None:
    """Warn if every row is non-negative and sums to one."""
    if len(logits) and (logits >= 0).all() and ((logits.sum(dim=1) - 1).abs() < 1e-4).all():
        warnings.warn(
            "the model seems to return probabilities where logits are due: every row is non-negative and sums to "
            "one; attacks on them meet vanishing gradients, so return the values before the softmax",
            FairtollWarning,
            stacklevel=stacklevel,
        )


@torch.no_grad()
def predict_logits(model: nn.Module, x: Tensor, *, classes: int | None = None, batch_size: int | None = None) -> Tensor:
    """Logits of every row, in batches, on the model's device, returned on the CPU.

    Parameters
    ----------
    model : Module
        Returns logits; left as it was.
    x : Tensor, (N, ...)
        Rows in the data's units.
    classes : int, optional
        How many classes the data has.
    batch_size : int, optional
        Rows a call. Default: as many as a CPU's caches hold, at most 1,024.

    Returns
    -------
    Tensor, (N, C)

    Raises
    ------
    FairtollError
        If the model fails on these rows, or its output has the wrong shape or is not finite.

    Warns
    -----
    FairtollWarning
        If the outputs look like probabilities: each row sums to one and none is negative; or if a batch does not
        fit the device's memory and was halved.

    Examples
    --------
    >>> predict_logits(nn.Linear(2, 3), torch.zeros(4, 2)).shape
    torch.Size([4, 3])
    """
    device = device_of(model)
    batch_size = chunk_rows(x) if batch_size is None else batch_size

    def ask(batch: slice) -> Tensor:
        return checked_logits(asked, x[batch].to(device), classes=classes).cpu()

    try:
        with borrowed(model) as asked:
            batches = in_batches(len(x), batch_size, ask) or [ask(slice(0, 0))]
    except RuntimeError as error:
        raise FairtollError(
            f"the model fails on rows of shape {tuple(x.shape[1:])} ({' '.join(str(error).split())}); expected a model "
            "that takes this data's inputs"
        ) from error
    logits = torch.cat(batches)
    require_finite(logits, where="of the clean data")
    # Past torch's own wrapper of this function.
    warn_if_probabilities(logits, stacklevel=4)
    return logits
