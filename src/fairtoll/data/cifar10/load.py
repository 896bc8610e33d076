"""CIFAR-10: the official files or a copy in Parquet, downloaded if there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fairtoll.data.archive import unpack
from fairtoll.data.cifar10.check import Outcome, check_sums
from fairtoll.data.cifar10.copy import Copy, find_copy
from fairtoll.data.cifar10.images import ROWS, Images
from fairtoll.data.cifar10.official import BATCHES, RECORD, VERSIONS
from fairtoll.data.dataset import TrainTest
from fairtoll.data.download import fetch
from fairtoll.errors import FairtollError
from fairtoll.progress import part

#: The environment variable that names the folder if none is given.
ENVIRONMENT = "FAIRTOLL_CIFAR10_DIR"
OFFICIAL = VERSIONS[0]
URL = f"https://www.cs.toronto.edu/~kriz/{OFFICIAL.archive}"
#: Length of that archive.
BYTES = 170_052_171
#: Length of each of the six files in it.
FILE_BYTES = 10_000 * RECORD
SOURCE = "CIFAR-10, Krizhevsky 2009, with its official split"
UNOFFICIAL = "not the official pixels"
JPEG = f"JPEG copy, {UNOFFICIAL}"


def load_cifar10(
    folder: str | os.PathLike[str] | None = None,
    *,
    download: bool = True,
    rows_expected: tuple[int, int] | None = (50_000, 10_000),
) -> TrainTest:
    """CIFAR-10 with its official split: 50,000 training and 10,000 test images of ten classes.

    Read are the official binary version and the official Python version (their archives, or what was unpacked from
    them; no code named in a pickle is run), and Parquet with the columns of the Hugging Face copy, `img` or `image`
    (PNG or JPEG) and `label`.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".

    Parameters
    ----------
    folder : path, optional
        Where the data are: a folder, or an archive. Default: what FAIRTOLL_CIFAR10_DIR names; where it names
        nothing, the user's cache folder, into which the official binary version (162 MiB) is downloaded once.
    download : bool
        Whether the data may be downloaded if there is no copy.
    rows_expected : (int, int) or None
        How many training and test images must be there; None takes any number.

    Returns
    -------
    TrainTest
        `x` is `(N, 3, 32, 32)` float32 between 0 and 1. `title` and `note` say where the pixels come from; those of
        a JPEG copy are not the official ones, which `unofficial` says.

    Raises
    ------
    FairtollError
        If there is no complete copy of the data and it cannot be downloaded.

    Examples
    --------
    >>> load_cifar10("no-such-folder")
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: no folder no-such-folder; check the path, or leave it out to download the data
    """
    copy, left = locate(folder, download=download)
    expected = dict(zip(ROWS, rows_expected, strict=True)) if rows_expected else None
    with part(left):
        splits = copy.read(expected=expected)
    title, pixels = describe(copy, splits)
    # Each split's bytes go as soon as its floats are there.
    train, test = splits.pop("train").dataset(), splits.pop("test").dataset()
    unofficial = UNOFFICIAL if pixels == JPEG else None
    return TrainTest(train, test, title=title, note=f"{SOURCE}; {pixels}.", unofficial=unofficial)


def locate(folder: str | os.PathLike[str] | None, *, download: bool) -> tuple[Copy, float]:
    """The copy to read, downloaded if necessary, and the remaining share of the work."""
    given = folder if folder is not None else os.environ.get(ENVIRONMENT) or None
    if given is not None:
        return find_copy(Path(given).expanduser()), 1.0
    cache = cache_folder()
    try:
        return find_copy(cache), 1.0
    except FairtollError:
        if not download:
            raise FairtollError(
                f"no CIFAR-10 in {cache}, and it may not be downloaded; give its folder, or name it in {ENVIRONMENT}"
            ) from None
    with part(0.95):
        archive = fetch(URL, cache / OFFICIAL.archive, md5=OFFICIAL.md5, size=BYTES)
    sizes = {f"{OFFICIAL.folder}/{name}": FILE_BYTES for split in BATCHES for name in OFFICIAL.files(split)}
    try:
        unpack(archive, cache / OFFICIAL.folder, sizes=sizes)
    finally:
        archive.unlink(missing_ok=True)
    return find_copy(cache), 0.05


def cache_folder() -> Path:
    """Where downloaded data are kept, by the conventions of the operating system."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "fairtoll" / "cifar10"


def describe(copy: Copy, splits: dict[str, Images]) -> tuple[str, str]:
    """The title of the data, and where its pixels come from."""
    encodings = set().union(*(images.encodings for images in splits.values()))
    if "JPEG" in encodings:
        return "CIFAR-10 (JPEG copy)", JPEG
    if copy.version is None:
        return "CIFAR-10", "lossless copy (PNG), not verified to be the official pixels"
    verified = check_sums(copy).outcome is Outcome.verified
    return "CIFAR-10", (
        f"official {copy.version.name} version, with the published checksums"
        if verified
        else f"laid out as the official {copy.version.name} version, not verified to be the official pixels"
    )
