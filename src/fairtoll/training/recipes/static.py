"""The paper's static adversarial training: clean rows, and adversarial examples crafted once."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.pairs import train_on_pairs
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.setup import TrainingSetup


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_on_pairs(setup, adversary.examples())


STATIC = Recipe(
    "static",
    "Static adversarial",
    "the paper's adversarial training: clean {rows} and adversarial examples crafted once on the standard model of the "
    "same seed",
    _train,
    control="repeated",
    noise_control="noise",
    updates=2.0,
    needs_adversary=True,
    needs_crafted=True,
    masks=True,
)
