"""Folders, archives, files and tables that are not CIFAR-10: one clear line each."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from synthetic_cifar10 import (
    BINARY,
    LAYOUTS,
    binary_files,
    encode,
    image_table,
    make_images,
    make_splits,
    python_files,
    write_archive,
    write_files,
    write_parquet_copy,
    write_shards,
)

from fairtoll import FairtollError
from fairtoll.data import load_cifar10


def load(folder):
    return load_cifar10(folder, rows_expected=None)


def without(files, name):
    return {key: content for key, content in files.items() if key != name}


BAD_FOLDERS = {
    "nothing there": (lambda folder, splits: folder / "absent", "no folder .*absent; check the path, or leave it out"),
    "an empty folder": (lambda folder, splits: folder, "which holds nothing; expected cifar-10-binary.tar.gz"),
    "another folder": (
        lambda folder, splits: write_files(folder, {f"{number}.txt": b"" for number in range(7)}),
        r"which holds 0\.txt, 1\.txt, 2\.txt, 3\.txt, 4\.txt and 2 more; expected .*leave the folder out",
    ),
    "a file missing": (
        lambda folder, splits: write_files(folder / BINARY, without(binary_files(splits), "data_batch_3.bin")),
        r"cifar-10-batches-bin lacks data_batch_3\.bin; part of the data is missing",
    ),
    "no test split": (
        lambda folder, splits: write_parquet_copy(folder, {"train": splits["train"]}),
        r"has no test\*\.parquet; part",
    ),
    "a single file": (
        lambda folder, splits: write_parquet_copy(folder, splits) / "train.parquet",
        "one of several files; give their folder",
    ),
    "half an archive": (
        lambda folder, splits: cut(LAYOUTS["binary archive"](folder, splits) / "cifar-10-binary.tar.gz").parent,
        r"cifar-10-binary\.tar\.gz is not a complete .*download it again",
    ),
    "another archive": (
        lambda folder, splits: write_archive(folder / "other.tar.gz", {"a": b"a"}, folder="other"),
        r"other\.tar\.gz is not an archive of CIFAR-10, or is truncated; expected",
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
        r"test_batch needs os\.system; expected arrays",
    ),
    "half a pickle": (
        lambda folder, splits: write_files(folder, python_files(splits) | {"test_batch": b"\x80\x02}q"}),
        "test_batch is not a complete pickle of arrays",
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
    write_shards(tmp_path, splits)
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
    with pytest.raises(FairtollError, match=r"train\.parquet is not a complete Parquet file .*download it again"):
        load(tmp_path)


def test_bytes_changed_within_a_parquet_file(tmp_path, splits):
    """Where the page, its compression or the image in it is hit."""
    write_parquet_copy(tmp_path, splits)
    content = bytearray((tmp_path / "train.parquet").read_bytes())
    content[2000:2400] = bytes(400)
    (tmp_path / "train.parquet").write_bytes(content)
    with pytest.raises(FairtollError, match=r"train\.parquet"):
        load(tmp_path)
