"""The leave-one-out part of `results.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fairtoll.findings._strict import Pair, Strict


class LeaveOneOutPoint(Strict):
    """What a study with `members` left-out rows would find: the mean over all choices of so many of those trained."""

    members: int
    luf: float
    flips_per_row: float = Field(description="LUF_t")
    flips_per_model: float = Field(description="LUF_l")
    ever_flipped: float = Field(description="share of test rows that at least one member flips")


class LeaveOneOutContrast(Strict):
    """How much more often predictions flip than in another design or arm."""

    arm: str = Field(description="of what is compared with")
    design: str
    flip_rate: float = Field(description="difference of flip rates, a fraction")
    interval: Pair | None = Field(description="95%, as of the flip rates")
    paired: bool = Field(description="member by member: same left-out row, or same seed")
    luf: float = Field(description="difference of LUF at as many members")


class LeaveOneOutGroup(Strict):
    """Test rows of one class or group."""

    partition: str
    group: str
    rows: int
    flip_rate: float
    luf: float
    error: float = Field(description="share of the group that the full model gets wrong")
    sufficient: bool = Field(description="whether there are enough rows to compare")


class LeaveOneOutRow(Strict):
    """One left-out training row, or the seed in its place."""

    row: int | None = Field(description="of the training set; none in a floor")
    class_name: str | None
    picture: str | None = Field(default=None, description="of an image, as a PNG data URI")
    groups: dict[str, str]
    flips: float = Field(description="test rows whose predicted class it changes, mean over reference models")
    largest_change: float = Field(description="of any confidence, in any reference model's study")


class PublishedLeaveOneOut(Strict):
    """The paper's leave-one-out values of one classifier (Table III)."""

    luf: float
    luf_t: float = Field(description="left-out models that predict another class, mean over test rows")
    luf_l: float = Field(description="test rows whose predicted class changes, mean over left-out models")


class LeaveOneOut(Strict):
    """One arm under one leave-one-out design: how much predictions depend on one training row, or on chance."""

    arm: str
    design: Literal["masked", "independent-seeds", "re-permuted", "rerun", "one-ulp", "new-seed"]
    title: str
    floor: bool = Field(description="no row is left out: the effect of chance or rounding alone")
    members: int = Field(description="of each reference model")
    references: int = Field(default=1, description="full models that members are compared with, each with its own seed")
    rows: int = Field(description="of the test set")
    precision: str
    adversarial_examples: Literal["own", "shared"] | None = Field(
        description="of static training: crafted on each member's own source model, or on the full model (approximate)"
    )
    luf: float = Field(description="mean over test rows of the largest change of any confidence by any member")
    luf_interval: Pair | None = Field(
        description="95%, by the delete-one jackknife over members, and over reference models where there are several; "
        "holds 93% or more with 25 members, 89% with 10 where they differ in overall size (lognormal, 0.5); "
        "none where members differ by a row or by rounding alone: a few then decide the maximum, and no interval has "
        "its coverage"
    )
    luf_quantiles: list[float] = Field(description="of the rows' LUF: least, 5, 25, 50, 75, 95%, largest")
    flips_per_row: float = Field(description="LUF_t, in members")
    flips_per_model: float = Field(description="LUF_l, in test rows")
    flip_rate: float = Field(description="share of (member, test row) pairs; LUF_t / members, LUF_l / rows")
    flip_rate_interval: Pair | None = Field(
        description="95%, for skewed means, over members, and over reference models where there are several; none "
        "where all members agree"
    )
    per_member: list[float] = Field(description="each member's flip rate, in order, mean over reference models")
    per_reference: list[float] = Field(default=[], description="each reference model's flip rate, mean over members")
    curve: list[LeaveOneOutPoint]
    above_floor: LeaveOneOutContrast | None
    above_standard: LeaveOneOutContrast | None
    above_baseline: LeaveOneOutContrast | None = Field(
        default=None, description="than in the arm that repairs must beat, where recipes are compared"
    )
    groups: list[LeaveOneOutGroup]
    most_influential: list[LeaveOneOutRow] = Field(
        description="the members that change most predictions, first the largest"
    )
    published: PublishedLeaveOneOut | None = Field(description="the paper's values, where it has the arm")
    published_note: str | None
