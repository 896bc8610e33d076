"""The part of `results.json` on radii that others claim."""

from __future__ import annotations

from pydantic import Field

from fairtoll.findings._strict import Pair, Strict
from fairtoll.findings.gap_types import ArmValue


class CertifiedGroup(Strict):
    """The rows of one group under one method: those certified, and those on which the prediction abstains."""

    partition: str = Field(description="'all', 'class' or a protected attribute")
    group: str
    rows: int
    certified: float = Field(description="share of rows with a radius above 0, mean over training runs")
    interval: Pair | None = Field(description="95%, over new training runs and new rows; with one run, new rows alone")
    within: list[float] = Field(description="share of rows with a radius of at least each of `radii`")
    abstained: float | None = Field(description="share of rows that abstain; none where that is not known")
    abstained_interval: Pair | None


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
    abstained: float | None = Field(
        default=None, description="share of rows on which the certified prediction abstains; none where not known"
    )
    radii: list[float] = Field(default=[], description="at which the threat's white-box attacks were run, ascending")
    groups: list[CertifiedGroup] = Field(
        default=[], description="all rows first, then by class and by each protected attribute"
    )
