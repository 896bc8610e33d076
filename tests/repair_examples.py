"""Small training rows with two groups, one of them rare and noisy, for tests of repairs."""

import numpy as np
from torch import nn

from fairtoll.data import Dataset
from fairtoll.training import FitSettings, TrainingSetup

ROWS = 90


def rows():
    """Class 1 where x_0 > 0; every sixth row is of group b, with ten times the noise."""
    random = np.random.default_rng(0)
    groups = np.where(np.arange(ROWS) % 6 == 0, "b", "a")
    x = random.normal(size=(ROWS, 2))
    y = (x[:, 0] + np.where(groups == "b", 1.0, 0.1) * random.normal(size=ROWS) > 0).astype(int)
    return Dataset(x, y, ("no", "yes"), groups={"sex": groups, "one": ["same"] * ROWS})


def by_autograd():
    """A network that no path without autograd knows: its training is the same bits whatever form the loss has."""
    return nn.Sequential(nn.Linear(2, 4), nn.GELU(), nn.Linear(4, 2))


def setup_of(seeds=(0, 1), *, epochs=3, network=lambda: nn.Linear(2, 2)):
    settings = FitSettings(epochs=epochs, batch_size=16, learning_rate=0.05)
    return TrainingSetup.for_rows(rows(), seeds=list(seeds), network=lambda _: network, settings=settings)
