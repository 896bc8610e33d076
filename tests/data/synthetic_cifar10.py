"""Small made-up copies of CIFAR-10 in every layout: ten learnable classes, and no real image."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

BINARY, PYTHON = "cifar-10-batches-bin", "cifar-10-batches-py"
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


def binary_files(splits: Mapping[str, Split]) -> dict[str, bytes]:
    """The six files of the binary version: a label byte before each image's."""
    return {
        f"{name}.bin": np.hstack([labels[:, None], images.reshape(len(images), -1)]).tobytes()
        for name, (images, labels) in _batches(splits).items()
    }


def python_files(splits: Mapping[str, Split], *, protocol: int | None = None) -> dict[str, bytes]:
    """The six files of the Python version: as Python 2 wrote them, or as this Python does."""
    files = {}
    for name, (images, labels) in _batches(splits).items():
        data = images.reshape(len(images), -1)
        batch = {"batch_label": name, "labels": labels.tolist(), "data": data, "filenames": [f"{name}.png"]}
        files[name] = python_2_pickle(data, labels.tolist()) if protocol is None else pickle.dumps(batch, protocol)
    return files


def python_2_pickle(data: NDArray[np.uint8], labels: list[int]) -> bytes:
    """A batch in the instructions that the official files have, one line each."""
    rows, columns = data.shape
    return b"".join(
        [
            b"\x80\x02}q\x01(",
            b"U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03",
            b"U\x06labelsq\x04]q\x05(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e",
            b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08",
            b"K\x00\x85q\x09U\x01bq\x0a\x87q\x0bRq\x0c",
            b"(K\x01M" + struct.pack("<H", rows) + b"M" + struct.pack("<H", columns) + b"\x86q\x0d",
            b"cnumpy\ndtype\nq\x0eU\x02u1q\x0fK\x00K\x01\x87q\x10Rq\x11",
            b"(K\x03U\x01|q\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x13b",
            b"\x89T" + struct.pack("<i", data.size) + data.tobytes() + b"tq\x14b",
            b"U\x09filenamesq\x15]q\x16(U\x05a.pngq\x17eu.",
        ]
    )


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path: Path, files: Mapping[str, bytes], *, folder: str) -> Path:
    """A .tar.gz as the official ones are: a folder, its files, and a file that is not read."""
    with tarfile.open(path, "w:gz") as archive:
        inside = tarfile.TarInfo(folder)
        inside.type = tarfile.DIRTYPE
        archive.addfile(inside)
        for name, content in {**files, "readme.html": b"<html>"}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _batches(splits: Mapping[str, Split]) -> dict[str, Split]:
    images, labels = splits["train"]
    parts = zip(np.array_split(images, 5), np.array_split(labels, 5), strict=True)
    return {**{f"data_batch_{number}": part for number, part in enumerate(parts, 1)}, "test_batch": splits["test"]}


def write_shards(folder: Path, splits: Mapping[str, Split]) -> Path:
    """Two files a split, as large Parquet copies have them, in a subfolder, with the other column name."""
    below = folder / "plain_text"
    below.mkdir(parents=True)
    for split, (images, labels) in splits.items():
        half = len(labels) // 2
        for number, rows in enumerate([slice(None, half), slice(half, None)]):
            table = image_table(images[rows], labels[rows], column="image")
            parquet.write_table(table, below / f"{split}-0000{number}-of-00002.parquet", row_group_size=7)
    return folder


#: How to write a copy in each layout; what comes back is what to load.
LAYOUTS = {
    "binary folder": lambda folder, splits: write_files(folder / BINARY, binary_files(splits)).parent,
    "binary files": lambda folder, splits: write_files(folder, binary_files(splits)),
    "binary archive": lambda folder, splits: (
        write_archive(folder / "cifar-10-binary.tar.gz", binary_files(splits), folder=BINARY).parent
    ),
    "renamed archive": lambda folder, splits: write_archive(
        folder / "download (1).tgz", binary_files(splits), folder=f"./{BINARY}"
    ),
    "python folder": lambda folder, splits: write_files(folder / PYTHON, python_files(splits)).parent,
    "python files": lambda folder, splits: write_files(folder, python_files(splits, protocol=4)),
    "python archive": lambda folder, splits: write_archive(
        folder / "cifar-10-python.tar.gz", python_files(splits), folder=PYTHON
    ),
    "parquet": write_parquet_copy,
    "parquet shards": write_shards,
}
