"""What attacks have in common that propose one input a row: who is asked, and which answers count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, like
from fairtoll.attacks.engine.coordinates import Coordinates
from fairtoll.attacks.engine.inputs import check_inputs, finite_logits
from fairtoll.attacks.engine.start import begin
from fairtoll.attacks.spec import AttackResult
from fairtoll.models.predict import checked_logits
from fairtoll.threats.any import Norm, Threat


@dataclass(frozen=True)
class Asked:
    """Rows of one batch that are classified correctly, for an attack to move.

    Attributes
    ----------
    model : Module
        The borrowed model, in the data's units.
    clean : Tensor, (n, ...)
    labels, targets : Tensor of int64, (n,)
        The true class, and the likeliest wrong one.
    classes : int
        Of the model.
    coordinates : Coordinates
        The moves that the threat admits.
    """

    model: nn.Module
    clean: Tensor
    labels: Tensor
    targets: Tensor
    classes: int
    coordinates: Coordinates


#: The proposed inputs in the data's units, `(n, ...)`, and which of them may count, `(n,)` of bool, or None for all.
Propose = Callable[[Asked], tuple[Tensor, Tensor | None]]


def ask(
    propose: Propose,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    name: str,
    norms: Sequence[Norm],
    threat: Threat,
    epsilon: float,
    batch_size: int,
    generator: torch.Generator | None,
    gradients: bool,
) -> AttackResult:
    """Run an attack on the rows that are classified correctly, and count what is admissible and misclassified.

    What is proposed is confined to the threat and classified by the model as it is. Of a row that is not broken
    the result has the confined proposal.
    """
    model, x, y = check_inputs(
        model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, gradients=gradients, norms=norms
    )

    def work(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        at = begin(lambda rows: checked_logits(model, rows), clean, labels, batch)
        rows, own = at.clean, at.labels
        if not len(at.left):
            return at.success, at.perturbed
        coordinates = Coordinates(threat, rows, epsilon)
        if not coordinates.reach:
            return at.success, at.perturbed
        targets = at.logits.scatter(1, own.unsqueeze(1), -torch.inf).argmax(dim=1)
        with torch.enable_grad():
            points, counts = propose(Asked(model, rows, own, targets, at.logits.shape[1], coordinates))
        points = threat.confine(rows, points.detach(), epsilon)
        if counts is not None:
            points = torch.where(like(counts, points), points, rows)
        answers = finite_logits(model, points, where=f"at the answer of {name}", rows=at.numbers)
        at.success[at.left], at.perturbed[at.left] = answers.argmax(dim=1) != own, points
        return at.success, at.perturbed

    with torch.no_grad():
        return attack_in_batches(model, x, y, work, batch_size=batch_size, generator=generator)
