"""The one training loop, over a stack of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack
from fairtoll.models.training_mode import require_no_training_mode
from fairtoll.progress import advance
from fairtoll.randomness import torch_generator
from fairtoll.threads import threads_for
from fairtoll.training.adam import StackedAdam
from fairtoll.training.batch import Batch, BatchNoise
from fairtoll.training.dense_steps import DenseSteps
from fairtoll.training.pair_loss import PairLoss, cross_entropy_of
from fairtoll.training.soft_loss import SoftLoss

#: Called as ``perturb(stack, batch)``; returns the rows to train on, `(K, B, ...)`.
Perturb = Callable[[ModelStack, Batch], Tensor]

#: Called as ``loss(stack, batch)``; returns the loss of every row, `(K, B)`.
Loss = Callable[[ModelStack, Batch], Tensor]

#: Called as ``after_epoch(stack, epoch)`` with the weights of that moment and the number of the epoch, from 0.
AfterEpoch = Callable[[ModelStack, int], None]

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
        Of the layers' products while training; weights, losses and Adam stay as they are. A stack in float64
        trains in float64.

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


def cross_entropy(stack: ModelStack, batch: Batch) -> Tensor:
    """Cross-entropy of every row of a batch, `(K, B)`, in the precision of the stack's weights.

    Examples
    --------
    >>> stack = ModelStack([torch.nn.Linear(3, 2)])
    >>> rows, labels = torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64)
    >>> cross_entropy(stack, Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)).shape
    torch.Size([1, 4])
    """
    return cross_entropy_of(stack.each(batch.rows).to(stack.dtype), batch.labels)


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
    loss: Loss = cross_entropy,
    after_step: Callable[[ModelStack], None] | None = None,
    after_epoch: AfterEpoch | None = None,
) -> ModelStack:
    """Train all K models of a stack at once with Adam on the weighted mean of a loss.

    The batch schedule of model k depends on ``seeds[k]`` and the number of items alone; a row with
    weight zero (with all its copies) leaves the schedule as it is, and the batch mean runs over the
    remaining weight. A model that has no weight left in a batch skips that step, Adam's count included.

    Training uses the precision of the stack's weights; rows are converted to it.

    Parameters
    ----------
    stack : ModelStack
        K models; trained in place.
    x : Tensor, (N, ...) or (K, N, ...)
        Rows shared by all models, or one set for each.
    y : Tensor of int64, (N,)
        True classes.
    items : Tensor of int64, (M,) or (K, M)
        The training set as positions in `x`, shared or one for each model; an oversampled row is listed more
        than once.
    seeds : sequence of int, length K
        One per model, of its batch schedule and attack noise.
    settings : FitSettings
        Epochs, batch size, Adam.
    row_weights : Tensor, (K, N), optional
        Loss weight of each row for each model.
    perturb : callable, optional
        Turns a batch into the rows to train on, such as on-line adversarial examples.
    loss : callable
        Loss of every row of a batch for every model, `(K, B)`, from the rows that `perturb` gave. Default:
        cross-entropy. It, a `fairtoll.training.pair_loss.PairLoss` and a `fairtoll.training.soft_loss.SoftLoss` train
        tables of rows without autograd.
    after_step, after_epoch : callable, optional
        Called with the stack after each optimiser step, or with it and the number of the epoch after each epoch, such
        as to average weights or to measure each class. They may not change the stack.

    Returns
    -------
    ModelStack
        The same stack, weights detached.

    Raises
    ------
    FairtollError
        If the number of seeds is not K, shapes do not fit, a weight is negative or not finite, some model has no
        weight at all, the loss is not one number for each row of each model, or the network behaves differently in
        training mode, as with dropout.

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
    example = next(iter(stack.parameters.values()))
    device = example.device
    x, y, items = x.to(example), y.to(device), items.to(device)
    # If there are as many models as rows, separate rows must not look shared.
    own_rows = x.shape[0] != len(y) or (x.ndim > 2 and x.shape[:2] == (len(stack), len(y)))
    if x.shape[int(own_rows)] != len(y) or (own_rows and x.shape[0] != len(stack)):
        raise FairtollError(
            f"x has shape {tuple(x.shape)} for {len(y)} labels and {len(stack)} models; expected (rows, ...) or "
            "(models, rows, ...)"
        )
    _check_items(items, models=len(stack), rows=len(y))
    require_no_training_mode(stack.template, x[0] if own_rows else x)
    weights = None
    if row_weights is not None:
        _check_weights(row_weights, models=len(stack), rows=len(y))
        weights = row_weights.to(example)
        _check_some_weight(weights, items)
    members = torch.arange(len(stack), device=device).unsqueeze(1)
    table, first = (x.flatten(0, 1), members * len(y)) if own_rows else (x, 0)
    known = loss if isinstance(loss, PairLoss | SoftLoss) else None
    closed = (known is not None or loss is cross_entropy) and _is_dense(stack, settings)
    dense = DenseSteps(stack, known) if closed else None
    if dense is None:
        for name, parameter in stack.parameters.items():
            stack.parameters[name] = parameter.detach().requires_grad_(True)
    trained = list(stack.parameters.values()) if dense is None else [dense.weights]
    optimiser = _optimiser(trained, settings, weighted=weights is not None)
    steps = steps_of(items.shape[-1], settings)
    with threads_for(stack.template):
        for epoch in range(settings.epochs):
            order = _schedule(items, seeds, epoch)
            active = None if weights is None else _active(weights, order, settings.batch_size)
            noise = BatchNoise(seeds, epoch=epoch)
            for number, batch in enumerate(order.split(settings.batch_size, dim=1)):
                # Of one list of rows: several times as fast as an index of two dimensions.
                rows = table.index_select(0, (batch + first).flatten()).unflatten(0, batch.shape)
                labels = y[batch]
                weight = None if weights is None else weights[members, batch]
                now = Batch(rows, rows, labels, batch, noise, epoch, weight)
                with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                    if perturb is not None:
                        now = replace(now, rows=perturb(stack, now))
                    losses = loss(stack, now) if dense is None else None
                if dense is not None:
                    dense.differentiate(now, weight)
                elif losses is not None:
                    optimiser.zero_grad()
                    _objective(losses, labels, weight).backward()
                if isinstance(optimiser, StackedAdam):
                    optimiser.step(None if active is None else active[number])
                else:
                    optimiser.step()
                if after_step is not None:
                    after_step(stack)
                advance(1 / steps)
            if after_epoch is not None:
                after_epoch(stack, epoch)
    for name, parameter in stack.parameters.items():
        stack.parameters[name] = parameter.detach().clone(memory_format=torch.contiguous_format)
    return stack


def _is_dense(stack: ModelStack, settings: FitSettings) -> bool:
    """Whether gradients need no autograd: of plain chains of dense layers on a CPU, in full precision."""
    return settings.precision == "float32" and stack.gradients() is not None


def _objective(losses: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
    """The sum over models of the weighted mean loss of their batch."""
    if losses.shape != labels.shape:
        raise FairtollError(
            f"the loss has shape {tuple(losses.shape)}; expected one number for each row of each model, "
            f"{tuple(labels.shape)}"
        )
    if weight is None:
        return losses.mean(dim=1).sum()
    total = weight.sum(dim=1)
    # A member without weight skips the step; this only avoids 0 / 0 in its loss.
    return ((losses * weight).sum(dim=1) / torch.where(total > 0, total, 1)).sum()


def steps_of(items: int, settings: FitSettings) -> int:
    """Optimiser steps that `fit` takes over `items` items.

    Examples
    --------
    >>> steps_of(501, FitSettings(epochs=2))
    6
    """
    return settings.epochs * -(-items // settings.batch_size)


def _optimiser(parameters: list[Tensor], settings: FitSettings, *, weighted: bool) -> StackedAdam | torch.optim.Adam:
    """Adam; on an accelerator torch's fused step where no member can skip one."""
    if parameters[0].is_cuda and not weighted:
        return torch.optim.Adam(parameters, lr=settings.learning_rate, eps=settings.adam_epsilon, fused=True)
    return StackedAdam(parameters, learning_rate=settings.learning_rate, epsilon=settings.adam_epsilon)


def _active(weights: Tensor, order: Tensor, batch_size: int) -> list[list[bool]]:
    """Which members have weight left, for each batch of an epoch: computed once, not at every step."""
    left = [part.amax(dim=1) > 0 for part in weights.gather(1, order).split(batch_size, dim=1)]
    answer: list[list[bool]] = torch.stack(left).tolist()
    return answer


def _check_items(items: Tensor, *, models: int, rows: int) -> None:
    if not items.numel() or items.min() < 0 or items.max() >= rows:
        raise FairtollError(f"items must be one or more positions among {rows} rows; see oversample")
    if items.ndim > 2 or (items.ndim == 2 and len(items) != models):
        raise FairtollError(f"items has shape {tuple(items.shape)}; expected (items,) or ({models}, items)")


def _check_weights(row_weights: Tensor, *, models: int, rows: int) -> None:
    if row_weights.shape != (models, rows):
        raise FairtollError(f"row_weights has shape {tuple(row_weights.shape)}; expected ({models}, {rows})")
    if not torch.isfinite(row_weights).all() or (row_weights < 0).any():
        raise FairtollError("row_weights holds a negative or non-finite value; expected 0 or more")


def _check_some_weight(weights: Tensor, items: Tensor) -> None:
    own = items if items.ndim == 2 else items.expand(len(weights), -1)
    empty = weights.gather(1, own).amax(dim=1) <= 0
    if empty.any():
        raise FairtollError(
            f"row_weights leaves model {int(empty.int().argmax())} no weight at all; give some item of it a weight"
        )


def _schedule(items: Tensor, seeds: Sequence[int], epoch: int) -> Tensor:
    """Order of the items for each model in one epoch, `(K, M)`."""
    length = items.shape[-1]
    orders = {seed: torch.randperm(length, generator=torch_generator(seed, "batches", epoch)) for seed in set(seeds)}
    drawn = torch.stack([orders[seed] for seed in seeds]).to(items.device)
    return items[drawn] if items.ndim == 1 else items.gather(1, drawn)
