"""The part of `results.json` on what an adversary may change in rows of one's own, column by column."""

from __future__ import annotations

from pydantic import Field

from fairtoll.findings._strict import Strict


class AdversaryColumn(Strict):
    """What may happen to one column."""

    name: str
    scale: float | None = Field(description="how far it moves at an epsilon of 1, in its own units; none: it is fixed")
    reach: float | None = Field(description="how far it moves at the epsilon of the run; none: it is fixed")
    low: float | None = Field(description="the lowest value that it is moved to; none: a category")
    high: float | None
    whole: bool = Field(description="whether it stays a whole number")
    missing: bool = Field(description="whether some rows have no value, which stays so")
    fixed: str | None = Field(description="why it does not move; none: it does")


class Adversary(Strict):
    """The adversary of training and of every attack."""

    epsilon: float
    unit: str = Field(description="what one epsilon is, in words")
    columns: list[AdversaryColumn]
