"""Files that would run code, or fill the memory, under the suffix of every kind: each is refused and nothing is run."""

import io
import json
import pickle
import tracemalloc
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
import torch

from fairtoll import FairtollError
from fairtoll.data import load_frame
from fairtoll.data.images import load_images
from fairtoll.models import read_model
from fairtoll.models.skops_files import read_skops
from fairtoll.models.weights import read_weights

SUFFIXES = (
    ".pt", ".pth", ".bin", ".ckpt", ".ts", ".torchscript", ".pt2", ".npz", ".npy", ".keras", ".h5", ".hdf5", ".pb",
    ".tflite", ".skops", ".safetensors", ".onnx", ".json", ".ubj", ".txt", ".pkl", ".pickle", ".joblib", ".csv",
    ".csv.gz", ".parquet", ".PT", ".Pkl",
)  # fmt: skip
READERS = {
    "model": read_model,
    "trusted": lambda path: read_model(path, trust_code=True),
    "weights": read_weights,
    "preprocessor": read_skops,
    "images": load_images,
    "table": lambda path: load_frame(str(path), label="y"),
}


class Touch:
    """Its pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def written(write):
    held = io.BytesIO()
    write(held)
    return held.getvalue()


PICKLES = {
    "pickle": pickle.dumps,
    "text pickle": lambda one: pickle.dumps(one, protocol=0),
    "joblib": lambda one: written(lambda file: joblib.dump({"a": np.zeros(3), "b": one}, file, compress=3)),
    "torch": lambda one: written(lambda file: torch.save({"state_dict": {"w": torch.zeros(2)}, "b": one}, file)),
    "old torch": lambda one: written(lambda file: torch.save({"b": one}, file, _use_new_zipfile_serialization=False)),
    "npz": lambda one: written(lambda file: np.savez(file, x=np.array([one], dtype=object), y=[0])),
    "npy": lambda one: written(lambda file: np.save(file, np.array([one], dtype=object), allow_pickle=True)),
}


@pytest.mark.parametrize("how", PICKLES)
def test_no_reader_unpickles_anything_whatever_a_file_is_called(how, tmp_path):
    content = PICKLES[how](Touch(tmp_path / "created"))
    for suffix in SUFFIXES:
        path = tmp_path / f"file{suffix}"
        path.write_bytes(content)
        # A process of its own reads these first, which takes a second; their own tests have them.
        readers = {} if suffix in (".json", ".ubj", ".txt") and how != "pickle" else READERS
        for read in readers.values():
            with pytest.raises(FairtollError) as raised:
                read(path)
            assert "\n" not in str(raised.value)
        assert not (tmp_path / "created").exists(), suffix


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """Archives that torch, Keras and skops take for their own, each of 1.1 GiB when it is unpacked and 1 MB before."""
    zeros, found = bytes(2**26), {}
    first = {
        ".pt": {"a/data.pkl": pickle.dumps({}), "a/version": b"3"},
        ".ts": {"a/constants.pkl": b"", "a/code/a.py": b"", "a/version": b"3"},
        ".pt2": {"a/archive_format": b"pt2", "a/version": b"0"},
        ".keras": {"config.json": b"{}", "metadata.json": b"{}"},
        ".skops": {"schema.json": b"{}"},
        ".npz": {},
    }
    folder, packed = tmp_path_factory.mktemp("bombs"), folder_of_zeros(zeros)
    for suffix, files in first.items():
        found[suffix] = folder / f"bomb{suffix}"
        found[suffix].write_bytes(packed)
        with zipfile.ZipFile(found[suffix], "a") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    return found


def folder_of_zeros(zeros):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(17):
            archive.writestr(f"a/data/{number}", zeros)
    return held.getvalue()


@pytest.mark.parametrize("suffix", [".pt", ".ts", ".pt2", ".keras", ".skops", ".npz"])
def test_an_archive_that_fills_the_memory_is_refused_before_it_is_unpacked(suffix, bombs):
    reads = {".npz": load_images, ".pt": read_weights}.get(suffix, READERS["trusted"])
    tracemalloc.start()
    with pytest.raises(FairtollError, match=r"says that it becomes 1,[\d,]{11}; expected no more than 100 times its"):
        reads(bombs[suffix])
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_pool_of_random_numbers_that_would_be_mixed_for_days_is_refused(tmp_path):
    """HistGradientBoosting keeps a Generator, and its seed sequence says how many words its pool has."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    path, x = tmp_path / "model.skops", np.arange(40.0)[:, np.newaxis]
    skops.io.dump(HistGradientBoostingClassifier(max_iter=2).fit(x, x[:, 0] > 20), path)
    read_skops(path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    pool = schema["content"]["content"]["_feature_subsample_rng"]["content"]["seed_seq"]["content"]["pool_size"]
    assert pool["content"] == "4"
    for size in ("2000000", "9" * 5000):
        pool["content"] = size
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (files | {"schema.json": json.dumps(schema).encode()}).items():
                archive.writestr(name, content)
        with pytest.raises(FairtollError, match=r"a source of random numbers with a pool of .*; expected 4, as numpy"):
            read_skops(path)
