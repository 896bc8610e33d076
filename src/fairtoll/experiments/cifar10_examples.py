"""A few test images with their adversarial twins, of an easy and a hard class, as a report shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fairtoll.attacks import pgd
from fairtoll.experiments.cifar10_plan import CRAFT_STEPS, EPSILON
from fairtoll.experiments.cifar10_workspace import Cifar10Workspace
from fairtoll.experiments.pictures import picture_of
from fairtoll.files import write_text
from fairtoll.models.predict import predict_logits
from fairtoll.runs.stages import Stage

PATH = "evidence/examples.json"
IMAGES_A_CLASS = 2
#: A pixel moved by the whole radius shows as black or white.
MAGNIFICATION = 0.5 / EPSILON
SHOWN_ARMS = ("standard", "static", "online")


def example_stages(workspace: Cifar10Workspace) -> list[Stage]:
    """Pick and craft the images of the first training run."""
    seeds = workspace.blocks[0]
    arms = [arm for arm in SHOWN_ARMS if arm in workspace.arms]

    def make() -> None:
        write_text(json.dumps(make_examples(workspace, arms), indent=1) + "\n", workspace.folder / PATH)

    after = ("images", *(f"train-{arm}-{seeds[0]}" for arm in arms))
    return [Stage("examples", "Images for the report", (PATH,), make, after, 5.0)]


def read_examples(folder: Path) -> list[dict[str, Any]]:
    """What the stage has written."""
    found: list[dict[str, Any]] = json.loads((folder / PATH).read_text(encoding="utf-8"))
    return found


def make_examples(workspace: Cifar10Workspace, arms: list[str]) -> list[dict[str, Any]]:
    """The examples as `results.Example` has them.

    The easy class is the one the standard model of the first run classifies best, the hard one the one it
    classifies worst; of each the first attacked images that it classifies correctly.
    """
    test, seeds = workspace.data.test, workspace.blocks[0]
    models = {arm: workspace.arm(arm, seeds).models[0] for arm in arms}
    right = predict_logits(models["standard"], torch.from_numpy(test.x)).argmax(dim=1).numpy() == test.y
    accuracy = [right[test.y == label].mean() for label in range(len(test.class_names))]
    found = []
    for role, label in (("easy class", int(np.argmax(accuracy))), ("hard class", int(np.argmin(accuracy)))):
        rows = [int(row) for row in workspace.attacked if test.y[row] == label and right[row]][:IMAGES_A_CLASS]
        for arm in arms:
            if rows:
                found += _examples_of(workspace, arm, models[arm], rows, f"{role} ({accuracy[label]:.0%} correct)")
    return found


def _examples_of(
    workspace: Cifar10Workspace, arm: str, model: nn.Module, rows: list[int], role: str
) -> list[dict[str, Any]]:
    test = workspace.data.test
    x, y = torch.from_numpy(test.x[rows]), torch.from_numpy(test.y[rows])
    twins = pgd(
        model, x, y, threat=workspace.threat, epsilon=EPSILON, steps=CRAFT_STEPS, stop_at_success=False
    ).perturbed
    before, after = predict_logits(model, x).softmax(dim=1), predict_logits(model, twins).softmax(dim=1)
    return [
        {
            "class_name": test.class_names[test.y[row]],
            "role": role,
            "arm": arm,
            "row": row,
            "epsilon": EPSILON,
            "clean": picture_of(x[index]),
            "adversarial": picture_of(twins[index]),
            "difference": picture_of(0.5 + MAGNIFICATION * (twins[index] - x[index])),
            "magnification": MAGNIFICATION,
            "clean_prediction": test.class_names[int(before[index].argmax())],
            "clean_confidence": float(before[index].max()),
            "adversarial_prediction": test.class_names[int(after[index].argmax())],
            "adversarial_confidence": float(after[index].max()),
        }
        for index, row in enumerate(rows)
    ]
