"""A sample of rows, the same for every arm."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtoll.randomness import torch_generator


def in_proportion(y: Tensor, rows: int) -> NDArray[np.intp]:
    """Positions of about so many rows, ascending, as large a share of each class; the same for the same classes.

    Examples
    --------
    >>> y = torch.tensor([0, 0, 0, 0, 1, 1])
    >>> np.bincount(y.numpy()[in_proportion(y, 3)]).tolist()
    [2, 1]
    """
    labels, order = y.numpy(), torch.randperm(len(y), generator=torch_generator(0, "proved rows")).numpy()
    share = min(1.0, rows / len(labels))
    chosen = [
        order[labels[order] == label][: math.ceil(share * (labels == label).sum() - 1e-9)]
        for label in np.unique(labels)
    ]
    return np.sort(np.concatenate(chosen))
