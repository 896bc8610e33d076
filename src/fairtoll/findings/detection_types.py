"""The part of `results.json` on detectors of attacks."""

from __future__ import annotations

from pydantic import Field

from fairtoll.findings._strict import Pair, Strict


class DetectionGroup(Strict):
    """The rows of one group that the detectors of one arm flag."""

    partition: str = Field(description="'all', 'class' or a protected attribute")
    group: str
    rows: int = Field(description="that count, mean over training runs")
    flagged: float | None = Field(description="share of them, mean over training runs; none where no row counts")
    interval: Pair | None = Field(description="95%, over new training runs and new rows; with one run, new rows alone")


class Detection(Strict):
    """What the detectors of one arm flag: of clean rows the false positives, of rows that an attack broke the finds."""

    arm: str
    evaluation: str = Field(description="'clean', or how the rows were attacked")
    threat: str
    attack: str = Field(description="that broke the rows that count; empty: none")
    evades: bool = Field(description="whether attacks that know the detector were tried as well")
    epsilon: float
    runs: int
    groups: list[DetectionGroup] = Field(description="all rows first, then by class and by each protected attribute")
