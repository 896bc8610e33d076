"""Worst-group training: the weights of classes or groups follow their robust losses by exponentiated gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.batch import Batch
from fairtoll.training.fit import cross_entropy
from fairtoll.training.part_policy import of_rows, placed, repaired_parts, require_within, sums_of_parts
from fairtoll.training.recipes.online import STEPS, train_online
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

#: Of the exponentiated gradient: the published code's.
STEP = 0.01


def exponentiated_gradient(growth: Tensor, sizes: Tensor) -> Tensor:
    """Weights of the rows of each group, `(K, P)`: 1 on the average over rows, and 1 each without growth.

    Group DRO (Sagawa et al. 2020, algorithm 1) multiplies the probability q of a group by ``exp(step * loss)`` at
    every step. Here `growth` is the sum of those exponents, and q starts from the group's share of the rows, so that a
    row's weight, q over that share, starts from 1.

    Parameters
    ----------
    growth : Tensor, (K, P)
        Sums of ``step * loss``.
    sizes : Tensor, (P,) or (K, P)
        Rows of each group.

    Examples
    --------
    >>> weights = exponentiated_gradient(torch.tensor([[0.0, 0.6931471805599453]]).double(), torch.tensor([3.0, 1.0]))
    >>> [round(float(weight), 6) for weight in weights[0]]
    [0.8, 1.6]
    """
    used = torch.where(sizes > 0, growth, -torch.inf)
    multiplied = (used - used.amax(dim=1, keepdim=True)).exp()
    return multiplied * (sizes.sum(dim=-1, keepdim=True) / (multiplied * sizes).sum(dim=1, keepdim=True))


def train_dro(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    partition: str = "class",
    step: float = STEP,
    steps: int = STEPS,
) -> ModelStack:
    """On-line adversarial training for the worst class or group: group DRO on robust losses (Sagawa et al. 2020).

    At every step the weights of the groups that fare worse on the batch's adversarial examples grow, and the batch is
    learnt with the weights so found. They start equal for all rows, so that a step of 0 is on-line training.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat, epsilon, steps
        The training attack's, as `fairtoll.training.train_online` takes them.
    partition : str
        Whose worst group: "class", or an attribute of the rows.
    step : float
        Of the exponentiated gradient.

    Raises
    ------
    FairtollError
        For fewer than two groups, or a negative step.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_dro(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    require_within("step", step, published=STEP)
    parts, sizes = repaired_parts(setup, partition)
    parts, sizes = placed(parts, setup.device), sizes.to(setup.device)
    growth = torch.zeros(len(setup.seeds), len(parts), dtype=torch.float64, device=setup.device)

    def loss(stack: ModelStack, batch: Batch) -> Tensor:
        losses = cross_entropy(stack, batch)
        sums, rows = sums_of_parts(losses, parts, batch)
        growth.add_(step * sums / rows.clamp(min=1))
        return losses * of_rows(exponentiated_gradient(growth, sizes), parts, batch).to(losses)

    return train_online(setup, threat=threat, epsilon=epsilon, steps=steps, loss=loss)


def _train(setup: TrainingSetup, adversary: Adversary, *, partition: str, step: float) -> ModelStack:
    return train_dro(setup, threat=adversary.threat, epsilon=adversary.epsilon, partition=partition, step=step)


DRO = Recipe(
    "dro",
    "Worst-group DRO",
    f"the on-line arm with losses weighted by exponentiated gradient towards the worst, step {STEP:g}",
    _train,
    role="repair",
    control="online-noise",
    gradients=float(STEPS),
    needs_adversary=True,
    parameters={"partition": "class", "step": STEP},
    strength=RADIUS,
    masks=True,
)
