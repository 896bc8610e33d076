"""Images and the two models of the attack benchmarks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fairtoll import LinfThreat
from fairtoll.data import Dataset, load_cifar10
from fairtoll.errors import FairtollError
from fairtoll.models.networks import image_network
from fairtoll.training import FitSettings, TrainingSetup, train_online, train_standard
from fairtoll.training.networks import ConvolutionalNetwork

MODELS = {"standard": "standard CNN", "online": "CNN trained on line (PGD-7 at 0.01)"}
THREAT = LinfThreat(box=(0.0, 1.0))
#: Epochs of the schedule that is run where no weights are given; bfloat16.
EPOCHS = {"standard": 20, "online": 4}
TRAINING_EPSILON, TRAINING_STEPS = 0.01, 7


@dataclass(frozen=True)
class Images:
    """Training rows (loaded when a model must be trained) and test rows."""

    train: Dataset
    test: Dataset
    title: str

    def test_rows(self, rows: int) -> tuple[Tensor, Tensor]:
        if rows > len(self.test.y):
            raise FairtollError(f"rows is {rows}; expected at most {len(self.test.y)}, as the data have")
        return torch.from_numpy(self.test.x[:rows]), torch.from_numpy(self.test.y[:rows])


def load_images(folder: str | None) -> Images:
    """CIFAR-10 from `folder` or FAIRTOLL_CIFAR10_DIR; synthetic images where there is none."""
    try:
        data = load_cifar10(folder, download=False)
    except FairtollError as error:
        if folder is not None:
            raise
        print(f"{error}. Synthetic images are used instead: the figures do not describe CIFAR-10.\n", flush=True)
        return made_up(train=10_000, test=10_000)
    return Images(data.train, data.test, data.title)


def made_up(*, train: int, test: int, classes: int = 10, seed: int = 0) -> Images:
    """Blurred class patterns, shifted and with strong noise, so that a CNN is neither at chance nor perfect."""
    generator = np.random.default_rng(seed)
    patterns = np.kron(generator.random((classes, 3, 8, 8)), np.ones((4, 4))) - 0.5

    def draw(rows: int) -> Dataset:
        y = generator.integers(classes, size=rows)
        moves = generator.integers(-2, 3, size=(rows, 2))
        x = np.stack([np.roll(patterns[label], move, axis=(1, 2)) for label, move in zip(y, moves, strict=True)])
        x = 0.5 + 0.12 * x + 0.15 * generator.standard_normal(x.shape)
        names = tuple(f"pattern {label}" for label in range(classes))
        return Dataset(x.clip(0, 1).astype(np.float32), y.astype(np.int64), names)

    return Images(draw(train), draw(test), "made-up images")


def weights_of(name: str, given: dict[str, Path], images: Images, cache: Path) -> Path:
    """The file of one model's weights: the one given, or one that is trained once and kept in `cache`."""
    if name in given:
        return given[name]
    path = cache / f"{name}-{EPOCHS[name]}-epochs-{digest(images.train.x[:100].tobytes())}.safetensors"
    if not path.exists():
        print(f"No weights given for '{name}': training {EPOCHS[name]} epochs in bfloat16, kept as {path}", flush=True)
        settings = FitSettings(epochs=EPOCHS[name], precision="bfloat16")
        setup = TrainingSetup.for_rows(images.train, seeds=[0], settings=settings, network=ConvolutionalNetwork())
        if name == "standard":
            stack = train_standard(setup)
        else:
            stack = train_online(setup, threat=THREAT, epsilon=TRAINING_EPSILON, steps=TRAINING_STEPS)
        cache.mkdir(parents=True, exist_ok=True)
        save_file(stack.member(0).state_dict(), path)
    return path


def load_model(path: Path) -> nn.Sequential:
    """The paper's network with the weights of `path`, in eval mode."""
    model = image_network()
    model.load_state_dict(load_file(path))
    return model.eval()


def forward_flops(model: nn.Module, x: Tensor) -> float:
    """Multiplications and additions of the convolutions and dense layers, for one row of `x`.

    The gradient in the input takes as many again; that of the weights, which no attack needs, is not counted.
    """
    total = 0.0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        each = layer.weight[0].numel() if isinstance(layer, nn.Conv2d | nn.Linear) else 0
        total += 2.0 * each * output[0].numel()

    hooks = [layer.register_forward_hook(count) for layer in model.modules() if not list(layer.children())]
    with torch.no_grad():
        model(x[:1])
    for hook in hooks:
        hook.remove()
    return total


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
