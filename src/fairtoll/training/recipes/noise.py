"""Control of static training: random noise of the adversary's size instead of adversarial examples."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.randomness import torch_generator
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.pairs import train_on_pairs
from fairtoll.training.recipes.recipe import Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

NOISE_ROWS = 4096


def add_sign_noise(setup: TrainingSetup, *, threat: LinfThreat, epsilon: float) -> Tensor:
    """A noisy copy of every row for each seed, each mutable feature moved by plus or minus its radius, `(K, N, ...)`.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(2, 1), torch.tensor([0, 1]), torch.arange(2), [0],
    ...                       lambda: torch.nn.Linear(1, 2))
    >>> add_sign_noise(setup, threat=LinfThreat(scale=2.0), epsilon=0.5).abs().unique()
    tensor([1.])
    """
    noisy = setup.x.new_empty(len(setup.seeds), *setup.x.shape)
    # The name of a stream of random numbers: another name gives other noise.
    generators = [torch_generator(seed, "noise twins") for seed in setup.seeds]
    # In chunks of rows: float64 bounds of a whole set of images would take gigabytes.
    for first in range(0, len(setup.x), NOISE_ROWS):
        rows = setup.x[first : first + NOISE_ROWS]
        low, high = threat.bounds(rows, epsilon)
        for run, generator in zip(noisy, generators, strict=True):
            up = torch.rand(rows.shape, generator=generator) < 0.5
            run[first : first + NOISE_ROWS] = torch.where(up, high, low)
    return noisy


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_on_pairs(setup, add_sign_noise(setup, threat=adversary.threat, epsilon=adversary.epsilon))


NOISE = Recipe(
    "noise",
    "Control: sign noise",
    "as the static arm, with a random plus or minus epsilon instead of the adversary",
    _train,
    role="control",
    updates=2.0,
    needs_adversary=True,
    masks=True,
)
