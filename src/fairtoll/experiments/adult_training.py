"""Stages that train the arms of the Adult experiment."""

from __future__ import annotations

from collections.abc import Callable

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fairtoll.experiments.adult_plan import ARMS, EPSILON
from fairtoll.experiments.adult_threats import PAPER_EPSILONS
from fairtoll.experiments.adult_workspace import AdultWorkspace
from fairtoll.experiments.stages import Advance, Stage
from fairtoll.files import write_with
from fairtoll.stack import ModelStack
from fairtoll.training import craft_twins, noise_twins, train_online, train_standard, train_with_twins
from fairtoll.training.fit import steps_of

CRAFT_STEPS = 20
#: Expected seconds of a training stage at five seeds on one core.
SECONDS = {"standard": 17.0, "static": 31.0, "repeated": 31.0, "noise": 31.0, "online": 85.0, "online-noise": 17.0}

Recipe = Callable[[AdultWorkspace, Advance], ModelStack]


def training_stages(workspace: AdultWorkspace) -> list[Stage]:
    """Train every arm; the static arm's twins are crafted on the standard models first."""
    recipes: dict[str, Recipe] = {
        "standard": _standard,
        "static": _static,
        "repeated": _repeated,
        "noise": _noise,
        "online": _online,
        "online-noise": _online_noise,
    }
    scale = len(workspace.seeds) / 5
    stages = []
    for arm in workspace.arms:
        path = f"models/{arm}.safetensors"

        def make(advance: Advance, arm: str = arm, path: str = path) -> None:
            stack = recipes[arm](workspace, advance)
            write_with(stack.save, workspace.folder / path)

        after = ("craft",) if arm == "static" else ()
        title = f"Train: {ARMS[arm][1]}"
        stages.append(Stage(f"train-{arm}", title, (path,), make, after, SECONDS[arm] * scale))
        if arm == "standard":
            stages.append(
                Stage(
                    "craft",
                    "Craft adversarial twins on the standard models",
                    ("examples/train.safetensors", "examples/test.safetensors"),
                    lambda advance: _craft(workspace, advance),
                    ("train-standard",),
                    16 * scale,
                )
            )
    return stages


def _craft(workspace: AdultWorkspace, advance: Advance) -> None:
    standard, setup, test = workspace.stack("standard"), workspace.setup, workspace.data.test
    share = 1 / (len(workspace.seeds) * (1 + len(PAPER_EPSILONS)))

    def craft(x: Tensor, y: Tensor, epsilon: float) -> Tensor:
        return craft_twins(
            standard,
            x,
            y,
            threat=workspace.threats["paper"],
            epsilon=epsilon,
            steps=CRAFT_STEPS,
            advance=lambda done: advance(done * share),
        )

    twins = {"twins": craft(setup.x, setup.y, EPSILON)}
    write_with(lambda path: save_file(twins, path), workspace.folder / "examples/train.safetensors")
    x, y = torch.from_numpy(test.x), torch.from_numpy(test.y)
    crafted = {f"{epsilon:g}": craft(x, y, epsilon) for epsilon in PAPER_EPSILONS}
    write_with(lambda path: save_file(crafted, path), workspace.folder / "examples/test.safetensors")


def _steps(workspace: AdultWorkspace, advance: Advance, *, twins: bool = False) -> Callable[[int], None]:
    items = len(workspace.setup.items) * (2 if twins else 1)
    total = steps_of(items, workspace.settings)
    return lambda steps: advance(steps / total)


def _standard(workspace: AdultWorkspace, advance: Advance) -> ModelStack:
    return train_standard(workspace.setup, advance=_steps(workspace, advance))


def _static(workspace: AdultWorkspace, advance: Advance) -> ModelStack:
    twins = load_file(workspace.folder / "examples/train.safetensors")["twins"]
    return train_with_twins(workspace.setup, twins, advance=_steps(workspace, advance, twins=True))


def _repeated(workspace: AdultWorkspace, advance: Advance) -> ModelStack:
    return train_with_twins(workspace.setup, workspace.setup.x, advance=_steps(workspace, advance, twins=True))


def _noise(workspace: AdultWorkspace, advance: Advance) -> ModelStack:
    twins = noise_twins(workspace.setup, threat=workspace.threats["paper"], epsilon=EPSILON)
    return train_with_twins(workspace.setup, twins, advance=_steps(workspace, advance, twins=True))


def _online(workspace: AdultWorkspace, advance: Advance) -> ModelStack:
    threat, steps = workspace.threats["paper"], _steps(workspace, advance)
    return train_online(workspace.setup, threat=threat, epsilon=EPSILON, advance=steps)


def _online_noise(workspace: AdultWorkspace, advance: Advance) -> ModelStack:
    threat, steps = workspace.threats["paper"], _steps(workspace, advance)
    return train_online(workspace.setup, threat=threat, epsilon=EPSILON, steps=0, advance=steps)
