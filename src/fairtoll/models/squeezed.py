"""A classifier behind feature squeezers, which also flags rows whose answer the squeezers change by much."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.batches import chunk_rows
from fairtoll.models.borrow import device_of
from fairtoll.models.dense import quick
from fairtoll.models.smoothed import AnotherValue

#: The share of clean rows that a detector flags.
FALSE_POSITIVES = 0.05
TOO_FEW = (
    "a detector has {given} held-out rows; expected {least} or more for a false-positive rate of {rate:g}; give more "
    "training rows, or leave squeezing out"
)


class Squeezed(nn.Module):
    """A model that sees squeezed rows, with a detector beside it.

    Xu, Evans and Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks" (NDSS 2018). An attack
    goes through the squeezer as if it were the identity (BPDA: Athalye, Carlini and Wagner, "Obfuscated Gradients Give
    a False Sense of Security", ICML 2018), whose own gradient is zero almost everywhere.

    Parameters
    ----------
    model : Module
        Returns logits.
    squeeze : Module
        What every row goes through before the model.
    detectors : sequence of Module
        Squeezers that the detector compares the unsqueezed row with.
    clean : Tensor, (n, ...), optional
        Clean rows that training left out, of which the detector flags 5%; see `threshold_of`. None for a detector that
        flags nothing.

    Raises
    ------
    FairtollError
        If there is no squeezer to compare with.

    Examples
    --------
    >>> from fairtoll.models.squeezers import Levels
    >>> levels = Levels(torch.zeros(2), torch.ones(2), bits=1)
    >>> one = Squeezed(nn.Linear(2, 2), levels, [levels])
    >>> one.flags(torch.zeros(3, 2)).tolist()
    [False, False, False]
    """

    def __init__(
        self, model: nn.Module, squeeze: nn.Module, detectors: Sequence[nn.Module], *, clean: Tensor | None = None
    ) -> None:
        super().__init__()
        if not detectors:
            raise FairtollError("a detector of no squeezers; expected one or more; give the squeezers to compare")
        self.model, self.squeeze = model, squeeze
        self.detectors = nn.ModuleList(detectors)
        # No buffer: it is no part of the model.
        self._clean, self._threshold = clean, math.inf if clean is None else None

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the squeezed rows, `(N, C)`; the gradient passes the squeezer unchanged."""
        logits: Tensor = self.model(_through(self.squeeze, x))
        return logits

    def quick_form(self) -> nn.Module:
        """The same for a model that does not change; see `fairtoll.models.dense.quick`."""
        return Squeezed(quick(self.model), self.squeeze, list(self.detectors), clean=self._clean)

    def naive_form(self) -> nn.Module:
        """The same with the squeezer's own gradient."""
        return nn.Sequential(self.squeeze, self.model)

    @property
    def threshold(self) -> float:
        """Rows whose answer changes by more are flagged; it is set when it is first needed.

        Raises
        ------
        FairtollError
            For too few clean rows.
        """
        if self._threshold is None:
            assert self._clean is not None
            self._threshold = threshold_of(self.change(self._clean))
        return self._threshold

    def changes(self, x: Tensor) -> Tensor:
        """The largest L1 distance between the probabilities of each row and of one of its squeezed forms, `(N,)`.

        With gradients, which pass the squeezers unchanged.
        """
        own = self.model(x).softmax(dim=1)
        apart = [(self.model(_through(one, x)).softmax(dim=1) - own).abs().sum(dim=1) for one in self.detectors]
        return torch.stack(apart).amax(dim=0)

    @torch.no_grad()
    def change(self, x: Tensor) -> Tensor:
        """As `changes` of any number of rows, without gradients, on the CPU."""
        parts = [self.changes(rows) for rows in x.to(device_of(self.model)).split(chunk_rows(x))]
        return torch.cat(parts).cpu()

    def flags(self, x: Tensor) -> Tensor:
        """Which rows the detector takes for attacked, `(N,)` of bool."""
        return self.change(x) > self.threshold


def _through(squeeze: nn.Module, x: Tensor) -> Tensor:
    """The squeezed rows with the gradient of the identity."""
    with torch.no_grad():
        squeezed = squeeze(x.detach())
    found: Tensor = AnotherValue.apply(x, squeezed)  # type: ignore[no-untyped-call]
    return found


def threshold_of(changes: Tensor, *, false_positives: float = FALSE_POSITIVES) -> float:
    """A threshold that a new clean row exceeds with at most this probability, from those of clean rows `(n,)`.

    The ``ceil((n + 1) (1 - false_positives))``-th smallest, as in split conformal prediction: over the draw of these
    rows and a new one the bound holds exactly, whatever the distribution.

    Raises
    ------
    FairtollError
        If there are too few rows for such a threshold.

    Examples
    --------
    >>> threshold_of(torch.arange(99.0))
    94.0
    """
    place = _place(len(changes), false_positives)
    return float(changes.sort().values[place - 1])


def require_held_out(rows: int, *, false_positives: float = FALSE_POSITIVES) -> None:
    """Raise for fewer held-out rows than a threshold takes.

    Raises
    ------
    FairtollError
        Saying how many it takes.

    Examples
    --------
    >>> require_held_out(19)
    """
    _place(rows, false_positives)


def _place(rows: int, false_positives: float) -> int:
    place = math.ceil((rows + 1) * (1 - false_positives) - 1e-9)
    if place > rows:
        least = math.ceil(1 / false_positives) - 1
        raise FairtollError(TOO_FEW.format(given=rows, least=least, rate=false_positives))
    return place
