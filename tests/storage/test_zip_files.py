"""Archives that become far larger than they are: each is made, in a few megabytes, and none is unpacked."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from fairtoll import FairtollError
from fairtoll.storage.zip_files import FREE, TIMES, require_plain_archive

ONE = 64 * 2**20
REFUSED = r"bytes and says that it becomes [\d,]+; expected no more than 100 times its size, or 1,073,741,824 bytes; "


def bomb(path, names, size=ONE, times=17):
    """Members of zeros, each `size` bytes when unpacked; 17 of 64 MiB are more than 1 GiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"hello")
        for number in range(times):
            archive.writestr(f"data/{number}", bytes(size))
    return path


@pytest.fixture(scope="module")
def one_bomb(tmp_path_factory):
    return bomb(tmp_path_factory.mktemp("bomb") / "file.zip", ["archive/data.pkl"])


def test_the_limit_is_1_gib_and_100_times_the_file(one_bomb, tmp_path):
    assert (FREE, TIMES) == (1_073_741_824, 100)
    with pytest.raises(FairtollError, match=REFUSED):
        require_plain_archive(one_bomb)
    require_plain_archive(bomb(tmp_path / "below.zip", [], times=2))
    # As large, and hardly compressed: its size is what it says.
    path = tmp_path / "whole.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", np.random.default_rng(0).bytes(2**20))
    require_plain_archive(path)


def test_nothing_is_unpacked(one_bomb):
    tracemalloc.start()
    with pytest.raises(FairtollError, match=REFUSED):
        require_plain_archive(one_bomb)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["x.npy", "5f3a", "deep/er.bin"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_that_says_that_it_is_larger_than_its_file(name, version, tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 100000), }\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    path = tmp_path / "rows.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("first", b"no array")
        archive.writestr(name, b"\x93NUMPY" + bytes(version) + length + header)
    with pytest.raises(FairtollError, match=r"says that it becomes 800,000,0\d\d,\d\d\d"):
        require_plain_archive(path)


def test_two_members_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:
        archive.writestr("config.json", b"checked")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("config.json", b"read")
    with pytest.raises(FairtollError, match=r"file holds 'config.json' 2 times; expected each name once"):
        require_plain_archive(tmp_path / "file")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_of_what_is_no_archive_or_damaged_others_speak(keep, tmp_path):
    path, written = tmp_path / "file", io.BytesIO()
    np.savez(written, x=np.zeros(100))
    path.write_bytes(written.getvalue()[: int(len(written.getvalue()) * keep)])
    require_plain_archive(path)
