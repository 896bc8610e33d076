"""CIFAR-10 in every layout, from small made-up copies; the real images where FAIRTOLL_CIFAR10_DIR names them."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow import parquet
from synthetic_cifar10 import (
    BINARY,
    LAYOUTS,
    binary_files,
    image_table,
    make_splits,
    write_archive,
    write_files,
    write_parquet_copy,
)

from fairtoll import FairtollError
from fairtoll.data import load_cifar10
from fairtoll.data.cifar10 import copy as _cifar10_copy
from fairtoll.data.cifar10 import load as cifar10
from fairtoll.data.cifar10.images import CLASS_NAMES
from fairtoll.progress import reporting_to

#: Read here, since tests are kept from what this machine has.
REAL = os.environ.get("FAIRTOLL_CIFAR10_DIR")


def load(folder, **options):
    return load_cifar10(folder, rows_expected=None, **options)


NOTES = {"b": "official binary version", "r": "official binary version", "p": "official Python version"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images(tmp_path, splits, layout):
    shares = []
    with reporting_to(shares.append):
        data = load(LAYOUTS[layout](tmp_path, splits))
    for split in ("train", "test"):
        images, labels = splits[split]
        rows = getattr(data, split)
        # As torchvision makes an image a tensor.
        np.testing.assert_array_equal(rows.x, torch.from_numpy(images).float().div(255).numpy())
        np.testing.assert_array_equal(rows.y, labels)
        assert (rows.x.dtype, rows.y.dtype, rows.name) == (np.float32, np.int64, "cifar10")
        assert rows.class_names == CLASS_NAMES
        assert (rows.features, dict(rows.groups)) == ((), {})
    assert data.title == "CIFAR-10"
    assert ("lossless copy (PNG)" if "parquet" in layout else NOTES[layout[0]]) in data.note
    assert "not verified to be the official pixels" in data.note
    assert sum(shares) == pytest.approx(1)


def test_files_with_the_published_sums_are_the_official_ones(tmp_path, splits, monkeypatch):
    path = write_archive(tmp_path / "cifar-10-binary.tar.gz", binary_files(splits), folder=BINARY)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(_cifar10_copy, "VERSIONS", (replace(cifar10.OFFICIAL, md5=md5), cifar10.VERSIONS[1]))
    assert load(tmp_path).note.endswith("; official binary version, with the published checksums.")


def test_the_classes_in_their_official_order():
    """As batches.meta.txt lists them."""
    assert " ".join(CLASS_NAMES) == "airplane automobile bird cat deer dog frog horse ship truck"


def test_a_jpeg_copy_says_so(tmp_path, splits):
    data = load(write_parquet_copy(tmp_path, splits, kind="JPEG"))
    assert data.title == "CIFAR-10 (JPEG copy)"
    assert data.note.endswith("; JPEG copy, not the official pixels.")
    exact = splits["train"][0] / 255.0
    assert np.abs(data.train.x - exact).mean() < 0.1  # the images, but not the pixels
    assert not np.array_equal(data.train.x, exact.astype(np.float32))


def test_one_jpeg_among_png_is_a_jpeg_copy(tmp_path, splits):
    write_parquet_copy(tmp_path, splits)
    parquet.write_table(image_table(*splits["test"], kind="JPEG"), tmp_path / "test.parquet")
    assert "JPEG copy" in load(tmp_path).note


def test_the_official_files_come_first(tmp_path, splits):
    write_parquet_copy(tmp_path, make_splits(10, 10), kind="JPEG")
    write_archive(tmp_path / "cifar-10-binary.tar.gz", binary_files(splits), folder=BINARY)
    assert "binary version" in load(tmp_path).note
    # A part of a folder does not hide a whole copy.
    write_files(tmp_path / BINARY, {"data_batch_1.bin": b""})
    assert len(load(tmp_path).train) == 60


def test_the_folder_from_the_environment(tmp_path, splits, monkeypatch):
    monkeypatch.setenv("FAIRTOLL_CIFAR10_DIR", str(write_parquet_copy(tmp_path / "there", splits)))
    assert len(load(None).train) == 60
    monkeypatch.setenv("FAIRTOLL_CIFAR10_DIR", str(tmp_path / "elsewhere"))
    with pytest.raises(FairtollError, match=r"no folder .*elsewhere"):
        load(None)


def test_the_split_must_be_the_official_one(tmp_path, splits):
    for number, (layout, message) in enumerate(
        {
            "parquet": "holds 60 train images; expected 50,000; download the missing or broken part again",
            "binary files": r"data_batch_1\.bin holds 12 train images; expected 10,000",
            "python files": "data_batch_1 holds 12 train images; expected 10,000",
        }.items()
    ):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(FairtollError, match=message):
            load_cifar10(LAYOUTS[layout](tmp_path / str(number), splits))
    assert len(load_cifar10(tmp_path / "0", rows_expected=(60, 20)).test) == 20
    with pytest.raises(FairtollError, match="holds 20 test images; expected 30"):
        load_cifar10(tmp_path / "0", rows_expected=(60, 30))


def test_no_download_where_none_is_wanted(tmp_path):
    with pytest.raises(FairtollError, match=r"no CIFAR-10 in .*, and it may not be downloaded; .*FAIRTOLL_CIFAR10_DIR"):
        load_cifar10(download=False)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/fairtoll/cifar10"),
        ("linux", {"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/fairtoll/cifar10"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/fairtoll/cifar10"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/fairtoll/cifar10"),
    ],
)
def test_the_cache_folder_follows_custom(monkeypatch, platform, environment, folder):
    monkeypatch.setattr(cifar10.sys, "platform", platform)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cifar10.cache_folder() == Path(folder)


def test_importing_the_room_loads_no_image_library():
    code = "import sys, fairtoll.data; print([name for name in ('PIL', 'torch') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_the_official_address_and_sums():
    """As the data's own page gives them, with the length that its server announces."""
    assert cifar10.URL == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert cifar10.OFFICIAL.md5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert cifar10.VERSIONS[1].md5 == "c58f30108f718f92721af3b95e74349a"
    assert (cifar10.BYTES, cifar10.FILE_BYTES) == (170_052_171, 30_730_000)


@pytest.mark.slow
@pytest.mark.skipif(REAL is None, reason="FAIRTOLL_CIFAR10_DIR names no folder")
def test_the_real_images():
    data = load_cifar10(REAL)
    assert np.bincount(data.train.y).tolist() == [5000] * 10
    assert np.bincount(data.test.y).tolist() == [1000] * 10
    means = data.train.x.mean(axis=(0, 2, 3), dtype=np.float64)
    # As published for the official pixels, to four digits; JPEG moves them by about one in the last.
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=2e-4 if "JPEG" in data.title else 6e-5)
