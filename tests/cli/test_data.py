"""`fairtoll data cifar10`: what it says is there, what it verified, and what it could not."""

import io
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from fairtoll import FairtollError
from fairtoll.cli import cifar10_copy as data_command
from fairtoll.cli.app import main
from fairtoll.data import download
from fairtoll.data.cifar10 import check as _cifar10_check
from fairtoll.data.cifar10 import copy as _cifar10_copy

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from synthetic_cifar10 import (
    BINARY,
    binary_files,
    make_splits,
    python_files,
    write_archive,
    write_files,
    write_parquet_copy,
)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Sixty rows and twenty are all there is."""
    monkeypatch.setattr(data_command, "ROWS", {"train": 60, "test": 20})
    monkeypatch.delenv("FAIRTOLL_CIFAR10_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def splits():
    return make_splits(60, 20)


@pytest.fixture
def published(monkeypatch):
    """Makes files' sums the published ones."""

    def make(**changes):
        binary, python = _cifar10_copy.VERSIONS
        versions = tuple(replace(version, **changes) for version in (binary, python))
        monkeypatch.setattr(_cifar10_copy, "VERSIONS", versions)

    return make


def look(folder, *, verify=True):
    console = Console(file=io.StringIO(), width=200)
    error = ""
    try:
        data_command.look_at_cifar10(folder, verify=verify, console=console)
    except FairtollError as raised:
        error = str(raised)
    return console.file.getvalue(), error


def test_a_jpeg_copy_says_so_and_that_its_files_are_not_verified(tmp_path, splits):
    out, error = look(write_parquet_copy(tmp_path / "a copy", splits, kind="JPEG"))
    assert not error
    assert out.startswith("CIFAR-10 (JPEG copy)")
    assert "JPEG copy, not the official pixels" in out
    assert re.search(r"Rows +. 60 train and 20 test images of 32 x 32 RGB", out)
    assert re.search(r"Verified +. each class has 6 training and 2 test images", out)
    assert re.search(r"Verified +. all 80 images differ", out)
    assert re.search(r"Not verified +. the files themselves: no checksums are published for this layout", out)
    assert f"Next: fairtoll reproduce cifar10 --data-dir {shlex.quote(str(tmp_path / 'a copy'))}\n" in out


def test_the_means_are_those_of_the_training_images(tmp_path, splits):
    out, _ = look(write_parquet_copy(tmp_path, splits), verify=False)
    means = [float(word) for word in re.search(r"Channel means +. ([\d. ]+) \(", out)[1].split()]
    np.testing.assert_allclose(means, (splits["train"][0] / 255).mean(axis=(0, 2, 3)), atol=5.1e-5)
    assert "official: 0.4914 0.4822 0.4465" in out
    assert "lossless copy (PNG), not verified to be the official pixels" in out
    assert "Not checked in depth: add --verify." in out
    assert "each class" not in out


def test_an_archive_by_its_sum(tmp_path, splits, published):
    path = write_archive(tmp_path / "cifar-10-binary.tar.gz", binary_files(splits), folder=BINARY)
    out, error = look(path)
    assert re.search(r"Failed +. the archive's MD5 is \w{32}, expected c32a1d4ab5d03f1284b67883e8d87530", out)
    assert re.search(r"is not CIFAR-10 as published: the archive's MD5 .*; download it again", error)
    assert "Next:" not in out
    published(md5=download.file_digest(path, "md5"))
    out, error = look(tmp_path)
    assert re.search(r"Verified +. the archive has the published MD5, \w{32}", out)
    assert re.search(r"Pixels +. official binary version, with the published checksums", out)
    assert not error


@pytest.mark.parametrize(("kind", "number"), [("binary", 0), ("Python", 1)])
def test_extracted_files_by_their_sums(tmp_path, splits, published, kind, number):
    files = (binary_files if kind == "binary" else python_files)(splits)
    write_files(tmp_path, files)
    out, error = look(tmp_path)
    assert re.search(rf"Format +. official {kind} version, extracted", out)
    assert re.search(r"Not verified +. the files themselves: none has the \w+ checksums that \w+ publishes", out)
    assert not error
    algorithm = _cifar10_copy.VERSIONS[number].algorithm
    sums = {name: download.file_digest(tmp_path / name, algorithm) for name in files}
    published(digests=sums)
    assert re.search(
        r"Verified +. the six files have the (SHA1|MD5) checksums that (MXNet|torchvision)", look(tmp_path)[0]
    )
    second = sorted(files)[1]
    published(digests=sums | {second: "0"})
    out, error = look(tmp_path)
    assert re.search(rf"Failed +. {re.escape(second)} differ", out)
    assert "is not CIFAR-10 as published" in error


def test_classes_that_are_not_balanced(tmp_path, splits):
    images, labels = splits["train"]
    changed = np.where((labels == 3) & (np.arange(60) < 30), 4, labels)
    _, error = look(write_parquet_copy(tmp_path, splits | {"train": (images, changed)}))
    counts = np.bincount(changed, minlength=10)
    assert f"{counts[3]} train images are of class 'cat'" in error or f"{counts[4]} train images are of class" in error
    assert "expected 6" in error


def test_images_that_repeat(tmp_path, splits):
    """One within a split, and one in both splits."""
    (images, labels), (test_images, test_labels) = splits["train"], splits["test"]
    images, test_images = images.copy(), test_images.copy()
    images[7], test_images[3] = images[50], images[1]
    changed = {"train": (images, labels), "test": (test_images, test_labels)}
    _, error = look(write_parquet_copy(tmp_path, changed))
    assert "2 of 80 images repeat another one, expected none" in error


def test_published_sums_are_whole():
    lengths = {"sha1": 40, "md5": 32}
    for version in _cifar10_copy.VERSIONS:
        assert len(version.digests) == 6
        assert {len(value) for value in version.digests.values()} == {lengths[version.algorithm]}
        assert {name for split in ("train", "test") for name in version.files(split)} == set(version.digests)
    assert _cifar10_check.OFFICIAL_MEANS == (0.4914, 0.4822, 0.4465)


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fairtoll", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_the_command(command, tmp_path, splits, monkeypatch):
    folder = write_parquet_copy(tmp_path / "copy", splits, kind="JPEG")
    status, out, error = command("data", "cifar10", "--data-dir", folder, "--verify")
    assert status == 0
    assert "JPEG copy, not the official pixels" in out
    assert "Reading CIFAR-10: 100%" in error
    monkeypatch.setenv("FAIRTOLL_CIFAR10_DIR", str(folder))
    status, out, _ = command("data", "cifar10")
    assert status == 0
    assert out.endswith("Next: fairtoll reproduce cifar10\n")


def test_a_wrong_folder_is_one_line_and_status_2(command, tmp_path):
    status, out, error = command("data", "cifar10", "--data-dir", tmp_path)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"fairtoll: no CIFAR-10 in .*, which holds nothing; expected .*\n", error)


def test_help(command):
    status, out, _ = command("data", "cifar10", "--help")
    assert status == 0
    assert "--data-dir" in out
    assert "--verify" in out
