"""Control of static training: every row twice, as many updates, no adversary."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.pairs import train_on_pairs
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.setup import TrainingSetup


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_on_pairs(setup, setup.x)


REPEATED = Recipe(
    "repeated",
    "Control: each {row} twice",
    "as many updates as the static arm, all on clean {rows}",
    _train,
    role="control",
    updates=2.0,
    masks=True,
)
