"""The gaps of `results.json`: what was measured in each arm, how far the arms differ, and the verdicts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fairtoll.findings._strict import Pair, Strict

VerdictName = Literal["less fair", "fairer", "equivalent", "inconclusive", "insufficient data"]
ModelsVerdictName = Literal["wider gap", "narrower gap", "same gap", "unclear", "insufficient data"]
GapVerdictName = Literal["above margin", "within margin", "inconclusive", "insufficient data"]
Protocol = Literal["paper", "sound", "defences", "audit"]
Evaluation = Literal["clean", "static-transfer", "white-box", "scores-only", "proved"]
Denominator = Literal["all", "correct"]


class Spread(Strict):
    """What an interval is made of, by which it is known at other confidences (`fairtoll.statistics.Spread`)."""

    parts: list[Pair] = Field(description="variances that add up to the squared standard error, with their freedom")
    wilson_rows: float | None = Field(description="of a rate's interval: rows of a simple sample of this variance")


class GroupValue(Strict):
    """One group of one arm: its mean over training runs, interval and size."""

    group: str
    value: float | None
    interval: Pair | None
    rows: int
    sufficient: bool
    published: float | None = None
    proved: Pair | None = Field(default=None, description="where proofs are known: no attack can move it beyond these")
    spread: Spread | None = Field(default=None, description="of `interval`")


class ArmValue(Strict):
    """A gap in one arm, with what it would be by chance."""

    arm: str
    value: float | None = Field(
        description="mean over training runs of one model's gap, without what the noise of the rows adds; judged"
    )
    plain: float | None = Field(
        description="the same with it: largest minus smallest group mean, the paper's definition and other libraries'"
    )
    interval: Pair | None = Field(
        description="95% interval of `value` over new training runs and rows; with one run, over new rows alone"
    )
    row_error: float | None = Field(description="standard error of `value` from the rows alone")
    null_mean: float | None
    null_95: float | None = Field(
        description="`plain` would be larger in one of 20 draws of rows, given these models, were all groups equal"
    )
    systematic: float | None = Field(
        description="gap of the groups' means over training runs: the part that every run has in the same direction"
    )
    worst_group: str | None
    worst_value: float | None
    best_group: str | None
    best_value: float | None
    proved: Pair | None = Field(
        default=None, description="where proofs are known: `plain` lies between these, whatever attack is run"
    )
    per_run: list[float | None] = Field(description="their mean is `value`")
    plain_per_run: list[float | None] = Field(description="their mean is `plain`")
    groups: list[GroupValue]
    spread: Spread | None = Field(default=None, description="of `interval`")


class Look(Strict):
    """What was found with the first so many training runs."""

    runs: int
    value: float
    interval: Pair
    confidence: float
    verdict: VerdictName


class Needed(Strict):
    """What an inconclusive comparison would take, were its estimate exact."""

    runs: int | None = Field(description="training runs of each arm; none where no number of runs decides")
    rows: int | None = Field(description="rows of the test set, where more runs cannot decide")
    sentence: str


class Systematic(Strict):
    """The same comparison of the gaps of the groups' mean values over training runs."""

    standard: float
    robust: float
    value: float
    interval: Pair
    verdict: VerdictName


class Difference(Strict):
    """How much larger the second arm's gap is than the first's: of these recipes, over training runs and rows."""

    standard: float = Field(description="the first arm's value, over the same runs")
    robust: float = Field(description="the second arm's value, over the same runs")
    value: float = Field(description="`robust` minus `standard`")
    interval: Pair
    confidence: float = Field(description="of the interval, widened within (dataset, protocol, metric) and over looks")
    p_value: float = Field(description="of a difference of at most 0, one-sided, allowing for all looks")
    plain: float = Field(description="the same difference without correction for the noise of the rows")
    proved: Pair | None = Field(
        default=None,
        description="where proofs are known: `plain` lies between these, whatever attack is run; `interval` is wider",
    )
    row_error: float = Field(description="standard error of `value` from the rows alone")
    least_detectable: float = Field(description="smallest true difference found with 80% power, margin counted")
    runs: int = Field(description="training runs of each arm that it was judged with")
    share: float = Field(description="of the error that belongs to this number of runs; 1 where it was fixed before")
    paired: bool = Field(description="whether run k of both arms shares its initial weights and batches")
    verdict: VerdictName
    reason: str
    path: list[Look] = Field(description="every look at the runs, the last one is the one judged")
    needed: Needed | None = Field(description="where it is inconclusive")
    systematic: Systematic | None
    groups: str = Field(description="the groups most often chosen as extremes, in words")
    spread: Spread | None = Field(default=None, description="of `interval`")


class ModelPair(Strict):
    """One model of each arm, of the same training run, compared on new rows alone."""

    run: str = Field(description="name of the training run, of the robust arm where the other has one model alone")
    standard: float
    robust: float
    value: float
    interval: Pair = Field(description="over rows")
    confidence: float = Field(
        default=0.95, description="of the interval; of one pair alone widened within (dataset, protocol, metric)"
    )
    verdict: ModelsVerdictName
    p_value: float = Field(description="of a difference of at most 0, one-sided, over rows")
    spread: Spread | None = Field(default=None, description="of `interval`")


class Models(Strict):
    """What these trained models show, whatever others from the same recipes would."""

    pairs: list[ModelPair]
    shown: dict[ModelsVerdictName, int] = Field(description="how many pairs have each verdict")
    swap_p: float | None = Field(
        description="of the first pair: share of random swaps of rows between both models with as large a difference"
    )


class Parameters(Strict):
    """What exactly was measured."""

    partition: str
    evaluation: Evaluation
    attack: str | None
    denominator: Denominator | None
    epsilon: float | None
    threat: str | None
    attribute: str | None
    label: str | None = Field(description="true class that the rows are restricted to")
    target: str | None = Field(description="class whose confidence or prediction is averaged")
    matched_rate: float | None = Field(
        default=None, description="mean success rate at which the arms are compared, each at the radius that gives it"
    )
    certificate: str | None = Field(default=None, description="whose claimed radii: the method and their norm")


class Published(Strict):
    """The paper's values for the same quantity."""

    standard: float
    robust: float
    note: str | None = None


class GroupChange(Strict):
    """One group's own value in both arms."""

    group: str
    standard: float
    robust: float


class MeasuredChange(GroupChange):
    """One group's own value in both arms, with the interval of the change."""

    value: float = Field(description="`robust` minus `standard`")
    interval: Pair = Field(description="95%, over training runs and rows; with one run, over rows alone")


class LevellingDown(Strict):
    """The gap shrank because the group best off lost more than the one worst off gained."""

    standard_gap: float
    robust_gap: float
    best: GroupChange = Field(description="the group best off in the standard arm")
    worst: GroupChange = Field(description="the group worst off in the standard arm")
    robust_worst: GroupChange = Field(description="the group worst off in the robust arm")


class Finding(Strict):
    """One gap in the arms of one comparison, with its verdicts."""

    id: str
    dataset: str
    protocol: Protocol
    metric: str
    parameters: Parameters
    standard: ArmValue
    robust: ArmValue
    control: ArmValue | None
    noise_control: ArmValue | None
    difference: Difference | None = Field(description="from the standard arm, of these recipes")
    difference_from_control: Difference | None
    changes: list[MeasuredChange] = Field(description="of each group with enough rows, largest loss first")
    models: Models | None = Field(description="of these trained models, over rows alone")
    verdict: VerdictName
    verdict_from_control: VerdictName | None
    reason: str
    levelling_down: LevellingDown | None = Field(description="where the values alone are levelled down")
    margin: float
    family: int = Field(description="judgements of the same metric, protocol and data that share the error")
    runs: int = Field(description="training runs of each arm that it was judged with")
    published: Published | None


class Gap(Strict):
    """One gap of one model alone, where nothing is compared."""

    id: str
    dataset: str
    protocol: Protocol
    metric: str
    parameters: Parameters
    value: ArmValue
    margin: float = Field(description="the largest gap that does not matter")
    verdict: GapVerdictName = Field(description="where the interval of `value` lies")
    reason: str
    runs: int = Field(description="training runs")
