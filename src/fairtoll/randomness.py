"""Generators: passed, never global; each purpose has its own stream."""

from __future__ import annotations

import zlib

import numpy as np
import torch


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose of one training run; other purposes never disturb it.

    Raises
    ------
    ValueError
        If `seed` is negative.

    Examples
    --------
    >>> derive_seed(0, "weights") == derive_seed(0, "weights") != derive_seed(0, "batches")
    True
    """
    words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in purpose]
    # As a spawn key: SeedSequence pads its entropy with zeros, so that ("batches",) would equal ("batches", 0).
    sequence = np.random.SeedSequence(seed, spawn_key=words)
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def torch_generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose; draws are moved to the device, so they are the same on all.

    Examples
    --------
    >>> one, other = (torch.rand(1, generator=torch_generator(0, purpose)) for purpose in ("weights", "noise"))
    >>> bool(one == other)
    False
    """
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))
