"""A training recipe as a value: its name, its training function, its controls, its cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.setup import TrainingSetup


@dataclass(frozen=True, eq=False)
class Adversary:
    """The adversary of a recipe.

    Attributes
    ----------
    threat : LinfThreat
        What the adversary may change.
    epsilon : float
        Its radius.
    crafted : callable, optional
        Returns adversarial examples `(K, N, ...)` of all training rows, crafted once on standard models of the same
        seeds.

    Examples
    --------
    >>> Adversary(LinfThreat(), 0.1).crafted is None
    True
    """

    threat: LinfThreat
    epsilon: float
    crafted: Callable[[], Tensor] | None = None

    def examples(self) -> Tensor:
        """The crafted examples.

        Raises
        ------
        FairtollError
            If there are none.
        """
        if self.crafted is None:
            raise FairtollError("the adversary has no crafted examples; give Adversary(..., crafted=...)")
        return self.crafted()


@dataclass(frozen=True)
class Recipe:
    """How the models of one arm are trained.

    Attributes
    ----------
    name : str
        Of the arm.
    title : str
        As a report shows it; ``{row}`` and ``{rows}`` become what the data call one and several.
    note : str
        How the arm is made, in one sentence, in the same form.
    train : callable
        Called with a `TrainingSetup` and an `Adversary`; returns one model per seed.
    control : str, optional
        Name of the recipe with as much training and no adversary.
    noise_control : str, optional
        Name of a second control, with random noise instead of the adversary.
    is_control : bool
        Whether it only exists to be compared with another recipe.
    updates : float
        Rows of all optimiser steps of an epoch, relative to standard training.
    gradients : float
        Gradients of the input that are computed for each row in each epoch: the attack's part of the cost.
    needs_adversary : bool
        Whether it reads the adversary's threat.
    needs_crafted : bool
        Whether it reads the adversary's crafted examples.

    Examples
    --------
    >>> from fairtoll.training import RECIPES
    >>> RECIPES["static"].control, RECIPES["static"].updates
    ('repeated', 2.0)
    """

    name: str
    title: str
    note: str
    train: Callable[[TrainingSetup, Adversary], ModelStack]
    control: str | None = None
    noise_control: str | None = None
    is_control: bool = False
    updates: float = 1.0
    gradients: float = 0.0
    needs_adversary: bool = False
    needs_crafted: bool = False
