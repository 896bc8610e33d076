"""One network, saved in every way, is one model: the same predictions, and the same rows broken by the same inputs."""

import importlib.util

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import fairtoll as ft
from fairtoll.attacks import PGD, Square, Union
from fairtoll.data import Dataset
from fairtoll.models import as_models, load_model, predict_probabilities, prepare, read_model
from fairtoll.models.probe import probe
from fairtoll.threats import LinfThreat

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

FACTORY = """
from torch import nn

def perceptron():
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))

def convolutional():
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )
"""
SHAPES = {"perceptron": (6,), "convolutional": (2, 8, 8)}
WAYS = ("safetensors", "state dict", "TorchScript", "export", "ONNX", "Keras")


@pytest.fixture(scope="module", params=list(SHAPES))
def networks(request, tmp_path_factory):
    """The network itself, rows, and the network from its file in every way."""
    kind, folder = request.param, tmp_path_factory.mktemp("networks")
    needed = ("onnx", "onnxruntime", "onnxscript", "keras")
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    made = {}
    exec(FACTORY, made)
    torch.manual_seed(0)
    net = made[kind]()
    x = torch.randn(64, *SHAPES[kind])
    net(3 * x + 1)  # statistics of batch normalisation
    net.eval()
    with torch.no_grad():
        net[-1].bias -= net(x).mean(dim=0)  # every class is predicted
    return net, x, {way: saved_and_read(way, net, kind, x, folder) for way in WAYS}


def saved_and_read(way, net, kind, x, folder):
    if way in ("safetensors", "state dict"):
        path = folder / ("a.safetensors" if way == "safetensors" else "a.pt")
        (save_file if way == "safetensors" else torch.save)(net.state_dict(), path)
        (folder / f"factory_of_{kind}.py").write_text(FACTORY)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(folder)
            return load_model(f"factory_of_{kind}:{kind}", path)
    suffixes = {"TorchScript": "ts", "export": "pt2", "ONNX": "onnx", "Keras": "keras"}
    path, free = folder / f"a.{suffixes[way]}", ({0: torch.export.Dim("rows")},)
    if way == "TorchScript":
        torch.jit.trace(net, x).save(path)
    elif way == "export":
        torch.export.save(torch.export.export(net, (x,), dynamic_shapes=free), path)
    elif way == "ONNX":
        torch.onnx.export(net, (x,), str(path), dynamic_shapes=free, verbose=False)
    else:
        in_keras(net, kind).save(path)
    (model,) = as_models(read_model(path, trust_code=way in ("TorchScript", "export")), name="a")
    return model


def in_keras(net, kind):
    from fairtoll.models.keras_files import require_keras

    keras = require_keras("the test needs")
    layers = keras.layers
    if kind == "perceptron":
        made = keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(16, activation="tanh"),
                layers.Dense(8, activation="relu"),
                layers.Dense(3, activation="softmax"),
            ]
        )
    else:
        made = keras.Sequential(
            [
                keras.Input((8, 8, 2)),
                layers.Conv2D(6, 3, padding="same"),
                layers.BatchNormalization(epsilon=1e-5),
                layers.ReLU(),
                layers.MaxPooling2D(),
                layers.Conv2D(8, 3, activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, activation="softmax"),
            ]
        )
    weights = [one.numpy() for name, one in net.state_dict().items() if "num_batches" not in name]
    turn = {1: lambda one: one, 2: lambda one: one.T, 4: lambda one: one.transpose(2, 3, 1, 0)}
    made.set_weights([turn[one.ndim](one) for one in weights])
    return made


@pytest.mark.parametrize("way", WAYS)
def test_the_same_predictions(way, networks):
    net, x, saved = networks
    expected = net(x).softmax(dim=1).detach()
    torch.testing.assert_close(predict_probabilities(saved[way], x), expected, rtol=0, atol=1e-5)
    assert prepare(saved[way], x).probed.gradients == "present"


@pytest.mark.parametrize("attack", [PGD(steps=10), Union([PGD(steps=5, loss="margin"), Square(queries=50)])])
@pytest.mark.parametrize("way", WAYS)
def test_the_same_rows_are_broken_by_the_same_inputs(way, attack, networks):
    net, x, saved = networks
    y = net(x).argmax(dim=1)
    found, expected = (
        attack(model, x, y, threat=LinfThreat(), epsilon=0.1, generator=torch.Generator().manual_seed(3))
        for model in (saved[way], net)
    )
    assert 0 < expected.success.sum() < len(x)
    assert torch.equal(found.success, expected.success)
    torch.testing.assert_close(found.perturbed, expected.perturbed, rtol=0, atol=1e-4)


def test_its_scores_are_the_same_model_without_gradients(networks):
    net, x, _ = networks
    scores = lambda rows: net(torch.from_numpy(np.float32(rows))).softmax(dim=1).detach().numpy()  # noqa: E731
    (model,) = as_models(scores, name="a")
    torch.testing.assert_close(predict_probabilities(model, x).float(), net(x).softmax(dim=1), rtol=0, atol=1e-5)
    assert probe(model, x).gradients == "absent"
    results = [
        Square(queries=50)(one, x, net(x).argmax(1), threat=LinfThreat(), epsilon=0.1, generator=seeded())
        for one in (net, model)
    ]
    assert torch.equal(results[0].success, results[1].success)


def seeded():
    return torch.Generator().manual_seed(3)


def test_an_audit_of_all_of_them_finds_no_difference(networks):
    net, x, saved = networks
    if x.ndim > 2:
        pytest.skip("one network is enough")
    y = net(x + 0.3 * torch.randn(x.shape, generator=seeded())).argmax(dim=1).numpy()
    rows = Dataset(x.numpy(), y, ("a", "b", "c"), groups={"site": np.arange(len(x)) % 2})
    arms = {"torch": net, "export": saved["export"], "onnx": saved["ONNX"], "keras": saved["Keras"]}
    result = ft.audit(arms, rows, threat=LinfThreat(), epsilons=[0.1], attacks=[PGD(steps=5)])
    accuracies = {}
    for one in result.results.accuracy:
        accuracies.setdefault((one.evaluation, one.attack, one.epsilon), {})[one.arm] = one.mean
    assert accuracies["clean", None, None]["torch"] > accuracies["white-box", "pgd-5", 0.1]["torch"]
    assert all(len(set(by_arm.values())) == 1 for by_arm in accuracies.values())
