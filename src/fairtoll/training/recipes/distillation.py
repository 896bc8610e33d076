"""Defensive distillation: a student that learns a teacher's probabilities at a high temperature."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack
from fairtoll.models.tempered import Tempered, check_temperature
from fairtoll.progress import part
from fairtoll.training.fit import fit
from fairtoll.training.recipes.recipe import Adversary, Recipe, Strength
from fairtoll.training.setup import TrainingSetup
from fairtoll.training.soft_loss import SoftLoss

TEMPERATURE = 20.0
LABELS = (
    "soft labels of shape {shape} for {rows} rows and {models} models; expected (rows, classes) or (models, rows, "
    "classes); give the probabilities of every training row"
)
#: Rows whose soft labels are computed at once.
ROWS = 4096


def train_distillation(setup: TrainingSetup, *, temperature: float = TEMPERATURE) -> ModelStack:
    """Train a teacher, then a student on its probabilities, both at a temperature.

    Papernot et al., "Distillation as a Defense to Adversarial Perturbations against Deep Neural Networks" (IEEE S&P
    2016, section III.B): both have the loss of their logits over the temperature, and the student begins with the same
    weights as its teacher did.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    temperature : float
        The paper's best is 100, and its range 1 to 100.

    Returns
    -------
    ModelStack
        One student per seed.

    Raises
    ------
    FairtollError
        For a temperature that is not above 0.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: nn.Linear(3, 2))
    >>> len(train_distillation(setup, temperature=20.0))
    1
    """
    check_temperature(temperature)
    with part(0.5):
        classes = setup.initial_stack()(setup.x[:1]).shape[-1]
        teacher = train_student(setup, functional.one_hot(setup.y, classes).float(), temperature=temperature)
        soft = torch.cat([(teacher(rows) / temperature).softmax(dim=-1) for rows in _on(teacher, setup.x)], dim=1)
    with part(0.5):
        return train_student(setup, soft, temperature=temperature)


def train_student(setup: TrainingSetup, soft: Tensor, *, temperature: float) -> ModelStack:
    """Train on soft labels: cross-entropy between them and the probabilities at a temperature.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    soft : Tensor, (N, C) or (K, N, C)
        Probabilities of the classes of each row, the same for all models or one set for each.
    temperature : float
        That the logits are divided by.

    Raises
    ------
    FairtollError
        For a temperature that is not above 0, or labels of other rows or models.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(2, 3), torch.tensor([0, 1]), torch.arange(2), [0], lambda: nn.Linear(3, 2))
    >>> len(train_student(setup, torch.eye(2), temperature=1.0))
    1
    """
    check_temperature(temperature)
    if soft.ndim not in (2, 3) or soft.shape[-2] != len(setup.y) or (soft.ndim == 3 and len(soft) != len(setup.seeds)):
        raise FairtollError(LABELS.format(shape=tuple(soft.shape), rows=len(setup.y), models=len(setup.seeds)))
    return fit(
        setup.initial_stack(),
        setup.x,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        row_weights=setup.row_weights,
        loss=SoftLoss(soft, temperature),
    )


def _on(stack: ModelStack, x: Tensor) -> list[Tensor]:
    """The rows in parts, as the stack takes them."""
    example = next(iter(stack.parameters.values()))
    return [rows.to(example) for rows in x.split(ROWS)]


def _train(setup: TrainingSetup, adversary: Adversary, *, temperature: float) -> ModelStack:
    return train_distillation(setup, temperature=temperature)


def _deploy(model: nn.Module, setup: TrainingSetup, adversary: Adversary, *, temperature: float) -> Tempered:
    return Tempered(model, temperature)


DISTILLATION = Recipe(
    "distillation",
    "Defensive distillation",
    "a student trained at a high temperature on the probabilities of a teacher of the same seed, and deployed without",
    _train,
    control="repeated",
    updates=2.0,
    parameters={"temperature": TEMPERATURE},
    strength=Strength("temperature", (5.0, 20.0, 100.0)),
    deploy=_deploy,
    masks=True,
)
