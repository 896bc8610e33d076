"""Errors of each class or group while training: what repairs and model selection read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import attack_batch
from fairtoll.training.batch import Batch, BatchNoise
from fairtoll.training.setup import Parts, TrainingSetup

#: Rows of a table, and images, that are attacked at once: activations of more images take gigabytes.
TABLE_AT_ONCE, IMAGES_AT_ONCE = 4096, 500


@dataclass(frozen=True, eq=False)
class PartErrors:
    """Errors of K models on the P groups of a partition.

    Attributes
    ----------
    clean, robust : Tensor, (K, P)
        Shares of the rows that are classified wrongly, and that are classified wrongly clean or attacked. NaN for a
        group without rows.

    Examples
    --------
    >>> PartErrors(torch.tensor([[0.25]]), torch.tensor([[0.75]])).boundary
    tensor([[0.5000]])
    """

    clean: Tensor
    robust: Tensor

    @property
    def boundary(self) -> Tensor:
        """Shares of the rows that are classified correctly clean and wrongly attacked."""
        return self.robust - self.clean


def part_errors(
    stack: ModelStack,
    setup: TrainingSetup,
    rows: Tensor,
    parts: Parts,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int,
    epoch: int,
    seeds: Sequence[int],
) -> PartErrors:
    """Clean and robust errors of the current models on some training rows, by group.

    The attack is that of training, PGD with cross-entropy and `steps` steps: it guides training and selects models; it
    is no robust accuracy to report.

    Parameters
    ----------
    stack : ModelStack
        K models.
    setup : TrainingSetup
        Their training rows.
    rows : Tensor of int64, (V,)
        Positions of the rows that are measured.
    parts : Parts
        The groups.
    threat, epsilon, steps
        The attack's.
    epoch : int
        Each has another random start.
    seeds : sequence of int, length K
        Of the random starts.

    Examples
    --------
    >>> setup = TrainingSetup(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]), torch.arange(2), [0],
    ...                       lambda: torch.nn.Linear(1, 2))
    >>> model = torch.nn.Linear(1, 2)
    >>> model.weight.data, model.bias.data = torch.tensor([[-1.0], [1.0]]), torch.zeros(2)
    >>> found = part_errors(ModelStack([model]), setup, torch.arange(2), setup.parts("class"), threat=LinfThreat(),
    ...                     epsilon=2.0, steps=5, epoch=0, seeds=[0])
    >>> found.clean.tolist(), found.robust.tolist()
    ([[0.0, 0.0]], [[1.0, 1.0]])
    """
    weights = next(iter(stack.parameters.values()))
    frozen, noise = stack.frozen(), BatchNoise(seeds, epoch=epoch, stream="validation noise")
    wrong = []
    for some in rows.split(at_once(setup.x)):
        clean = setup.x[some].to(weights).expand(len(stack), *setup.x[some].shape)
        labels = setup.y[some].to(weights.device).expand(len(stack), -1)
        batch = Batch(clean, clean, labels, some.expand(len(stack), -1), noise, epoch)
        moved = attack_batch(frozen, batch, threat=threat, epsilon=epsilon, steps=steps)
        with torch.no_grad():
            before, after = (frozen.each(one).argmax(dim=-1) != labels for one in (clean, moved))
        wrong.append(torch.stack([before, before | after]))
    found = torch.cat(wrong, dim=2).double().cpu()
    of = torch.nn.functional.one_hot(parts.codes[rows], len(parts)).double()
    means = means_of(found, of, setup, rows)
    return PartErrors(means[0], means[1])


def means_of(values: Tensor, of: Tensor, setup: TrainingSetup, rows: Tensor) -> Tensor:
    """Means by group of values `(..., K, V)` of some training rows, `(..., K, P)`; weighted means of weighted rows.

    Parameters
    ----------
    values : Tensor of float64, (..., K, V)
        Of each row for each run.
    of : Tensor of float64, (V, P)
        1 where a row belongs to a group.
    setup : TrainingSetup
        Whose rows they are.
    rows : Tensor of int64, (V,)
        Their positions.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(3, 1), torch.tensor([0, 0, 1]), torch.arange(3), [0],
    ...                       lambda: torch.nn.Linear(1, 2), row_weights=torch.tensor([[0.0, 1.0, 1.0]]))
    >>> of = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).double()
    >>> means_of(torch.tensor([[8.0, 2.0, 4.0]]).double(), of, setup, torch.arange(3)).tolist()
    [[2.0, 4.0]]
    """
    if setup.row_weights is None:
        return values @ of / of.sum(dim=0)
    weights = setup.row_weights[:, rows].double()
    return (values * weights) @ of / (weights @ of)


def at_once(x: Tensor) -> int:
    """How many of the rows `x` `(N, ...)` are attacked at once.

    Examples
    --------
    >>> at_once(torch.zeros(1, 14)), at_once(torch.zeros(1, 3, 32, 32))
    (4096, 500)
    """
    return TABLE_AT_ONCE if x.ndim == 2 else IMAGES_AT_ONCE
