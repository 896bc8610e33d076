"""What every stage of the CIFAR-10 experiment works with: images, threat, models, folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from fairtoll.data import Dataset, TrainTest
from fairtoll.experiments.cifar10_images import load_images
from fairtoll.findings import Arm, Target
from fairtoll.models.stack import ModelStack
from fairtoll.randomness import torch_generator
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import FitSettings, TrainingSetup
from fairtoll.training.networks import ConvolutionalNetwork


@dataclass(frozen=True)
class Scale:
    """How much of the experiment is done.

    Attributes
    ----------
    train_rows : int, optional
        Training images; None is all of them.
    attacked_rows : int
        Test images that are attacked, as many of each class; clean accuracy is of all.
    check_rows : int
        Of those, the ones that the independent attacks behind the alarms are run on.
    restarts : int
        Of each loss in the union of attacks.
    queries : int
        Of the union's black-box attack.
    widths : tuple of int
        Of the network; see `fairtoll.models.networks.image_network`.

    Examples
    --------
    >>> Scale().attacked_rows
    2000
    """

    train_rows: int | None = None
    attacked_rows: int = 2000
    check_rows: int = 500
    restarts: int = 5
    queries: int = 500
    widths: tuple[int, int, int, int] = (32, 64, 256, 128)


@dataclass(frozen=True)
class Cifar10Workspace:
    """One run's folder, seeds, device and scale, and what they determine.

    Attributes
    ----------
    folder : Path
        The run's folder.
    source : str, optional
        Where the images are read from once; see `fairtoll.data.load_cifar10`.
    seeds : sequence of int
        Training runs of every arm.
    arms : sequence of str
        Names of the arms, in order.
    device : str
        Where models are trained and attacked.
    settings : FitSettings
        The optimiser.
    scale : Scale
        How much is done.

    Examples
    --------
    >>> Cifar10Workspace(Path("runs/cifar10"), None, [0, 1], ["standard"]).blocks
    [[0], [1]]
    """

    folder: Path
    source: str | None
    seeds: Sequence[int]
    arms: Sequence[str]
    device: str = "cpu"
    settings: FitSettings = FitSettings()
    scale: Scale = Scale()

    @property
    def blocks(self) -> list[list[int]]:
        """Seeds that train as one stack: all on an accelerator; one at a time on a CPU, so that less is lost."""
        return [list(self.seeds)] if self.device == "cuda" else [[seed] for seed in self.seeds]

    @cached_property
    def data(self) -> TrainTest:
        """The images as the run's first stage has kept them."""
        return load_images(self.folder / "images")

    @cached_property
    def threat(self) -> LinfThreat:
        """Every pixel may move, within [0, 1]."""
        return LinfThreat(box=(0.0, 1.0))

    def setup(self, seeds: Sequence[int]) -> TrainingSetup:
        """What every recipe is given, for the seeds of one block."""
        return self._setup(self.data.train, seeds)

    def _setup(self, images: Dataset, seeds: Sequence[int]) -> TrainingSetup:
        return TrainingSetup.for_rows(
            images, seeds=seeds, network=ConvolutionalNetwork(self.scale.widths), settings=self.settings, device=self.device
        )

    @cached_property
    def attacked(self) -> NDArray[np.int64]:
        """Positions of the test images that are attacked, ascending."""
        return stratified(self.data.test, self.scale.attacked_rows)

    @cached_property
    def target(self) -> Target:
        """The attacked images under the threat."""
        return Target(self.data.test, self.threat, "paper", rows=self.attacked)

    def model_path(self, arm: str, seeds: Sequence[int]) -> str:
        """File of a block's models, relative to the folder."""
        return f"models/{arm}-{seeds[0]}.safetensors"

    def stack(self, arm: str, seeds: Sequence[int]) -> ModelStack:
        """The trained models of one block of an arm."""
        network = self._setup(self.data.test, [0]).network()
        return ModelStack.load(self.folder / self.model_path(arm, seeds), network).to(self.device)

    def arm(self, name: str, seeds: Sequence[int]) -> Arm:
        """One block of an arm as its members."""
        return Arm(name, self.stack(name, seeds).members(), seeds)

    def examples(self, epsilon: float, seeds: Sequence[int]) -> list[Tensor]:
        """Attacked images crafted on the standard models, one set for each seed."""
        return list(load_file(self.folder / f"examples/test-{seeds[0]}.safetensors")[f"{epsilon:g}"])

    def describe(self) -> dict[str, Any]:
        """Everything here that the results depend on, as plain JSON values."""
        return {
            "seeds": len(self.seeds),
            "arms": list(self.arms),
            "device": self.device,
            **asdict(self.settings),
            **asdict(self.scale),
            "widths": list(self.scale.widths),
        }


def stratified(data: Dataset, rows: int) -> NDArray[np.int64]:
    """Positions of as many rows of each class as make `rows` in all, ascending; all rows if there are fewer.

    Examples
    --------
    >>> images = Dataset(np.zeros((6, 1)), np.array([0, 1, 0, 1, 0, 1]), ("cat", "dog"))
    >>> chosen = stratified(images, 4)
    >>> np.bincount(images.y[chosen]).tolist()
    [2, 2]
    """
    if rows >= len(data):
        return np.arange(len(data))
    order = torch.randperm(len(data), generator=torch_generator(0, "attacked rows")).numpy()
    each = -(-rows // len(data.class_names))
    chosen = [order[data.y[order] == label][:each] for label in range(len(data.class_names))]
    return np.sort(np.concatenate(chosen))
