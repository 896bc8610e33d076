"""The input of every recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.models.networks import initialise_as_keras
from fairtoll.models.stack import ModelStack
from fairtoll.randomness import torch_generator
from fairtoll.training.fit import FitSettings
from fairtoll.training.networks import DenseNetwork, Network


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """Rows, training runs and optimiser settings shared by all arms of an experiment.

    Attributes
    ----------
    x : Tensor, (N, ...)
        Training rows in the data's units.
    y : Tensor of int64, (N,)
        True classes.
    items : Tensor of int64, (M,)
        The training set as positions in `x`, oversampled rows more than once.
    seeds : sequence of int, length K
        One training run each.
    network : callable
        Makes an untrained model; its weights are redrawn for each seed.
    settings : FitSettings
        The optimiser.
    device : str
        Where training runs.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(2, 3), torch.tensor([0, 1]), torch.arange(2), [0, 1],
    ...                       lambda: nn.Linear(3, 2))
    >>> len(setup.initial_stack())
    2
    """

    x: Tensor
    y: Tensor
    items: Tensor
    seeds: Sequence[int]
    network: Callable[[], nn.Module]
    settings: FitSettings = FitSettings()
    device: str = "cpu"

    @classmethod
    def for_rows(
        cls,
        rows: Dataset,
        *,
        seeds: Sequence[int],
        network: Network = DenseNetwork(),
        copies: Sequence[int] | None = None,
        settings: FitSettings = FitSettings(),
        device: str = "cpu",
    ) -> TrainingSetup:
        """A setup with a network for these rows.

        Parameters
        ----------
        rows : Dataset
            Training rows.
        seeds : sequence of int
            One training run each.
        network : callable
            Such as `fairtoll.training.networks.DenseNetwork`, the default, or `ConvolutionalNetwork`.
        copies : sequence of int, optional
            How often a row of each class is in the training set; see `oversample`. Default: once.
        settings, device
            As the attributes.

        Examples
        --------
        >>> import numpy as np
        >>> rows = Dataset(np.zeros((4, 3)), np.array([0, 1, 0, 1]), ("no", "yes"))
        >>> TrainingSetup.for_rows(rows, seeds=[0], copies=[1, 3]).items.tolist()
        [0, 1, 1, 1, 2, 3, 3, 3]
        """
        x, y = torch.from_numpy(rows.x), torch.from_numpy(rows.y)
        items = torch.arange(len(y)) if copies is None else oversample(y, copies=copies)
        return cls(x, y, items, seeds, network(rows), settings, device)

    def initial_stack(self) -> ModelStack:
        """One model per seed, with the paper's framework's initial weights."""
        models = []
        for seed in self.seeds:
            model = self.network()
            initialise_as_keras(model, torch_generator(seed, "initial weights"))
            models.append(model)
        return ModelStack(models).to(self.device)


def oversample(y: Tensor, *, copies: Sequence[int]) -> Tensor:
    """Positions of a training set in which each row of class c is ``copies[c]`` times.

    The paper adds "the same class-1 samples"; tripling balances Adult (22,524 against 22,654).

    Raises
    ------
    FairtollError
        If a class has no number of copies, or a negative one.

    Examples
    --------
    >>> oversample(torch.tensor([0, 1]), copies=[1, 3]).tolist()
    [0, 1, 1, 1]
    """
    if len(copies) <= int(y.max()) or min(copies) < 0:
        raise FairtollError(f"copies is {list(copies)} for classes 0 to {int(y.max())}; expected 0 or more for each")
    return torch.arange(len(y)).repeat_interleave(torch.tensor(copies)[y])
