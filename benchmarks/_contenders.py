"""What is measured: each attack as its library documents it, behind one call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor, nn

from fairtoll import LinfThreat
from fairtoll.attacks import AutoAttack, Union, least_epsilon, success_curve

PEERS = ("foolbox", "torchattacks", "adversarial-robustness-toolbox", "adv-lib", "pyautoattack")
#: Step size times steps, in radii, the same for all.
RELATIVE_STEP = 2.5
#: By rounding in float32 a peer may exceed its radius by a last digit.
SLACK = 1e-6


@dataclass(frozen=True)
class Task:
    """What every contender runs on: the same model, rows and settings."""

    model: nn.Module
    x: Tensor
    y: Tensor
    threat: LinfThreat
    epsilons: tuple[float, ...]
    steps: int
    #: Least epsilon: the largest radius, the resolution of the paper's grid, of a list of radii, and of the search.
    epsilon_max: float
    grid_step: float
    list_step: float
    tolerance: float
    #: The radius of unions.
    union_epsilon: float

    @property
    def radii(self) -> list[float]:
        count = round(self.epsilon_max / self.list_step)
        return [self.epsilon_max * position / count for position in range(1, count + 1)]


#: Success `(E, N)` of bool, `(1, N)` of a union, or least epsilon `(N,)`.
Run = Callable[[Task, int, int], Tensor]


@dataclass(frozen=True)
class Contender:
    """One attack: `run(task, seed, batch_size)`."""

    name: str
    question: str  # "curve", "least" or "union"
    run: Run
    package: str | None = None
    slow: bool = False

    @property
    def ours(self) -> bool:
        return self.package is None


def missing_peers() -> list[str]:
    """Peers that this Python does not have."""
    return [name for name in PEERS if installed(name) is None]


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def contenders() -> list[Contender]:
    """All that can run here, fairtoll first."""
    everyone = [
        Contender("fairtoll success_curve", "curve", fairtoll_curve()),
        Contender("fairtoll success_curve, descending", "curve", fairtoll_curve(order="descending")),
        Contender("fairtoll success_curve, every step", "curve", fairtoll_curve(patience=None)),
        Contender(
            "fairtoll success_curve, descending, every step", "curve", fairtoll_curve(order="descending", patience=None)
        ),
        Contender("foolbox LinfPGD", "curve", foolbox_curve, "foolbox"),
        Contender("torchattacks PGD", "curve", torchattacks_curve, "torchattacks"),
        Contender("ART ProjectedGradientDescentPyTorch", "curve", art_curve, "adversarial-robustness-toolbox"),
        Contender("adv-lib pgd_linf", "curve", advlib_curve, "adv-lib"),
        Contender("fairtoll least_epsilon", "least", fairtoll_least),
        Contender("the paper's grid", "least", fairtoll_grid),
        Contender("foolbox LInfFMNAttack", "least", foolbox_fmn, "foolbox"),
        Contender("foolbox LinfPGD, list of epsilons", "least", foolbox_list, "foolbox", slow=True),
        Contender("adv-lib minimal_apgd", "least", advlib_minimal, "adv-lib", slow=True),
        Contender("fairtoll AutoAttack", "union", fairtoll_union(AutoAttack())),
        Contender("fairtoll AutoAttack, every step", "union", fairtoll_union(AutoAttack(every_step=True)), slow=True),
        Contender("fairtoll Union", "union", fairtoll_union(Union())),
        Contender("torchattacks AutoAttack", "union", torchattacks_union, "torchattacks", slow=True),
        Contender("pyautoattack AutoAttack", "union", original_union, "pyautoattack", slow=True),
    ]
    return [one for one in everyone if one.package is None or installed(one.package)]


def batches(task: Task, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(task.x.split(batch_size), task.y.split(batch_size), strict=True)


def broken(task: Task, x: Tensor, y: Tensor, tried: Tensor, epsilon: float) -> Tensor:
    """Rows of which `tried` is an admissible, misclassified input."""
    inside = ((tried - x).abs().flatten(1).amax(dim=1) <= epsilon + SLACK) & (
        (tried >= -SLACK) & (tried <= 1 + SLACK)
    ).flatten(1).all(dim=1)
    with torch.no_grad():
        return (task.model(tried).argmax(dim=1) != y) & inside


def curve_of(task: Task, batch_size: int, attack: Callable[[Tensor, Tensor, float], Tensor]) -> Tensor:
    """Success of an attack that takes one radius at a time and returns inputs."""
    columns = [
        torch.stack([broken(task, x, y, attack(x, y, epsilon), epsilon) for epsilon in task.epsilons])
        for x, y in batches(task, batch_size)
    ]
    return torch.cat(columns, dim=1)


def distance(task: Task, x: Tensor, y: Tensor, tried: Tensor) -> Tensor:
    """How far each row was moved to be misclassified; `epsilon_max` where it was not, or was moved further."""
    moved = (tried - x).abs().flatten(1).amax(dim=1)
    found = broken(task, x, y, tried, task.epsilon_max)
    return torch.where(found, moved, torch.full_like(moved, task.epsilon_max))


def fairtoll_curve(**options: object) -> Run:
    def run(task: Task, seed: int, batch_size: int) -> Tensor:
        return success_curve(
            task.model,
            task.x,
            task.y,
            threat=task.threat,
            epsilons=task.epsilons,
            steps=task.steps,
            **options,
        ).success

    return run


def fairtoll_least(task: Task, seed: int, batch_size: int, **options: object) -> Tensor:
    found = least_epsilon(
        task.model,
        task.x,
        task.y,
        threat=task.threat,
        epsilon_max=task.epsilon_max,
        tolerance=task.tolerance,
        **options,
    )
    shown = broken_within(task, found.perturbed, found.least_epsilon)
    assert bool((shown | found.censored).all()), "a least epsilon without an input that shows it"
    return found.least_epsilon.float()


def fairtoll_grid(task: Task, seed: int, batch_size: int) -> Tensor:
    return fairtoll_least(task, seed, batch_size, method="grid", steps=task.steps, grid_step=task.grid_step)


def broken_within(task: Task, tried: Tensor, radii: Tensor) -> Tensor:
    """As `broken`, each row within its own radius."""
    inside = (tried - task.x).abs().flatten(1).amax(dim=1) <= radii + SLACK
    with torch.no_grad():
        return torch.cat([task.model(part).argmax(dim=1) for part in tried.split(256)]).ne(task.y) & inside


def foolbox_curve(task: Task, seed: int, batch_size: int) -> Tensor:
    import foolbox

    torch.manual_seed(seed)
    model = foolbox.PyTorchModel(task.model, bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(rel_stepsize=RELATIVE_STEP / task.steps, steps=task.steps)
    found = [attack(model, x, y, epsilons=list(task.epsilons))[2] for x, y in batches(task, batch_size)]
    return torch.cat(found, dim=1)


def torchattacks_curve(task: Task, seed: int, batch_size: int) -> Tensor:
    import torchattacks

    torch.manual_seed(seed)

    def attack(x: Tensor, y: Tensor, epsilon: float) -> Tensor:
        step = RELATIVE_STEP * epsilon / task.steps
        found: Tensor = torchattacks.PGD(task.model, eps=epsilon, alpha=step, steps=task.steps)(x, y)
        return found

    return curve_of(task, batch_size, attack)


def art_curve(task: Task, seed: int, batch_size: int) -> Tensor:
    import numpy as np
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    np.random.seed(seed)  # noqa: NPY002 - ART draws from the global generator
    classes = int(task.model(task.x[:1]).shape[1])
    classifier = PyTorchClassifier(
        task.model, nn.CrossEntropyLoss(), tuple(task.x.shape[1:]), classes, clip_values=(0.0, 1.0)
    )
    found = []
    for epsilon in task.epsilons:
        attack = ProjectedGradientDescentPyTorch(
            classifier,
            eps=epsilon,
            eps_step=RELATIVE_STEP * epsilon / task.steps,
            max_iter=task.steps,
            batch_size=batch_size,
            verbose=False,
        )
        tried = torch.from_numpy(attack.generate(task.x.numpy(), task.y.numpy()))
        parts = zip(batches(task, batch_size), tried.split(batch_size), strict=True)
        found.append(torch.cat([broken(task, x, y, part, epsilon) for (x, y), part in parts]))
    return torch.stack(found)


def add_stubs() -> None:
    """Empty torchvision and visdom, which adv-lib imports where they are not installed."""
    folder = str(Path(__file__).with_name("_stubs"))
    if folder not in sys.path:
        sys.path.append(folder)


def advlib_curve(task: Task, seed: int, batch_size: int) -> Tensor:
    add_stubs()
    from adv_lib.attacks import pgd_linf

    torch.manual_seed(seed)
    correct, success = without_misclassified(task, batch_size)

    def attack(x: Tensor, y: Tensor, epsilon: float) -> Tensor:
        relative = RELATIVE_STEP / task.steps
        found: Tensor = pgd_linf(task.model, x, y, epsilon, steps=task.steps, relative_step_size=relative)
        return found

    found = success.expand(len(task.epsilons), -1).clone()
    found[:, ~success] = curve_of(correct, batch_size, attack)
    return found


def without_misclassified(task: Task, batch_size: int) -> tuple[Task, Tensor]:
    """The rows that adv-lib's `run_attack` would attack, and those it leaves out; itself it needs CUDA."""
    with torch.no_grad():
        wrong = torch.cat([task.model(x).argmax(dim=1) != y for x, y in batches(task, batch_size)])
    return replace(task, x=task.x[~wrong], y=task.y[~wrong]), wrong


def foolbox_fmn(task: Task, seed: int, batch_size: int) -> Tensor:
    import foolbox

    model, attack = foolbox.PyTorchModel(task.model, bounds=(0, 1)), foolbox.attacks.LInfFMNAttack()
    return torch.cat(
        [distance(task, x, y, attack(model, x, y, epsilons=None)[0]) for x, y in batches(task, batch_size)]
    )


def foolbox_list(task: Task, seed: int, batch_size: int) -> Tensor:
    success = foolbox_curve(replace(task, epsilons=tuple(task.radii)), seed, batch_size)
    radii = torch.tensor([*task.radii, task.epsilon_max])
    smallest = radii[torch.cat([success, torch.ones(1, success.shape[1], dtype=torch.bool)]).int().argmax(dim=0)]
    with torch.no_grad():
        wrong = torch.cat([task.model(x).argmax(dim=1) != y for x, y in batches(task, batch_size)])
    return torch.where(wrong, 0.0, smallest)


def advlib_minimal(task: Task, seed: int, batch_size: int) -> Tensor:
    add_stubs()
    from adv_lib.attacks.auto_pgd import minimal_apgd

    torch.manual_seed(seed)
    correct, wrong = without_misclassified(task, batch_size)
    found = [
        distance(task, x, y, minimal_apgd(task.model, x, y, norm=float("inf"), max_eps=task.epsilon_max))
        for x, y in batches(correct, batch_size)
    ]
    least = torch.zeros(len(task.x))
    least[~wrong] = torch.cat(found)
    return least


def fairtoll_union(attack: AutoAttack | Union) -> Run:
    def run(task: Task, seed: int, batch_size: int) -> Tensor:
        options = {"threat": task.threat, "generator": torch.Generator().manual_seed(seed)}
        found = attack(task.model, task.x, task.y, epsilon=task.union_epsilon, **options)
        shown = broken_within(task, found.perturbed, torch.tensor(task.union_epsilon))
        assert bool((shown | ~found.success).all()), "a broken row without an input that shows it"
        return found.success[None]

    return run


def torchattacks_union(task: Task, seed: int, batch_size: int) -> Tensor:
    import torchattacks

    attack = torchattacks.AutoAttack(task.model, eps=task.union_epsilon, version="standard", n_classes=10, seed=seed)
    return union_of(task, batch_size, attack)


def original_union(task: Task, seed: int, batch_size: int) -> Tensor:
    import pyautoattack

    attack = pyautoattack.AutoAttack(task.model, eps=task.union_epsilon, norm="Linf", seed=seed, version="standard")
    attack.verbose = False
    return union_of(task, batch_size, lambda x, y: attack.run_standard_evaluation(x, y, batch_size=batch_size)[0])


def union_of(task: Task, batch_size: int, attack: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Success of a peer's union on the rows that are classified correctly; the others count as broken."""
    correct, success = without_misclassified(task, batch_size)
    at = replace(correct, epsilons=(task.union_epsilon,))
    success = success[None].clone()
    success[:, ~success[0]] = curve_of(at, batch_size, lambda x, y, epsilon: attack(x, y))
    return success
