"""Single-step adversarial training: each batch attacked by one step with the current weights."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.recipes.online import train_online
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

#: The one step, in radii (Wong, Rice and Kolter 2020): with longer ones models overfit to it sooner.
STEP = 1.25


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    """Fast gradient sign training (Goodfellow et al. 2015) from a random start (Wong et al. 2020).

    It may collapse: a model withstands the one step and no other attack, which evidence of it shows and the alarm
    "catastrophic-overfitting" says.
    """
    return train_online(setup, threat=adversary.threat, epsilon=adversary.epsilon, steps=1, relative_step=STEP)


FGSM = Recipe(
    "fgsm",
    "Single-step adversarial",
    f"FGSM adversarial training: each batch attacked by one step of {STEP:g} radii from a random start",
    _train,
    control="online-noise",
    gradients=1.0,
    needs_adversary=True,
    strength=RADIUS,
    masks=True,
)
