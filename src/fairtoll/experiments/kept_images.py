"""The images of a run, kept in its folder: read once, the same for every process, whatever becomes of the source."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from fairtoll.data import Dataset, TrainTest
from fairtoll.storage.files import write_text, write_with

ROWS = 4096
FILES = ("train.safetensors", "test.safetensors", "about.json")


def keep_images(folder: Path, data: TrainTest, *, train_rows: int | None, test_rows: int | None) -> None:
    """Write the first images of each split to `folder` as bytes; None for all."""
    for name, split, rows in (("train", data.train, train_rows), ("test", data.test, test_rows)):
        tensors = {"x": torch.from_numpy(as_bytes(split.x[:rows])), "y": torch.from_numpy(split.y[:rows])}
        write_with(partial(save_file, tensors), folder / f"{name}.safetensors")
    about = {
        "name": data.test.name,
        "class_names": list(data.test.class_names),
        "title": data.title,
        "note": data.note,
        "unofficial": data.unofficial,
    }
    write_text(json.dumps(about, indent=1) + "\n", folder / "about.json")


def as_bytes(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pixels in [0, 1] as bytes, without a second copy of all of them as floats.

    Examples
    --------
    >>> as_bytes(np.array([[0.0], [1.0]], dtype=np.float32)).tolist()
    [[0], [255]]
    """
    kept = np.empty(pixels.shape, dtype=np.uint8)
    for first in range(0, len(pixels), ROWS):
        kept[first : first + ROWS] = (pixels[first : first + ROWS] * 255).round()
    return kept


def load_images(folder: Path) -> TrainTest:
    """Read what `keep_images` has written, pixels in [0, 1]."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    splits = []
    for name in ("train", "test"):
        tensors = load_file(folder / f"{name}.safetensors")
        pixels = tensors["x"].numpy().astype(np.float32)
        pixels /= 255
        splits.append(Dataset(pixels, tensors["y"].numpy(), tuple(about["class_names"]), name=about["name"]))
    return TrainTest(splits[0], splits[1], title=about["title"], note=about["note"], unofficial=about["unofficial"])
