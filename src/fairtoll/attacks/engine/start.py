"""Where an attack on a batch starts: the model's answers to the clean rows, and the rows that are left to attack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks.engine.descent import BatchedModel
from fairtoll.attacks.engine.inputs import require_finite_rows
from fairtoll.threats.any import Threat


@dataclass(frozen=True, eq=False)
class Start:
    """A batch before its attack.

    Attributes
    ----------
    success : Tensor of bool, (n,)
        Rows that are misclassified already. The attack sets it for the rest.
    perturbed : Tensor, (n, ...)
        The clean rows, in which the attack puts what it found.
    left : Tensor of int64, (m,)
        Positions of the rows that are classified correctly.
    clean, labels, numbers, logits : Tensor, (m, ...)
        Of these rows: themselves, their classes, the caller's numbers for errors, and the model's answers.
    """

    success: Tensor
    perturbed: Tensor
    left: Tensor
    clean: Tensor
    labels: Tensor
    numbers: Tensor
    logits: Tensor


def begin(
    answer: Callable[[Tensor], Tensor], clean: Tensor, labels: Tensor, batch: slice, *, counted: str = "step"
) -> Start:
    """Ask the model about the clean rows of a batch.

    Parameters
    ----------
    answer : callable
        Logits of rows.
    clean, labels, batch
        As `attack_in_batches` gives them.
    counted : str
        What the attack counts, for the error.

    Raises
    ------
    FairtollError
        If an answer is not finite, naming the row.
    """
    numbers = torch.arange(batch.start, batch.stop, device=clean.device)
    logits = answer(clean).detach()
    require_finite_rows(logits, where=f"at {counted} 0 of the attack", rows=numbers)
    success = logits.argmax(dim=1) != labels
    left = torch.nonzero(~success).flatten()
    return Start(success, clean.clone(), left, clean[left], labels[left], numbers[left], logits[left])


class PackedStart:
    """The same in the layout that the model is fastest with, with the ends of every feature's way.

    Attributes
    ----------
    batched : BatchedModel
    low, high, radius, origin : Tensor, (n, ...)
        Packed: the threat's bounds, how far each feature may move, and the clean rows.
    numbers, logits, success : Tensor, (n, ...)
        As in `Start`, of all rows.

    Raises
    ------
    FairtollError
        As `begin` does.
    """

    def __init__(
        self, model: nn.Module, clean: Tensor, labels: Tensor, batch: slice, *, threat: Threat, epsilon: float
    ) -> None:
        # Whole numbers are projected in the model's own shape.
        self.batched = BatchedModel(model, clean, packed=threat.integer is None)
        pack = self.batched.layout.pack
        self.low, self.high = map(pack, threat.bounds(clean, epsilon))
        self.radius, self.origin = pack(threat.radius(clean, epsilon)), pack(clean)
        self.numbers = torch.arange(batch.start, batch.stop, device=clean.device)
        self.logits = self.batched.logits(self.origin)
        require_finite_rows(self.logits, where="at step 0 of the attack", rows=self.numbers)
        self.success = self.logits.argmax(dim=1) != labels
        self._shape, self._like, self._threat = clean.shape, clean, threat

    def drawn(self, draws: torch.Generator | None) -> Tensor:
        """Rows drawn evenly between the bounds, packed."""
        noise = self.batched.layout.pack(torch.rand(self._shape, generator=draws).to(self._like))
        return self._threat.project(self.low + (self.high - self.low) * noise, self.low, self.high)
