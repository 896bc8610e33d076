"""A training recipe as a value: its name, its training function, its controls, its cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import Tensor, nn

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
class Strength:
    """What makes a recipe's models more robust, so that recipes can be compared at equal robustness.

    Attributes
    ----------
    name : str
        "radius", the share of the adversary's radius that training uses, or one of the recipe's parameters.
    values : tuple of float
        Three or more, from weak to strong; the recipe's own value among them.

    Examples
    --------
    >>> Strength("beta", (1.0, 3.0, 6.0)).values[-1]
    6.0
    """

    name: str
    values: tuple[float, ...]


#: The strengths of a recipe that trains on adversarial examples, far enough apart to differ in robust accuracy: on
#: Adult a quarter of the radius is as good as all of it (76 and 78%), a tenth is not (44%).
RADIUS = Strength("radius", (0.1, 0.3, 1.0))

#: What is measured on what a recipe deploys, beside attacks: certified predictions, or a detector of attacks.
Extra = Literal["certificates", "detection"]
#: What a recipe is in a comparison: the arm without any defence, one that only exists to be compared with another, the
#: baseline that every repair must beat, a defence, or a repair of a defence's toll.
Role = Literal["standard", "control", "baseline", "defence", "repair"]


@dataclass(frozen=True)
class Recipe:
    """How the models of one arm are trained, and what of them is deployed.

    Attributes
    ----------
    name : str
        Of the arm.
    title : str
        As a report shows it; ``{row}`` and ``{rows}`` become what the data call one and several.
    note : str
        How the arm is made, in one sentence, in the same form.
    train : callable
        Called with a `TrainingSetup`, an `Adversary` and `parameters` by name; returns one model per seed.
    role : {"standard", "control", "baseline", "defence", "repair"}
        What it is in a comparison.
    control : str, optional
        Name of the recipe with as much training and no adversary.
    noise_control : str, optional
        Name of a second control, with random noise instead of the adversary.
    updates : float
        Rows of all optimiser steps of an epoch, relative to standard training.
    gradients : float
        Gradients of the input that are computed for each row in each epoch: the attack's part of the cost.
    needs_adversary : bool
        Whether it reads the adversary's threat.
    needs_crafted : bool
        Whether it reads the adversary's crafted examples.
    parameters : mapping
        Arguments of `train` and `deploy`, such as ``{"beta": 6.0}``. A repair that can treat groups instead of
        classes has ``"partition"`` among them.
    radius : float
        The share of the adversary's radius that it trains with.
    strength : Strength, optional
        What makes its models more robust; None where nothing does.
    deploy : callable, optional
        Called with a trained model, the `TrainingSetup`, the `Adversary` and `parameters` by name; returns the model
        that predicts and is attacked, differentiable so that attacks go through it. None for the trained model itself.
    extra : {"certificates", "detection"}, optional
        What else is measured on what is deployed.
    passes : float
        How many times as long attacks on it take as on the trained model alone.
    masks : bool
        Whether a training row whose weight is 0 (`TrainingSetup.row_weights`) has no influence on what is deployed, so
        that rows can be left out one at a time.

    Examples
    --------
    >>> from fairtoll.training import RECIPES
    >>> RECIPES["static"].control, RECIPES["static"].updates
    ('repeated', 2.0)
    >>> RECIPES["online"].at(0.5).name
    'online-radius-0.5'
    """

    name: str
    title: str
    note: str
    train: Callable[..., ModelStack]
    role: Role = "defence"
    control: str | None = None
    noise_control: str | None = None
    updates: float = 1.0
    gradients: float = 0.0
    needs_adversary: bool = False
    needs_crafted: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    radius: float = 1.0
    strength: Strength | None = None
    deploy: Callable[..., nn.Module] | None = None
    extra: Extra | None = None
    passes: float = 1.0
    # No result depends on it: no part of a configuration.
    masks: bool = field(default=False, metadata={"described": False})

    def __call__(self, setup: TrainingSetup, adversary: Adversary) -> ModelStack:
        """Train one model per seed."""
        return self.train(setup, self._weakened(adversary), **self.parameters)

    def deployed(self, models: Sequence[nn.Module], setup: TrainingSetup, adversary: Adversary) -> list[nn.Module]:
        """What predicts and is attacked, of each trained model."""
        if self.deploy is None:
            return list(models)
        return [self.deploy(model, setup, self._weakened(adversary), **self.parameters) for model in models]

    def _weakened(self, adversary: Adversary) -> Adversary:
        return adversary if self.radius == 1.0 else replace(adversary, epsilon=self.radius * adversary.epsilon)

    @property
    def is_control(self) -> bool:
        """Whether it only exists to be compared with another recipe."""
        return self.role == "control"

    @property
    def value(self) -> float | None:
        """Its own strength; None where it has none."""
        if self.strength is None:
            return None
        return self.radius if self.strength.name == "radius" else float(self.parameters[self.strength.name])

    @property
    def family(self) -> str:
        """The name that it shares with the same recipe at other strengths.

        Examples
        --------
        >>> from fairtoll.training import RECIPES
        >>> RECIPES["online"].at(0.5).family, RECIPES["online"].at(0.5).family_title
        ('online', 'On-line adversarial')
        """
        return self.name if self.strength is None else self.name.removesuffix(f"-{self.strength.name}-{self.value:g}")

    @property
    def family_title(self) -> str:
        """The title that it shares with the same recipe at other strengths."""
        return (
            self.title if self.strength is None else self.title.removesuffix(f", {self.strength.name} {self.value:g}")
        )

    def at(self, value: float) -> Recipe:
        """The same recipe at another strength, as an arm of its own.

        Raises
        ------
        FairtollError
            If the recipe has no strength.
        """
        if self.strength is None:
            raise FairtollError(f"the recipe '{self.name}' has no strength; expected one with several, such as online")
        if value == self.value:
            return self
        name = self.strength.name
        changed: dict[str, Any] = (
            {"radius": value} if name == "radius" else {"parameters": {**self.parameters, name: value}}
        )
        return replace(self, name=f"{self.name}-{name}-{value:g}", title=f"{self.title}, {name} {value:g}", **changed)

    def over(self, partition: str) -> Recipe:
        """The same repair for the groups of a partition instead of the classes, as an arm of its own.

        Raises
        ------
        FairtollError
            If the recipe treats all rows alike.

        Examples
        --------
        >>> from fairtoll.training import RECIPES
        >>> RECIPES["online"].over("sex")
        Traceback (most recent call last):
        fairtoll.errors.FairtollError: the recipe 'online' treats all rows alike; expected a repair, such as frl
        """
        if "partition" not in self.parameters:
            raise FairtollError(f"the recipe '{self.name}' treats all rows alike; expected a repair, such as frl")
        if partition == self.parameters["partition"]:
            return self
        return replace(
            self,
            name=f"{self.name}-{'-'.join(partition.split(' & '))}",
            title=f"{self.title} over {partition}",
            parameters={**self.parameters, "partition": partition},
        )
