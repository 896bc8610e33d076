"""Standard training: clean rows, no adversary."""

from __future__ import annotations

from fairtoll.models.stack import ModelStack
from fairtoll.training.fit import fit
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.setup import TrainingSetup


def train_standard(setup: TrainingSetup) -> ModelStack:
    """Train one standard model for each seed (paper, section IV.A).

    Examples
    --------
    >>> import torch
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_standard(setup))
    1
    """
    return fit(
        setup.initial_stack(),
        setup.x,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        row_weights=setup.row_weights,
    )


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_standard(setup)


STANDARD = Recipe("standard", "Standard", "clean {rows}", _train, role="standard", masks=True)
