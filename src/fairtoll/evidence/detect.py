"""Evidence of detectors: which clean rows they flag, and which of those that an attack broke."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from fairtoll.attacks import PGD, AttackSpec
from fairtoll.errors import FairtollError
from fairtoll.evidence.detections import describe_detection
from fairtoll.evidence.sample import in_proportion
from fairtoll.evidence.target import Arm, Target
from fairtoll.models.defended import attacked_form
from fairtoll.models.predict import predict_logits
from fairtoll.models.squeezed import Squeezed
from fairtoll.progress import tracked
from fairtoll.randomness import derive_seed, torch_generator

NO_DETECTOR = "arm '{arm}' has models of type {kind}; expected models with a detector; give it the recipe squeezing"


@dataclass(frozen=True)
class Detect:
    """What detectors flag of clean rows, and of rows that an attack broke.

    The attack goes through the defence and knows nothing of the detector: one that also evades it is flagged less.

    Attributes
    ----------
    epsilon : float
        Radius of the attack.
    attack : AttackSpec
        That breaks the rows.
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
    rows: int | None = None

    def __post_init__(self) -> None:
        if self.rows is not None and self.rows < 1:
            raise FairtollError(f"rows is {self.rows}; expected 1 or more, or None for all; give more rows")


def detected_rows(measure: Detect, arm: Arm, target: Target) -> pd.DataFrame:
    """A part of the table `detections`; of attacked rows those count that only the attack broke.

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
        found = measure.attack(
            attacked_form(model), some.x, some.y, threat=some.threat, epsilon=measure.epsilon, generator=generator
        )
        where: dict[str, Any] = {"arm": arm.name, "seed": seed, "rows": some.numbers}
        parts += [
            describe_detection(model.flags(some.x).numpy(), everything, **where),
            describe_detection(
                model.flags(found.perturbed).numpy(), (found.success & right).numpy(), **where,
                evaluation="white-box", threat=some.threat_name, attack=measure.attack.name, epsilon=measure.epsilon,
            ),
        ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)
