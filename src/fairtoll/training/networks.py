"""The architecture of an experiment's models as a value, built for the rows that it is trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.models.factories import make_model
from fairtoll.models.networks import Standardize, adult_network, image_network

#: Called with training rows; returns a factory of untrained models for such rows.
Network = Callable[[Dataset], Callable[[], nn.Module]]


@dataclass(frozen=True)
class DenseNetwork:
    """The paper's dense network with tanh, whose first layer standardises its input on the training rows.

    Attributes
    ----------
    width, depth : int
        Units of a hidden layer, and hidden layers; with 0 of them the model is linear.

    Examples
    --------
    >>> rows = Dataset(np.zeros((4, 3)), np.array([0, 1, 0, 1]), ("no", "yes"))
    >>> len(DenseNetwork(depth=0)(rows)())
    2
    """

    width: int = 64
    depth: int = 4

    def __call__(self, rows: Dataset) -> Callable[[], nn.Module]:
        """A factory of untrained models for rows of a table."""
        spread = torch.from_numpy(rows.x.std(axis=0, dtype=np.float64).astype(np.float32))
        standardize = Standardize(torch.from_numpy(rows.x).mean(dim=0), spread)
        return partial(adult_network, standardize, classes=len(rows.class_names), width=self.width, depth=self.depth)


@dataclass(frozen=True)
class TableNetwork:
    """As `DenseNetwork`, of rows with columns of 0 and 1 for categories: only numbers are standardised.

    A category of few rows has a small spread: divided by it, one row of that category would be a very large input.

    Attributes
    ----------
    width, depth : int
        Units of a hidden layer, and hidden layers.

    Examples
    --------
    >>> from fairtoll.data import Feature
    >>> age = Feature("age", "continuous", integer=True, low=20, high=40, unit="years")
    >>> sex = Feature("sex=f", "categorical", integer=True, low=0, high=1, unit="", categories=("no", "yes"))
    >>> rows = Dataset([[20, 0], [40, 1]], [0, 1], ("no", "yes"), features=(age, sex))
    >>> standardize = TableNetwork()(rows)()[0]
    >>> standardize.mean.tolist(), standardize.spread.tolist()
    ([30.0, 0.0], [10.0, 1.0])
    """

    width: int = 64
    depth: int = 4

    def __call__(self, rows: Dataset) -> Callable[[], nn.Module]:
        """A factory of untrained models for rows of a table; without features every column is a number."""
        spread = torch.from_numpy(rows.x.std(axis=0, dtype=np.float64).astype(np.float32))
        mean = torch.from_numpy(rows.x).mean(dim=0)
        numbers = torch.tensor([feature.kind == "continuous" for feature in rows.features] or [True] * len(mean))
        standardize = Standardize(torch.where(numbers, mean, 0.0), torch.where(numbers, spread, 1.0))
        return partial(adult_network, standardize, classes=len(rows.class_names), width=self.width, depth=self.depth)


@dataclass(frozen=True)
class NamedNetwork:
    """A network of one's own: what a factory returns, its weights drawn anew for each training run.

    Attributes
    ----------
    factory : str
        ``PACKAGE.MODULE:FACTORY``, as `fairtoll.models.factories.make_model` takes it.

    Examples
    --------
    >>> rows = Dataset(np.zeros((4, 3)), np.array([0, 1, 0, 1]), ("no", "yes"))
    >>> NamedNetwork("torch.nn:Identity")(rows)()
    Identity()
    """

    factory: str

    def __call__(self, rows: Dataset) -> Callable[[], nn.Module]:
        """The factory, which is the same for all rows.

        Raises
        ------
        FairtollError
            From the factory itself, and where it returns no torch module.
        """
        return self._make

    def _make(self) -> nn.Module:
        model = make_model(self.factory)
        if not isinstance(model, nn.Module):
            raise FairtollError(
                f"'{self.factory}' returned {type(model).__name__}; expected a torch.nn.Module, which can be trained; "
                "give a factory of one"
            )
        return model


@dataclass(frozen=True)
class ConvolutionalNetwork:
    """The paper's convolutional network, on pixels as they are.

    Attributes
    ----------
    widths : tuple of int
        As `fairtoll.models.networks.image_network`.

    Examples
    --------
    >>> images = Dataset(np.zeros((2, 3, 8, 8)), np.array([0, 1]), ("cat", "dog"))
    >>> ConvolutionalNetwork()(images)()(torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 2])
    """

    widths: tuple[int, int, int, int] = (32, 64, 256, 128)

    def __call__(self, rows: Dataset) -> Callable[[], nn.Module]:
        """A factory of untrained models for images `(N, C, H, H)`.

        Raises
        ------
        FairtollError
            For rows that are not square images with a side that is a multiple of 4.
        """
        if rows.x.ndim != 4 or rows.x.shape[2] != rows.x.shape[3] or rows.x.shape[2] % 4:
            raise FairtollError(
                f"rows have shape {rows.x.shape[1:]}; expected square images (channels, side, side), the side a "
                "multiple of 4"
            )
        _, channels, side, _ = rows.x.shape
        return partial(image_network, classes=len(rows.class_names), side=side, channels=channels, widths=self.widths)
