"""On-line PGD adversarial training: every batch is attacked with the current weights."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.models.dense import dense_chain
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.fit import BatchNoise, fit
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

#: Gradient steps of the training attack.
STEPS = 7


def attack_batch(
    stack: ModelStack,
    rows: Tensor,
    labels: Tensor,
    noise: BatchNoise,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int,
) -> Tensor:
    """Adversarial examples of one batch, each against its own model of the stack, `(K, B, ...)`.

    PGD with cross-entropy from a uniform random start, step ``2.5 epsilon / steps``.
    """
    flat = rows.flatten(0, 1)
    low, high = (end.view_as(rows) for end in threat.bounds(flat, epsilon))
    radius = threat.radius(flat, epsilon).view_as(rows)
    return _climb(stack, low, high, radius, labels, noise, threat=threat, steps=steps)


def _climb(
    stack: ModelStack,
    low: Tensor,
    high: Tensor,
    radius: Tensor,
    labels: Tensor,
    noise: BatchNoise,
    *,
    threat: LinfThreat,
    steps: int,
) -> Tensor:
    point = low + (high - low) * noise.uniform(low.shape).to(low)
    step, slopes = radius * (2.5 / max(steps, 1)), stack.slopes(labels)
    for _ in range(steps):
        gradient = slopes(threat.project(point, low, high))
        point = torch.minimum(torch.maximum(point + step * gradient.sign(), low), high)
    return threat.project(point, low, high)


def train_online(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int = STEPS,
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

    def perturb(stack: ModelStack, rows: Tensor, labels: Tensor, noise: BatchNoise) -> Tensor:
        if not at_once:
            return attack_batch(stack, rows, labels, noise, threat=threat, epsilon=epsilon, steps=steps)
        low, high = rows.chunk(2, dim=-1)
        return _climb(stack, low, high, radius.to(rows), labels, noise, threat=threat, steps=steps)

    return fit(
        setup.initial_stack(),
        rows,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        perturb=perturb,
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
)
