"""Networks as a user has them in a module of their own: `model_kinds.py` copies this file beside their weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn


class TableNetwork(nn.Module):
    """Numbers are standardised, codes of categories become one-hot columns."""

    def __init__(
        self,
        numbers: Sequence[int],
        mean: Sequence[float],
        spread: Sequence[float],
        codes: Sequence[int],
        sizes: Sequence[int],
        classes: int,
        width: int = 32,
    ) -> None:
        super().__init__()
        self.numbers, self.codes, self.sizes = list(numbers), list(codes), list(sizes)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("spread", torch.tensor(spread))
        inputs = len(self.numbers) + sum(self.sizes)
        self.layers = nn.Sequential(
            nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        parts = [(x[:, self.numbers] - self.mean) / self.spread]
        for place, size in zip(self.codes, self.sizes, strict=True):
            parts.append((x[:, place : place + 1] == torch.arange(size, dtype=x.dtype)).to(x.dtype))
        return self.layers(torch.cat(parts, dim=1))


class DigitNetwork(nn.Sequential):
    """Two convolutions with batch normalisation and a linear layer."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 10),
        )


def table() -> nn.Module:
    """An untrained network for the table that `network.json` beside this file describes."""
    return TableNetwork(**json.loads((Path(__file__).parent / "network.json").read_text()))


def digits() -> nn.Module:
    """An untrained network for 8 by 8 images."""
    return DigitNetwork()
