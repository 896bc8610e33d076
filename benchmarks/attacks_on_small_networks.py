"""`success_curve` and `union` against attacks with three starts, on small dense networks: who breaks more rows?

    make bench BENCH=attacks_on_small_networks

Sixty-four networks (four of each kind: 2, 3, 6 and 14 inputs, 2 and 4 classes, ReLU and tanh) with wavy class
boundaries, on which one start of a gradient attack ends in a local maximum. Three radii each, chosen so that about
30, 50 and 70% of the rows that are classified correctly fall. The yardstick is, at each radius, the better of
foolbox's PGD and torchattacks' Auto-PGD, with three random starts each. All attacks alternate in one process.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from _contenders import installed
from fairtoll import LinfThreat
from fairtoll.attacks import APGD, PGD, Union, least_epsilon, success_curve

INPUTS, CLASSES, ACTIVATIONS = (2, 3, 6, 14), (2, 4), (nn.ReLU, nn.Tanh)
THREAT = LinfThreat(box=(0.0, 1.0))
SHARES, STEPS, STARTS = (0.3, 0.5, 0.7), 50, 3


@dataclass(frozen=True)
class Task:
    """One network, the rows it is attacked on, and the radii."""

    name: str
    model: nn.Module
    x: Tensor
    y: Tensor
    epsilons: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4], help="sixteen networks each")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    load, tasks = os.getloadavg()[0], [task for seed in options.seeds for task in make_tasks(options.rows, seed)]
    seconds, success = measure(contenders(), tasks)
    print(f"{len(tasks)} networks, {options.rows} rows, {options.threads} thread, load {load:.1f} at the start.\n")
    print(table(seconds, success))


def make_tasks(rows: int, seed: int) -> Iterator[Task]:
    torch.manual_seed(seed)  # of the networks' first weights
    for inputs in INPUTS:
        for classes in CLASSES:
            for activation in ACTIVATIONS:
                model, x, y = train(inputs, classes, activation, rows, torch.Generator().manual_seed(seed))
                least = least_epsilon(model, x, y, threat=THREAT, epsilon_max=1.0, tolerance=0.001).least_epsilon
                epsilons = least[least > 0].quantile(torch.tensor(SHARES, dtype=torch.float64))
                yield Task(f"{inputs} inputs, {classes} classes, {activation.__name__}", model, x, y, epsilons.tolist())


def train(
    inputs: int, classes: int, activation: type[nn.Module], rows: int, generator: torch.Generator, width: int = 32
) -> tuple[nn.Module, Tensor, Tensor]:
    """A network with two hidden layers, trained on classes that are the largest of some waves; and its test rows."""
    x = torch.rand(rows + 4000, inputs, generator=generator)
    waves = torch.randn(inputs, classes, generator=generator) * (8 if inputs < 4 else 7 * inputs**-0.5)
    y = torch.sin(x @ waves + 6 * torch.rand(classes, generator=generator)).argmax(dim=1)
    model = nn.Sequential(
        nn.Linear(inputs, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, classes)
    )
    adam = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(60):
        for batch in torch.randperm(4000, generator=generator).split(200):
            adam.zero_grad()
            nn.functional.cross_entropy(model(x[rows + batch]), y[rows + batch]).backward()
            adam.step()
    return model.eval().requires_grad_(False), x[:rows], y[:rows]


#: Success of the rows at each radius, `(E, N)`.
Run = Callable[[Task, int], Tensor]


def contenders() -> dict[str, Run]:
    found: dict[str, Run] = {
        "success_curve, one start": curve(restarts=1),
        "success_curve (default)": curve(),
        "success_curve, 9 starts": curve(restarts=9),
        "success_curve, descending": curve(order="descending"),
        "PGD, 3 random starts": each(PGD(STEPS, STARTS, random_start=True)),
        "APGD, 3 random starts": each(APGD(STEPS, STARTS, random_start=True)),
        "Union() (default of audits)": each(Union()),
    }
    if installed("foolbox"):
        found["foolbox LinfPGD, 3 random starts"] = foolbox_pgd
    if installed("torchattacks"):
        found["torchattacks APGD, 3 random starts"] = torchattacks_apgd
    return found


def curve(**options: Any) -> Run:
    return lambda task, seed: (
        success_curve(task.model, task.x, task.y, threat=THREAT, epsilons=task.epsilons, steps=STEPS, **options).success
    )


def each(attack: Any) -> Run:
    def run(task: Task, seed: int) -> Tensor:
        options = {"threat": THREAT, "generator": torch.Generator().manual_seed(seed)}
        found = [attack(task.model, task.x, task.y, epsilon=epsilon, **options) for epsilon in task.epsilons]
        return torch.stack([one.success for one in found])

    return run


def foolbox_pgd(task: Task, seed: int) -> Tensor:
    import foolbox

    torch.manual_seed(seed)
    model = foolbox.PyTorchModel(task.model, bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(rel_stepsize=2.5 / STEPS, steps=STEPS)
    found = [attack(model, task.x, task.y, epsilons=task.epsilons)[2] for _ in range(STARTS)]
    return torch.stack(found).any(dim=0)


def torchattacks_apgd(task: Task, seed: int) -> Tensor:
    import torchattacks

    # It takes images only.
    model = nn.Sequential(nn.Flatten(), task.model)
    x = task.x[:, :, None, None]
    tried = [
        torchattacks.APGD(model, eps=epsilon, steps=STEPS, n_restarts=STARTS, seed=seed)(x, task.y)
        for epsilon in task.epsilons
    ]
    return torch.stack([model(one).argmax(dim=1) != task.y for one in tried])


def measure(runs: dict[str, Run], tasks: list[Task]) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Seconds, and the share of rows broken, `(networks, E)`, of each contender."""
    seconds, success = dict.fromkeys(runs, 0.0), {name: [] for name in runs}
    for seed, task in enumerate(tasks):
        for name, run in runs.items():
            start = time.perf_counter()
            success[name].append(run(task, seed).double().mean(dim=1))
            seconds[name] += time.perf_counter() - start
    return seconds, {name: torch.stack(rates) for name, rates in success.items()}


def table(seconds: dict[str, float], success: dict[str, Tensor]) -> str:
    peers = [name for name in success if name.startswith(("foolbox", "torchattacks"))]
    if not peers:
        return "Neither foolbox nor torchattacks is in this Python; `make bench` creates an environment with them."
    best = torch.stack([success[name] for name in peers]).amax(dim=0)
    lines = [
        "|  | seconds | points above the better peer, mean | worst network | worst radius |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rates in success.items():
        points = 100 * (rates - best)
        worst = points.mean(dim=1).min(), points.min()
        lines.append(f"| {name} | {seconds[name]:.1f} | {points.mean():+.2f} | {worst[0]:+.2f} | {worst[1]:+.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
