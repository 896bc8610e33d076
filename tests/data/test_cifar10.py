"""CIFAR-10 in every layout, from small made-up copies; the real images where FAIRTOLL_CIFAR10_DIR names them."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from loopback import serve
from pyarrow import parquet
from synthetic_cifar10 import (
    binary_files,
    encode,
    image_table,
    make_images,
    make_splits,
    python_files,
    write_archive,
    write_files,
    write_parquet_copy,
)

from fairtoll import FairtollError
from fairtoll.data import cifar10, load_cifar10
from fairtoll.data._cifar10_images import CLASS_NAMES

BINARY, PYTHON = "cifar-10-batches-bin", "cifar-10-batches-py"


@pytest.fixture(autouse=True)
def no_other_copy(monkeypatch, tmp_path):
    monkeypatch.delenv("FAIRTOLL_CIFAR10_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def load(folder, **options):
    return load_cifar10(folder, rows_expected=None, **options)


def shards(folder, splits):
    """Two files a split, as large Parquet copies have them, in a subfolder, with the other column name."""
    below = folder / "plain_text"
    below.mkdir(parents=True)
    for split, (images, labels) in splits.items():
        half = len(labels) // 2
        for number, rows in enumerate([slice(None, half), slice(half, None)]):
            table = image_table(images[rows], labels[rows], column="image")
            parquet.write_table(table, below / f"{split}-0000{number}-of-00002.parquet", row_group_size=7)
    return folder


LAYOUTS = {
    "binary folder": lambda folder, splits: write_files(folder / BINARY, binary_files(splits)).parent,
    "binary files": lambda folder, splits: write_files(folder, binary_files(splits)),
    "binary archive": lambda folder, splits: (
        write_archive(folder / "cifar-10-binary.tar.gz", binary_files(splits), folder=BINARY).parent
    ),
    "renamed archive": lambda folder, splits: write_archive(
        folder / "download (1).tgz", binary_files(splits), folder=f"./{BINARY}"
    ),
    "python folder": lambda folder, splits: write_files(folder / PYTHON, python_files(splits)).parent,
    "python files": lambda folder, splits: write_files(folder, python_files(splits, protocol=4)),
    "python archive": lambda folder, splits: write_archive(
        folder / "cifar-10-python.tar.gz", python_files(splits), folder=PYTHON
    ),
    "parquet": write_parquet_copy,
    "parquet shards": shards,
}
NOTES = {"b": "official binary version", "r": "official binary version", "p": "official Python version"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images(tmp_path, splits, layout):
    shares = []
    data = load(LAYOUTS[layout](tmp_path, splits), advance=shares.append)
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
    assert sum(shares) == pytest.approx(1)


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


def without(files, name):
    return {key: content for key, content in files.items() if key != name}


BAD_FOLDERS = {
    "nothing there": (lambda folder, splits: folder / "absent", "no folder .*absent; check the path, or name none"),
    "an empty folder": (lambda folder, splits: folder, "which holds nothing; expected cifar-10-binary.tar.gz"),
    "another folder": (
        lambda folder, splits: write_files(folder, {f"{number}.txt": b"" for number in range(7)}),
        r"which holds 0\.txt, 1\.txt, 2\.txt, 3\.txt, 4\.txt and 2 more; expected .*name no folder",
    ),
    "a file missing": (
        lambda folder, splits: write_files(folder / BINARY, without(binary_files(splits), "data_batch_3.bin")),
        r"cifar-10-batches-bin lacks data_batch_3\.bin; a part of the data is not enough",
    ),
    "no test split": (
        lambda folder, splits: write_parquet_copy(folder, {"train": splits["train"]}),
        r"has no test\*\.parquet; a part",
    ),
    "a single file": (
        lambda folder, splits: write_parquet_copy(folder, splits) / "train.parquet",
        "one file of several; give its folder",
    ),
    "half an archive": (
        lambda folder, splits: cut(LAYOUTS["binary archive"](folder, splits) / "cifar-10-binary.tar.gz").parent,
        r"cifar-10-binary\.tar\.gz is not a whole .*download it again",
    ),
    "another archive": (
        lambda folder, splits: write_archive(folder / "other.tar.gz", {"a": b"a"}, folder="other"),
        r"other\.tar\.gz is not an archive of CIFAR-10, or is cut off; expected",
    ),
    "not an archive": (
        lambda folder, splits: write_files(folder, {"x.tar.gz": b"<html>"}) / "x.tar.gz",
        "is not an archive of CIFAR-10",
    ),
    "an archive that lacks a file": (
        lambda folder, splits: write_archive(
            folder / "cifar-10-binary.tar.gz", without(binary_files(splits), "test_batch.bin"), folder=BINARY
        ),
        r"has no cifar-10-batches-bin/test_batch\.bin; expected the official archive",
    ),
    "half a file": (
        lambda folder, splits: write_files(
            folder, binary_files(splits) | {"data_batch_2.bin": binary_files(splits)["data_batch_2.bin"][:-1]}
        ),
        r"data_batch_2\.bin has 36,875 bytes; expected a multiple of 3,073",
    ),
    "an empty file": (
        lambda folder, splits: write_files(folder, binary_files(splits) | {"test_batch.bin": b""}),
        r"test_batch\.bin has 0 bytes; expected a multiple",
    ),
    "a label of another data set": (
        lambda folder, splits: write_files(folder, binary_files(splits) | {"test_batch.bin": bytes([77]) * 3073}),
        r"test_batch\.bin: row 0 has the label 77; expected 0 to 9.*another data set",
    ),
    "a hostile pickle": (
        lambda folder, splits: write_files(folder, python_files(splits) | {"test_batch": b"cos\nsystem\n."}),
        r"test_batch asks for os\.system; expected arrays",
    ),
    "half a pickle": (
        lambda folder, splits: write_files(folder, python_files(splits) | {"test_batch": b"\x80\x02}q"}),
        "test_batch is not a whole pickle of arrays",
    ),
    "a pickle of something else": (
        lambda folder, splits: write_files(folder, python_files(splits) | {"test_batch": b"\x80\x02]."}),
        "test_batch: 'data' is missing; expected bytes of shape",
    ),
}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize("kind", BAD_FOLDERS)
def test_a_folder_that_is_wrong(tmp_path, splits, kind):
    make, message = BAD_FOLDERS[kind]
    with pytest.raises(FairtollError, match=message) as error:
        load(make(tmp_path, splits))
    assert "\n" not in str(error.value)


def test_pickles_of_another_shape(tmp_path):
    images, labels = make_images(20)
    for change, message in (
        ({"data": images.reshape(40, -1)}, r"'data' is of shape \(40, 1536\); expected bytes of shape \(rows, 3,072\)"),
        ({"labels": labels.tolist()[:-1]}, "'labels' is no list of 20 whole numbers"),
        ({"labels": [0.5] * 20}, "BINFLOAT"),
        ({"labels": ["cat"] * 20}, "'labels' is no list of 20 whole numbers"),
        ({"labels": [10] * 20}, "has the label 10"),
        ({"labels": [-1] * 20}, "has the label -1"),
        ({"labels": [2**20] * 20}, "has the label 1048576"),
    ):
        import pickle

        batch = pickle.dumps({"data": images.reshape(20, -1), "labels": labels.tolist()} | change, 4)
        write_files(tmp_path, python_files(make_splits(20, 20)) | {"data_batch_1": batch})
        with pytest.raises(FairtollError, match=message):
            load(tmp_path)


IMAGES, LABELS = make_images(20)
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def with_images(*encoded):
    cells = [{"bytes": one, "path": "a.png"} for one in encoded]
    return pa.table({"img": pa.array(cells, IMAGE), "label": [0] * len(encoded)})


def with_labels(values, kind=None):
    table = image_table(IMAGES[: len(values)], LABELS[: len(values)])
    return table.set_column(1, "label", pa.array(values, kind))


PNG = encode(IMAGES[0])
BAD_TABLES = [
    (pa.table({"pixels": [1], "label": [1]}), "has the columns 'pixels', 'label'; expected 'img' .or 'image'. and"),
    (image_table(IMAGES, LABELS).rename_columns(["img", "fine_label"]), "columns 'img', 'fine_label'; expected"),
    (pa.table({"img": [[1, 2]], "label": [1]}), "'img' is of type list.*; expected a struct with the field 'bytes'"),
    (with_labels(["cat", "dog"]), "'label' is of type string; expected integers"),
    (with_labels([0.5, 1.0]), "'label' is of type double; expected integers"),
    (with_labels([0, None], pa.int64()), "a label is missing"),
    (with_labels([0, 1, 10]), r"row 2 has the label 10; expected 0 to 9"),
    (with_labels([0, -1]), "row 1 has the label -1"),
    (with_labels([0] * 15 + [256], pa.int64()), "row 15 has the label 256"),
    (with_images(PNG, None), "row 1: the image is neither PNG nor JPEG"),
    (with_images(PNG, b"GIF89a"), "row 1: the image is neither PNG nor JPEG"),
    (with_images(PNG[:60]), "row 0: the image cannot be decoded"),
    (with_images(PNG[:200] + bytes(100) + PNG[300:]), "row 0: the image cannot be decoded"),
    (with_images(b"\xff\xd8\xff" + bytes(50)), "row 0: the image cannot be decoded"),
    (with_images(encode(np.zeros((3, 28, 28), np.uint8))), "the image is 28 x 28 RGB; expected 32 x 32 RGB"),
    (with_images(encode(np.zeros((4, 32, 32), np.uint8))), "the image is 32 x 32 RGBA; expected 32 x 32 RGB"),
]


@pytest.mark.parametrize(("table", "message"), BAD_TABLES, ids=[message[:40] for _, message in BAD_TABLES])
def test_a_parquet_file_that_is_wrong(tmp_path, splits, table, message):
    write_parquet_copy(tmp_path, splits)
    parquet.write_table(table, tmp_path / "test.parquet")
    with pytest.raises(FairtollError, match=message) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_rows_are_counted_through_all_batches_and_files(tmp_path, splits):
    shards(tmp_path, splits)
    path = tmp_path / "plain_text" / "test-00001-of-00002.parquet"
    table = parquet.read_table(path)
    parquet.write_table(table.set_column(1, "label", pa.array([0] * 9 + [11])), path)
    with pytest.raises(FairtollError, match=r"test-00001-of-00002\.parquet: row 19 has the label 11"):
        load(tmp_path)


@pytest.mark.parametrize("part", [0, 50, 95])
def test_half_a_parquet_file(tmp_path, splits, part):
    write_parquet_copy(tmp_path, splits)
    content = (tmp_path / "train.parquet").read_bytes()
    (tmp_path / "train.parquet").write_bytes(content[: len(content) * part // 100])
    with pytest.raises(FairtollError, match=r"train\.parquet is not a whole Parquet file .*download it again"):
        load(tmp_path)


def test_bytes_changed_within_a_parquet_file(tmp_path, splits):
    """Where the page, its compression or the image in it is hit."""
    write_parquet_copy(tmp_path, splits)
    content = bytearray((tmp_path / "train.parquet").read_bytes())
    content[2000:2400] = bytes(400)
    (tmp_path / "train.parquet").write_bytes(content)
    with pytest.raises(FairtollError, match=r"train\.parquet"):
        load(tmp_path)


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
        data = load(None, advance=shares.append)
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
    for trusted, message in ((False, "sends a file of|expected .*; it was removed"), (True, "which leads out of it")):
        with serve(make(hostile) if trusted else hostile) as server:
            monkeypatch.setattr(cifar10, "URL", server.url)
            with pytest.raises(FairtollError, match=message):
                load(None)
        cached = [name for name in everything_below(tmp_path) if name not in before]
        assert cached == ["cache", "cache/fairtoll", "cache/fairtoll/cifar10"]


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
@pytest.mark.skipif("FAIRTOLL_CIFAR10_DIR" not in os.environ, reason="FAIRTOLL_CIFAR10_DIR names no folder")
def test_the_real_images():
    folder = os.environ["FAIRTOLL_CIFAR10_DIR"]
    data = load_cifar10(folder)
    assert np.bincount(data.train.y).tolist() == [5000] * 10
    assert np.bincount(data.test.y).tolist() == [1000] * 10
    means = data.train.x.mean(axis=(0, 2, 3), dtype=np.float64)
    # As published for the official pixels, to four digits; JPEG moves them by about one in the last.
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=2e-4 if "JPEG" in data.title else 6e-5)
