"""Control of repairs that measure on held-out rows: TRADES with noise on the rows that are left."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.recipes.trades import train_trades
from fairtoll.training.setup import VALIDATION, TrainingSetup


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    smaller, _ = setup.hold_out()
    return train_trades(smaller, threat=adversary.threat, epsilon=adversary.epsilon, steps=0)


HELD_OUT_NOISE = Recipe(
    "held-out-noise",
    "Control: TRADES with noise, held-out rows",
    f"agreement with a {{row}} moved at random inside the threat, without the {VALIDATION:.0%} of the {{rows}} that "
    "repairs measure on",
    _train,
    role="control",
    updates=2.0 * (1 - VALIDATION),
    needs_adversary=True,
)
