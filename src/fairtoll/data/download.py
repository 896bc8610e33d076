"""Download of one file: an interrupted transfer resumes, and the checksum is verified."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from fairtoll._version import __version__
from fairtoll.errors import FairtollError
from fairtoll.progress import advance

#: Bytes read at a time.
CHUNK = 256 * 1024
#: HTTP status codes, besides those from 500, after which the same request may succeed later.
PASSING = {408, 425, 429}


class _BrokenOff(Exception):
    """The transfer stopped early; the received bytes are kept."""


def fetch(
    url: str,
    path: Path,
    *,
    md5: str,
    size: int,
    stalled_after: float = 30.0,
    attempts: int = 4,
    pause: float = 1.0,
) -> Path:
    """Download `url` to `path`, unless it exists; an interrupted download resumes from `path`.partial.

    Parameters
    ----------
    url, path
        From where, and to where.
    md5, size
        What the file must be; its length in bytes.
    stalled_after
        Seconds without a byte after which the connection is closed and opened again.
    attempts
        Consecutive connections without new bytes before it fails.
    pause
        Seconds before the second of them, doubled for each further attempt.

    Raises
    ------
    FairtollError
        If the address cannot be reached, refuses, keeps disconnecting or sends a different file (which is removed), or
        the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "source").write_bytes(b"abc")
    >>> sum_of_abc = "900150983cd24fb0d6963f7d28e17f72"
    >>> fetch((folder / "source").as_uri(), folder / "copy", md5=sum_of_abc, size=3).read_bytes()
    b'abc'
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # If two programs want the same file, one downloads it and the other finds it.
        with FileLock(path.with_name(f".{path.name}.lock")):
            if not path.exists():
                report = _from_lengths(size=size)
                _persist(url, partial, size, report, stalled_after, attempts, pause)
                _check(partial, md5=md5, size=size, url=url)
                partial.replace(path)
    except OSError as error:
        raise FairtollError(
            f"cannot write {error.filename or path.parent}: {error.strerror or error}; free space or change its "
            "permissions, or choose another folder"
        ) from error
    return path


def file_digest(path: Path, algorithm: str) -> str:
    """The checksum of a file in hexadecimal digits, such as its "md5"; against damage, not against forgery.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty"
    >>> path.touch()
    >>> file_digest(path, "md5")
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _from_lengths(*, size: int) -> Callable[[int], None]:
    reported = 0

    def report(length: int) -> None:
        nonlocal reported
        # A restarted transfer reports nothing until it is as far as the last one.
        if length > reported:
            advance((length - reported) / size)
            reported = length

    return report


def _persist(
    url: str,
    partial: Path,
    size: int,
    report: Callable[[int], None],
    stalled_after: float,
    attempts: int,
    pause: float,
) -> None:
    furthest, fruitless = _length(partial), 0
    while _length(partial) < size:
        try:
            for length in _transfer(url, partial, size=size, stalled_after=stalled_after):
                report(length)
        except _BrokenOff as error:
            length = _length(partial)
            fruitless = 0 if length > furthest else fruitless + 1
            furthest = max(furthest, length)
            if fruitless >= attempts:
                raise FairtollError(
                    f"{url}: {error}, {attempts} times in a row; {length:,} of {size:,} bytes are kept; run the same "
                    "command again to resume, or download the file by hand and give its folder"
                ) from error
            if fruitless:
                time.sleep(pause * 2 ** (fruitless - 1))


def _transfer(url: str, partial: Path, *, size: int, stalled_after: float) -> Iterator[int]:
    """One connection: the length of `partial` after each piece."""
    start = _length(partial)
    response = _connect(url, partial, start, stalled_after)
    with response:
        goes_on = response.status == 206
        if goes_on and not (response.headers["Content-Range"] or "").startswith(f"bytes {start}-"):
            raise _BrokenOff("the server resumes from another position")
        announced = _announced(response, goes_on)
        if announced not in (None, size):
            raise FairtollError(
                f"{url} sends a file of {announced:,} bytes; expected {size:,}; it is a different file; "
                "download the file by hand and give its folder"
            )
        # A server that does not know ranges sends everything again.
        with open(partial, "ab" if goes_on else "wb") as file:
            length = start if goes_on else 0
            while chunk := _read(response, stalled_after):
                file.write(chunk[: size + 1 - length])
                length += len(chunk)
                yield min(length, size)
                if length > size:
                    return
    if length < size:
        raise _BrokenOff("the connection closed early")


def _connect(url: str, partial: Path, start: int, stalled_after: float) -> Any:
    headers = {"User-Agent": f"fairtoll/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=stalled_after)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink(missing_ok=True)
            raise _BrokenOff("the server's file is shorter than the part already received") from error
        if error.code in PASSING or error.code >= 500:
            raise _BrokenOff(f"the server returns {error.code} {error.reason}") from error
        raise FairtollError(
            f"{url}: the server returns {error.code} {error.reason}; download the file by hand and give its folder"
        ) from error
    except urllib.error.URLError as error:
        raise _BrokenOff(f"cannot be reached ({error.reason})") from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOff(_why(error, stalled_after)) from error


def _read(response: Any, stalled_after: float) -> bytes:
    try:
        chunk: bytes = response.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOff(_why(error, stalled_after)) from error
    return chunk


def _why(error: Exception, stalled_after: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no byte received for {stalled_after:g} seconds"
    return f"the connection broke ({str(error) or type(error).__name__})"


def _announced(response: Any, goes_on: bool) -> int | None:
    """Length of the whole file, if the server states it."""
    text = response.headers["Content-Range"].rpartition("/")[2] if goes_on else response.headers["Content-Length"]
    return int(text) if text and text.isdecimal() else None


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check(partial: Path, *, md5: str, size: int, url: str) -> None:
    found, length = file_digest(partial, "md5"), _length(partial)
    if (found, length) != (md5, size):
        partial.unlink()
        raise FairtollError(
            f"{url} gave a file with the MD5 {found}; expected {md5}; it was removed; run the same command again, "
            "or download the file by hand and give its folder"
        )
