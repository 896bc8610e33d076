"""Evidence of smoothed models: the radius that the vote over noise certifies for each row, and who abstains."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fairtoll.bounds.smoothing import ALPHA, DRAWS, SETTINGS, certify
from fairtoll.errors import FairtollError
from fairtoll.evidence.certificates import describe_certificate
from fairtoll.evidence.sample import in_proportion
from fairtoll.evidence.target import Arm, Target
from fairtoll.models.smoothed import Smoothed
from fairtoll.progress import tracked
from fairtoll.randomness import derive_seed, torch_generator

#: Whose claims these are.
METHOD = "smoothing"
NOT_SMOOTHED = (
    "arm '{arm}' has models of type {kind}; expected smoothed ones, which alone can be certified by votes; give it the "
    "recipe smoothing"
)


@dataclass(frozen=True)
class Certify:
    """The certified prediction of smoothed models.

    Attributes
    ----------
    draws : int
        Votes of each row.
    alpha : float
        Probability, for each row, that its radius is too large.
    rows : int, optional
        How many of the attacked rows, as large a share of each class; None for all.

    Raises
    ------
    FairtollError
        For no draws or rows, or an error probability that is none.

    Examples
    --------
    >>> Certify().alpha
    0.001
    """

    draws: int = DRAWS
    alpha: float = ALPHA
    rows: int | None = None

    def __post_init__(self) -> None:
        if self.draws < 1 or not 0 < self.alpha < 1:
            raise FairtollError(SETTINGS.format(draws=self.draws, alpha=self.alpha))
        if self.rows is not None and self.rows < 1:
            raise FairtollError(f"rows is {self.rows}; expected 1 or more, or None for all; give more rows")


def certified_rows(measure: Certify, arm: Arm, target: Target) -> pd.DataFrame:
    """A part of the table `certificates`, with the rows that abstain marked.

    Raises
    ------
    FairtollError
        For a model that is not smoothed.
    """
    some = target
    if measure.rows is not None:
        some = replace(target, rows=target.numbers[in_proportion(target.y, measure.rows)])
    parts = []
    for model, seed in tracked(arm.pairs):
        if not isinstance(model, Smoothed):
            raise FairtollError(NOT_SMOOTHED.format(arm=arm.name, kind=type(model).__name__))
        generator = torch_generator(derive_seed(seed, arm.name, "votes"))
        votes = certify(model, some.x, generator=generator, draws=measure.draws, alpha=measure.alpha)
        radius = np.where((votes.classes == some.y).numpy(), votes.radius.numpy(), 0.0)
        part = describe_certificate(
            radius, arm=arm.name, seed=seed, norm="l2", method=METHOD, threat=target.threat_name, rows=some.numbers
        )
        parts.append(part.assign(abstained=votes.abstained.numpy()))
    return pd.concat(parts, ignore_index=True)
