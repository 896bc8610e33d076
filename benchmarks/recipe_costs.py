"""What each recipe costs on a stack of models, against a plain PyTorch loop over one model times their number.

    make bench BENCH=recipe_costs
    python benchmarks/recipe_costs.py --only trades,online --network adult
    python benchmarks/recipe_costs.py --docs docs/benchmarks.md

One epoch over a few batches, on one thread, in processor time, so that other work on the machine counts for little.
Every repeat times the plain loop and the stack one after the other; the table has medians. The loops of standard
training, PGD adversarial training and TRADES are written as their authors' code is. Every other recipe is held against
the loop that its record describes: so many updates, so many gradients of the input for each row.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from _tables import replace_between, table_of
from fairtoll import LinfThreat
from fairtoll.data import load_adult
from fairtoll.errors import FairtollWarning
from fairtoll.models.networks import image_network
from fairtoll.threads import use_one_thread
from fairtoll.training import RECIPES, Adversary, FitSettings, Recipe, TrainingSetup

EPSILON = 0.1
HEAD = ["recipe", "plain loop", "one model, ms a batch", "times models", "stack, ms a batch", "of the loops"]


@dataclass(frozen=True)
class Task:
    """A network, its rows, and how many models are trained at once."""

    title: str
    setup: TrainingSetup
    threat: LinfThreat

    @property
    def batches(self) -> list[Tensor]:
        return list(torch.randperm(len(self.setup.y)).split(self.setup.settings.batch_size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=TASKS, nargs="+", default=list(TASKS))
    parser.add_argument("--only", help="recipes, with commas between; default: all")
    parser.add_argument("--models", type=int, default=5, help="of a stack of dense networks; of others at most two")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the tables into FILE")
    given = parser.parse_args()
    use_one_thread()
    # That a constraint is not met in one epoch is no news.
    warnings.simplefilter("ignore", FairtollWarning)
    names = list(RECIPES) if given.only is None else given.only.split(",")
    tables = []
    for network in given.network:
        task = TASKS[network](given.models)
        # What only the first call takes is none of the recipe's.
        train(task, clean_loss)
        lines = [line(task, RECIPES[name], given.repeats) for name in names]
        title = f"{task.title}, {len(task.setup.seeds)} models, medians of {given.repeats}; torch {torch.__version__}."
        tables.append(f"{title}\n\n{table_of(HEAD, lines)}\n")
        print(tables[-1], flush=True)
    if given.docs is not None:
        replace_between(given.docs, "recipe_costs", "\n".join(tables))


def line(task: Task, recipe: Recipe, repeats: int) -> list[str]:
    """One recipe's row of the table."""
    print(recipe.name, file=sys.stderr, flush=True)
    called, loop = loop_of(recipe)
    adversary = Adversary(task.threat, EPSILON, lambda: task.setup.x.expand(len(task.setup.seeds), *task.setup.x.shape))
    plain, stacked = [], []
    for _ in range(repeats):
        plain.append(seconds(lambda: loop(task)))
        stacked.append(seconds(lambda: recipe(task.setup, adversary)))
    models, batches = len(task.setup.seeds), len(task.batches)
    one, all_of_them = (1000 * statistics.median(taken) / batches for taken in (plain, stacked))
    numbers = [f"{taken:.1f}" for taken in (one, models * one, all_of_them)]
    return [recipe.name, called, *numbers, f"{100 * all_of_them / (models * one):.0f}%"]


def seconds(work: Callable[[], object]) -> float:
    """Of the processor."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def loop_of(recipe: Recipe) -> tuple[str, Callable[[Task], None]]:
    """What a recipe is compared with: the published loop, or the one of as many updates and gradients."""
    if recipe.name == "trades":
        return "TRADES", lambda task: train(task, trades_loss)
    steps, updates = round(recipe.gradients / recipe.updates), round(recipe.updates)
    twice = f", {updates} epochs" if updates > 1 else ""
    if not steps and (recipe.needs_crafted or not recipe.needs_adversary):
        return f"standard{twice}", lambda task: train(task, clean_loss, updates)
    # Without steps what is left of the attack is its random start.
    return f"PGD-{steps}{twice}" if steps else f"noise{twice}", lambda task: train(
        task, lambda *batch: adversarial_loss(*batch, steps=steps), updates
    )


def train(task: Task, loss: Callable[[nn.Module, Tensor, Tensor, Task], Tensor], epochs: int = 1) -> None:
    """One model, one batch after another."""
    model, settings = task.setup.network(), task.setup.settings
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    for _ in range(epochs):
        for rows in task.batches:
            optimiser.zero_grad()
            loss(model, task.setup.x[rows], task.setup.y[rows], task).backward()
            optimiser.step()


def clean_loss(model: nn.Module, x: Tensor, y: Tensor, task: Task) -> Tensor:
    return functional.cross_entropy(model(x), y)


def adversarial_loss(model: nn.Module, x: Tensor, y: Tensor, task: Task, *, steps: int) -> Tensor:
    """Madry et al. 2018."""
    radius = EPSILON * task.threat.scale.float()
    moved = climb(
        x, x + radius * (2 * torch.rand_like(x) - 1), radius, steps, lambda one: clean_loss(model, one, y, task)
    )
    return functional.cross_entropy(model(moved), y)


def trades_loss(model: nn.Module, x: Tensor, y: Tensor, task: Task, *, steps: int = 10, beta: float = 6.0) -> Tensor:
    """Zhang et al. 2019, as in their code."""
    radius = EPSILON * task.threat.scale.float()

    def apart(one: Tensor) -> Tensor:
        return functional.kl_div(model(one).log_softmax(dim=1), model(x).softmax(dim=1), reduction="sum")

    moved = climb(x, x + 0.001 * torch.randn_like(x), radius, steps, apart)
    clean = model(x)
    robust = functional.kl_div(model(moved).log_softmax(dim=1), clean.softmax(dim=1), reduction="batchmean")
    return functional.cross_entropy(clean, y) + beta * robust


def climb(x: Tensor, start: Tensor, radius: Tensor, steps: int, loss: Callable[[Tensor], Tensor]) -> Tensor:
    moved = start
    for _ in range(steps):
        moved = moved.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(moved), moved)
        moved = moved.detach() + 2.5 / steps * radius * gradient.sign()
        moved = torch.minimum(torch.maximum(moved, x - radius), x + radius)
    return moved.detach()


def adult(models: int) -> Task:
    rows = load_adult().train.take(range(5000))
    setup = TrainingSetup.for_rows(rows, seeds=range(models), settings=FitSettings(epochs=1))
    threat = LinfThreat(mutable=[feature.kind == "continuous" for feature in rows.features])
    return Task("Adult's dense network, batches of 250", setup, threat)


def images(models: int) -> Task:
    """Two classes, so that a tenth of the rows is enough to measure each on, as the records of repairs assume."""
    x, y = torch.rand(1000, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(1000) % 2
    network = partial(image_network, classes=2, widths=(8, 16, 64, 32))
    setup = TrainingSetup(x, y, torch.arange(1000), range(min(models, 2)), network)
    settings = FitSettings(epochs=1, batch_size=100)
    return Task("A small convolutional network, batches of 100", replace(setup, settings=settings), LinfThreat())


TASKS = {"adult": adult, "images": images}


if __name__ == "__main__":
    main()
