"""Small made-up copies of CIFAR-10 in every layout: ten learnable classes, and no real image."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

Split = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def make_images(rows: int, *, seed: int = 0, noise: float = 25.0) -> Split:
    """Images (N, 3, 32, 32) and labels (N,): the class is the bar's direction and colour; the classes are balanced."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(rows) % 10).astype(np.uint8)
    images = np.full((rows, 3, 32, 32), 90.0)
    for row, label in enumerate(labels):
        at = generator.integers(8, 20)
        bar = (slice(at, at + 5), slice(None)) if label % 2 else (slice(None), slice(at, at + 5))
        colour = 60.0 * np.array([label // 2 % 3, (label // 2 + 1) % 3, label // 6])
        images[row][:, *bar] += colour[:, None, None]
    return (images + generator.normal(0, noise, images.shape)).clip(0, 255).astype(np.uint8), labels


def make_splits(train: int = 60, test: int = 20, *, seed: int = 0) -> dict[str, Split]:
    return {"train": make_images(train, seed=seed), "test": make_images(test, seed=seed + 1)}


def encode(image: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """One (3, 32, 32) image as a file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(buffer, kind)
    return buffer.getvalue()


def write_parquet_copy(folder: Path, splits: Mapping[str, Split] | None = None, *, kind: str = "PNG") -> Path:
    """A folder as the Hugging Face copy has it: train.parquet and test.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, (images, labels) in (splits or make_splits()).items():
        parquet.write_table(image_table(images, labels, kind=kind), folder / f"{split}.parquet")
    return folder


def image_table(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], *, kind: str = "PNG", column: str = "img"
) -> pa.Table:
    encoded = [{"bytes": encode(image, kind), "path": None} for image in images]
    kept = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table({column: pa.array(encoded, kept), "label": pa.array(labels.astype(np.int64))})
