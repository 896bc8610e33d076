"""Archives, read one known file at a time: paths in an archive never decide where a file is written."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from fairtoll.errors import FairtollError
from fairtoll.storage.files import disk_error, make_folder

#: Largest size of a member in bytes, and largest number of members, of an expected archive.
LARGEST = 64 * 2**20
MOST = 1_000


def read_members(path: Path, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """The plain files of a .tar.gz that are called `names` (paths with /), in the archive's order; others are skipped.

    Raises
    ------
    FairtollError
        If a member's path is outside of the archive, it is a link or a device, is too large or comes twice; if one of
        `names` is missing; if the file is truncated or not an archive.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_text("hello")
    >>> with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
    ...     archive.add(folder / "a.txt", "notes/a.txt")
    >>> list(read_members(folder / "a.tar.gz", ["notes/a.txt"]))
    [('notes/a.txt', b'hello')]
    """
    missing = set(names)
    seen: set[str] = set()
    try:
        # tarfile's own gzip reader does not verify the checksum at the end.
        with gzip.open(path) as content, tarfile.open(fileobj=content, mode="r|") as archive:
            for member in archive:
                name = _checked_name(member, path)
                if name in seen or len(seen) >= MOST:
                    raise _refused(path, f"holds '{name}' twice" if name in seen else f"holds over {MOST} files")
                seen.add(name)
                file = archive.extractfile(member) if name in missing else None
                if file is not None:
                    missing.remove(name)
                    yield name, file.read()
            if len(content.read(LARGEST)) == LARGEST:
                raise _refused(path, "continues after its end")
    except FileNotFoundError as error:
        raise FairtollError(f"no file {path}; check the path") from error
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise FairtollError(
            f"{path} is not a complete .tar.gz archive ({str(error) or type(error).__name__}); download it again"
        ) from error
    if missing:
        raise FairtollError(f"{path} has no {', '.join(sorted(missing))}; expected the official archive; download it")


def member_names(path: Path) -> Iterator[str]:
    """Names in an archive, in its order, without content; empty if it cannot be read."""
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                yield str(PurePosixPath(member.name))
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        return


def unpack(path: Path, folder: Path, *, sizes: Mapping[str, int]) -> None:
    """Put the files `sizes` names, of exactly these sizes, into `folder` by file name: all of them or none.

    Raises
    ------
    FairtollError
        As `read_members`, and if a size differs or the folder cannot be written.
    """
    make_folder(folder.parent)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, content in read_members(path, sizes):
            if len(content) != sizes[name]:
                raise _refused(path, f"holds '{name}' of {len(content):,} bytes, expected {sizes[name]:,}")
            (beside / PurePosixPath(name).name).write_bytes(content)
        beside.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(beside, folder)
    except OSError as error:
        raise disk_error(error, folder) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _checked_name(member: tarfile.TarInfo, path: Path) -> str:
    plain = PurePosixPath(member.name)
    if plain.is_absolute() or ".." in plain.parts or "\\" in member.name or ":" in member.name:
        raise _refused(path, f"holds '{member.name}', a path outside of it")
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise _refused(path, f"holds '{member.name}', which is a link or no plain file")
    if member.size > LARGEST:
        raise _refused(path, f"holds '{member.name}' of {member.size:,} bytes")
    return str(plain)


def _refused(path: Path, why: str) -> FairtollError:
    return FairtollError(
        f"{path} {why}; this is not the official archive, and nothing was extracted; download it again"
    )
