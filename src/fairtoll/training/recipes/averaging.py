"""Weight averaging: on-line adversarial training whose averaged weights are used."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.recipes.online import STEPS, train_online
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import TrainingSetup
from fairtoll.training.weight_average import WeightAverage

#: Of the average over optimiser steps: about the last thousand count.
DECAY = 0.999


def train_averaged(
    setup: TrainingSetup, *, threat: LinfThreat, epsilon: float, decay: float = DECAY, steps: int = STEPS
) -> ModelStack:
    """On-line adversarial training, and the exponential moving average of its weights over all optimiser steps.

    The average treats all classes alike, and repairs such as CFA contain one: the baseline that a repair must beat.
    Training itself is as in `train_online`; its weights never become the averaged ones before the end.

    Parameters
    ----------
    setup, threat, epsilon, steps
        As in `train_online`.
    decay : float
        Of the average; with 0 this is on-line training. The average is bias-corrected, so that a short training is
        averaged, too.

    Returns
    -------
    ModelStack
        One model per seed.

    Raises
    ------
    FairtollError
        If the decay is below 0, or 1 or more.

    Examples
    --------
    >>> import torch
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_averaged(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    average = WeightAverage(decay)
    return average.replace(train_online(setup, threat=threat, epsilon=epsilon, steps=steps, after_step=average.add))


def _train(setup: TrainingSetup, adversary: Adversary, *, decay: float) -> ModelStack:
    return train_averaged(setup, threat=adversary.threat, epsilon=adversary.epsilon, decay=decay)


AVERAGING = Recipe(
    "averaging",
    "Weight averaging",
    f"as the on-line arm, with the moving average of its weights over all steps (decay {DECAY:g}) instead of the last",
    _train,
    role="baseline",
    control="online-noise",
    gradients=float(STEPS),
    needs_adversary=True,
    parameters={"decay": DECAY},
    strength=RADIUS,
    masks=True,
)
