"""One batch of training, as hooks of the loop see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairtoll.randomness import torch_generator


class BatchNoise:
    """Random numbers of one epoch's batches, one stream per training run: members with equal seeds share it.

    Parameters
    ----------
    seeds : sequence of int, length K
        One per model.
    epoch : int
        Each epoch has other numbers.
    stream : str
        What the numbers are for: each purpose has other numbers.

    Examples
    --------
    >>> noise = BatchNoise([0, 0], epoch=0)
    >>> draw = noise.uniform((2, 3, 4))
    >>> bool((draw[0] == draw[1]).all())
    True
    """

    def __init__(self, seeds: Sequence[int], *, epoch: int, stream: str = "attack noise") -> None:
        self._generators = {seed: torch_generator(seed, stream, epoch) for seed in seeds}
        self._seeds = list(seeds)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Noise in [0, 1) of shape `(K, B, ...)`, on the CPU."""
        draws = {seed: torch.rand(shape[1:], generator=one) for seed, one in self._generators.items()}
        return torch.stack([draws[seed] for seed in self._seeds])

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Standard normal noise of shape `(K, B, ...)`, on the CPU."""
        draws = {seed: torch.randn(shape[1:], generator=one) for seed, one in self._generators.items()}
        return torch.stack([draws[seed] for seed in self._seeds])


@dataclass(frozen=True, eq=False)
class Batch:
    """The rows of one step, for K models.

    Attributes
    ----------
    clean : Tensor, (K, B, ...)
        The training rows.
    rows : Tensor, (K, B, ...)
        What the loss reads: `clean`, or what `perturb` made of it.
    labels : Tensor of int64, (K, B)
        True classes.
    positions : Tensor of int64, (K, B)
        Of the rows in the training rows that `fit` was given.
    noise : BatchNoise
        Random numbers.
    epoch : int
        From 0.
    weights : Tensor, (K, B), optional
        Of each row in the mean, where rows are weighted: what measures a batch has to leave out those of weight 0.

    Examples
    --------
    >>> rows, labels = torch.zeros(1, 2, 3), torch.zeros(1, 2, dtype=torch.int64)
    >>> Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0).rows.shape
    torch.Size([1, 2, 3])
    """

    clean: Tensor
    rows: Tensor
    labels: Tensor
    positions: Tensor
    noise: BatchNoise
    epoch: int
    weights: Tensor | None = None
