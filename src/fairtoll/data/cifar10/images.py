"""Labelled images in memory as they are on disk: one byte per channel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.dataset import Dataset
from fairtoll.errors import FairtollError

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHAPE = (3, 32, 32)
#: Bytes of an image.
PIXELS = 3 * 32 * 32
#: Rows of the official split.
ROWS = {"train": 50_000, "test": 10_000}
#: Called with the share of the work done since the last call.


@dataclass
class Images:
    """One split: pixels (N, 3, 32, 32) and labels (N,), and how the images were stored ("raw", "PNG", "JPEG")."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    encodings: set[str] = field(default_factory=set)

    @classmethod
    def empty(cls, rows: int) -> Images:
        """Allocate `rows` images."""
        return cls(np.empty((rows, *SHAPE), dtype=np.uint8), np.empty(rows, dtype=np.uint8))

    def dataset(self) -> Dataset:
        """The split as float32 between 0 and 1, rounded as torchvision's ToTensor does."""
        x = np.divide(self.pixels, np.float32(255), dtype=np.float32)
        return Dataset(x, self.labels.astype(np.int64), CLASS_NAMES, name="cifar10")


def check_labels(labels: NDArray[np.integer], *, where: str, first: int = 0) -> None:
    """Raise for labels that are not 0 to 9; rows are counted from `first`."""
    wrong = np.flatnonzero((labels < 0) | (labels >= len(CLASS_NAMES)))
    if wrong.size:
        raise FairtollError(
            f"{where}: row {first + wrong[0]} has the label {labels[wrong[0]]}; expected 0 to 9, one per class; "
            "this is another data set, or the file is damaged"
        )


def check_rows(rows: int, *, expected: int | None, split: str, where: str) -> None:
    """Raise if the number of rows is not the expected one."""
    if expected is not None and rows != expected:
        raise FairtollError(
            f"{where} holds {rows:,} {split} images; expected {expected:,}; download the missing or broken part again"
        )
