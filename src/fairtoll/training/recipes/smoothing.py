"""Randomized smoothing: training on Gaussian noise, and a classifier that averages over it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.smoothed import Smoothed
from fairtoll.models.stack import ModelStack
from fairtoll.randomness import torch_generator
from fairtoll.training.batch import Batch
from fairtoll.training.fit import fit
from fairtoll.training.recipes.recipe import Adversary, Recipe, Strength
from fairtoll.training.setup import TrainingSetup

#: Standard deviation of the noise, in radii of the adversary.
SIGMA = 1.0
#: Noisy copies of a row that the deployed classifier averages over.
DRAWS = 16
NO_NOISE = "sigma is {given} at a radius of {radius:g}; expected a finite number above 0; raise sigma or the radius"


def train_smoothing(setup: TrainingSetup, adversary: Adversary, *, sigma: float = SIGMA) -> ModelStack:
    """Train on clean rows with Gaussian noise (Cohen, Rosenfeld and Kolter, ICML 2019, section 4).

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    adversary : Adversary
        Whose threat and radius the noise is measured in: feature j has the standard deviation
        ``sigma * epsilon * scale[j]``, and one that may not move has none.
    sigma : float
        In radii.

    Returns
    -------
    ModelStack
        One model per seed, which answers for noisy rows; see `deploy_smoothed`.

    Raises
    ------
    FairtollError
        For a standard deviation that is not above 0.

    Examples
    --------
    >>> from fairtoll.threats.linf import LinfThreat
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: nn.Linear(3, 2))
    >>> len(train_smoothing(setup, Adversary(LinfThreat(), 0.1)))
    1
    """
    deviation = _deviation(setup, adversary, sigma)

    def perturb(stack: ModelStack, batch: Batch) -> Tensor:
        return batch.clean + deviation.to(batch.clean) * batch.noise.normal(batch.clean.shape).to(batch.clean)

    return fit(
        setup.initial_stack(),
        setup.x,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        row_weights=setup.row_weights,
        perturb=perturb,
    )


def deploy_smoothed(
    model: nn.Module, setup: TrainingSetup, adversary: Adversary, *, sigma: float = SIGMA, draws: int = DRAWS
) -> Smoothed:
    """The classifier that averages a trained model over `draws` fixed noisy copies of each row, the same for all.

    Draws come in pairs of opposite sign, whose mean is zero: that of a few independent ones would move every decision
    by ``sigma / sqrt(draws)``, and certified radii, which are of the mean over all noise, would not hold for it.

    Examples
    --------
    >>> from fairtoll.threats.linf import LinfThreat
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: nn.Linear(3, 2))
    >>> deploy_smoothed(nn.Linear(3, 2), setup, Adversary(LinfThreat(), 0.1)).noise.shape
    torch.Size([16, 3])
    """
    deviation = _deviation(setup, adversary, sigma).to(next(model.parameters()))
    generator = torch_generator(0, "smoothing draws")
    half = torch.randn(-(-draws // 2), *deviation.shape, generator=generator).to(deviation)
    noise = torch.cat([half, -half])[:draws]
    return Smoothed(model, deviation * noise, deviation, sigma=sigma * adversary.epsilon)


def _deviation(setup: TrainingSetup, adversary: Adversary, sigma: float) -> Tensor:
    """Of each feature, in the data's units."""
    if not sigma * adversary.epsilon > 0 or not math.isfinite(sigma):
        raise FairtollError(NO_NOISE.format(given=sigma, radius=adversary.epsilon))
    return adversary.threat.radius(setup.x[:1], sigma * adversary.epsilon)[0]


def _train(setup: TrainingSetup, adversary: Adversary, *, sigma: float, draws: int) -> ModelStack:
    return train_smoothing(setup, adversary, sigma=sigma)


SMOOTHING = Recipe(
    "smoothing",
    "Randomized smoothing",
    f"clean {{rows}} with Gaussian noise; deployed as the mean over {DRAWS} noisy copies of a {{row}}",
    _train,
    needs_adversary=True,
    parameters={"sigma": SIGMA, "draws": DRAWS},
    strength=Strength("sigma", (0.25, 0.5, 1.0)),
    deploy=deploy_smoothed,
    extra="certificates",
    passes=float(DRAWS),
    masks=True,
)
