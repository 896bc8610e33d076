"""Foolbox (Rauber et al. 2020): attacks on whole batches."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fairtoll.attacks.engine.coordinates import LibraryModel
from fairtoll.attacks.libraries.library import Library, Query
from fairtoll.threats.any import Norm

#: Its own distances, by what their `p` is.
NORMS: dict[float, Norm] = {0: "l0", 1: "l1", 2: "l2", float("inf"): "linf"}
#: These ask for scores or classes alone.
SCORES_ONLY = (
    "BoundaryAttack",
    "GenAttack",
    "HopSkipJumpAttack",
    "LinearSearchBlendedUniformNoiseAttack",
    "PointwiseAttack",
    "SaltAndPepperNoiseAttack",
)


def _norm_of(attack: type, settings: Mapping[str, Any]) -> Norm | None:
    try:
        return NORMS.get(attack(**settings).distance.p)
    except (AttributeError, ValueError):
        # An attack for any distance.
        return None


def _takes_radius(attack: type) -> bool:
    return issubclass(attack, importlib.import_module("foolbox.attacks.base").FixedEpsilonAttack)


def _run(attack: type, query: Query) -> Tensor:
    foolbox = importlib.import_module("foolbox")
    settings = dict(query.settings)
    if "distance" in inspect.signature(attack.__init__).parameters:  # type: ignore[misc]
        settings["distance"] = getattr(foolbox.distances, query.norm)
    every = torch.arange(len(query.asked.labels), device=query.asked.labels.device)
    model = LibraryModel(query.asked.model, query.asked.coordinates, every).eval()
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=query.asked.labels.device)
    criterion = foolbox.criteria.Misclassification(query.asked.labels)
    found: Tensor
    found, _, _ = attack(**settings)(wrapped, query.asked.coordinates.start(), criterion, epsilons=query.radius)
    return found.detach()


FOOLBOX = Library(
    module="foolbox",
    package="foolbox",
    attacks="foolbox.attacks",
    base="foolbox.attacks.base.Attack",
    norm_of=_norm_of,
    takes_radius=_takes_radius,
    filled=("distance",),
    scores_only=SCORES_ONLY,
    run=_run,
)
