"""Images as a report shows them: of left-out rows, and with an adversarial example of each."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.experiments.workspace import Workspace
from fairtoll.models.predict import predict_logits

#: File of the examples, relative to the run's folder.
EXAMPLES = "evidence/examples.json"


def picture_of(image: Tensor) -> str:
    """A PNG data URI of pixels `(C, H, W)` in [0, 1], of one channel or three.

    Examples
    --------
    >>> picture_of(torch.zeros(3, 2, 2))[:22]
    'data:image/png;base64,'
    """
    from PIL import Image

    pixels: NDArray[np.uint8] = (image.clamp(0, 1).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def pictures_of(rows: NDArray[np.floating]) -> list[str] | None:
    """A PNG data URI of each of some rows; None where rows are no images.

    Parameters
    ----------
    rows : ndarray, (N, C, H, W) or (N, F)
        Images in [0, 1], or anything else.

    Examples
    --------
    >>> pictures_of(np.zeros((5, 3))) is None
    True
    """
    if rows.ndim != 4 or rows.shape[1] not in (1, 3):
        return None
    return [picture_of(torch.from_numpy(row)) for row in rows]


def make_examples(workspace: Workspace, arms: Sequence[str]) -> str:
    """Test images with adversarial examples, as JSON of what `results.Example` holds.

    The easy class is the one that the standard model of the first run classifies best, the hard one the one it
    classifies worst; of each the first attacked images that it classifies correctly.

    Parameters
    ----------
    workspace : Workspace
        Of the run; its description says how many images.
    arms : sequence of str
        Whose models are attacked, the standard one first.
    """
    test, seeds, pictures = workspace.data.test, workspace.blocks[0], workspace.experiment.pictures
    each = pictures.each if pictures else 0
    models = {arm: workspace.arm(arm, seeds).models[0] for arm in arms}
    right = predict_logits(models[arms[0]], torch.from_numpy(test.x)).argmax(dim=1).numpy() == test.y
    accuracy = [right[test.y == label].mean() for label in range(len(test.class_names))]
    found = []
    for role, label in (("easy class", int(np.argmax(accuracy))), ("hard class", int(np.argmin(accuracy)))):
        rows = [int(row) for row in workspace.attacked if test.y[row] == label and right[row]][:each]
        for arm in arms:
            if rows:
                found += _examples_of(workspace, arm, models[arm], rows, f"{role} ({accuracy[label]:.0%} correct)")
    return json.dumps(found, indent=1) + "\n"


def _examples_of(workspace: Workspace, arm: str, model: nn.Module, rows: list[int], role: str) -> list[dict[str, Any]]:
    test, adversary = workspace.data.test, workspace.adversary
    # A pixel moved by the whole radius is shown as black or white.
    magnification = 0.5 / adversary.epsilon
    x, y = torch.from_numpy(test.x[rows]), torch.from_numpy(test.y[rows])
    attack = replace(workspace.experiment.craft, stop_at_success=False)
    examples = attack(model, x, y, threat=adversary.threat, epsilon=adversary.epsilon).perturbed
    before, after = predict_logits(model, x).softmax(dim=1), predict_logits(model, examples).softmax(dim=1)
    return [
        {
            "class_name": test.class_names[test.y[row]],
            "role": role,
            "arm": arm,
            "row": row,
            "epsilon": adversary.epsilon,
            "clean": picture_of(x[index]),
            "adversarial": picture_of(examples[index]),
            "difference": picture_of(0.5 + magnification * (examples[index] - x[index])),
            "magnification": magnification,
            "clean_prediction": test.class_names[int(before[index].argmax())],
            "clean_confidence": float(before[index].max()),
            "adversarial_prediction": test.class_names[int(after[index].argmax())],
            "adversarial_confidence": float(after[index].max()),
        }
        for index, row in enumerate(rows)
    ]
