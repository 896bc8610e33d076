"""Which properties of a copy of CIFAR-10 can be verified, and which cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.cifar10.copy import Copy
from fairtoll.data.cifar10.images import CLASS_NAMES, PIXELS, Images
from fairtoll.data.cifar10.official import BATCHES, Version
from fairtoll.data.download import file_digest
from fairtoll.errors import FairtollError

#: Means of the official training images' channels, as widely published, on a scale of 0 to 1.
OFFICIAL_MEANS = (0.4914, 0.4822, 0.4465)


class Outcome(StrEnum):
    """How a check ended."""

    verified = "Verified"
    unknown = "Not verified"
    failed = "Failed"


@dataclass(frozen=True)
class Check:
    """One check and its outcome."""

    outcome: Outcome
    text: str


def channel_means(images: Images) -> NDArray[np.float64]:
    """Mean of each channel, (3,), on a scale of 0 to 1."""
    sums: NDArray[np.int64] = images.pixels.sum(axis=(0, 2, 3), dtype=np.int64)
    return sums / (images.pixels[:, 0].size * 255.0)


def check_copy(copy: Copy, splits: Mapping[str, Images]) -> Iterator[Check]:
    """Class balance, repeated images, and the files' checksums where they are published."""
    yield _balance(splits)
    yield _repeats(splits)
    yield check_sums(copy)


def check_sums(copy: Copy) -> Check:
    """Whether the files are, byte for byte, those that were published."""
    if copy.version is None:
        return Check(Outcome.unknown, "the files themselves: no checksums are published for this layout")
    return _archive_sum(copy, copy.version) if copy.in_archive else _file_sums(copy, copy.version)


def _balance(splits: Mapping[str, Images]) -> Check:
    counts = {split: np.bincount(images.labels, minlength=len(CLASS_NAMES)) for split, images in splits.items()}
    for split, count in counts.items():
        if (count != count.sum() / len(CLASS_NAMES)).any():
            at = int(np.abs(count - count.mean()).argmax())
            return Check(
                Outcome.failed,
                f"{count[at]:,} {split} images are of class '{CLASS_NAMES[at]}', expected {count.sum() // 10:,}",
            )
    train, test = (int(counts[split][0]) for split in ("train", "test"))
    return Check(Outcome.verified, f"each class has {train:,} training and {test:,} test images")


def _repeats(splits: Mapping[str, Images]) -> Check:
    seen = {image.tobytes() for images in splits.values() for image in images.pixels.reshape(-1, PIXELS)}
    rows = sum(len(images.labels) for images in splits.values())
    if len(seen) < rows:
        return Check(Outcome.failed, f"{rows - len(seen):,} of {rows:,} images repeat another one, expected none")
    return Check(Outcome.verified, f"all {rows:,} images differ")


def _archive_sum(copy: Copy, version: Version) -> Check:
    found = _digest(copy, "", "md5")
    if found != version.md5:
        return Check(Outcome.failed, f"the archive's MD5 is {found}, expected {version.md5}")
    return Check(Outcome.verified, f"the archive has the published MD5, {version.md5}")


def _file_sums(copy: Copy, version: Version) -> Check:
    names = [name for split in BATCHES for name in version.files(split)]
    wrong = [name for name in names if _digest(copy, name, version.algorithm) != version.digests[name]]
    sums = f"{version.algorithm.upper()} checksums that {version.published} publishes for them"
    if not wrong:
        return Check(Outcome.verified, f"the six files have the {sums}")
    if len(wrong) < len(names):
        return Check(Outcome.failed, f"{', '.join(wrong)} differ from the {sums}, the other files have them")
    return Check(Outcome.unknown, f"the files themselves: none has the {sums}, so they may have been rewritten")


def _digest(copy: Copy, name: str, algorithm: str) -> str:
    path = copy.place / name if name else copy.place
    try:
        return file_digest(path, algorithm)
    except OSError as error:
        raise FairtollError(f"cannot read {path}: {error.strerror or error}; check it") from error
