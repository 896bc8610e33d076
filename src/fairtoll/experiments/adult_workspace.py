"""What every stage of the Adult experiment works with: data, threats, models, folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from torch import Tensor

from fairtoll.data import TrainTest, load_adult
from fairtoll.experiments.adult_threats import adult_threats
from fairtoll.findings import Arm, Target
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import FitSettings, TrainingSetup

#: Class >50K stands three times: the paper "added the same class-1 samples", and tripling balances.
COPIES = (1, 3)


@dataclass(frozen=True)
class AdultWorkspace:
    """One run's folder, seeds and device, and what they determine.

    Attributes
    ----------
    folder : Path
        The run's folder.
    seeds : sequence of int
        Training runs of every arm.
    arms : sequence of str
        Names of the arms, in order.
    device : str
        Where models are trained and attacked.
    settings : FitSettings
        The optimiser.
    rows : int, optional
        Only the first rows of each split, for a quick look.

    Examples
    --------
    >>> workspace = AdultWorkspace(Path("runs/adult"), [0], ["standard"], rows=100)
    >>> len(workspace.data.test)
    100
    """

    folder: Path
    seeds: Sequence[int]
    arms: Sequence[str]
    device: str = "cpu"
    settings: FitSettings = FitSettings()
    rows: int | None = None

    @cached_property
    def _whole(self) -> TrainTest:
        return load_adult()

    @cached_property
    def data(self) -> TrainTest:
        """Adult, shortened where that was asked for."""
        whole = self._whole
        if self.rows is None:
            return whole
        first = np.arange(self.rows)
        return TrainTest(whole.train.take(first), whole.test.take(first), title=whole.title, note=whole.note)

    @cached_property
    def threats(self) -> dict[str, LinfThreat]:
        """The three threats by name."""
        return adult_threats(self._whole)

    @cached_property
    def setup(self) -> TrainingSetup:
        """What every recipe is given."""
        return TrainingSetup.for_rows(
            self.data.train, seeds=self.seeds, copies=COPIES, settings=self.settings, device=self.device
        )

    def stack(self, arm: str) -> ModelStack:
        """The trained models of an arm, one for each seed."""
        return ModelStack.load(self.folder / f"models/{arm}.safetensors", self.setup.network()).to(self.device)

    def arm(self, name: str) -> Arm:
        """An arm as its members."""
        return Arm(name, self.stack(name).members(), self.seeds)

    def first_run(self, name: str) -> Arm:
        """The first training run of an arm."""
        whole = self.arm(name)
        return Arm(name, whole.models[:1], whole.seeds[:1])

    def target(self, threat: str) -> Target:
        """Test rows under a threat."""
        return Target(self.data.test, self.threats[threat], threat)

    def examples(self, epsilon: float) -> list[Tensor]:
        """Test rows crafted on the standard models, one set for each seed."""
        return list(load_file(self.folder / "examples/test.safetensors")[f"{epsilon:g}"])
