"""Files are whole or as they were, and an error of the disk says what to do."""

import errno
import os
import subprocess
import sys
import threading

import pandas as pd
import pytest

from fairtoll import FairtollError
from fairtoll.storage.files import make_folder, read_parquet, whole_file, write_parquet, write_text, write_with

FRAME = pd.DataFrame({"row": range(1000), "name": ["a", "b"] * 500})


def full_disk(path):
    """Make the temporary file of `path` the device that is always full."""
    path.with_name(f".{path.name}.{os.getpid()}.partial").symlink_to("/dev/full")


def test_what_is_written_is_there_and_nothing_else(tmp_path):
    write_text("ü\n", tmp_path / "note.txt")
    write_parquet(FRAME, tmp_path / "table.parquet")
    assert (tmp_path / "note.txt").read_bytes() == "ü\n".encode()
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "table.parquet"), FRAME, check_dtype=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note.txt", "table.parquet"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), MemoryError()])
def test_a_writer_that_fails_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "note.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise error

    with pytest.raises(type(error)):
        write_with(write, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text("x" * 10_000, path),
        lambda path: write_parquet(FRAME, path),
    ],
    ids=["text", "parquet"],
)
def test_a_disk_that_is_really_full(tmp_path, write):
    path = tmp_path / "results"
    path.write_text("old")
    full_disk(path)
    with pytest.raises(FairtollError, match=r"no space left while writing .*results; free some and run the same"):
        write(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_weights_on_a_disk_that_is_full(tmp_path):
    code = """
import resource, signal, sys, torch
from pathlib import Path
from safetensors.torch import save_file
from fairtoll.storage.files import write_with
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_with(lambda temporary: save_file({"w": torch.zeros(10_000)}, temporary), Path(sys.argv[1]))
"""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"old")
    result = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    last = result.stderr.splitlines()[-1]
    assert last == f"fairtoll.errors.FairtollError: cannot write {path}: File too large; choose another output folder"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no space left while writing .*note.txt; free some and run the same command again"),
        (errno.EDQUOT, "no space left"),
        (errno.EROFS, "cannot write .*note.txt: Read-only file system; choose another output folder"),
        (errno.EACCES, "cannot write .*note.txt: Permission denied; choose another output folder"),
    ],
)
def test_a_move_that_fails(tmp_path, monkeypatch, number, message):
    def replace(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(FairtollError, match=message):
        write_text("new", tmp_path / "note.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FairtollError, match=r"cannot write .*note.txt: No such file or directory"):
        write_text("new", tmp_path / "nowhere" / "note.txt")


def test_a_reader_never_meets_half_a_file(tmp_path):
    path = tmp_path / "note.txt"
    lengths, done = set(), threading.Event()
    write_text("a" * 100_000, path)

    def read():
        while not done.is_set():
            lengths.add(len(path.read_text()))

    reader = threading.Thread(target=read)
    reader.start()
    for letter in "bcdefgh" * 3:
        write_text(letter * 100_000, path)
    done.set()
    reader.join()
    assert lengths == {100_000}


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FairtollError, match=r"cannot write"), whole_file(tmp_path / "note.txt"):
        pass


def test_a_table_that_is_missing_or_no_table(tmp_path):
    with pytest.raises(FairtollError, match=r"no file .*table.parquet; check the path"):
        read_parquet(tmp_path / "table.parquet")
    (tmp_path / "table.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(FairtollError, match=r"is not a complete Parquet file"):
        read_parquet(tmp_path / "table.parquet")


@pytest.mark.parametrize("below", ["file", "file/a/b"])
def test_a_folder_below_a_file(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(FairtollError, match=r"cannot create the folder .*; give another with --out"):
        make_folder(tmp_path / below)
