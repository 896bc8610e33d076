"""Control of TRADES and MART: agreement with a random neighbour instead of the worst one."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.recipes.trades import train_trades
from fairtoll.training.setup import TrainingSetup


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_trades(setup, threat=adversary.threat, epsilon=adversary.epsilon, steps=0)


TRADES_NOISE = Recipe(
    "trades-noise",
    "Control: TRADES with noise",
    "as the TRADES arm without its attack: agreement with a {row} moved at random inside the threat",
    _train,
    role="control",
    updates=2.0,
    needs_adversary=True,
    masks=True,
)
