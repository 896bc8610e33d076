"""The part of `results.json` on what is proved: rows that no attack can break, whatever it tries."""

from __future__ import annotations

from pydantic import Field

from fairtoll.findings._strict import Pair, Strict


class ProofGroup(Strict):
    """The rows of one group in one arm: shares over rows and training runs, which add up to 1."""

    partition: str = Field(description="'all', 'class' or a protected attribute")
    group: str
    rows: int = Field(description="of each training run")
    broken: float = Field(description="a misclassified input within the radius is known and checked")
    proved: float = Field(description="no input within the radius is misclassified, the model's own rounding included")
    within_rounding: float = Field(description="neither, only because the rounding of the model's arithmetic decides")
    unknown: float = Field(description="neither")
    low: float | None = Field(default=None, description="of least epsilon: mean of the radii that are proved")
    high: float | None = Field(default=None, description="of least epsilon: mean of the radii at which rows break")


class Proof(Strict):
    """What is proved of one arm at one radius, or of its least epsilon up to that radius."""

    arm: str
    evaluation: str
    attack: str
    threat: str
    epsilon: float
    rows: int = Field(description="that proofs were tried on, of each training run")
    of: int = Field(description="rows of the data")
    runs: int
    least_epsilon: bool = Field(description="whether least epsilon is bracketed; else rows are decided at the radius")
    narrow: float | None = Field(
        description="share of rows whose least epsilon has a bracket of at most 1% of the radius"
    )
    settled: float | None = Field(description="proved share of the rows that nothing breaks; none where all are broken")
    settled_interval: Pair | None = Field(
        description="95% interval of `settled` for all rows, where a sample was taken (Clopper-Pearson, one run)"
    )
    groups: list[ProofGroup] = Field(description="all rows first, then by class and by each protected attribute")
