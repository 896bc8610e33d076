"""Models of TensorFlow and JAX: a .keras file read on torch, a SavedModel through ONNX, and any by its scores."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from fairtoll.attacks import Square
from fairtoll.models import as_models, predict_probabilities, read_model
from fairtoll.models.probe import probe
from fairtoll.threats import LinfThreat

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

MADE = """
import numpy as np, keras
assert keras.backend.backend() == "tensorflow"
keras.utils.set_random_seed(0)
layers = keras.layers
made = keras.Sequential([keras.Input((8, 6, 2)), layers.Conv2D(4, 3, padding="same", strides=2),
    layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(), layers.Flatten(),
    layers.Dense(3, activation="softmax")])
x = np.random.default_rng(0).normal(size=(40, 8, 6, 2)).astype("float32")
made(x, training=True)
np.savez("answers.npz", x=x, answers=made(x, training=False))
made.save("made.keras")
made.export("saved")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a network of tf.keras, images, and its own answers."""
    for name in ("tensorflow", "keras", "tf2onnx"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    folder = tmp_path_factory.mktemp("tensorflow")
    command(folder, "-c", MADE)
    return folder


def command(folder, *words):
    there = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run([sys.executable, *words], cwd=folder, env=there, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]


def images(folder):
    held = np.load(folder / "answers.npz")
    return torch.from_numpy(held["x"].transpose(0, 3, 1, 2).copy()), held["answers"]  # channels first


def test_a_keras_file_of_tensorflow_is_read_on_torch(made):
    x, answers = images(made)
    (model,) = as_models(read_model(made / "made.keras"), name="a")
    np.testing.assert_allclose(predict_probabilities(model, x), answers, atol=1e-5)
    assert probe(model, x).gradients == "present"


def test_a_saved_model_goes_through_onnx(made):
    command(made, "-m", "tf2onnx.convert", "--saved-model", "saved", "--output", "made.onnx")
    x, answers = images(made)
    (model,) = as_models(read_model(made / "made.onnx"), name="a")
    np.testing.assert_allclose(predict_probabilities(model, x), answers, atol=1e-5)
    assert probe(model, x).gradients == "present"


def test_a_saved_model_by_its_scores(made):
    import tensorflow

    x, answers = images(made)
    loaded = tensorflow.saved_model.load(str(made / "saved"))
    scores = lambda rows: loaded.serve(np.float32(rows).transpose(0, 2, 3, 1)).numpy()  # noqa: E731
    (model,) = as_models(scores, name="a")
    np.testing.assert_allclose(predict_probabilities(model, x), answers, atol=1e-5)
    by_scores_alone(model, x)


def test_a_function_of_jax_by_its_scores():
    jax = pytest.importorskip("jax")
    weight = jax.random.normal(jax.random.key(0), (4, 3))
    (model,) = as_models(jax.jit(lambda rows: jax.nn.softmax(rows @ weight)), name="a")
    x = torch.randn(40, 4)
    expected = (x @ torch.from_numpy(np.array(weight))).softmax(dim=1)
    np.testing.assert_allclose(predict_probabilities(model, x), expected, atol=1e-5)
    by_scores_alone(model, x)


def by_scores_alone(model, x):
    assert probe(model, x).gradients == "absent"
    y = predict_probabilities(model, x).argmax(dim=1)
    found = Square(queries=50)(model, x, y, threat=LinfThreat(), epsilon=1.0, generator=torch.Generator())
    assert found.success.any()
