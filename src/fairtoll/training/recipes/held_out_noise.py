"""Controls of repairs that measure on held-out rows: TRADES, or on-line training, with noise on the rows left."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.recipes.online import train_online
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


def _train_online(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    smaller, _ = setup.hold_out()
    return train_online(smaller, threat=adversary.threat, epsilon=adversary.epsilon, steps=0)


HELD_OUT_ONLINE = Recipe(
    "held-out-online",
    "Control: on-line noise, held-out rows",
    f"as the on-line arm without its attack steps, and without the {VALIDATION:.0%} of the {{rows}} that repairs "
    "measure on",
    _train_online,
    role="control",
    updates=1 - VALIDATION,
    needs_adversary=True,
)
