"""CIFAR-10 from a folder: the official files, or a copy in Parquet."""

from __future__ import annotations

import os
from pathlib import Path

from fairtoll.data._cifar10_images import ROWS, Advance, Images
from fairtoll.data._cifar10_parquet import read_parquet_copy
from fairtoll.data.dataset import TrainTest
from fairtoll.errors import FairtollError

SOURCE = "CIFAR-10, Krizhevsky 2009, the official split of 50,000 and 10,000 images"
JPEG = "JPEG copy, not the official pixels"


def load_cifar10(
    folder: str | os.PathLike[str] | None = None,
    *,
    download: bool = True,
    rows_expected: tuple[int, int] | None = (50_000, 10_000),
    advance: Advance | None = None,
) -> TrainTest:
    """CIFAR-10 with its official split, as `x` (N, 3, 32, 32) float32 between 0 and 1.

    Parameters
    ----------
    folder : path, optional
        Where the data are. Default: the folder that FAIRTOLL_CIFAR10_DIR names.
    download : bool
        Whether data that are nowhere may be downloaded.
    rows_expected : (int, int) or None
        Training and test rows that must be there; None takes any number.
    advance : callable, optional
        Called with the share of the work done since the last call.

    Returns
    -------
    TrainTest
        `note` says where the pixels come from, and whether they are the official ones.

    Raises
    ------
    FairtollError
        If there is no whole copy of the data.

    Examples
    --------
    >>> load_cifar10("no-such-folder")
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: no CIFAR-10 in no-such-folder
    """
    place = Path(folder if folder is not None else os.environ.get("FAIRTOLL_CIFAR10_DIR", ""))
    parts = {split: sorted(place.glob(f"{split}*.parquet")) for split in ROWS}
    if not all(parts.values()):
        raise FairtollError(f"no CIFAR-10 in {place}")
    expected = dict(zip(ROWS, rows_expected, strict=True)) if rows_expected else None
    splits = read_parquet_copy(parts, expected=expected, advance=advance or (lambda _: None))
    return _as_train_test(splits)


def _as_train_test(splits: dict[str, Images]) -> TrainTest:
    jpeg = any("JPEG" in images.encodings for images in splits.values())
    # Each split's bytes go once its floats are there.
    return TrainTest(
        splits.pop("train").dataset(),
        splits.pop("test").dataset(),
        title="CIFAR-10 (JPEG copy)" if jpeg else "CIFAR-10",
        note=f"{SOURCE}; {JPEG}." if jpeg else f"{SOURCE}.",
    )
