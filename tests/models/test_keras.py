"""Keras models on torch: their own answers, with gradients; on another backend by their scores; wrong files."""

import importlib.util
import io
import json
import os
import pickle
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
import torch

if importlib.util.find_spec("keras") is None:  # an import here would choose its backend
    pytest.skip("keras is not installed", allow_module_level=True)
from fairtoll import FairtollError
from fairtoll.audits.fingerprint import hash_model
from fairtoll.models import as_models, predict_probabilities, prepare, read_model
from fairtoll.models.keras_files import require_keras
from fairtoll.models.probe import probe


@pytest.fixture(scope="module")
def keras():
    return require_keras("the test needs")


class Touch:
    """Its pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def perceptron(keras, columns=3, activation="softmax"):
    keras.utils.set_random_seed(0)
    start = keras.Input((4,))
    hidden = keras.layers.Dense(8, activation="tanh")(start)
    hidden = keras.layers.Dropout(0.5)(hidden + keras.layers.Dense(8)(start))
    return keras.Model(start, keras.layers.Dense(columns, activation=activation)(hidden))


def convolutional(keras):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 6, 2)),
            layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model(np.random.default_rng(0).normal(size=(20, 8, 6, 2)), training=True)
    return model


@pytest.mark.parametrize("from_file", [True, False])
@pytest.mark.parametrize("kind", ["perceptron", "convolutional"])
def test_a_model_has_its_own_answers_and_gradients(kind, from_file, keras, tmp_path):
    made = perceptron(keras) if kind == "perceptron" else convolutional(keras)
    made.save(tmp_path / "a.keras")
    (model,) = as_models(read_model(tmp_path / "a.keras") if from_file else made, name="a")
    x = torch.randn(40, 4) if kind == "perceptron" else torch.randn(40, 2, 8, 6)  # channels first, as the data has them
    own = x.numpy() if kind == "perceptron" else x.numpy().transpose(0, 2, 3, 1)
    expected = made.predict(own, verbose=0)
    np.testing.assert_allclose(predict_probabilities(model, x), expected, atol=1e-6)
    prepared = prepare(model, x)
    assert (prepared.probed.output, prepared.probed.gradients) == ("logits", "present")
    # The slope of log probabilities, by central differences of Keras's own answers in float64.
    (slope,) = torch.autograd.grad(prepared(x.requires_grad_()).log_softmax(1)[:, 0].sum(), x)
    step = torch.randn_like(x)
    lower, upper = (prepare(model, x.detach())((x + sign * 1e-3 * step).detach()).log_softmax(1) for sign in (-1, 1))
    torch.testing.assert_close((slope * step).flatten(1).sum(1), ((upper - lower) / 2e-3)[:, 0], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_output_is_two_classes(activation, keras):
    made = perceptron(keras, 1, activation)
    x = torch.randn(20, 4)
    (model,) = as_models(made, name="a")
    found = made.predict(x.numpy(), verbose=0)
    second = found if activation else 1 / (1 + np.exp(-found))
    np.testing.assert_allclose(predict_probabilities(model, x)[:, 1:], second, atol=1e-6)


def test_the_model_comes_back_as_it_was(keras):
    made = perceptron(keras)
    before = made.to_json(), [one.copy() for one in made.get_weights()], made(np.ones((2, 4))).detach().numpy()
    flags = [one.requires_grad for one in made.parameters()]
    predict_probabilities(as_models(made, name="a")[0], torch.randn(9, 4))
    assert made.to_json() == before[0]
    assert all(np.array_equal(*pair) for pair in zip(made.get_weights(), before[1], strict=True))
    np.testing.assert_array_equal(made(np.ones((2, 4))).detach().numpy(), before[2])
    assert [one.requires_grad for one in made.parameters()] == flags


def test_models_are_told_apart_and_found_again(keras, tmp_path):
    made = perceptron(keras)
    made.save(tmp_path / "a.keras")
    first, again = (hash_model(as_models(read_model(tmp_path / "a.keras"), name="a")[0]) for _ in range(2))
    made.layers[1].set_weights([one + 1 for one in made.layers[1].get_weights()])
    made.save(tmp_path / "b.keras")
    assert first == again != hash_model(as_models(read_model(tmp_path / "b.keras"), name="a")[0])


def test_several_inputs(keras):
    one, two = keras.Input((2,), name="one"), keras.Input((3,), name="two")
    made = keras.Model([one, two], keras.layers.Dense(2)(keras.layers.Concatenate()([one, two])))
    refused("takes 2 inputs: one, two; expected one, of rows; give a function", lambda: as_models(made, name="a"))


def test_rows_of_another_width_and_other_classes(keras):
    (model,) = as_models(perceptron(keras), name="a")
    refused(r"the model fails on rows of shape \(7,\)", lambda: probe(model, torch.randn(3, 7)))
    refused("returned 3 classes; expected 2", lambda: prepare(model, torch.randn(3, 4), classes=2))


def test_a_model_on_another_backend_is_run_by_its_scores():
    class Model:
        inputs = ()

        def __call__(self, rows, *, training):
            assert not training
            return np.stack([rows[:, 0], 1 - rows[:, 0]], axis=1)

    Model.__module__ = "keras.src.models.model"
    (model,) = as_models(Model(), name="a")
    found = probe(model, torch.rand(9, 2))
    assert (found.gradients, [remark.id for remark in found.notes]) == ("absent", ["keras-by-scores"])


def test_another_backend_that_is_loaded_already(monkeypatch, keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")
    other = types.SimpleNamespace(__version__="3.9.0", backend=types.SimpleNamespace(backend=lambda: "tensorflow"))
    monkeypatch.setitem(sys.modules, "keras", other)
    message = "Keras 3.9.0 is loaded with the backend tensorflow; expected torch.*set KERAS_BACKEND=torch before"
    refused(message, lambda: read_model(tmp_path / "a.keras"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "nonsense"])
def test_another_backend_in_the_environment(backend, keras, tmp_path):
    """Keras that is not loaded yet is loaded on torch, and the environment is left as it was."""
    perceptron(keras).save(tmp_path / "a.keras")
    program = (
        "import os; from pathlib import Path; from fairtoll.models import read_model; "
        "model = read_model(Path('a.keras')); import keras, torch; "
        "print(keras.backend.backend(), isinstance(model, torch.nn.Module), os.environ['KERAS_BACKEND'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=os.environ | {"KERAS_BACKEND": backend}, text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["torch", "True", backend]


def test_keras_that_is_not_installed(monkeypatch, keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr("builtins.__import__", _without_keras(__import__))
    refused(r"needs keras, which is not installed.*'\.\[keras\]'", lambda: read_model(tmp_path / "a.keras"))


def _without_keras(own):
    def bring(name, *more, **how):
        if name == "keras":
            raise ModuleNotFoundError("No module named 'keras'", name="keras")
        return own(name, *more, **how)

    return bring


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_file(share, keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")
    whole = (tmp_path / "a.keras").read_bytes()
    (tmp_path / "a.keras").write_bytes(whole[: int(share * len(whole))])
    refused("cannot be read as a Keras (file|model)", lambda: read_model(tmp_path / "a.keras"))


def rewritten(path, change, name="config.json"):
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    held = json.loads(files[name])
    change(held)
    files[name] = json.dumps(held).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for one, content in files.items():
            archive.writestr(one, content)
    return path


def test_layers_with_room_for_far_more_than_the_file_holds(keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")
    with keras.device("meta"):  # where weights take no memory: here 40,000 times 40,000 of them, 6.4 GB
        large = keras.Sequential([keras.Input((40_000,)), keras.layers.Dense(40_000), keras.layers.Dense(2)])
    rewritten(tmp_path / "a.keras", lambda held: (held.clear(), held.update(json.loads(large.to_json()))))
    message = r"bytes and its layers take 6,4[\d,]{10} bytes of weights; expected no more than 100 times its size"
    refused(message, lambda: read_model(tmp_path / "a.keras"))


def test_a_large_layer_before_one_that_does_not_fit_it(keras, tmp_path):
    """Reading would make its weights, and only then find out."""
    perceptron(keras).save(tmp_path / "a.keras")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    model(np.zeros((2, 3), dtype=np.float32))
    held = json.loads(model.to_json())
    held["config"]["layers"][1]["config"]["units"] = 200_000_000  # 3 inputs, 4 bytes: 2.4 GB
    rewritten(tmp_path / "a.keras", lambda old: (old.clear(), old.update(held)))
    message = "its layers take 2,400,000,000 bytes of weights; expected no more than 100 times its size"
    refused(message, lambda: read_model(tmp_path / "a.keras"))


def test_a_layer_that_holds_code(keras, tmp_path):
    start = keras.Input((4,))
    model = keras.Model(start, keras.layers.Lambda(lambda x: x * 2, output_shape=(4,))(start))
    model.save(tmp_path / "a.keras")
    refused("holds the layer Lambda, which runs code of its own", lambda: read_model(tmp_path / "a.keras"))


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("keras.config", "enable_unsafe_deserialization"), ("keras.src.utils.file_utils", "get_file")],
)
def test_a_file_that_names_what_is_no_layer(module, name, keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")

    def change(held):
        held["config"]["layers"][1] |= {"module": module, "class_name": name}

    refused(
        f"holds {module}.{name}, which runs code of its own",
        lambda: read_model(rewritten(tmp_path / "a.keras", change)),
    )


@pytest.mark.parametrize("name", ["keras.layers.Lambda", "keras>TFSMLayer"])
def test_a_layer_that_holds_code_by_its_long_name(name, keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")

    def change(held):
        held["config"]["layers"][1] |= {"module": None, "class_name": name}

    refused(f"holds the layer {name}", lambda: read_model(rewritten(tmp_path / "a.keras", change)))


def test_how_a_model_inside_was_compiled(keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")
    compiled = {"loss": {"module": "os", "class_name": "system", "config": {}, "registered_name": None}}
    # Of the whole model it is left aside: a loss of one's own does no harm.
    rewritten(tmp_path / "a.keras", lambda held: held.update(compile_config=compiled))
    read_model(tmp_path / "a.keras")

    def change(held):
        held["config"]["layers"][1]["compile_config"] = compiled

    refused("holds os.system", lambda: read_model(rewritten(tmp_path / "a.keras", change)))


def test_a_file_of_another_version(keras, tmp_path):
    perceptron(keras).save(tmp_path / "a.keras")
    rewritten(tmp_path / "a.keras", lambda held: held.update(keras_version="2.13.1"), "metadata.json")
    rewritten(tmp_path / "a.keras", lambda held: held["config"]["layers"][1].update(class_name="OldDense"))
    message = "was written by Keras 2.13.1 and cannot be read by Keras 3.*save it with Keras 3, or convert it to ONNX"
    refused(message, lambda: read_model(tmp_path / "a.keras"))


@pytest.mark.parametrize("suffix", ["keras", "h5", "hdf5", "tflite", "pb"])
def test_a_pickle_is_never_loaded(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(pickle.dumps(Touch(tmp_path / "created")))
    refused("cannot be read as a Keras (file|model)|expected a .keras or an ONNX file", lambda: read_model(path))
    assert not (tmp_path / "created").exists()


def test_files_of_tensorflow_say_how_to_convert_them(tmp_path):
    h5 = io.BytesIO(b"\x89HDF\r\n\x1a\n").getvalue()
    (tmp_path / "a.h5").write_bytes(h5)
    refused(r"convert it where it was made: model.save\('a.keras'\)", lambda: read_model(tmp_path / "a.h5"))
    (tmp_path / "b.keras").write_bytes(h5)  # named as the new format
    refused(r"model.export\('b.onnx', format='onnx'\)", lambda: read_model(tmp_path / "b.keras"))
    (tmp_path / "saved").mkdir()
    refused(r"SavedModel.*tf2onnx.convert --saved-model .*saved", lambda: read_model(tmp_path / "saved"))


def refused(message, call):
    with pytest.raises(FairtollError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 700
