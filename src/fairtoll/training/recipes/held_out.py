"""Control of feature squeezing: standard training without the rows that its detector is set on."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.recipes.standard import train_standard
from fairtoll.training.setup import VALIDATION, TrainingSetup


def train_held_out(setup: TrainingSetup) -> ModelStack:
    """Standard training without a tenth of the rows, the same for every seed and recipe.

    Examples
    --------
    >>> import torch
    >>> setup = TrainingSetup(torch.zeros(40, 3), torch.arange(40) % 2, torch.arange(40), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_held_out(setup))
    1
    """
    return train_standard(setup.hold_out(VALIDATION)[0])


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_held_out(setup)


HELD_OUT = Recipe(
    "held-out",
    "Control: held-out rows",
    f"clean {{rows}} without the {VALIDATION:.0%} of them that a detector is set on; deployed as it is",
    _train,
    role="control",
)
