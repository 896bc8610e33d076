"""Records of finished work: JSON files that hold the checksums of other files, and their own.

A stage of a run has its record in ``stages/``; a folder that was written in one step has ``checksums.json``. Both name
files and their checksums under "files".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.storage.checksums import checksum, is_verified, verifying
from fairtoll.storage.files import reading, write_text

CONFIGURATION = "configuration.json"
CHECKSUMS = "checksums.json"
STAGES = "stages"
#: The key of a record's own checksum.
OWN = "sha256"


def write_record(content: Mapping[str, Any], path: Path) -> None:
    """Write plain JSON values with their own checksum, atomically.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "record.json"
    >>> write_record({"rows": 3}, path)
    >>> read_record(path)
    {'rows': 3}
    >>> _ = path.write_text(path.read_text().replace("3", "4", 1))
    >>> read_record(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: .../record.json has changed since it was written (its checksum ...
    """
    write_text(json.dumps({**content, OWN: _digest(path.name, content)}, indent=1) + "\n", path)


def read_record(path: Path) -> dict[str, Any]:
    """What `write_record` wrote.

    Raises
    ------
    FairtollError
        If there is none, or it has changed since it was written.
    """
    with reading(path, "a complete record of fairtoll", verified=False):
        content = dict(json.loads(path.read_text(encoding="utf-8")))
    own = content.pop(OWN, None)
    if own is None:
        raise FairtollError(
            f"{path} holds no checksum: it is damaged, or another version of fairtoll wrote it; make it again in a new "
            "folder"
        )
    if own != _digest(path.name, content):
        raise FairtollError(
            f"{path} has changed since it was written (its checksum differs); restore the file, or make it again"
        )
    return content


def record_files(folder: Path, names: Sequence[str], *, configuration: Mapping[str, Any] | None = None) -> None:
    """Record the checksums of files in a folder that was written in one step, and what they were made with.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_text("done", folder / "note.txt")
    >>> record_files(folder, ["note.txt"])
    >>> list(recorded_files(folder))
    ['note.txt']
    """
    files = {name: checksum(folder / name) for name in names}
    write_record({"configuration": dict(configuration or {}), "files": files}, folder / CHECKSUMS)


def recorded_configuration(folder: Path) -> dict[str, Any] | None:
    """What the files of a folder were made with, of a run or of a folder that was written in one step; None for others.

    Raises
    ------
    FairtollError
        If its record has changed since it was written.

    Examples
    --------
    >>> recorded_configuration(Path("nowhere")) is None
    True
    """
    if (folder / CONFIGURATION).exists():
        return read_record(folder / CONFIGURATION)
    return dict(read_record(folder / CHECKSUMS)["configuration"]) if (folder / CHECKSUMS).exists() else None


def stage_records(folder: Path, *, complete: bool = True) -> dict[str, dict[str, Any]]:
    """The records of a run's finished stages, in the order in which the stages ended.

    Parameters
    ----------
    folder : Path
        The run's.
    complete : bool
        Whether the record of every stage that another one read from must be there.

    Raises
    ------
    FairtollError
        If a record has changed since it was written, or one that must be there is missing.

    Examples
    --------
    >>> stage_records(Path("nowhere"))
    {}
    """
    records = {path.stem: read_record(path) for path in sorted((folder / STAGES).glob("*.json"))}
    missing = {name for record in records.values() for name in record["after"] if name not in records}
    if complete and missing:
        raise FairtollError(
            f"{folder / STAGES} has no record of {', '.join(sorted(missing))}, which others were made from; run the "
            "same command again: finished stages are kept"
        )
    return dict(sorted(records.items(), key=lambda item: (item[1]["ended"], item[0])))


def recorded_files(folder: Path, *, complete: bool = True) -> dict[str, str]:
    """Checksums by relative path of all files that a folder, or its run's stages, have on record.

    Raises
    ------
    FairtollError
        As `stage_records`.
    """
    files: dict[str, str] = {}
    if (folder / CHECKSUMS).exists():
        files |= read_record(folder / CHECKSUMS)["files"]
    for record in stage_records(folder, complete=complete).values():
        files |= record["files"]
    return files


@contextmanager
def verifying_records(folder: Path, *, names: Collection[str] | None = None) -> Iterator[None]:
    """Inside, the files of a folder are read only as they are on record there, or in the run that it is a part of.

    A folder without any record, such as tables put together by hand, is read without checks.

    Parameters
    ----------
    folder : Path
        Where the files are.
    names : collection of str, optional
        Names of those that must be there, as far as they are on record; what else a run has or lacks is left aside: a
        stage whose record is lost is made again from some of its files. Default: all on record.

    Raises
    ------
    FairtollError
        If a record has changed since it was written, or one of the folder's recorded files is missing.
    """
    root = folder.parent if (folder.parent / CONFIGURATION).exists() else folder
    files = recorded_files(root, complete=names is None)
    needed = [root / name for name in files if names is None or Path(name).name in names]
    missing = [path for path in needed if path.is_relative_to(folder) and not path.is_file()]
    if missing:
        raise FairtollError(f"{missing[0]} is missing; restore the file, or make it again")
    if files and not is_verified(folder):
        with verifying(root, files):
            yield
    else:
        yield


def _digest(name: str, content: Mapping[str, Any]) -> str:
    """It covers the file's name too: a record that was renamed, or swapped with another, is invalid."""
    plain = [name, json.loads(json.dumps(content))]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
