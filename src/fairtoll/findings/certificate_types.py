"""The part of `results.json` on radii that others claim."""

from __future__ import annotations

from pydantic import Field

from fairtoll.findings._strict import Strict
from fairtoll.findings.gap_types import ArmValue


class Certified(Strict):
    """The radii that one method claims for the rows of one arm, class by class, and how many claims are broken."""

    arm: str
    method: str
    norm: str
    threat: str
    rows: int
    runs: int
    mean: float = Field(description="claimed radius, 0 where nothing is claimed, over all rows and training runs")
    classes: ArmValue = Field(description="mean radius of each class; `plain` is RDI as published, `worst_value` WCR")
    nrgc: float | None = Field(description="Gini coefficient of the class means as published, mean over training runs")
    claims: int = Field(description="radii above 0, over all training runs")
    tested: int = Field(description="of them with an attack of the evidence below the radius, in the same norm")
    broken: int = Field(description="of them with a misclassified input nearer than the radius")
