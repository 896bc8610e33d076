"""Stages that read the images, train the arms of the CIFAR-10 experiment and craft the paper's examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from fairtoll.experiments.cifar10_images import FILES, keep_images
from fairtoll.experiments.cifar10_plan import ARMS, CRAFT_STEPS, EPSILON, PAPER_EPSILONS
from fairtoll.experiments.cifar10_workspace import Cifar10Workspace
from fairtoll.experiments.recipes import train_arm
from fairtoll.files import write_with
from fairtoll.progress import part, tracked
from fairtoll.runs.stages import Stage
from fairtoll.training import craft_adversarial_examples
from fairtoll.training.fit import Precision

TRAIN_ROWS = 50_000
#: Rows crafted at once, between two steps of the progress display.
CRAFT_ROWS = 500
#: Share of the static arm's time that crafting its twins takes.
CRAFT_SHARE = 0.3
#: Expected milliseconds on one core for one image in one epoch in bfloat16, by arm.
MILLISECONDS = {"standard": 0.42, "static": 0.84, "repeated": 0.84, "noise": 0.84, "online": 2.7, "online-noise": 0.45}
#: And for one image in one step of an attack: when crafted for training, and in float32.
CRAFT_MILLISECONDS, ATTACK_MILLISECONDS = 0.36, 0.72
#: How much faster an accelerator is taken to be, for the estimate alone.
ACCELERATION = 50.0


def image_stages(workspace: Cifar10Workspace, rows_expected: tuple[int, int] | None) -> list[Stage]:
    """Read the images once."""

    def make() -> None:
        keep_images(
            workspace.folder / "images",
            workspace.source,
            train_rows=workspace.scale.train_rows,
            rows_expected=rows_expected,
        )

    outputs = tuple(f"images/{name}" for name in FILES)
    return [Stage("images", "Read the images", outputs, make, seconds=25.0)]


def training_stages(workspace: Cifar10Workspace) -> list[Stage]:
    """Train every arm; the examples of static transfer are crafted on the standard models."""
    stages = []
    for seeds in workspace.blocks:
        for arm in workspace.arms:
            stages.append(_training_stage(workspace, arm, seeds))
            if arm == "standard":
                stages.append(_craft_stage(workspace, seeds))
    return stages


def name_of(kind: str, seeds: Sequence[int]) -> str:
    """A stage's name: what it does, and for which training runs."""
    return f"{kind}-{seeds[0]}"


def title_of(what: str, seeds: Sequence[int]) -> str:
    """What a person is told of a stage.

    Examples
    --------
    >>> title_of("Train: Standard", [2])
    'Train: Standard, training run 3'
    """
    runs = f"training run {seeds[0] + 1}" if len(seeds) == 1 else f"{len(seeds)} training runs"
    return f"{what}, {runs}"


def expected(workspace: Cifar10Workspace, milliseconds: float, *, seeds: Sequence[int]) -> float:
    """Seconds that a stage of so many milliseconds a training run takes here."""
    faster = ACCELERATION if workspace.device == "cuda" else 1.0
    return milliseconds * len(seeds) / 1000 / faster


def _training_stage(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> Stage:
    rows, settings = workspace.scale.train_rows or TRAIN_ROWS, workspace.settings
    slower = 1.0 if settings.precision == "bfloat16" else 2.2
    milliseconds = rows * settings.epochs * MILLISECONDS[arm] * slower
    if arm == "static":
        milliseconds += rows * CRAFT_STEPS * CRAFT_MILLISECONDS * slower

    def make() -> None:
        setup = workspace.setup(seeds)

        def crafted() -> Tensor:
            with part(CRAFT_SHARE):
                return _craft(workspace, seeds, setup.x, setup.y, EPSILON, settings.precision)

        stack = train_arm(arm, setup, threat=workspace.threat, epsilon=EPSILON, crafted=crafted)
        write_with(stack.save, workspace.folder / workspace.model_path(arm, seeds))

    return Stage(
        name_of(f"train-{arm}", seeds),
        title_of(f"Train: {ARMS[arm][0]}", seeds),
        (workspace.model_path(arm, seeds),),
        make,
        ("images", name_of("train-standard", seeds)) if arm == "static" else ("images",),
        expected(workspace, milliseconds, seeds=seeds),
    )


def _craft_stage(workspace: Cifar10Workspace, seeds: Sequence[int]) -> Stage:
    output = f"examples/test-{seeds[0]}.safetensors"
    milliseconds = workspace.scale.attacked_rows * len(PAPER_EPSILONS) * CRAFT_STEPS * ATTACK_MILLISECONDS

    def make() -> None:
        target = workspace.target
        crafted = {
            f"{epsilon:g}": _craft(workspace, seeds, target.x, target.y, epsilon, "float32")
            for epsilon in tracked(PAPER_EPSILONS)
        }
        write_with(lambda path: save_file(crafted, path), workspace.folder / output)

    return Stage(
        name_of("craft", seeds),
        title_of("Craft examples on the standard model", seeds),
        (output,),
        make,
        ("images", name_of("train-standard", seeds)),
        expected(workspace, milliseconds, seeds=seeds),
    )


def _craft(
    workspace: Cifar10Workspace,
    seeds: Sequence[int],
    x: Tensor,
    y: Tensor,
    epsilon: float,
    precision: Precision,
) -> Tensor:
    """Twins of all rows against each standard model of a block, `(K, N, ...)`, some rows at a time."""
    sources = workspace.stack("standard", seeds)
    options: dict[str, Any] = {"threat": workspace.threat, "epsilon": epsilon, "steps": CRAFT_STEPS}
    twins = torch.empty(len(seeds), *x.shape)
    for first in tracked(range(0, len(x), CRAFT_ROWS)):
        rows = slice(first, first + CRAFT_ROWS)
        twins[:, rows] = craft_adversarial_examples(sources, x[rows], y[rows], precision=precision, **options)
    return twins
