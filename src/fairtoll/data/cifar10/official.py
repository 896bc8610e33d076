"""The official versions of CIFAR-10: six files of 10,000 images, binary or pickled, in a folder or an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.archive import LARGEST, read_members
from fairtoll.data.cifar10.images import PIXELS, SHAPE, Images, check_labels, check_rows
from fairtoll.data.cifar10.restricted_pickle import load_arrays
from fairtoll.errors import FairtollError
from fairtoll.progress import advance

BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
#: Bytes of an image and its label in the binary version.
RECORD = 1 + PIXELS


@dataclass(frozen=True)
class Version:
    """One of the two official versions.

    `digests` are checksums of the extracted files, by file name, and `published` says who published them.
    """

    name: str
    archive: str
    folder: str
    suffix: str
    md5: str
    algorithm: str
    digests: Mapping[str, str]
    published: str
    read: Callable[[bytes, str], tuple[NDArray[np.uint8], NDArray[Any]]]

    def files(self, split: str) -> tuple[str, ...]:
        """Names of a split's files, in order."""
        return tuple(f"{batch}{self.suffix}" for batch in BATCHES[split])


def _read_binary(content: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    if not content or len(content) % RECORD:
        raise FairtollError(
            f"{where} has {len(content):,} bytes; expected a multiple of {RECORD:,} (30,730,000 for 10,000 images); "
            "the file is truncated or a different one; unpack the archive again"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
    return records[:, 1:], records[:, 0]


def _read_python(content: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    batch = load_arrays(content, where=where)
    # Python 2 wrote the keys as bytes; a file saved again by Python 3 has text.
    keys = (
        {key.decode("latin-1") if isinstance(key, bytes) else key: key for key in batch}
        if isinstance(batch, dict)
        else {}
    )
    pixels, labels = (batch[keys[key]] if key in keys else None for key in ("data", "labels"))
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        shape = f"of shape {pixels.shape}" if isinstance(pixels, np.ndarray) else "missing"
        raise FairtollError(f"{where}: 'data' is {shape}; expected bytes of shape (rows, {PIXELS:,}), 32 x 32 RGB")
    if not isinstance(labels, list) or len(labels) != len(pixels) or any(type(label) is not int for label in labels):
        raise FairtollError(f"{where}: 'labels' is no list of {len(pixels):,} whole numbers; expected one per image")
    return pixels, np.array(labels, dtype=np.int64)


#: The binary version is looked for first: it holds no pickle.
VERSIONS = (
    Version(
        name="binary",
        archive="cifar-10-binary.tar.gz",
        folder="cifar-10-batches-bin",
        suffix=".bin",
        md5="c32a1d4ab5d03f1284b67883e8d87530",
        algorithm="sha1",
        digests={
            "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
            "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
            "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
            "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
            "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
            "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
        },
        published="MXNet",
        read=_read_binary,
    ),
    Version(
        name="Python",
        archive="cifar-10-python.tar.gz",
        folder="cifar-10-batches-py",
        suffix="",
        md5="c58f30108f718f92721af3b95e74349a",
        algorithm="md5",
        digests={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
        },
        published="torchvision",
        read=_read_python,
    ),
)


def read_official_copy(
    version: Version,
    place: Path,
    *,
    in_archive: bool,
    expected: Mapping[str, int] | None,
) -> dict[str, Images]:
    """Both splits from the folder with the six files, or from the archive."""
    names = {name: split for split in BATCHES for name in version.files(split)}
    parts: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
    for name, content in (_from_archive if in_archive else _from_folder)(version, place):
        where, split = str(place / name), names[name]
        pixels, labels = version.read(content, where)
        check_labels(labels, where=where)
        in_file = expected[split] // len(BATCHES[split]) if expected else None
        check_rows(len(labels), expected=in_file, split=split, where=where)
        parts[name] = pixels, labels.astype(np.uint8)
        advance(1 / len(names))
    splits = {}
    for split in BATCHES:
        pixels = np.concatenate([parts[name][0] for name in version.files(split)]).reshape(-1, *SHAPE)
        labels = np.concatenate([parts.pop(name)[1] for name in version.files(split)])
        splits[split] = Images(pixels, labels, {"raw"})
    return splits


def _from_folder(version: Version, place: Path) -> Iterator[tuple[str, bytes]]:
    for split in BATCHES:
        for name in version.files(split):
            path = place / name
            try:
                if path.stat().st_size > LARGEST:
                    raise FairtollError(f"{path} has {path.stat().st_size:,} bytes; expected about 31 million")
                yield name, path.read_bytes()
            except OSError as error:
                raise FairtollError(f"cannot read {path}: {error.strerror or error}; check it") from error


def _from_archive(version: Version, place: Path) -> Iterator[tuple[str, bytes]]:
    inside = [f"{version.folder}/{name}" for split in BATCHES for name in version.files(split)]
    for name, content in read_members(place, inside):
        yield PurePosixPath(name).name, content
