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
