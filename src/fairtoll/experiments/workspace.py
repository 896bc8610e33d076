"""Shared by all stages of a run: the rows, threats, models and files that its description determines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from fairtoll.data import Dataset, TrainTest
from fairtoll.evidence import Arm, Target
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.kept_images import load_images
from fairtoll.experiments.training_remarks import ENDING
from fairtoll.models.stack import ModelStack
from fairtoll.randomness import torch_generator
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import Adversary, FitSettings, Recipe, TrainingSetup

IMAGES = "images"
#: Training runs of one block.
BLOCK = 5


@dataclass(frozen=True)
class Workspace:
    """One run of an experiment in a folder; everything is loaded on first use.

    Attributes
    ----------
    experiment : Experiment
        The description.
    folder : Path
        The run's.
    device : {"cpu", "cuda"}
        Where models are trained and attacked.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> Workspace(find_experiment("cifar10"), Path("runs/cifar10")).blocks
    [[0], [1], [2]]
    """

    experiment: Experiment
    folder: Path
    device: str = "cpu"

    @property
    def blocks(self) -> list[list[int]]:
        """Seeds of the runs that train as one stack: the same however many follow, so that more can be added."""
        runs = self.experiment.most_runs
        together = self.experiment.together or self.device == "cuda"
        # One at a time where a stack is no faster, so that a killed run loses less.
        size = BLOCK if together else 1
        return [list(range(first, min(first + size, runs))) for first in range(0, runs, size)]

    def suffix(self, seeds: Sequence[int]) -> str:
        """The suffix of a block in names of stages and files."""
        return f"-{seeds[0]}"

    @cached_property
    def _whole(self) -> TrainTest:
        data = self.experiment.data
        return load_images(self.folder / IMAGES) if data.kept else data.load()

    @cached_property
    def data(self) -> TrainTest:
        """Training and test rows, as many as are used."""
        whole, data = self._whole, self.experiment.data
        if data.kept or (data.train is None and data.test is None):
            return whole
        splits = [
            split if rows is None else split.take(np.arange(min(rows, len(split))))
            for split, rows in ((whole.train, data.train), (whole.test, data.test))
        ]
        return TrainTest(splits[0], splits[1], title=whole.title, note=whole.note, unofficial=whole.unofficial)

    @cached_property
    def threats(self) -> Mapping[str, LinfThreat]:
        """The threats by name; those that read the data read all of it."""
        return self.experiment.threats(self._whole)

    @cached_property
    def adversary(self) -> Adversary:
        """The one of training, without crafted examples."""
        return Adversary(self.threats[self.experiment.threat], self.experiment.epsilon)

    @property
    def settings(self) -> FitSettings:
        """The optimiser of leave-one-out members: in full precision."""
        return replace(self.experiment.settings, precision="float32")

    def setup(self, seeds: Sequence[int], arm: str | None = None) -> TrainingSetup:
        """The input of every recipe, for the seeds of one block; with the network of an arm, where one is named."""
        experiment = self.experiment
        return TrainingSetup.for_rows(
            self.data.train,
            seeds=seeds,
            network=experiment.network if arm is None else experiment.network_of(arm),
            copies=experiment.data.copies,
            settings=experiment.settings,
            device=self.device,
        )

    def recipe(self, arm: str) -> Recipe:
        """How an arm is trained and deployed."""
        return self.experiment.recipe(arm)

    def leave_one_out_setup(self) -> TrainingSetup:
        """As all arms have it, in full precision."""
        return replace(self.setup([0]), settings=self.settings)

    @cached_property
    def attacked(self) -> NDArray[np.int64]:
        """Positions of the test rows that are attacked, ascending."""
        rows = self.experiment.data.attacked
        return np.arange(len(self.data.test)) if rows is None else stratified(self.data.test, rows)

    def target(self, threat: str | None = None) -> Target:
        """The attacked rows under a threat; that of training where none is named."""
        threat = self.experiment.threat if threat is None else threat
        chosen = None if self.experiment.data.attacked is None else self.attacked
        return Target(self.data.test, self.threats[threat], threat, rows=chosen)

    def model_path(self, arm: str, seeds: Sequence[int]) -> str:
        """File of a block's models, relative to the folder."""
        return f"models/{arm}{self.suffix(seeds)}.safetensors"

    def remarks_path(self, arm: str, seeds: Sequence[int]) -> str:
        """File of what the training of a block's models warned of, relative to the folder."""
        return f"models/{arm}{self.suffix(seeds)}{ENDING}"

    def examples_path(self, seeds: Sequence[int]) -> str:
        """File of the test rows crafted on a block's standard models, relative to the folder."""
        return f"examples/test{self.suffix(seeds)}.safetensors"

    def stack(self, arm: str, seeds: Sequence[int]) -> ModelStack:
        """The trained models of one block of an arm."""
        network = self.experiment.network_of(arm)(self.data.train)()
        return ModelStack.load(self.folder / self.model_path(arm, seeds), network).to(self.device)

    def arm(self, name: str, seeds: Sequence[int]) -> Arm:
        """One block of an arm as its members, as they are deployed."""
        members, recipe = self.stack(name, seeds).members(), self.experiment.recipe(name)
        if recipe.deploy is None:
            return Arm(name, members, seeds)
        return Arm(name, recipe.deployed(members, self.setup(seeds, name), self.adversary), seeds)

    def examples(self, seeds: Sequence[int]) -> dict[float, list[Tensor]]:
        """By radius, the attacked rows crafted on the standard models, one set for each seed."""
        crafted = load_file(self.folder / self.examples_path(seeds))
        return {float(epsilon): list(rows) for epsilon, rows in crafted.items()}


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
