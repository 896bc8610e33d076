"""How long stages are expected to take, for their order and the estimate alone."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from fairtoll.data import Dataset
from fairtoll.evidence import Clean
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.parts import Collection
from fairtoll.experiments.workspace import Workspace
from fairtoll.training import Recipe

#: Seconds of steps that a machine's speed is read from.
TRIED = 0.04
#: How much faster an accelerator is taken to be.
ACCELERATION = 50.0
#: How much faster training is in bfloat16, where it is used at all.
BFLOAT16 = 2.2
#: Seconds of the statistics of one comparison: with few training runs, and more for each of them. Of 2,669 comparisons
#: of 5 runs 113 seconds were measured.
COMPARISON, OF_RUN = 0.02, 0.005


@dataclass(frozen=True)
class Estimate:
    """Seconds of the stages of a run, on one core or on its accelerator.

    Examples
    --------
    >>> from pathlib import Path
    >>> from fairtoll.experiments.registry import find_experiment
    >>> from fairtoll.training import RECIPES
    >>> estimate = Estimate(Workspace(find_experiment("adult"), Path("runs/adult")))
    >>> estimate.training(RECIPES["online"], runs=5) > estimate.training(RECIPES["standard"], runs=5)
    True
    """

    workspace: Workspace

    @property
    def items(self) -> int:
        """About how many items the training set has."""
        costs, rows = self.workspace.experiment.costs, self.workspace.experiment.data.train
        return costs.items if rows is None else rows * costs.items // costs.train_rows

    def training(self, recipe: Recipe, *, runs: int) -> float:
        """Of training one arm, crafting its examples included."""
        experiment, costs = self.workspace.experiment, self.workspace.experiment.costs
        per_item = recipe.updates * costs.update + recipe.gradients * costs.gradient
        milliseconds = self.items * experiment.settings.epochs * per_item
        if recipe.needs_crafted:
            rows = experiment.data.train or costs.train_rows
            milliseconds += rows * experiment.craft.steps * costs.gradient
        faster = BFLOAT16 if experiment.settings.precision == "bfloat16" else 1.0
        return self._seconds(milliseconds / faster, runs)

    def crafting(self, radii: int, *, runs: int) -> float:
        """Of crafting the attacked rows at some radii."""
        experiment = self.workspace.experiment
        return self._seconds(self._attacked * radii * experiment.craft.steps * experiment.costs.gradient, runs)

    def collecting(self, collection: Collection, recipe: Recipe, *, runs: int) -> float:
        """Of measuring one arm."""
        # A mean over noise resists as training on attacks does.
        longer = collection.hardened if recipe.gradients or recipe.passes > 1 else 1.0
        # What is measured on some recipes alone has its cost for them.
        passes = 1.0 if collection.name == recipe.extra else recipe.passes
        return self._seconds(self._measured(collection) * collection.cost * longer * passes, runs)

    def statistics(self) -> float:
        """Of nulls, intervals and verdicts of everything that is compared."""
        experiment = self.workspace.experiment
        return 3.0 + len(experiment.plan()) * (COMPARISON + OF_RUN * experiment.most_runs)

    def member_step(self) -> float:
        """Of one optimiser step of one leave-one-out member."""
        experiment = self.workspace.experiment
        return self._seconds(experiment.settings.batch_size * experiment.costs.member, 1)

    def _measured(self, collection: Collection) -> int:
        """How many rows: of several measures the most."""
        return max(
            self._test if isinstance(one, Clean) else min(self._attacked, getattr(one, "rows", None) or self._attacked)
            for one in collection.measures
        )

    @property
    def _test(self) -> int:
        return self.workspace.experiment.data.test or self.workspace.experiment.costs.test_rows

    @property
    def _attacked(self) -> int:
        return self.workspace.experiment.data.attacked or self._test

    def _seconds(self, milliseconds: float, runs: int) -> float:
        faster = ACCELERATION if self.workspace.device == "cuda" else 1.0
        return milliseconds * runs / 1000 / faster


def slower_here(experiment: Experiment) -> float:
    """How many times as long work takes on this machine's cores as where an experiment's costs were measured.

    From a few gradients of its network in plain PyTorch, on one thread and on rows of zeros: some tens of milliseconds.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> slower_here(find_experiment("adult")) > 0
    True
    """
    costs = experiment.costs
    rows = min(experiment.settings.batch_size, max(1, int(1000 * TRIED / 2 / costs.plain)))
    names = tuple(f"class {label}" for label in range(costs.classes))
    data = Dataset(np.zeros((rows, *costs.row), dtype=np.float32), np.arange(rows) % costs.classes, names)
    model, threads = experiment.network(data)(), torch.get_num_threads()
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    taken: list[float] = []
    torch.set_num_threads(1)
    try:
        while sum(taken) < TRIED or len(taken) < 3:
            begun = time.perf_counter()
            functional.cross_entropy(model(x), y).backward()
            taken.append(time.perf_counter() - begun)
    finally:
        torch.set_num_threads(threads)
    return statistics.median(taken) * 1000 / rows / costs.plain
