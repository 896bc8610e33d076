"""A classifier that was trained at a temperature and is deployed without it: defensive distillation."""

from __future__ import annotations

import math

from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.dense import quick

TEMPERATURE = "the temperature is {given}; expected a finite number above 0; give 1 for training without one"


def check_temperature(temperature: float) -> None:
    """Raise for what is no temperature.

    Raises
    ------
    FairtollError
        For a number that is not finite or not above 0.

    Examples
    --------
    >>> check_temperature(20.0)
    """
    if not temperature > 0 or not math.isfinite(temperature):
        raise FairtollError(TEMPERATURE.format(given=temperature))


class Tempered(nn.Module):
    """A model deployed at temperature 1 that was trained at a higher one.

    Papernot et al., "Distillation as a Defense to Adversarial Perturbations against Deep Neural Networks" (IEEE S&P
    2016). Its logits are about `temperature` times as large as usual, so that the gradient of the cross-entropy
    vanishes in rounding where the probabilities round to 0 and 1. Divided by the temperature they give the same
    classes, and a gradient (Carlini and Wagner, "Defensive Distillation is Not Robust to Adversarial Examples", 2016).

    Parameters
    ----------
    model : Module
        Returns logits.
    temperature : float
        That it was trained at.

    Raises
    ------
    FairtollError
        For a temperature that is not above 0.

    Examples
    --------
    >>> import torch
    >>> one = Tempered(nn.Linear(3, 2), 20.0)
    >>> x = torch.ones(1, 3)
    >>> torch.allclose(one(x), 20 * one.attacked_form()(x))
    True
    """

    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        check_temperature(temperature)
        self.model, self.temperature = model, temperature

    def forward(self, x: Tensor) -> Tensor:
        """Logits at temperature 1, `(N, C)`."""
        logits: Tensor = self.model(x)
        return logits

    def quick_form(self) -> nn.Module:
        """The same for a model that does not change; see `fairtoll.models.dense.quick`."""
        return Tempered(quick(self.model), self.temperature)

    def attacked_form(self) -> nn.Module:
        """The logits over the temperature."""
        return _Divided(self.model, self.temperature)

    def naive_form(self) -> nn.Module:
        """The logits as they are deployed."""
        return self.model


class _Divided(nn.Module):
    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def quick_form(self) -> nn.Module:
        return _Divided(quick(self.model), self.temperature)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(x)
        return logits / self.temperature
