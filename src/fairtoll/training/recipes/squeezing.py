"""Feature squeezing: a standard model that sees coarser rows, and a detector of rows whose answer that changes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.models.squeezed import Squeezed, require_held_out
from fairtoll.models.squeezers import Levels, Median, NonLocalMeans
from fairtoll.models.stack import ModelStack
from fairtoll.training.recipes.held_out import train_held_out
from fairtoll.training.recipes.recipe import Adversary, Recipe, Strength
from fairtoll.training.setup import VALIDATION, TrainingSetup

BITS = 5.0
#: Held-out rows that the detector's threshold is set on, at most.
DETECTOR_ROWS = 2000


def deploy_squeezed(model: nn.Module, setup: TrainingSetup, adversary: Adversary, *, bits: float = BITS) -> Squeezed:
    """A trained model behind its squeezers, with a detector that flags 5% of the rows that training left out.

    Xu, Evans and Qi, "Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks" (NDSS 2018). Of
    a table each feature that is no category is rounded to ``2 ** bits`` steps of its range over the training rows;
    images are rounded to as many depths of colour and go through a 2 x 2 median filter. The detector compares the
    answers for the row and for it squeezed: rounded, and of images also filtered, and denoised by non-local means.

    Raises
    ------
    FairtollError
        For a number of bits that is none.

    Examples
    --------
    >>> from fairtoll.threats.linf import LinfThreat
    >>> setup = TrainingSetup(torch.rand(400, 3), torch.arange(400) % 2, torch.arange(400), [0],
    ...                       lambda: nn.Linear(3, 2))
    >>> squeezed = deploy_squeezed(nn.Linear(3, 2), setup, Adversary(LinfThreat(), 0.1))
    >>> float(squeezed.flags(setup.x).float().mean()) < 0.2
    True
    """
    example = next(model.parameters())
    levels = Levels(*(end.to(example) for end in _range(setup)), bits=bits)
    clean = setup.x[_held_out(setup)].to(example)
    if setup.x.ndim == 2:
        return Squeezed(model, levels, [levels], clean=clean)
    median = Median()
    return Squeezed(model, nn.Sequential(levels, median), [levels, median, NonLocalMeans()], clean=clean)


def require_detector(setup: TrainingSetup) -> None:
    """Raise where training would leave out fewer rows than a detector's threshold takes.

    Raises
    ------
    FairtollError
        Saying how many it takes; or for a class of fewer than two rows.

    Examples
    --------
    >>> require_detector(TrainingSetup(torch.zeros(200, 1), torch.arange(200) % 2, torch.arange(200), [0],
    ...                                lambda: nn.Linear(1, 2)))
    """
    require_held_out(len(_held_out(setup)))


def _held_out(setup: TrainingSetup) -> Tensor:
    return setup.hold_out(VALIDATION)[1][:DETECTOR_ROWS]


def _range(setup: TrainingSetup) -> tuple[Tensor, Tensor]:
    """Lowest and highest value of each feature over the training rows, equal for codes of categories.

    Of images that lie between 0 and 1 it is that.
    """
    x = setup.x
    low, high = x.amin(dim=0), x.amax(dim=0)
    if x.ndim > 2:
        unit = bool(low.min() >= 0 and high.max() <= 1)
        ends = (0.0, 1.0) if unit else (float(low.min()), float(high.max()))
        return torch.full_like(low, ends[0]), torch.full_like(low, ends[1])
    if setup.data is not None and setup.data.features:
        numeric = torch.tensor([feature.kind == "continuous" for feature in setup.data.features])
        high = torch.where(numeric, high, low)
    return low, high


def _train(setup: TrainingSetup, adversary: Adversary, **parameters: Any) -> ModelStack:
    # Squeezers come to a trained model, which is trained as usual.
    require_detector(setup)
    return train_held_out(setup)


SQUEEZING = Recipe(
    "squeezing",
    "Feature squeezing",
    "clean {rows} without a tenth of them; deployed behind squeezers that make a {row} coarser, with a detector",
    _train,
    control="held-out",
    parameters={"bits": BITS},
    strength=Strength("bits", (6.0, 5.0, 4.0)),
    deploy=deploy_squeezed,
    extra="detection",
)
