"""On-line PGD adversarial training: every batch is attacked with the current weights."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.models.dense import dense_chain
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import attack_batch, climb
from fairtoll.training.batch import Batch
from fairtoll.training.fit import Loss, cross_entropy, fit
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

#: Gradient steps of the training attack.
STEPS = 7


def train_online(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int = STEPS,
    loss: Loss = cross_entropy,
) -> ModelStack:
    """PGD adversarial training (Madry et al. 2018): each batch is replaced by adversarial examples of it.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat : LinfThreat
        What the adversary may change.
    epsilon : float
        Bound of the training attack.
    steps : int
        Its gradient steps. With 0 each batch is moved at random inside the threat: the control that separates the
        effect of the adversary from that of noise.
    loss : callable
        Of the adversarial examples, as `fit` takes it; repairs weigh rows by it.

    Returns
    -------
    ModelStack
        One model per seed.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_online(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    rows = setup.x
    # A table's bounds are computed once: for each batch anew they take as long as half a step of a small network. Those
    # of images would fill the memory.
    at_once = rows.ndim == 2 and dense_chain(setup.network()) is not None
    if at_once:
        radius = threat.radius(rows[:1], epsilon)
        rows = torch.cat(threat.bounds(rows, epsilon), dim=1)

    def perturb(stack: ModelStack, batch: Batch) -> Tensor:
        if not at_once:
            return attack_batch(stack, batch, threat=threat, epsilon=epsilon, steps=steps)
        low, high = batch.clean.chunk(2, dim=-1)
        start = low + (high - low) * batch.noise.uniform(low.shape).to(low)
        return climb(stack.slopes(batch.labels), start, low, high, radius.to(low), threat=threat, steps=steps)

    return fit(
        setup.initial_stack(),
        rows,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        perturb=perturb,
        loss=loss,
    )


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_online(setup, threat=adversary.threat, epsilon=adversary.epsilon, steps=STEPS)


ONLINE = Recipe(
    "online",
    "On-line adversarial",
    f"PGD adversarial training: each batch attacked by PGD-{STEPS} with the current weights",
    _train,
    control="online-noise",
    gradients=float(STEPS),
    needs_adversary=True,
    strength=RADIUS,
)
