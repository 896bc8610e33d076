"""The Adversarial Robustness Toolbox (Nicolae et al. 2018): attacks on one row at a time."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtoll.attacks.engine.coordinates import LibraryModel
from fairtoll.attacks.libraries.library import Library, Query
from fairtoll.threats.any import Norm

#: Of attacks that do not have a parameter `norm`.
NORMS: dict[str, Norm] = {
    "BasicIterativeMethod": "linf",
    "BoundaryAttack": "l2",
    "CarliniL0Method": "l0",
    "CarliniL2Method": "l2",
    "CarliniLInfMethod": "linf",
    "DeepFool": "l2",
    "ElasticNet": "l1",
    "NewtonFool": "l2",
    "PixelAttack": "l0",
    "SaliencyMapMethod": "l0",
    "SignOPTAttack": "l2",
    "SimBA": "l2",
    "ThresholdAttack": "linf",
    "VirtualAdversarialMethod": "l2",
    "ZooAttack": "l2",
}
#: What `norm` may be there.
NAMES: dict[Any, Norm] = {np.inf: "linf", "inf": "linf", 1: "l1", "1": "l1", 2: "l2", "2": "l2"}
#: These take the class to reach as `y` instead of the true one.
TARGETED = ("SaliencyMapMethod", "TargetedUniversalPerturbation")
#: These look for one move of all rows; which row they ask for is told by a coordinate of its own.
TOGETHER = ("UniversalPerturbation",)
#: Their steps are multiplied by the range of values given, or end at it although the model cuts off values itself.
WITHOUT_RANGE = ("DeepFool", "UniversalPerturbation")
#: These ask for scores or classes alone.
SCORES_ONLY = (
    "BoundaryAttack",
    "GeoDA",
    "HopSkipJump",
    "PixelAttack",
    "SignOPTAttack",
    "SimBA",
    "SquareAttack",
    "ThresholdAttack",
    "ZooAttack",
)


def _norm_of(attack: type, settings: Mapping[str, Any]) -> Norm | None:
    parameters = inspect.signature(attack.__init__).parameters  # type: ignore[misc]
    if "norm" in parameters:
        return NAMES.get(settings.get("norm", parameters["norm"].default))
    return NORMS.get(attack.__name__)


def _takes_radius(attack: type) -> bool:
    return "eps" in inspect.signature(attack.__init__).parameters  # type: ignore[misc]


def _run(attack: type, query: Query) -> Tensor:
    every = torch.arange(len(query.asked.labels), device=query.asked.labels.device)
    together = attack.__name__ in TOGETHER
    parts = [_run_on(attack, query, rows, tagged=together) for rows in ([every] if together else every.split(1))]
    return torch.cat(parts)


def _run_on(attack: type, query: Query, rows: Tensor, *, tagged: bool) -> Tensor:
    classification = importlib.import_module("art.estimators.classification")
    start = query.asked.coordinates.start()[rows]
    if tagged:
        start = torch.cat([start.flatten(1), torch.arange(len(rows), device=rows.device)[:, None].float()], dim=1)
    without_range = attack.__name__ in WITHOUT_RANGE
    classifier = classification.PyTorchClassifier(
        model=LibraryModel(query.asked.model, query.asked.coordinates, rows, tagged=tagged),
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(start.shape[1:]),
        nb_classes=query.asked.classes,
        clip_values=None if without_range else (0.0, 1.0),
        device_type="cpu" if rows.device.type == "cpu" else "gpu",
    )
    taken, settings = inspect.signature(attack.__init__).parameters, dict(query.settings)  # type: ignore[misc]
    if query.radius is not None:
        settings["eps"] = query.radius
    if "verbose" in taken:
        settings["verbose"] = False
    classes = (query.asked.targets if attack.__name__ in TARGETED else query.asked.labels)[rows]
    asked = np.eye(query.asked.classes, dtype=np.float32)[classes.cpu().numpy()]
    found = attack(classifier, **settings).generate(x=start.cpu().numpy(), y=asked)
    values = torch.from_numpy(np.asarray(found)).to(rows.device)
    values = values[:, :-1].reshape(len(rows), *query.asked.coordinates.shape) if tagged else values
    return values.clamp(0.0, 1.0) if without_range else values


ART = Library(
    module="art",
    package="adversarial-robustness-toolbox",
    attacks="art.attacks.evasion",
    base="art.attacks.attack.EvasionAttack",
    norm_of=_norm_of,
    takes_radius=_takes_radius,
    filled=("classifier", "estimator", "eps", "verbose", "targeted"),
    scores_only=SCORES_ONLY,
    run=_run,
)
