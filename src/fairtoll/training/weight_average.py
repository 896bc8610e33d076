"""Moving averages of the weights of a stack while it trains."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack

BAD_DECAY = "the decay of averaged weights is {decay}; expected at least 0 and below 1; give one such as 0.999"


class WeightAverage:
    """The exponential moving average of the weights of K models, from the weights that are given it one after another.

    Bias-corrected (as Adam's means are, Kingma & Ba 2015): after n of them it is the mean in which each counts `decay`
    times as much as the next, so that the initial weights of a network have no part in it.

    Parameters
    ----------
    decay : float
        0 keeps the last weights alone.

    Raises
    ------
    FairtollError
        If the decay is below 0, or 1 or more.

    Examples
    --------
    >>> stack, average = ModelStack([torch.nn.Linear(1, 1)]), WeightAverage(0.5)
    >>> for value in (1.0, 4.0):
    ...     stack.parameters["bias"] = torch.full((1, 1), value)
    ...     average.add(stack)
    >>> average.replace(stack).parameters["bias"].item()  # (0.5 * 1 + 1 * 4) / 1.5
    3.0
    """

    def __init__(self, decay: float) -> None:
        if not 0 <= decay < 1:
            raise FairtollError(BAD_DECAY.format(decay=decay))
        self._decay = decay
        self._means: dict[str, Tensor] = {}
        self._count = 0

    @torch.no_grad()
    def add(self, stack: ModelStack) -> None:
        """Take the weights of this moment into the average."""
        self._count += 1
        if not self._means:
            self._means = {name: tensor.detach().clone() for name, tensor in stack.parameters.items()}
            return
        share = (1 - self._decay) / (1 - self._decay**self._count)
        for name, mean in self._means.items():
            mean.lerp_(stack.parameters[name], share)

    def replace(self, stack: ModelStack) -> ModelStack:
        """Give the stack the averaged weights, and return it; without any it keeps its own."""
        for name, mean in self._means.items():
            stack.parameters[name] = mean.clone()
        return stack
