"""The part of `results.json` on recipes: what each arm is, what it reaches, and its toll at equal robust accuracy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fairtoll.findings._strict import Pair, Strict
from fairtoll.findings.gap_types import Evaluation, Needed, Parameters, VerdictName

Role = Literal["standard", "control", "baseline", "defence", "repair"]
ShiftName = Literal["higher", "lower", "unclear", "insufficient data"]


class WorstGroup(Strict):
    """The accuracy of the worst class or group of one model, in the mean over training runs."""

    partition: str
    group: str = Field(description="the one most often worst; each run has its own")
    value: float = Field(
        description="mean over training runs of the smallest accuracy, without what the noise of the rows takes off; "
        "at most the average of the same rows"
    )
    plain: float = Field(description="the same with it: the smallest accuracy as measured, which lies lower")
    interval: Pair = Field(description="95%, over training runs and rows; with one run, over rows alone")
    per_run: list[float] = Field(description="their mean is `value`")


class Reached(Strict):
    """Accuracy of one arm under one evaluation: of all rows, and of its worst class and groups."""

    evaluation: Evaluation
    attack: str | None
    threat: str | None
    epsilon: float | None
    value: float = Field(description="of all rows, mean over training runs")
    interval: Pair | None = Field(description="95%, over training runs and rows; with one run, over rows alone")
    per_run: list[float]
    worst: list[WorstGroup] = Field(description="by class first, then by each attribute")


class Shift(Strict):
    """How much one accuracy of an arm differs from another arm's."""

    against: str = Field(description="the other arm")
    evaluation: Evaluation
    partition: str | None = Field(description="whose worst group; none: all rows")
    value: float
    interval: Pair
    confidence: float = Field(description="of the interval, widened for the `family`")
    family: int = Field(description="arms that are compared with the same one in the same accuracy")
    verdict: ShiftName = Field(description="whether the interval lies above 0, below it, or on both sides")


class Recipe(Strict):
    """What one arm is, what it reaches and what it takes."""

    arm: str
    family: str = Field(description="name that it shares with the same recipe at other strengths")
    family_title: str
    role: Role
    strength_name: str | None
    strength: float | None = Field(description="its value; none where nothing makes the recipe stronger")
    own_strength: bool = Field(description="whether it is the strength that the recipe itself has")
    partition: str | None = Field(description="of a repair: the classes or groups that it treats")
    control: str | None = Field(description="the arm with as much training and no adversary")
    seconds: float | None = Field(description="of training, for one run")
    reached: list[Reached] = Field(description="clean first, then under attack")
    shifts: list[Shift] = Field(default=[], description="from the standard arm and from the baseline, of own strengths")


class Matched(Strict):
    """The toll of one family of recipes at an average robust accuracy: read between its strengths, run by run."""

    family: str
    against: str = Field(description="the standard arm, or the family that costs least at this level")
    metric: str
    parameters: Parameters
    level: float = Field(description="the average robust accuracy, under `attack` at `epsilon`")
    evaluation: Evaluation
    attack: str
    epsilon: float
    other: float = Field(description="the gap of the standard arm, or of the other family at this level")
    gap: float = Field(description="the gap of the family at this level")
    value: float = Field(description="`gap` minus `other`")
    interval: Pair
    confidence: float = Field(description="of the interval, widened within (metric, `against`)")
    p_value: float = Field(description="of a difference of at most 0, one-sided")
    margin: float
    judged: int = Field(description="judgements of the same metric that share the error")
    runs: int
    per_run: list[float] = Field(description="their mean is `value`")
    verdict: VerdictName
    reason: str
    needed: Needed | None


class Discovery(Strict):
    """Whether the gap of a recipe is wider than standard training's, judged with all others of the comparison."""

    finding: str = Field(description="its id")
    q_value: float = Field(
        description="smallest false discovery rate at which the gap is called wider: the one-sided p-value, adjusted"
    )
    wider: bool = Field(description="at a false discovery rate of 5%; by how much is open")


class Reach(Strict):
    """The average robust accuracies between which one family of recipes is compared: reached in every training run."""

    family: str
    strengths: list[str] = Field(description="its arms, from weak to strong")
    low: float | None = Field(description="largest over runs of the smallest; none where runs share no level")
    high: float | None = Field(description="smallest over runs of the largest")
    levels: list[float] = Field(description="those of the levels of the comparison that it reaches")
