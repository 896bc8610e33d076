"""A caller's model as one that gives logits `(N, C)`, whatever it returns and whatever it does to its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fairtoll.models.answers import Output, read_answers, to_logits, to_probabilities

#: Of the logits in the input: "zero" if they exist and are 0 everywhere, "absent" if autograd has none.
Gradients = Literal["present", "zero", "absent"]
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Probed:
    """What a few rows showed of a model, before any attack.

    Attributes
    ----------
    classes : int
        How many it tells apart.
    output : str
        What it returns: "logits", "one logit", "probabilities" or "one probability".
    precision : torch.dtype
        Of what it returns.
    rows_as : torch.dtype, optional
        The precision in which it takes rows, if it fails on them as they are.
    writes_input : bool
        Whether it writes into its input; it is given copies.
    reuses_output : bool
        Whether it returns the same memory at each call; its answers are copied.
    gradients : str, optional
        "present", "zero" or "absent"; None if they were not looked at.
    batch_effect : float
        By how much the logits of a row change when it comes alone, as a share of the range of all logits. The
        rounding of matrix products makes it about 1e-6.

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


class LogitModel(nn.Module):
    """What `fairtoll.models.probe.prepare` makes of a model: the same function of its rows, as logits.

    The model sees a copy of the rows, so that one that writes into its input rewrites nothing. Answers in half
    precision become float32. The model is held as it is and is not changed.

    Parameters
    ----------
    model : Module
        Returns anything that `fairtoll.models.answers.read_answers` reads.
    probed : Probed
        What its answers are, and in which precision it takes rows.

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
        return to_logits(self.answers(x), self.probed.output)

    def probabilities(self, x: Tensor) -> Tensor:
        """The model's own class probabilities `(N, C)`; of one that gives logits their softmax."""
        return to_probabilities(self.answers(x), self.probed.output)

    def answers(self, x: Tensor) -> Tensor:
        """What the model returns for the rows, `(N, C)` or `(N, 1)`."""
        rows = x.clone() if self.probed.rows_as is None else x.to(self.probed.rows_as, copy=True)
        answers = read_answers(self.model(rows), len(x))
        if answers.dtype in HALF:
            return answers.float()
        return answers.clone() if self.probed.reuses_output else answers
