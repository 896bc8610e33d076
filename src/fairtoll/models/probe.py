"""Check a model on a few rows before any attack: one that no attack can measure is an immediate error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError, note, warn
from fairtoll.models.batches import is_out_of_memory
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.models.logit_model import Gradients, LogitModel, Probed
from fairtoll.models.outputs import Declared, perhaps_probabilities, read_outputs, recognise
from fairtoll.models.remarks import ALONE, PERHAPS_PROBABILITIES, SAME, remarks

#: Rows on which a model is checked.
PROBE_ROWS = 32
#: Rows whose gradients are checked.
GRADIENT_ROWS = 8


def prepare(
    model: nn.Module, x: Tensor, *, classes: int | None = None, gradients: bool = True, required: bool = True
) -> LogitModel:
    """The model as one that returns logits `(N, C)`, after a probe on the first rows of `x`.

    Two calls of 32 rows or fewer, two of one row, and a gradient of eight rows. One that is prepared already is only
    checked.

    Parameters
    ----------
    model : Module
        Restored afterwards.
    x : Tensor, (N, ...)
        Rows in the data's units, one or more.
    classes : int, optional
        How many classes the data has.
    gradients : bool
        Whether to find out if its logits have a gradient in its input, which most attacks need.
    required : bool
        Whether a model without one is an error then; else `probed` says so.

    Returns
    -------
    LogitModel
        With the findings in `probed`.

    Raises
    ------
    FairtollError
        If the model fails on these rows or on one of them alone, returns what cannot be read as logits, has another
        number of classes, changes its outputs from call to call or with the other rows of a batch, or has no gradient
        where one is needed.

    Warns
    -----
    FairtollWarning
        If it returns probabilities, or its outputs depend a little on the other rows of a batch.

    Examples
    --------
    >>> prepare(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), torch.randn(5, 3)).probed.gradients
    'present'
    """
    if not isinstance(model, LogitModel):
        model = LogitModel(model, probe(model, x, gradients=gradients))
        for remark in remarks(model.probed):
            issue = note if remark.kind == "note" else warn
            issue(remark.text)
    elif gradients and model.probed.gradients is None:
        model = LogitModel(model.model, replace(model.probed, gradients=_gradients(model, x)))
    if classes is not None and model.probed.classes != classes:
        raise FairtollError(f"the model returned {model.probed.classes} classes; expected {classes}, as the data has")
    if gradients and required and model.probed.gradients == "absent":
        raise FairtollError(
            "the model's logits have no gradient in its input (a .detach(), torch.no_grad(), a quantised layer or a "
            "constant in its forward); expected one that autograd can follow; remove it, or run "
            "attacks that need only scores: square, grid, random_noise"
        )
    return model


def probe(model: nn.Module, x: Tensor, *, gradients: bool = True) -> Probed:
    """Properties of a model, found on the first rows of `x`.

    Raises
    ------
    FairtollError
        As `prepare`, except for the number of classes and missing gradients, which depend on the use.

    Examples
    --------
    >>> probe(nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1)), torch.randn(9, 3)).output
    'probabilities'
    """
    with borrowed(model) as running, torch.no_grad():
        rows = x[:PROBE_ROWS].detach().to(device_of(model)).clone()
        outputs, rows, rows_as = _first_outputs(model, running, rows)
        given = rows.clone()
        again = read_outputs(running(given), len(rows))
        writes = given._version > 0 or not torch.equal(given.nan_to_num(), rows.nan_to_num())
        reuses = again.untyped_storage().data_ptr() == outputs.untyped_storage().data_ptr()
        span, noise = _span(outputs), _difference(outputs, again)
        if noise > SAME * span + _rounding(outputs):
            raise FairtollError(
                f"the model's outputs change from call to call: by {noise:.2g} for the same {len(rows)} rows, with "
                f"a range of {span:.2g}; expected the same outputs in eval mode; switch off dropout, noise or "
                "sampling in its forward"
            )
        effect = _effect_of_others(running, rows, outputs, span=span)
        said = getattr(model, "declared", None)
        declared = said if isinstance(said, Declared) else Declared()
        output = declared.output or recognise(outputs, precision=outputs.dtype)
        notes = declared.remarks
        if declared.output is None and perhaps_probabilities(outputs, output):
            notes += (PERHAPS_PROBABILITIES,)
    found = Probed(
        max(2, outputs.shape[1]), output, outputs.dtype, rows_as, writes, reuses, None, effect,
        said is declared and declared.of_outputs, notes,
    )  # fmt: skip
    return replace(found, gradients=_gradients(LogitModel(model, found), x[: len(rows)])) if gradients else found


def _first_outputs(model: nn.Module, running: nn.Module, rows: Tensor) -> tuple[Tensor, Tensor, torch.dtype | None]:
    """Answers, the rows that they are for, and their precision if the model takes another than theirs."""
    while True:
        try:
            return read_outputs(running(rows.clone()), len(rows)), rows, None
        except FairtollError:
            raise
        except Exception as error:
            if not is_out_of_memory(error) or len(rows) < 2:
                return _in_own_precision(model, running, rows, error)
        rows = rows[: len(rows) // 2]


def _in_own_precision(
    model: nn.Module, running: nn.Module, rows: Tensor, error: Exception
) -> tuple[Tensor, Tensor, torch.dtype]:
    """The same with rows in the precision of the weights, if it differs; else the error."""
    own = weights_dtype(model)
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if own is None or own == rows.dtype:
        raise FairtollError(
            f"the model fails on rows of shape {tuple(rows.shape[1:])} and type {rows.dtype} ({reason}); expected a "
            "model that takes this data's inputs"
        ) from error
    cast = rows.to(own)
    try:
        return read_outputs(running(cast.clone()), len(rows)), cast, own
    except FairtollError:
        raise
    except Exception as other:
        raise FairtollError(
            f"the model fails on rows of shape {tuple(rows.shape[1:])} and type {rows.dtype} ({reason}), and with them "
            f"brought to the {own} of its weights ({type(other).__name__}: {' '.join(str(other).split())}); expected a "
            "model that takes this data's inputs"
        ) from other


def weights_dtype(model: nn.Module) -> torch.dtype | None:
    """The precision of the first floating weight or buffer; None for a model without.

    Examples
    --------
    >>> weights_dtype(nn.Linear(2, 2).double())
    torch.float64
    """
    floating = (one.dtype for one in (*model.parameters(), *model.buffers()) if one.is_floating_point())
    return next(floating, None)


def _effect_of_others(running: nn.Module, rows: Tensor, outputs: Tensor, *, span: float) -> float:
    """By how much the first and the last row's outputs change when evaluated alone, as a share of the range."""
    effect = 0.0
    for row in {0, len(rows) - 1} if len(rows) > 1 else set():
        try:
            alone = read_outputs(running(rows[row : row + 1].clone()), 1)
        except Exception as error:
            raise FairtollError(
                f"the model fails on a single row ({type(error).__name__}: {' '.join(str(error).split())}); "
                "expected outputs for any number of rows, since attacks drop finished rows; give .squeeze() a "
                "dimension, and use no statistics of the batch"
            ) from error
        if alone.shape[1] != outputs.shape[1]:
            raise FairtollError(
                f"the model returned {alone.shape[1]} values for a single row and {outputs.shape[1]} for the "
                f"same row among {len(rows)}; expected the same number; give .squeeze() a dimension"
            )
        difference = _difference(outputs[row : row + 1], alone)
        if difference > ALONE * span + _rounding(outputs):
            raise FairtollError(
                f"the model's outputs depend on the other rows of a batch: alone, row {row} differs by "
                f"{difference:.2g}, with a range of {span:.2g}; expected outputs that depend on each row only; use "
                "running statistics instead of the batch's (eval mode), or group or layer normalisation"
            )
        effect = max(effect, difference / span if span else 0.0)
    return effect


def _span(outputs: Tensor) -> float:
    """Largest minus smallest finite output."""
    finite = outputs[outputs.isfinite()]
    return float(finite.max() - finite.min()) if finite.numel() else 0.0


def _rounding(outputs: Tensor) -> float:
    finite = outputs[outputs.isfinite()]
    return 20 * torch.finfo(outputs.dtype).eps * float(finite.abs().max()) if finite.numel() else 0.0


def _difference(one: Tensor, other: Tensor) -> float:
    """The largest difference; the attacks report non-finite values, with their rows."""
    if one.shape != other.shape:
        return float("inf")
    apart = (one - other).abs()
    finite = apart[apart.isfinite()]
    return float(finite.max()) if finite.numel() else 0.0


def _gradients(model: LogitModel, x: Tensor) -> Gradients:
    with borrowed(model) as running, torch.enable_grad():
        leaf = x[:GRADIENT_ROWS].detach().to(device_of(model)).clone().requires_grad_(True)
        logits: Any = running(leaf)
        if not logits.requires_grad:
            return "absent"
        try:
            slope: Tensor | None = torch.autograd.grad(
                (logits.amax(dim=1) - logits.mean(dim=1)).sum(), leaf, allow_unused=True
            )[0]
        except RuntimeError:
            return "absent"
    if slope is None:
        return "absent"
    return "present" if bool((slope != 0).any()) else "zero"
