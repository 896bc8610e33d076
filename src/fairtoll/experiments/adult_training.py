"""Stages that train the arms of the Adult experiment."""

from __future__ import annotations

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fairtoll.experiments.adult_plan import ARMS, EPSILON
from fairtoll.experiments.adult_threats import PAPER_EPSILONS
from fairtoll.experiments.adult_workspace import AdultWorkspace
from fairtoll.experiments.recipes import train_arm
from fairtoll.files import write_with
from fairtoll.progress import part, tracked
from fairtoll.runs.stages import Stage
from fairtoll.training import craft_adversarial_examples

CRAFT_STEPS = 20
#: Expected seconds of a training stage at five seeds on one core.
SECONDS = {"standard": 7.0, "static": 13.0, "repeated": 13.0, "noise": 13.0, "online": 36.0, "online-noise": 8.0}


def training_stages(workspace: AdultWorkspace) -> list[Stage]:
    """Train every arm; the static arm's twins are crafted on the standard models first."""
    scale = len(workspace.seeds) / 5
    stages = []
    for arm in workspace.arms:
        path = f"models/{arm}.safetensors"

        def make(arm: str = arm, path: str = path) -> None:
            stack = train_arm(
                arm,
                workspace.setup,
                threat=workspace.threats["paper"],
                epsilon=EPSILON,
                crafted=lambda: load_file(workspace.folder / "examples/train.safetensors")["twins"],
            )
            write_with(stack.save, workspace.folder / path)

        after = ("craft",) if arm == "static" else ()
        title = f"Train: {ARMS[arm][0]}"
        stages.append(Stage(f"train-{arm}", title, (path,), make, after, SECONDS[arm] * scale))
        if arm == "standard":
            stages.append(
                Stage(
                    "craft",
                    "Craft adversarial twins on the standard models",
                    ("examples/train.safetensors", "examples/test.safetensors"),
                    lambda: _craft(workspace),
                    ("train-standard",),
                    11 * scale,
                )
            )
    return stages


def _craft(workspace: AdultWorkspace) -> None:
    standard, setup, test = workspace.stack("standard"), workspace.setup, workspace.data.test
    share = 1 / (1 + len(PAPER_EPSILONS))

    def craft(x: Tensor, y: Tensor, epsilon: float) -> Tensor:
        return craft_adversarial_examples(
            standard,
            x,
            y,
            threat=workspace.threats["paper"],
            epsilon=epsilon,
            steps=CRAFT_STEPS,
        )

    with part(share):
        twins = {"twins": craft(setup.x, setup.y, EPSILON)}
    write_with(lambda path: save_file(twins, path), workspace.folder / "examples/train.safetensors")
    x, y = torch.from_numpy(test.x), torch.from_numpy(test.y)
    with part(1 - share):
        crafted = {f"{epsilon:g}": craft(x, y, epsilon) for epsilon in tracked(PAPER_EPSILONS)}
    write_with(lambda path: save_file(crafted, path), workspace.folder / "examples/test.safetensors")
