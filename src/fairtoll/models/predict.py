"""Logits and probabilities of every row, from a user's model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.batches import chunk_rows, in_batches
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.models.logit_model import HALF, LogitModel
from fairtoll.models.probe import prepare

#: Probabilities whose sum is off by more were rounded in half precision, and are normalised to a sum of one.
SUM_TOLERANCE = 1e-5


def checked_logits(model: nn.Module, x: Tensor) -> Tensor:
    """``model(x)`` of a prepared model, or an error that says what is wrong with it.

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


def predict_logits(model: nn.Module, x: Tensor, *, classes: int | None = None, batch_size: int | None = None) -> Tensor:
    """Logits of every row, in batches, on the model's device, returned on the CPU.

    Parameters
    ----------
    model : Module
        Restored afterwards. It returns logits `(N, C)`, or what `fairtoll.models.outputs` reads as such.
    x : Tensor, (N, ...)
        Rows in the data's units.
    classes : int, optional
        How many classes the data has.
    batch_size : int, optional
        Rows a call. Default: as many as a CPU's caches hold, at most 1,024.

    Returns
    -------
    Tensor, (N, C)
        Of a model that returns probabilities, their logarithm.

    Raises
    ------
    FairtollError
        If the model fails on these rows, or its output has the wrong shape, is not finite, or changes from call to
        call or with the other rows of a batch.

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
    prepared = prepare(model, x, classes=classes, gradients=False)
    return _predict(prepared, x, checked_logits, batch_size=batch_size)


def predict_probabilities(
    model: nn.Module, x: Tensor, *, classes: int | None = None, batch_size: int | None = None
) -> Tensor:
    """Class probabilities of every row, on the CPU: the model's own where it returns such.

    Parameters, errors and warnings are those of `predict_logits`. Logits in half precision are converted to float64
    before the softmax.

    Returns
    -------
    Tensor, (N, C)

    Examples
    --------
    >>> predict_probabilities(nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1)), torch.zeros(4, 2)).shape
    torch.Size([4, 2])
    """
    prepared = prepare(model, x, classes=classes, gradients=False)
    if prepared.probed.output in ("logits", "one logit"):
        logits = _predict(prepared, x, checked_logits, batch_size=batch_size)
        return (logits.double() if prepared.probed.precision in HALF else logits).softmax(dim=1)
    own = _predict(prepared, x, _own_probabilities, batch_size=batch_size)
    if ((own.double().sum(dim=1) - 1).abs() > SUM_TOLERANCE).any():
        own = own.double() / own.double().sum(dim=1, keepdim=True)
    return own


def _own_probabilities(running: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(running, LogitModel)
    return running.probabilities(x)


@torch.no_grad()
def _predict(
    model: LogitModel, x: Tensor, output: Callable[[nn.Module, Tensor], Tensor], *, batch_size: int | None
) -> Tensor:
    device = device_of(model)
    with borrowed(model) as running:

        def run(batch: slice) -> Tensor:
            return output(running, x[batch].detach().to(device)).cpu()

        try:
            batches = in_batches(len(x), chunk_rows(x) if batch_size is None else batch_size, run)
            outputs = torch.cat(batches or [run(slice(0, 0))])
        except RuntimeError as error:
            raise FairtollError(
                f"the model fails on some of {len(x)} rows of shape {tuple(x.shape[1:])} "
                f"({' '.join(str(error).split())}); expected a model that takes this data's inputs"
            ) from error
    require_finite(outputs, where="of the clean data")
    return outputs
