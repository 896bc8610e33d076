"""Images from .npz, .safetensors and Parquet, against the arrays that were written; samples that keep shares."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fairtoll.data.dataset import Dataset
from fairtoll.data.images import load_images
from fairtoll.data.sample import stratified_sample
from fairtoll.errors import FairtollError

PIXELS = np.random.default_rng(0).integers(0, 256, size=(6, 3, 4, 5), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])
INK = np.array(["much", "little"] * 3)


def encoded(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]).save(buffer, format="PNG")
    return buffer.getvalue()


def test_arrays(tmp_path):
    path = tmp_path / "digits.npz"
    np.savez(path, x=PIXELS, y=LABELS, ink=INK, class_names=["cat", "ant", "bee"])
    rows = load_images(path, groups=["ink"])
    np.testing.assert_array_equal(rows.x, PIXELS.astype(np.float32) / np.float32(255))
    assert rows.y.tolist() == LABELS.tolist()
    assert rows.class_names == ("cat", "ant", "bee")
    assert rows.groups["ink"].tolist() == INK.tolist()
    assert (rows.name, rows.features) == ("digits", ())


def test_numbers_that_are_no_bytes_stay_as_they_are(tmp_path):
    path = tmp_path / "rows.npz"
    np.savez(path, rows=PIXELS.astype(np.float64) - 7, kind=np.array(["b", "a"] * 3))
    rows = load_images(path, label="kind", image="rows")
    np.testing.assert_array_equal(rows.x, PIXELS.astype(np.float32) - 7)
    assert (rows.class_names, rows.y.tolist()) == (("a", "b"), [1, 0] * 3)


def test_tensors(tmp_path):
    path = tmp_path / "digits.safetensors"
    save_file({"x": torch.from_numpy(PIXELS), "y": torch.from_numpy(LABELS), "ink": torch.tensor([1, 0] * 3)}, path)
    rows = load_images(path, groups=["ink"], class_names=["0", "1", "2"])
    np.testing.assert_array_equal(rows.x, PIXELS.astype(np.float32) / np.float32(255))
    assert (rows.y.tolist(), rows.groups["ink"].tolist()) == (LABELS.tolist(), ["1", "0"] * 3)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"x": torch.zeros(6, 2, 2)}, "has no 'y'; it holds x; name the images, the label"),
        ({"y": torch.zeros(6)}, "has no 'x'; it holds y"),
        ({"x": torch.zeros(6), "y": torch.arange(6)}, "hold one number a row; expected images"),
        ({"x": torch.zeros(6, 2, 2), "y": torch.arange(4)}, "'y' of shape (4,); expected one value a row, shape (6,)"),
        ({"x": torch.zeros(6, 2, 2), "y": torch.zeros(6, 2)}, "and 'y' of shape (6, 2); expected one value a row"),
        ({"x": torch.zeros(6, 2, 2, dtype=torch.bfloat16), "y": torch.arange(6)}, "in the type BF16; expected one"),
        ({"x": torch.full((6, 2, 2), torch.nan), "y": torch.arange(6) % 2}, "NaN or infinity"),
    ],
    ids=str,
)
def test_tensors_that_are_wrong(tensors, message, tmp_path):
    save_file(tensors, tmp_path / "rows.safetensors")
    with pytest.raises(FairtollError) as raised:
        load_images(tmp_path / "rows.safetensors")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("form", ["struct", "bytes", "lists"])
def test_parquet(tmp_path, form):
    cell = {
        "struct": lambda one: {"bytes": encoded(one), "path": "one.png"},
        "bytes": encoded,
        "lists": lambda one: (one / 255).tolist(),
    }[form]
    frame = pd.DataFrame({"img": [cell(one) for one in PIXELS], "label": LABELS, "ink": INK})
    frame.to_parquet(tmp_path / "images.parquet")
    rows = load_images(tmp_path / "images.parquet", image="img", groups=["ink"])
    np.testing.assert_allclose(rows.x, PIXELS.astype(np.float32) / 255, rtol=1e-6)
    assert rows.class_names == ("0", "1", "2")


def test_grey_images_have_one_channel(tmp_path):
    frame = pd.DataFrame({"image": [encoded(one[:1]) for one in PIXELS], "label": LABELS})
    frame.to_parquet(tmp_path / "grey.parquet")
    np.testing.assert_allclose(load_images(tmp_path / "grey.parquet").x, PIXELS[:, :1].astype(np.float32) / 255)


def write(path, **arrays):
    np.savez(path, **{"x": PIXELS, "y": LABELS, **arrays})


WRONG = [
    (lambda path: None, {}, "is not a file; expected arrays in .npz"),
    (lambda path: path.write_bytes(b"no archive"), {}, "cannot be read as .npz"),
    (lambda path: (write(path), path.write_bytes(path.read_bytes()[:-40])), {}, "cannot be read as .npz"),
    (lambda path: write(path, y=np.array([1, "a", None, 2, 3, 4], dtype=object)), {}, "which only pickle can read"),
    (write, {"groups": ["site"]}, "has no 'site'; it holds x, y"),
    (write, {"label": "kind"}, "has no 'kind'; it holds x, y"),
    (lambda path: write(path, y=LABELS[:3]), {}, "3"),
    (lambda path: write(path, class_names=["a", "b"]), {}, "labels run from 0 to 2, and class_names has 2"),
    (lambda path: write(path, x=np.array(["a"] * 6)), {}, "expected numbers or encoded images"),
    (lambda path: write(path, x=np.full((6, 2), np.nan)), {}, "NaN or infinity"),
]


@pytest.mark.parametrize(("make", "options", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_what_is_wrong(tmp_path, make, options, message):
    make(tmp_path / "rows.npz")
    with pytest.raises(FairtollError) as raised:
        load_images(tmp_path / "rows.npz", **options)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("cell", "message"), [(b"no image", "cannot be decoded"), (encoded(PIXELS[0, :, :2]), "sizes")]
)
def test_images_that_are_wrong(tmp_path, cell, message):
    frame = pd.DataFrame({"image": [encoded(PIXELS[0]), cell], "label": [0, 1]})
    frame.to_parquet(tmp_path / "images.parquet")
    with pytest.raises(FairtollError, match=message):
        load_images(tmp_path / "images.parquet")


def test_an_image_that_says_that_it_is_huge(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 9)  # in place of 90 million
    pd.DataFrame({"image": [encoded(PIXELS[0])], "label": [0]}).to_parquet(tmp_path / "images.parquet")
    with pytest.raises(FairtollError, match=r"cannot be decoded \(DecompressionBombError\)"):
        load_images(tmp_path / "images.parquet")


@pytest.mark.parametrize("count", [2, 100, 999, 5000])
def test_a_sample_keeps_the_share_of_each_class_and_group(count):
    generator = np.random.default_rng(1)
    sex, site = generator.choice(["f", "m"], 5000, p=[0.3, 0.7]), generator.choice(list("abc"), 5000)
    rows = Dataset(
        np.arange(5000.0)[:, None], generator.integers(0, 2, 5000), ("no", "yes"), {"sex": sex, "site": site}
    )
    few = stratified_sample(rows, count, seed=4)
    assert len(few) == count
    assert len(np.unique(few.x)) == count
    cells, every, taken = (one.partition("class & sex & site")[part] for one, part in ((rows, 0), (rows, 1), (few, 1)))
    found = dict(zip(*np.unique(few.partition("class & sex & site")[1], return_counts=True), strict=True))
    names = few.partition("class & sex & site")[0]
    for place, cell in enumerate(cells):
        share = (every == place).mean() * count
        held = int(found.get(names.index(cell), 0)) if cell in names else 0
        assert abs(held - share) < 1
    assert len(taken) == count
    assert np.array_equal(few.x, stratified_sample(rows, count, seed=4).x)
    assert count == 5000 or not np.array_equal(few.x, stratified_sample(rows, count, seed=5).x)
