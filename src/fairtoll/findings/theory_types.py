"""What formulas give beside what was measured, where rows are drawn from a known model."""

from __future__ import annotations

from pydantic import Field

from fairtoll.findings._strict import Pair, Strict
from fairtoll.findings.gap_types import VerdictName


class ExactValue(Strict):
    """One measure of one arm: a gap, or one group's own value."""

    arm: str
    question: str = Field(description="which gap: the end of the ids of its findings")
    metric: str
    partition: str
    label: str | None = Field(description="true class that the rows are restricted to")
    epsilon: float | None
    group: str | None = Field(description="whose own value; none: the gap")
    measured: float | None = Field(default=None, description="mean over training runs, as in the findings")
    interval: Pair | None = Field(default=None, description="95% interval of `measured`, over training runs and rows")
    exact: float | None = Field(
        description="mean over training runs of the formula at each run's own rule; none where models are not linear"
    )
    per_run: list[float] = Field(description="their mean is `exact`")
    least_loss: float | None = Field(
        description="the formula at the linear rule with the least loss: what training tends to with more rows; none "
        "where an arm's loss has no formula"
    )
    least_error: float | None = Field(
        description="the formula at the linear rule with the least error under the adversary of training; none of "
        "confidence, since errors leave the scale of the weights open"
    )
    inside: bool | None = Field(default=None, description="whether `exact` lies in `interval`")


class CurvePoint(Strict):
    """What one arm measured at its training radius."""

    arm: str
    radius: float
    value: float
    interval: Pair | None


class ExactCurve(Strict):
    """A gap over the radius that the adversary of training has, at the linear rules that are best for it."""

    question: str
    metric: str
    partition: str
    label: str | None
    epsilon: float | None = Field(description="radius at which every rule is attacked")
    radii: list[float]
    least_loss: list[float]
    least_error: list[float]
    points: list[CurvePoint] = Field(default=[], description="of the standard arms, at 0, and of on-line training")


class Threshold(Strict):
    """Where one arm's rules, and the best ones for what it minimises, divide the classes."""

    arm: str
    radius: float = Field(description="of the adversary in training")
    least_loss: float
    least_error: float
    per_run: list[float] = Field(description="of each training run's own rule")
    errors: Pair = Field(description="of the runs' mean: share of each class that is wrong")
    attacked: Pair = Field(description="the same where every row is attacked")


class Line(Strict):
    """Both classes on one line: the mean of the features that the best robust rule keeps, weighted as it does."""

    features: int = Field(description="how many it keeps")
    of: int
    classes: list[str]
    means: Pair
    spreads: Pair = Field(description="standard deviations")
    epsilon: float = Field(description="how far the adversary moves a row")
    thresholds: list[Threshold]


class Signs(Strict):
    """Which gaps rise from the best standard to the best robust rule."""

    cau: bool
    cru_s: bool
    cru_epsilon: bool


class Place(Strict):
    """Where two classes lie among the pairs of Gaussian classes, read along one linear rule."""

    title: str
    ratio: float = Field(description="spread of the wider class over that of the other, along the rule: K")
    distance: float = Field(description="of each mean from the middle, in spreads of the narrower class")
    radius: float = Field(
        description="share of the distance that the adversary moves a row; from 1 on no rule is robust"
    )
    least_error: Signs | None = Field(description="of rules with the least (robust) error; none: no rule is robust")
    least_loss: Signs | None = Field(description="of rules with the least (robust) logistic loss, as training has it")


class SignCells(Strict):
    """Whether gaps rise in each cell of a map, by radius, then by ratio; none: no rule is robust."""

    cru_s: list[list[bool | None]]
    cru_epsilon: list[list[bool | None]]


class SignMap(Strict):
    """Where robust training makes gaps rise, over the ratio of spreads and the radius, at one distance of the means."""

    title: str
    how: str = Field(description="where its distance and its places come from")
    each: str = Field(description="what its places are, in the plural")
    distance: float
    ratios: list[float] = Field(description="edges of the cells, ascending")
    radii: list[float] = Field(description="edges of the cells, shares of the distance, ascending")
    least_error: SignCells
    least_loss: SignCells
    places: list[Place]


class ExactChange(Strict):
    """From the standard to the on-line adversarial linear model: by formula at the trained rules, and measured."""

    of: str = Field(description="the gap or the group, in words")
    metric: str
    standard: float
    robust: float
    static: float | None = Field(default=None, description="of the static adversarial model, the paper's own training")
    larger: tuple[str, str] | None = Field(
        default=None,
        description="whose own value is the larger before and after, where that turns round: the signed gap then moves "
        "by the sum of both; none of a group's own value",
    )
    measured: float | None = Field(description="difference; none where no finding asks for it")
    interval: Pair | None
    verdict: VerdictName | None = Field(description="of the finding; none of a group's own value")


class TheoryClaim(Strict):
    """A finding of the paper: what formulas say of it in general, and what it is here."""

    claims: list[str] = Field(description="ids in published.json")
    finding: str
    general: list[str] = Field(description="sentences: where it holds always, under a condition, and is reversed")
    changes: list[ExactChange]
    places: dict[str, str] = Field(description="what holds where classes like those of real data lie, by their title")


class Theory(Strict):
    """Everything that formulas give beside a run's measurements."""

    values: list[ExactValue]
    curves: list[ExactCurve]
    line: Line | None = None
    claims: list[TheoryClaim] = Field(default=[], description="the paper's findings that these rows can show")
    maps: list[SignMap] = Field(default=[], description="from the smallest distance to the largest")
