"""Means of each group while training, of what a constraint bounds: loss, confidence, accuracy, robust accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import attack_batch
from fairtoll.training.batch import Batch, BatchNoise
from fairtoll.training.part_errors import at_once, means_of
from fairtoll.training.setup import TrainingSetup

#: Of a row: its cross-entropy under attack, the confidence in its true class, whether it is classified correctly, and
#: whether it is also under attack.
Outcome = Literal["robust loss", "confidence", "correct", "robust"]
#: Those that are measured on attacked rows.
ATTACKED = ("robust loss", "robust")


def part_means(
    stack: ModelStack,
    setup: TrainingSetup,
    rows: Tensor,
    codes: Tensor,
    *,
    groups: int,
    outcome: Outcome,
    threat: LinfThreat,
    epsilon: float,
    steps: int,
    measurement: int,
    seeds: Sequence[int],
) -> Tensor:
    """Mean outcome of the current models in each of P groups of some training rows, `(K, P)` in float64.

    Parameters
    ----------
    stack : ModelStack
        K models.
    setup : TrainingSetup
        Their training rows.
    rows, codes : Tensor of int64, (V,)
        Positions of the rows that are measured, and the group of each; negative for none.
    groups : int
        P.
    outcome : {"robust loss", "confidence", "correct", "robust"}
        What is averaged.
    threat, epsilon, steps
        The attack's, as in training.
    measurement : int
        Its number: each has other random starts.
    seeds : sequence of int, length K
        Of the random starts.

    Examples
    --------
    >>> setup = TrainingSetup(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]), torch.arange(2), [0],
    ...                       lambda: torch.nn.Linear(1, 2))
    >>> model = torch.nn.Linear(1, 2)
    >>> model.weight.data, model.bias.data = torch.tensor([[-1.0], [1.0]]), torch.tensor([0.0, 0.0])
    >>> part_means(ModelStack([model]), setup, torch.arange(2), setup.y, groups=2, outcome="robust",
    ...            threat=LinfThreat(), epsilon=2.0, steps=5, measurement=0, seeds=[0])
    tensor([[0., 0.]], dtype=torch.float64)
    """
    frozen, noise = stack.frozen(), BatchNoise(seeds, epoch=measurement, stream="validation noise")
    weights = next(iter(stack.parameters.values()))
    found = []
    for some in rows.split(at_once(setup.x)):
        clean = setup.x[some].to(weights).expand(len(stack), *setup.x[some].shape)
        labels = setup.y[some].to(weights.device).expand(len(stack), -1)
        batch = Batch(clean, clean, labels, some.expand(len(stack), -1), noise, measurement)
        moved = clean
        if outcome in ATTACKED:
            moved = attack_batch(frozen, batch, threat=threat, epsilon=epsilon, steps=steps)
        with torch.no_grad():
            found.append(_outcomes(frozen, clean, moved, labels, outcome))
    of = functional.one_hot(codes + 1, groups + 1)[:, 1:].double()
    return means_of(torch.cat(found, dim=1).double().cpu(), of, setup, rows)


def _outcomes(stack: ModelStack, clean: Tensor, moved: Tensor, labels: Tensor, outcome: Outcome) -> Tensor:
    logits = stack.each(moved).to(stack.dtype)
    if outcome in ("correct", "robust"):
        correct = logits.argmax(dim=-1) == labels
        return correct if outcome == "correct" else correct & (stack.each(clean).argmax(dim=-1) == labels)
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    return losses if outcome == "robust loss" else (-losses).exp()
