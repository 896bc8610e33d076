"""Evidence of detectors: which clean rows they flag, and which of those that an attack broke."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from fairtoll.attacks import PGD, AttackSpec
from fairtoll.attacks.evading import evading
from fairtoll.errors import FairtollError
from fairtoll.evidence.detections import describe_detection
from fairtoll.evidence.sample import in_proportion
from fairtoll.evidence.target import Arm, Target
from fairtoll.models.defended import attacked_form
from fairtoll.models.predict import predict_logits
from fairtoll.models.squeezed import Squeezed
from fairtoll.progress import tracked
from fairtoll.randomness import derive_seed, torch_generator

#: The name in evidence of what attacks that know the detector leave to it.
EVADING = "evading"
NO_DETECTOR = "arm '{arm}' has models of type {kind}; expected models with a detector; give it the recipe squeezing"


@dataclass(frozen=True)
class Detect:
    """What detectors flag of clean rows, and of rows that an attack broke.

    Twice: by an attack that goes through the defence and knows nothing of the detector, and where an attack that knows
    both has tried as well to evade it; see `fairtoll.attacks.evading.evading`.

    Attributes
    ----------
    epsilon : float
        Radius of the attack.
    attack : AttackSpec
        That breaks the rows.
    steps : int
        Of the attack that knows the detector, for each weight that it tries.
    rows : int, optional
        How many of the attacked rows, as large a share of each class; None for all.

    Raises
    ------
    FairtollError
        For no rows.

    Examples
    --------
    >>> Detect(epsilon=0.1).attack.name
    'pgd-20'
    """

    epsilon: float
    attack: AttackSpec = PGD(steps=20)
    steps: int = 50
    rows: int | None = None

    def __post_init__(self) -> None:
        if self.rows is not None and self.rows < 1:
            raise FairtollError(f"rows is {self.rows}; expected 1 or more, or None for all; give more rows")


def detected_rows(measure: Detect, arm: Arm, target: Target) -> pd.DataFrame:
    """A part of the table `detections`; of attacked rows those count that an attack broke.

    After the attack that knows the detector a row is flagged if no attack broke it without being flagged.

    Raises
    ------
    FairtollError
        For a model without a detector.
    """
    some = target
    if measure.rows is not None:
        some = replace(target, rows=target.numbers[in_proportion(target.y, measure.rows)])
    everything, parts = np.ones(len(some.y), dtype=bool), []
    for model, seed in tracked(arm.pairs):
        if not isinstance(model, Squeezed):
            raise FairtollError(NO_DETECTOR.format(arm=arm.name, kind=type(model).__name__))
        generator = torch_generator(derive_seed(seed, arm.name, "detector"))
        right = predict_logits(model, some.x).argmax(dim=1) == some.y
        how: dict[str, Any] = {"threat": some.threat, "epsilon": measure.epsilon}
        found = measure.attack(attacked_form(model), some.x, some.y, **how, generator=generator)
        evaded = evading(model, some.x, some.y, **how, steps=measure.steps).success
        flagged, broken = model.flags(found.perturbed), found.success & right
        missed = (broken & ~flagged) | (evaded & right)
        attacked: dict[str, Any] = {"evaluation": "white-box", "threat": some.threat_name, "epsilon": measure.epsilon}
        where: dict[str, Any] = {"arm": arm.name, "seed": seed, "rows": some.numbers}
        parts += [
            describe_detection(model.flags(some.x).numpy(), everything, **where),
            describe_detection(flagged.numpy(), broken.numpy(), **where, **attacked, attack=measure.attack.name),
            describe_detection((~missed).numpy(), (broken | missed).numpy(), **where, **attacked, attack=EVADING),
        ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)
