"""Downloads from a server on this machine that cuts, stalls, corrupts and lies."""

import hashlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from loopback import serve

from fairtoll import FairtollError
from fairtoll.data.download import fetch, file_digest
from fairtoll.progress import reporting_to

CONTENT = np.random.default_rng(0).bytes(1_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()

PROGRAM = """
import sys
from pathlib import Path
from fairtoll.data.download import fetch
url, target, md5, size = sys.argv[1:]
fetch(url, Path(target), md5=md5, size=int(size))
"""


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "file.tar.gz"


def get(url, target, **changes):
    options = {"md5": MD5, "size": len(CONTENT), "stalled_after": 0.3, "pause": 0.01} | changes
    return fetch(url, target, **options)


def left_over(target):
    return sorted(path.name for path in target.parent.iterdir() if not path.name.endswith(".lock"))


def test_a_file_arrives_with_its_progress_and_is_not_fetched_twice(target):
    shares = []
    with serve(CONTENT) as server:
        with reporting_to(shares.append):
            assert get(server.url, target) == target
        assert get(server.url, target) == target
    assert target.read_bytes() == CONTENT
    assert left_over(target) == ["file.tar.gz"]
    assert server.ranges == [None]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0
    assert len(shares) > 2


@pytest.mark.parametrize(
    ("faults", "ranges"),
    [
        ([{"cut": 400_000}], [None, "bytes=400000-"]),
        ([{"cut": 400_000}, {"cut": 300_000}], [None, "bytes=400000-", "bytes=700000-"]),
        ([{"cut": 400_000, "no_length": True}], [None, "bytes=400000-"]),
        ([{"cut": 0}], [None, None]),
        ([{"stall": 250_000}], [None, "bytes=250000-"]),
        ([{"stall": 0}], [None, None]),
        ([{"cut": 400_000}, {"ignores_range": True}], [None, "bytes=400000-"]),
        ([{"cut": 400_000}, {"ignores_range": True, "cut": 500_000}], [None, "bytes=400000-", "bytes=500000-"]),
        ([{"cut": 400_000}, {"wrong_range": True}], [None, "bytes=400000-", "bytes=400000-"]),
        ([{"status": 503}, {"status": 429}], [None, None, None]),
        ([{"no_length": True}], [None]),
        # Many breaks are no failure as long as each connection brings something.
        ([{"cut": 100_000}] * 9, [None, *[f"bytes={number}00000-" for number in range(1, 10)]]),
    ],
)
def test_what_breaks_off_goes_on(target, faults, ranges):
    shares = []
    with serve(CONTENT, *faults) as server, reporting_to(shares.append):
        get(server.url, target)
    assert target.read_bytes() == CONTENT
    assert server.ranges == ranges
    assert left_over(target) == ["file.tar.gz"]
    assert sum(shares) == pytest.approx(1)


def test_a_program_that_was_killed_goes_on(target):
    with serve(CONTENT, {"stall": 600_000}) as server:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, server.url, target, MD5, str(len(CONTENT))])
        partial = target.with_name("file.tar.gz.partial")
        deadline = time.monotonic() + 60
        while not (partial.exists() and partial.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.wait()
        kept = partial.stat().st_size
        assert not target.exists()
        get(server.url, target)
    assert 0 < kept <= 600_000
    assert server.ranges == [None, f"bytes={kept}-"]
    assert target.read_bytes() == CONTENT


def test_a_wrong_sum_removes_the_file_and_the_next_try_begins_anew(target):
    corrupt = CONTENT[:500_000] + b"?" + CONTENT[500_001:]
    with serve(corrupt) as server:
        with pytest.raises(FairtollError, match=f"expected {MD5}; it was removed; run the same command again"):
            get(server.url, target)
        assert left_over(target) == []
        server.content = CONTENT
        assert get(server.url, target).read_bytes() == CONTENT


def test_a_partial_file_that_is_something_else(target):
    target.parent.mkdir()
    target.with_name("file.tar.gz.partial").write_bytes(b"?" * 1000)
    with serve(CONTENT) as server:
        with pytest.raises(FairtollError, match="it was removed"):
            get(server.url, target)
        assert get(server.url, target).read_bytes() == CONTENT


@pytest.mark.parametrize("length", [1_000_000, 1_000_001])
def test_a_partial_file_that_is_whole_or_longer_asks_no_server(target, length):
    target.parent.mkdir()
    target.with_name("file.tar.gz.partial").write_bytes((CONTENT + b"!")[:length])
    with serve(CONTENT) as server:
        if length == len(CONTENT):
            assert get(server.url, target).read_bytes() == CONTENT
        else:
            with pytest.raises(FairtollError, match="it was removed"):
                get(server.url, target)
    assert server.ranges == []


@pytest.mark.parametrize(
    ("content", "fault", "message"),
    [
        (CONTENT, {"status": 404}, "the server returns 404 Not Found; download the file by hand and give its folder"),
        (CONTENT, {"status": 403}, "the server returns 403"),
        (b"<html>sign in</html>", {}, "sends a file of 20 bytes; expected 1,000,000; it is a different file"),
        (CONTENT, {"extra": 5_000_000}, "gave a file with the MD5"),
    ],
)
def test_a_server_with_another_file_is_asked_once(target, content, fault, message):
    with serve(content, fault) as server, pytest.raises(FairtollError, match=message):
        get(server.url, target)
    assert len(server.ranges) == 1
    assert left_over(target) == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"stall": 0}, "no byte received for 0.3 seconds, 3 times in a row; 0 of 1,000,000 bytes are kept"),
        ({"cut": 0}, "the connection closed early, 3 times in a row"),
        ({"status": 500}, "the server returns 500 Internal Server Error, 3 times"),
    ],
)
def test_what_never_gets_better_ends(target, fault, message):
    with serve(CONTENT, *[fault] * 10) as server, pytest.raises(FairtollError, match=message):
        get(server.url, target, attempts=3)
    assert len(server.ranges) == 3


def test_a_server_that_knows_no_ranges_and_always_cuts_ends(target):
    faults = [{"cut": 400_000, "ignores_range": True}] * 10
    message = "3 times in a row; 400,000 of 1,000,000 bytes are kept"
    with serve(CONTENT, *faults) as server, pytest.raises(FairtollError, match=message):
        get(server.url, target, attempts=3)
    assert len(server.ranges) == 4


def test_a_file_that_shrank_on_the_server_is_fetched_anew(target):
    with serve(CONTENT[:1000]) as server:
        target.parent.mkdir()
        target.with_name("file.tar.gz.partial").write_bytes(CONTENT[:2000])
        with pytest.raises(FairtollError, match="sends a file of 1,000 bytes"):
            get(server.url, target)
    assert server.ranges == ["bytes=2000-", None]


def test_nobody_listens(target):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/file"
        with pytest.raises(FairtollError, match=r"cannot be reached .*refused.*, 2 times in a row.* give its folder"):
            get(url, target, attempts=2)


def test_no_such_host(target):
    with pytest.raises(FairtollError, match="cannot be reached"):
        get("http://host.invalid/file", target, attempts=1)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FairtollError, match=r"cannot write .*; free space or change its permissions"):
        get("http://127.0.0.1:9/file", tmp_path / "file" / "below" / "x.tar.gz")


def test_the_sum_of_a_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # RFC 1321 and FIPS 180-1.
    assert file_digest(tmp_path / "abc", "md5") == "900150983cd24fb0d6963f7d28e17f72"
    assert file_digest(tmp_path / "abc", "sha1") == "a9993e364706816aba3e25717850c26c9cd0d89d"
