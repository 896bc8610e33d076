"""A caller's model as one that returns logits `(N, C)`, whatever its form of output, with its input protected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from fairtoll.models.outputs import Output, read_outputs, to_logits, to_probabilities

if TYPE_CHECKING:
    from fairtoll.models.remarks import Remark

#: Of the logits in the input: "zero" if they exist and are 0 everywhere, "absent" if autograd has none.
Gradients = Literal["present", "zero", "absent"]
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Probed:
    """What the probe found out about a model, before any attack.

    Attributes
    ----------
    classes : int
        How many classes it has.
    output : str
        What it returns: "logits", "one logit", "probabilities" or "one probability".
    precision : torch.dtype
        Of its outputs.
    rows_as : torch.dtype, optional
        The precision in which it takes rows, if it fails on them as they are.
    writes_input : bool
        Whether it writes into its input; then it receives copies.
    reuses_output : bool
        Whether it returns the same memory at each call; then its outputs are copied.
    gradients : str, optional
        "present", "zero" or "absent"; None if they were not checked.
    batch_effect : float
        By how much the logits of a row change when it is evaluated alone, as a share of the range of all logits. The
        rounding of matrix products makes it about 1e-6.
    declared : bool
        Whether the model itself says what it returns.
    notes : tuple of Remark
        What the model says of itself.

    Examples
    --------
    >>> Probed(classes=3).output
    'logits'
    """

    classes: int
    output: Output = "logits"
    precision: torch.dtype = torch.float32
    rows_as: torch.dtype | None = None
    writes_input: bool = False
    reuses_output: bool = False
    gradients: Gradients | None = None
    batch_effect: float = 0.0
    declared: bool = False
    notes: tuple[Remark, ...] = ()


class LogitModel(nn.Module):
    """The result of `fairtoll.models.probe.prepare`: a model's function of its rows, as logits.

    The model sees a copy of the rows, so that one that writes into its input does no harm. Answers in half
    precision become float32. The model itself is not changed.

    Parameters
    ----------
    model : Module
        Returns anything that `fairtoll.models.outputs.read_outputs` reads.
    probed : Probed
        The kind of its outputs, and the precision of its rows.

    Examples
    --------
    >>> one = LogitModel(nn.Linear(3, 1), Probed(classes=2, output="one logit"))
    >>> one(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(self, model: nn.Module, probed: Probed) -> None:
        super().__init__()
        self.model, self.probed = model, probed

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(N, C)`, float32 or float64."""
        return to_logits(self.outputs(x), self.probed.output)

    def probabilities(self, x: Tensor) -> Tensor:
        """The model's own class probabilities `(N, C)`; the softmax if it returns logits."""
        return to_probabilities(self.outputs(x), self.probed.output)

    def outputs(self, x: Tensor) -> Tensor:
        """What the model returns for the rows, `(N, C)` or `(N, 1)`."""
        rows = x.clone() if self.probed.rows_as is None else x.to(self.probed.rows_as, copy=True)
        outputs = read_outputs(self.model(rows), len(x))
        if outputs.dtype in HALF:
            return outputs.float()
        return outputs.clone() if self.probed.reuses_output else outputs
