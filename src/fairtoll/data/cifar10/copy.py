"""Finding CIFAR-10 in a folder, and its layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairtoll.data.archive import MOST, member_names
from fairtoll.data.cifar10.images import ROWS, Images
from fairtoll.data.cifar10.official import BATCHES, VERSIONS, Version, read_official_copy
from fairtoll.data.cifar10.parquet import read_parquet_copy
from fairtoll.errors import FairtollError


@dataclass(frozen=True)
class Copy:
    """A copy of the data on disk: an official version (in a folder or its archive), or Parquet.

    Attributes
    ----------
    place
        The folder with the files, or the archive.
    version
        The official version; None for Parquet.
    in_archive
        Whether `place` is an archive.
    parts
        Each split's Parquet files, in order.
    """

    place: Path
    version: Version | None = None
    in_archive: bool = False
    parts: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @property
    def layout(self) -> str:
        """What it is, in a few words."""
        if self.version is None:
            return "Parquet, the columns of the Hugging Face copy"
        return f"official {self.version.name} version, {'archive' if self.in_archive else 'extracted'}"

    def read(self, *, expected: Mapping[str, int] | None) -> dict[str, Images]:
        """Both splits; `expected` is the required number of rows of each."""
        if self.version is None:
            return read_parquet_copy(self.parts, expected=expected)
        return read_official_copy(self.version, self.place, in_archive=self.in_archive, expected=expected)


def find_copy(place: Path) -> Copy:
    """The copy in a folder or below it, or the archive itself.

    Raises
    ------
    FairtollError
        If there is none, or only a part of one.
    """
    if place.is_file():
        return _archive(place)
    if not place.is_dir():
        raise FairtollError(f"no folder {place}; check the path, or leave it out to download the data")
    partly: list[str] = []
    for copy in _candidates(place, partly):
        return copy
    if partly:
        raise FairtollError(f"{partly[0]}; part of the data is missing: unpack or download it again")
    raise FairtollError(
        f"no CIFAR-10 in {place}, which holds {_listing(place)}; expected {VERSIONS[0].archive}, {VERSIONS[0].folder}, "
        f"{VERSIONS[1].folder}, or train*.parquet and test*.parquet; leave the folder out to download the data"
    )


def _candidates(place: Path, partly: list[str]) -> Iterator[Copy]:
    """Complete copies, best first; incomplete ones are described in `partly`."""
    for version in VERSIONS:
        names = [name for split in BATCHES for name in version.files(split)]
        for folder in (place / version.folder, place):
            missing = [name for name in names if not (folder / name).is_file()]
            if not missing:
                yield Copy(folder, version)
            elif len(missing) < len(names):
                partly.append(f"{folder} lacks {', '.join(missing)}")
        if (place / version.archive).is_file():
            yield Copy(place / version.archive, version, in_archive=True)
    for folder in (place, *sorted(below for below in place.iterdir() if below.is_dir())):
        parts = {split: tuple(sorted(folder.glob(f"{split}*.parquet"))) for split in ROWS}
        if all(parts.values()):
            yield Copy(folder, parts=parts)
        elif any(parts.values()):
            absent = "test" if parts["train"] else "train"
            partly.append(f"{folder} has no {absent}*.parquet")


def _archive(place: Path) -> Copy:
    if place.suffix == ".parquet":
        raise FairtollError(
            f"{place} is one of several files; give their folder, with train*.parquet and test*.parquet"
        )
    for number, name in enumerate(member_names(place)):
        for version in VERSIONS:
            if name.split("/")[0] == version.folder:
                return Copy(place, version, in_archive=True)
        if number > MOST:
            break
    raise FairtollError(
        f"{place} is not an archive of CIFAR-10, or is truncated; expected {VERSIONS[0].archive} or "
        f"{VERSIONS[1].archive}; download it again"
    )


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "nothing"
