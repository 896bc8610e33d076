"""Checksums: what was recorded when a file was written is compared when it is read.

A caller that knows the checksums of a folder wraps its reading in `verifying`. Every reader of `fairtoll.storage.files`
calls `verify`, so no reader has a parameter for it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from fairtoll.errors import FairtollError

_Recorded = tuple[tuple[str, Mapping[str, str]], ...]
_recorded: ContextVar[_Recorded] = ContextVar("recorded", default=())


def checksum(path: Path) -> str:
    """The SHA-256 of a file's content.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> _ = path.write_bytes(b"abc")
    >>> checksum(path)[:8]
    'ba7816bf'
    """
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def verifying(folder: Path, files: Mapping[str, str]) -> Iterator[None]:
    """Inside, a file below `folder` is read only if it is one of `files` and has the checksum given there.

    Parameters
    ----------
    folder : Path
        Where the files are.
    files : mapping of str to str
        Checksums by path, relative to the folder, with ``/``.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "note.txt").write_bytes(b"abc")
    >>> with verifying(folder, {"note.txt": "ba"}):
    ...     verify(folder / "note.txt")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: .../note.txt has changed since it was written (its checksum ...
    """
    root = os.path.abspath(folder)
    token = _recorded.set((*_recorded.get(), (root, files)))
    try:
        yield
    finally:
        _recorded.reset(token)


def is_verified(folder: Path) -> bool:
    """Whether files below a folder are compared with their checksums here.

    Examples
    --------
    >>> is_verified(Path("runs/adult"))
    False
    """
    return any(_below(os.path.abspath(folder), root) is not None for root, _ in _recorded.get())


def verify(path: Path) -> None:
    """Compare a file with its recorded checksum; nothing happens where none are known.

    Raises
    ------
    FairtollError
        If the file is not recorded, or its content is another one.
    OSError
        If it cannot be read.
    """
    absolute = os.path.abspath(path)
    for root, files in reversed(_recorded.get()):
        name = _below(absolute, root)
        if name is None:
            continue
        if name not in files:
            raise FairtollError(f"{path} is recorded by no finished stage of {root}; remove it, or run it all again")
        if checksum(path) != files[name]:
            raise FairtollError(
                f"{path} has changed since it was written (its checksum differs); restore the file, or make it again"
            )
        return


def _below(path: str, root: str) -> str | None:
    """The path relative to `root`, with ``/``; None if it is not in there."""
    relative = os.path.relpath(path, root) if os.path.splitdrive(path)[0] == os.path.splitdrive(root)[0] else ".."
    return None if relative.split(os.sep)[0] == ".." else Path(relative).as_posix()
