"""Zip archives by what they say of themselves: what would fill the memory is refused before it is unpacked."""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from fairtoll.errors import FairtollError

#: What an archive may become in bytes whatever its own size, and how many times its own size it may become beyond that.
#: Models are hardly compressed; arrays that are nearly all zeros may be, a thousandfold.
FREE, TIMES = 2**30, 100


def require_plain_archive(path: Path) -> None:
    """Raise if an archive says that it becomes far larger than it is, or holds two members of one name.

    The limit is 100 times its own size, or 1 GiB where that is more. Counted is what its members say that they become,
    and what the arrays of numpy among them say that they hold. Of two members of one name one reader takes the first
    and another the last, so that what was checked need not be what is read. Of a file that is no zip archive, or a
    damaged one, nothing is said: whoever reads it says so.

    Raises
    ------
    FairtollError
        For such an archive. Nothing in it has been unpacked but the first bytes of its members.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "rows.npz")
    >>> np.savez_compressed(path, x=np.zeros((1000, 1000)))
    >>> require_plain_archive(path)
    """
    size, declared = path.stat().st_size, 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            declared = sum(one.file_size for one in members)
            if declared <= _most(size):
                declared += sum(_more_than_stored(archive, one) for one in members)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return
    (name, count), *_ = Counter(one.filename for one in members).most_common(1) or [("", 0)]
    if count > 1:
        raise FairtollError(
            f"{path} holds {name!r} {count} times; expected each name once; nothing was unpacked; write it again"
        )
    if declared > _most(size):
        raise FairtollError(
            f"{path} has {size:,} bytes and says that it becomes {declared:,}; expected no more than "
            f"{TIMES} times its size, or {FREE:,} bytes; nothing was unpacked; write it again without compression"
        )


def _most(size: int) -> int:
    return max(FREE, TIMES * size)


def _more_than_stored(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """By how many bytes the array in a member, whatever its name, says that it is larger than the member."""
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            return max(0, math.prod(shape) * dtype.itemsize - member.file_size)
    # No array, or a damaged member: BadZipFile, RuntimeError for a password, zlib's own and others.
    except Exception:
        return 0
