"""Checks that every attack and every proof makes before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.rows import refuse_masked_tensor
from fairtoll.models.logit_model import HALF, LogitModel, Probed
from fairtoll.models.probe import prepare
from fairtoll.threats.any import Norm, Threat


def check_inputs(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float,
    batch_size: int,
    gradients: bool = True,
    required: bool = True,
    norms: Sequence[Norm] | None = ("linf",),
) -> tuple[LogitModel, Tensor, Tensor]:
    """Check the input of an attack or a proof: returns a model that returns logits, and copies of rows and labels.

    Rows are contiguous, without a gradient and in float32 or float64. The model has been checked on the first of them
    (`fairtoll.models.probe.prepare`); one that is prepared already, as where an attack calls another, is not tried
    again.

    Parameters
    ----------
    gradients : bool
        Whether the attack follows the gradient of the logits.
    required : bool
        Whether a model that lacks it is refused then.
    norms : sequence of str, optional
        Of the threats that the attack can keep; None for one whose parts check that themselves.
    """
    rows, labels = _own_rows(x), _own_labels(y)
    if len(rows) != len(labels):
        raise FairtollError(f"x has {len(rows)} rows and y has {len(labels)}; expected the same")
    if batch_size < 1:
        raise FairtollError(f"batch_size is {batch_size}; expected 1 or more")
    check_norm(threat, norms)
    threat.bounds(rows[:1], epsilon)
    if not len(rows):
        return model if isinstance(model, LogitModel) else LogitModel(model, Probed(classes=2)), rows, labels
    prepared = prepare(model, rows, gradients=gradients, required=required)
    classes = prepared.probed.classes
    if labels.min() < 0 or labels.max() >= classes:
        raise FairtollError(
            f"labels run from {int(labels.min())} to {int(labels.max())} and the model has {classes} classes; "
            f"expected 0 to {classes - 1}"
        )
    return prepared, rows, labels


def check_norm(threat: Threat, norms: Sequence[Norm] | None) -> None:
    """Raise for a threat whose norm is none of those that an attack can keep; None for an attack that checks itself."""
    if norms is not None and threat.norm not in norms:
        if threat.norm == "table":
            raise FairtollError(
                f"the threat is a {type(threat).__name__}, and this attack or proof cannot keep categories, relations "
                f"or costs; expected a threat of {' or '.join(norms)}, or an attack that can: Union() or TableSearch()"
            )
        raise FairtollError(
            f"the threat is an {type(threat).__name__} and this attack cannot keep that norm; expected a threat of "
            f"{' or '.join(norms)}, or another attack, such as those of fairtoll.attacks.paper_attacks()"
        )


def _own_rows(x: Tensor) -> Tensor:
    refuse_masked_tensor(x, name="x")
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim < 2 or x.layout is not torch.strided:
        raise FairtollError(f"x is {_describe(x)}; expected a tensor of floats of shape (rows, ...)")
    if x.device.type == "meta":
        raise FairtollError("x is on the device 'meta', which holds no values; expected rows with values")
    with _no_inference():
        rows = x.detach().contiguous()
        # Inference tensors cannot be part of a gradient; half precision is too coarse for small radii.
        rows = rows.clone() if rows.is_inference() else rows
        return rows.float() if rows.dtype in HALF else rows


def _own_labels(y: Tensor) -> Tensor:
    if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.ndim != 1:
        raise FairtollError(f"y is {_describe(y)}; expected a tensor of int64 of shape (rows,)")
    with _no_inference():
        return y.clone() if y.is_inference() else y


def _no_inference() -> AbstractContextManager[object]:
    return torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext()


def _describe(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
