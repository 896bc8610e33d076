"""Control of on-line adversarial training: each batch is moved at random inside the threat."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.recipes.online import train_online
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.setup import TrainingSetup


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_online(setup, threat=adversary.threat, epsilon=adversary.epsilon, steps=0)


ONLINE_NOISE = Recipe(
    "online-noise",
    "Control: on-line noise",
    "as the on-line arm without its attack steps: each batch is moved at random inside the threat",
    _train,
    role="control",
    needs_adversary=True,
    masks=True,
)
