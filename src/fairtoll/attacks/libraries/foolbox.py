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

#: These begin at a misclassified input, and fail for all rows if there is one for which none is found.
FROM_A_START = ("BoundaryAttack", "HopSkipJumpAttack")
#: Blends with noise that are tried for one.
STARTS = 50


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
    clean = query.asked.coordinates.start()
    made = attack(**settings)
    if attack.__name__ not in FROM_A_START:
        found: Tensor
        found, _, _ = made(*_question(foolbox, query, every), epsilons=query.radius)
        return found.detach()
    first = foolbox.attacks.LinearSearchBlendedUniformNoiseAttack(steps=STARTS)
    starts = first.run(*_question(foolbox, query, every))
    model, _, criterion = _question(foolbox, query, every)
    begun = criterion(starts, model(starts)).nonzero().flatten()
    if len(begun):
        answer, _, _ = made(*_question(foolbox, query, begun), starting_points=starts[begun], epsilons=None)
        clean[begun] = answer.detach()
    return clean


def _question(foolbox: Any, query: Query, rows: Tensor) -> tuple[Any, Tensor, Any]:
    """Some of the rows as Foolbox is asked about them: the model of these rows, their values and what it looks for."""
    device, labels = query.asked.labels.device, query.asked.labels[rows]
    model = LibraryModel(query.asked.model, query.asked.coordinates, rows).eval()
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=device)
    return wrapped, query.asked.coordinates.start()[rows], foolbox.criteria.Misclassification(labels)


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
