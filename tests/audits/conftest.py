"""Models, rows and an audit that are not the paper's."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat, audit
from fairtoll.data import Dataset

CLASSES = ("cat", "dog", "emu")
EPSILONS = (0.1, 0.3)


def network(seed):
    """A small ReLU network in mixed modes, with a frozen weight and a gradient left from elsewhere."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    model.train()
    model[0].eval()
    model[3].bias.requires_grad_(False)
    model[0].weight.grad = torch.full((8, 4), 7.0)
    return model


def make_rows(count=240):
    """Rows with two attributes; `site` has a group of four rows, too few to compare."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(count, 4)).astype(np.float32)
    y = np.arange(count) % 3
    x[:, 0] += y
    site = np.array(["north", "south"])[(generator.random(count) < 0.4).astype(int)].astype("U6")
    site[[10, 50, 90, 130]] = "island"
    age = np.array(["old", "young"])[(x[:, 1] > 0).astype(int)]
    return Dataset(x, y, CLASSES, groups={"site": site, "age": age}, name="beasts")


@pytest.fixture(scope="session")
def audited():
    """An audit of two arms with two training runs each, with all that went into it."""
    models = {"plain": [network(0), network(1)], "hardened": [network(2), network(3)]}
    rows = make_rows()
    partitions = ["class", "site", "age", "site & age"]
    found = audit(models, rows, threat=LinfThreat(), epsilons=EPSILONS, partitions=partitions)
    return SimpleNamespace(models=models, rows=rows, audit=found, results=found.results, partitions=partitions)
