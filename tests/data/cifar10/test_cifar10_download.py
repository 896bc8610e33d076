"""CIFAR-10 from a server on this machine: brought once, unpacked safely, brought again where it was lost."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from loopback import serve
from synthetic_cifar10 import BINARY, binary_files, make_splits, write_archive

from fairtoll import FairtollError
from fairtoll.data import load_cifar10
from fairtoll.data.cifar10 import load as cifar10
from fairtoll.progress import reporting_to


def load(folder, **options):
    return load_cifar10(folder, rows_expected=None, **options)


@pytest.fixture
def served(tmp_path, splits, monkeypatch):
    """Makes a server's archive the one that is expected: its sum and its lengths."""

    def make(content):
        official = replace(cifar10.OFFICIAL, md5=hashlib.md5(content).hexdigest())
        monkeypatch.setattr(cifar10, "OFFICIAL", official)
        monkeypatch.setattr(cifar10, "BYTES", len(content))
        return content

    some = make_splits(60, 12)  # 12 images in each file
    monkeypatch.setattr(cifar10, "FILE_BYTES", 12 * 3073)
    return make, write_archive(tmp_path / "official.tar.gz", binary_files(some), folder=BINARY).read_bytes()


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.endswith(".lock"))


def test_what_is_nowhere_is_downloaded_unpacked_and_kept(tmp_path, served, monkeypatch):
    make, content = served
    shares = []
    with serve(make(content), {"cut": 20_000}) as server:
        monkeypatch.setattr(cifar10, "URL", server.url)
        with reporting_to(shares.append):
            data = load(None)
        again = load(None)
    assert server.ranges == [None, "bytes=20000-"]
    assert (len(data.train), len(data.test), data.title) == (60, 12, "CIFAR-10")
    np.testing.assert_array_equal(data.train.x, again.train.x)
    assert sum(shares) == pytest.approx(1)
    names = sorted([*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"])
    folder = tmp_path / "cache" / "fairtoll"
    assert everything_below(folder) == ["cifar10", f"cifar10/{BINARY}", *(f"cifar10/{BINARY}/{n}" for n in names)]
    # A file that was lost is brought again.
    (folder / "cifar10" / BINARY / "data_batch_2.bin").unlink()
    with serve(make(content)) as server:
        monkeypatch.setattr(cifar10, "URL", server.url)
        assert len(load(None).train) == 60
    assert everything_below(folder)[2:] == [f"cifar10/{BINARY}/{name}" for name in names]


def test_a_hostile_archive_is_refused_by_its_sum_and_were_it_right_by_its_names(tmp_path, served, monkeypatch):
    make, content = served
    files = binary_files(make_splits(60, 12))
    hostile = write_archive(tmp_path / "h.tar.gz", files, folder=f"../../{BINARY}").read_bytes()
    hostile += bytes(max(0, len(content) - len(hostile)))
    before = everything_below(tmp_path)
    make(content)
    for trusted, message in ((False, "sends a file of|expected .*; it was removed"), (True, "a path outside of it")):
        with serve(make(hostile) if trusted else hostile) as server:
            monkeypatch.setattr(cifar10, "URL", server.url)
            with pytest.raises(FairtollError, match=message):
                load(None)
        cached = [name for name in everything_below(tmp_path) if name not in before]
        assert cached == ["cache", "cache/fairtoll", "cache/fairtoll/cifar10"]
