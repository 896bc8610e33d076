"""Closed-form distributionally robust training (FAAL): groups weighted as in the worst mixture near each batch's."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.batch import Batch
from fairtoll.training.part_policy import of_rows, placed, repaired_parts, require_within, sums_of_parts
from fairtoll.training.recipes.online import STEPS, train_online
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

#: Of the ball of mixtures, in nats: the published value.
DIVERGENCE = 0.5

#: The multiplier is searched between these multiples of the spread of the margins, by their logarithm.
NEAREST, FURTHEST = 1e-30, 1e15
#: Each pass divides the interval that holds the multiplier by `PROBES` less 1: together as 40 bisections.
PROBES, PASSES = 33, 8


def worst_mixture(margins: Tensor, sizes: Tensor, *, divergence: float) -> Tensor:
    """Weights of the rows of each group that maximise the mean margin, within a ball around the present mixture.

    The problem is FAAL's (Zhang et al. 2024): the mixture p of the groups that maximises ``sum_c p_c m_c``
    under ``KL(u || p) <= divergence``, u the present mixture. Its solution is ``p_c = u_c / (mu - m_c)``, rescaled to
    a sum of 1, with the mu above all margins at which the divergence is met: the published code hands the same problem
    to a general solver. A row's weight is ``p_c / u_c``.

    Parameters
    ----------
    margins : Tensor, (K, P)
        Of each group, larger for worse.
    sizes : Tensor, (K, P)
        Rows of each group; a group without rows has no part in it.
    divergence : float
        Radius of the ball, in nats. With 0 all weights are 1.

    Returns
    -------
    Tensor of float64, (K, P)
        1 on the average over rows.

    Examples
    --------
    >>> weights = worst_mixture(torch.tensor([[0.0, 1.0]]), torch.tensor([[1, 1]]), divergence=0.5 * math.log(4 / 3))
    >>> [round(float(weight), 6) for weight in weights[0]]
    [0.5, 1.5]
    """
    sizes = sizes.double()
    margins = torch.where(sizes > 0, margins.double(), -torch.inf)
    worst = margins.amax(dim=1, keepdim=True)
    spread = worst - torch.where(sizes > 0, margins, torch.inf).amin(dim=1, keepdim=True)
    if divergence == 0:
        return torch.ones_like(sizes)
    below = (worst - torch.where(sizes > 0, margins, worst)) / torch.where(spread > 0, spread, 1)
    low = torch.full_like(spread, math.log(NEAREST))
    width = torch.full_like(spread, math.log(FURTHEST / NEAREST))
    probes = torch.linspace(0, 1, PROBES, dtype=torch.float64, device=sizes.device)
    shares = (sizes / sizes.sum(dim=1, keepdim=True)).unsqueeze(1)
    for _ in range(PASSES):
        # The divergence falls as mu moves away from the margins; it is met after the last probe that exceeds it.
        tried = _mixture(below.unsqueeze(1), (low + width * probes).exp().unsqueeze(2), shares)
        exceeds = -(shares * tried.log()).sum(dim=2) > divergence
        last = (exceeds.sum(dim=1, keepdim=True) - 1).clamp(0, PROBES - 2)
        low, width = low + width * probes[last], width / (PROBES - 1)
    found = _mixture(below, (low + width / 2).exp(), shares.squeeze(1))
    return torch.where(spread > 0, found, torch.ones_like(found))


def _mixture(below: Tensor, above: Tensor, shares: Tensor) -> Tensor:
    """Row weights for a multiplier that lies `above` the worst margin, margins lying `below` it."""
    raw = 1 / (above + below)
    return raw / (shares * raw).sum(dim=-1, keepdim=True)


def train_faal(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    partition: str = "class",
    divergence: float = DIVERGENCE,
    steps: int = STEPS,
) -> ModelStack:
    """Fairness-aware adversarial learning (Zhang et al. 2024): on-line training on each batch's worst mixture.

    A group's margin is the mean over its adversarial examples of the largest probability of a wrong class less that of
    the true class. The published code fine-tunes a robust model for two epochs; here all epochs are trained so.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat, epsilon, steps
        The training attack's, as `fairtoll.training.train_online` takes them.
    partition : str
        What is mixed: "class", or an attribute of the rows.
    divergence : float
        How far the mixture may be from the batch's, see `worst_mixture`. With 0 this is on-line training.

    Raises
    ------
    FairtollError
        For fewer than two groups, or a negative divergence.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_faal(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    require_within("divergence", divergence, published=DIVERGENCE)
    parts = placed(repaired_parts(setup, partition)[0], setup.device)

    def loss(stack: ModelStack, batch: Batch) -> Tensor:
        logs = stack.each(batch.rows).to(stack.dtype).log_softmax(dim=-1)
        sums, rows = sums_of_parts(_margins(logs.detach().exp(), batch.labels), parts, batch)
        weights = worst_mixture(sums / rows.clamp(min=1), rows, divergence=divergence)
        losses = -logs.gather(2, batch.labels.unsqueeze(2)).squeeze(2)
        return losses * of_rows(weights, parts, batch).to(losses)

    return train_online(setup, threat=threat, epsilon=epsilon, steps=steps, loss=loss)


def _margins(probabilities: Tensor, labels: Tensor) -> Tensor:
    true = labels.unsqueeze(2)
    wrong = probabilities.scatter(2, true, -torch.inf).amax(dim=2)
    return wrong - probabilities.gather(2, true).squeeze(2)


def _train(setup: TrainingSetup, adversary: Adversary, *, partition: str, divergence: float) -> ModelStack:
    return train_faal(
        setup, threat=adversary.threat, epsilon=adversary.epsilon, partition=partition, divergence=divergence
    )


FAAL = Recipe(
    "faal",
    "Closed-form DRO (FAAL)",
    f"the on-line arm on the worst mixture within {DIVERGENCE:g} nats of each batch's",
    _train,
    role="repair",
    control="online-noise",
    gradients=float(STEPS),
    needs_adversary=True,
    parameters={"partition": "class", "divergence": DIVERGENCE},
    strength=RADIUS,
    masks=True,
)
