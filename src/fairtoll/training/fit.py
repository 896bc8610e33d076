"""The one training loop, over a stack of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.errors import FairtollError
from fairtoll.randomness import torch_generator
from fairtoll.stack import ModelStack
from fairtoll.threads import threads_for

#: Called as ``perturb(stack, rows (K, B, ...), labels (K, B), noise)``; returns the rows to train on.
Perturb = Callable[[ModelStack, Tensor, Tensor, "BatchNoise"], Tensor]

#: Of the layers' products while training.
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class FitSettings:
    """The paper's optimiser settings (section IV.A), its framework's defaults where it is silent.

    Attributes
    ----------
    epochs, batch_size : int
        Passes over the items, and items a step.
    learning_rate, adam_epsilon : float
        Of Adam.
    precision : {"float32", "bfloat16"}
        Of the layers' products while training; weights, losses and Adam stay in float32.

    Raises
    ------
    FairtollError
        For a value of 0 or less, or another precision.

    Examples
    --------
    >>> FitSettings().batch_size
    250
    """

    epochs: int = 20
    batch_size: int = 250
    learning_rate: float = 1e-3
    adam_epsilon: float = 1e-7
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0 or not self.adam_epsilon > 0:
            raise FairtollError(f"{self} has a value of 0 or less; expected all above 0")
        if self.precision not in ("float32", "bfloat16"):
            raise FairtollError(f"precision is {self.precision!r}; expected float32 or bfloat16")


class BatchNoise:
    """Uniform noise of one batch, one draw per training run: members that share a seed share it.

    Examples
    --------
    >>> noise = BatchNoise([0, 0], epoch=0)
    >>> draw = noise.uniform((2, 3, 4))
    >>> bool((draw[0] == draw[1]).all())
    True
    """

    def __init__(self, seeds: Sequence[int], *, epoch: int) -> None:
        self._generators = {seed: torch_generator(seed, "attack noise", epoch) for seed in seeds}
        self._seeds = list(seeds)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Noise in [0, 1) of shape `(K, B, ...)`, on the CPU."""
        draws = {seed: torch.rand(shape[1:], generator=one) for seed, one in self._generators.items()}
        return torch.stack([draws[seed] for seed in self._seeds])


def fit(
    stack: ModelStack,
    x: Tensor,
    y: Tensor,
    *,
    items: Tensor,
    seeds: Sequence[int],
    settings: FitSettings = FitSettings(),
    row_weights: Tensor | None = None,
    perturb: Perturb | None = None,
    advance: Callable[[int], None] | None = None,
) -> ModelStack:
    """Train all K models of a stack at once with Adam on weighted cross-entropy.

    The batch schedule of model k depends on ``seeds[k]`` and the number of items alone; a row with
    weight zero (with all its copies) leaves the schedule as it is, and the batch mean runs over the
    remaining weight.

    Parameters
    ----------
    stack : ModelStack
        K models; trained in place.
    x : Tensor, (N, ...) or (K, N, ...)
        Rows shared by all models, or one set for each.
    y : Tensor of int64, (N,)
        True classes.
    items : Tensor of int64, (M,)
        The training set as positions in `x`; an oversampled row stands here more than once.
    seeds : sequence of int, length K
        One per model, of its batch schedule and attack noise.
    settings : FitSettings
        Epochs, batch size, Adam.
    row_weights : Tensor, (K, N), optional
        Loss weight of each row for each model.
    perturb : callable, optional
        Turns a batch into the rows to train on, such as on-line adversarial examples.
    advance : callable, optional
        Called with the number of steps done, for a progress display.

    Returns
    -------
    ModelStack
        The same stack, weights detached.

    Raises
    ------
    FairtollError
        If the number of seeds is not K, shapes do not fit, a weight is negative or not finite, or a
        batch has no weight left for some model.

    Examples
    --------
    >>> from torch import nn
    >>> x = torch.tensor([[-1.0], [1.0]]); y = torch.tensor([0, 1])
    >>> stack = ModelStack([nn.Linear(1, 2)])
    >>> _ = fit(stack, x, y, items=torch.arange(2), seeds=[0], settings=FitSettings(epochs=200, learning_rate=0.1))
    >>> stack(x).argmax(-1).tolist()
    [[0, 1]]
    """
    if len(seeds) != len(stack):
        raise FairtollError(f"{len(seeds)} seeds for a stack of {len(stack)} models; expected one each")
    device = next(iter(stack.parameters.values())).device
    x, y, items = x.to(device), y.to(device), items.to(device)
    own_rows = x.shape[0] != len(y)
    if x.shape[int(own_rows)] != len(y) or (own_rows and x.shape[0] != len(stack)):
        raise FairtollError(
            f"x has shape {tuple(x.shape)} for {len(y)} labels and {len(stack)} models; expected (rows, ...) or "
            "(models, rows, ...)"
        )
    if not len(items) or items.min() < 0 or items.max() >= len(y):
        raise FairtollError(f"items must be one or more positions among {len(y)} rows; see oversample")
    if row_weights is not None:
        _check_weights(row_weights, models=len(stack), rows=len(y))
    members = torch.arange(len(stack), device=device).unsqueeze(1)
    weights = None if row_weights is None else row_weights.to(device)
    for name, parameter in stack.parameters.items():
        stack.parameters[name] = parameter.detach().requires_grad_(True)
    # On the CPU the fused step rounds the last few elements of a tensor in another way than the rest, so that
    # equal members would drift apart by where they stand in the stack.
    optimiser = torch.optim.Adam(
        list(stack.parameters.values()),
        lr=settings.learning_rate,
        eps=settings.adam_epsilon,
        fused=device.type == "cuda",
    )
    with threads_for(stack.template):
        for epoch in range(settings.epochs):
            order = _schedule(items, seeds, epoch)
            noise = BatchNoise(seeds, epoch=epoch)
            for batch in order.split(settings.batch_size, dim=1):
                rows, labels = (x[members, batch] if own_rows else x[batch]), y[batch]
                with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                    if perturb is not None:
                        rows = perturb(stack, rows, labels, noise)
                    logits = stack.each(rows).float()
                losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
                losses = losses.view(labels.shape)
                if weights is None:
                    loss = losses.mean(dim=1).sum()
                else:
                    weight = weights[members, batch]
                    total = weight.sum(dim=1)
                    if (total <= 0).any():
                        raise FairtollError("a batch has no weight left for some model; use a larger batch")
                    loss = ((losses * weight).sum(dim=1) / total).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                if advance is not None:
                    advance(1)
    for name, parameter in stack.parameters.items():
        stack.parameters[name] = parameter.detach()
    return stack


def steps_of(items: int, settings: FitSettings) -> int:
    """Optimiser steps that `fit` takes over `items` items.

    Examples
    --------
    >>> steps_of(501, FitSettings(epochs=2))
    6
    """
    return settings.epochs * -(-items // settings.batch_size)


def _check_weights(row_weights: Tensor, *, models: int, rows: int) -> None:
    if row_weights.shape != (models, rows):
        raise FairtollError(f"row_weights has shape {tuple(row_weights.shape)}; expected ({models}, {rows})")
    if not torch.isfinite(row_weights).all() or (row_weights < 0).any():
        raise FairtollError("row_weights holds a negative or non-finite value; expected 0 or more")


def _schedule(items: Tensor, seeds: Sequence[int], epoch: int) -> Tensor:
    """Order of the items for each model in one epoch, `(K, M)`."""
    orders = {
        seed: torch.randperm(len(items), generator=torch_generator(seed, "batches", epoch)) for seed in set(seeds)
    }
    return items[torch.stack([orders[seed] for seed in seeds]).to(items.device)]
