"""CIFAR-10 on a device, as `pack.py` wrote it, and the usual augmentation in a fixed order."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.randomness import torch_generator

#: Pixels that an image is moved by at most.
SHIFT = 4


@dataclass(frozen=True)
class Split:
    """Images `(N, 3, 32, 32)` as bytes and their classes, on a device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels in [0, 1], channels last, and classes."""
        positions = positions.to(self.labels.device)
        pixels = self.images[positions].float() / 255
        return pixels.contiguous(memory_format=torch.channels_last), self.labels[positions]


def read_split(path: Path, *, device: str, rows: int | None = None) -> Split:
    """The first rows of a split, or all of them."""
    from PIL import Image

    with np.load(path) as packed:
        data, ends, labels = packed["bytes"], packed["ends"], packed["labels"]
    number = len(ends) if rows is None else min(rows, len(ends))
    images, start = np.empty((number, 32, 32, 3), np.uint8), 0
    for row in range(number):
        images[row] = np.asarray(Image.open(io.BytesIO(data[start : ends[row]].tobytes())).convert("RGB"))
        start = ends[row]
    channels_first = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return Split(channels_first.to(device), torch.from_numpy(labels[:number]).to(device))


def augmented(pixels: Tensor, *, seed: int, epoch: int, step: int) -> Tensor:
    """Shifted by up to four pixels and mirrored at random: what is drawn depends on seed, epoch and step alone."""
    generator = torch_generator(seed, "augmentation", epoch, step)
    number = len(pixels)
    shifts = torch.randint(0, 2 * SHIFT + 1, (2, number), generator=generator).to(pixels.device)
    mirrored = (torch.rand(number, generator=generator) < 0.5).to(pixels.device)
    padded = functional.pad(pixels, (SHIFT,) * 4)
    side = torch.arange(pixels.shape[-1], device=pixels.device)
    down, right = shifts[0, :, None] + side, shifts[1, :, None] + side
    right = torch.where(mirrored[:, None], right.flip(1), right)
    row = torch.arange(number, device=pixels.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[row, down[:, :, None], right[:, None, :]]
    return moved.permute(0, 3, 1, 2)
