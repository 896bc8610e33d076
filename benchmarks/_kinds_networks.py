"""The networks of `model_kinds.py`: of a table's coded rows and of digits, trained with and without an adversary."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtoll.data import Dataset

#: How far FGSM moves a number in training, in standard deviations, and a pixel.
TABLE_RADIUS, PIXEL_RADIUS = 0.3, 0.1
EPOCHS, BATCH, SEED = 60, 100, 0
WIDTH = 32


def about(rows: Dataset) -> dict[str, object]:
    """What `TableNetwork` needs to know of a table, as plain values."""
    numbers = [place for place, one in enumerate(rows.features) if one.kind == "continuous"]
    codes = [place for place, one in enumerate(rows.features) if one.kind == "categorical"]
    return {
        "numbers": numbers,
        "mean": rows.x[:, numbers].mean(axis=0).tolist(),
        "spread": rows.x[:, numbers].std(axis=0).clip(1e-6).tolist(),
        "codes": codes,
        "sizes": [len(rows.features[place].categories) for place in codes],
        "classes": len(rows.class_names),
        "width": WIDTH,
    }


def train(network: nn.Module, x: Tensor, y: Tensor, *, radius: Tensor | None, box: tuple[float, float]) -> nn.Module:
    """Adam on clean rows, and where there is a radius on rows that one signed gradient step has moved by it."""
    generator = torch.Generator().manual_seed(SEED)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    network.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x), generator=generator).split(BATCH):
            rows = x[batch]
            if radius is not None:
                leaf = rows.clone().requires_grad_(True)
                (slope,) = torch.autograd.grad(nn.functional.cross_entropy(network(leaf), y[batch]), leaf)
                rows = (rows + radius * slope.sign()).clamp(*box)
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(rows), y[batch]).backward()
            optimiser.step()
    return network.eval()
