"""`results.json`: its structure, as models that check it and give its JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fairtoll.errors import FairtollError

SCHEMA_VERSION: Literal[2] = 2
VerdictName = Literal["less fair", "fairer", "equivalent", "inconclusive", "insufficient data"]
Protocol = Literal["paper", "sound", "audit"]
Evaluation = Literal["clean", "static-transfer", "white-box"]
Denominator = Literal["all", "correct"]
Pair = tuple[float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class GroupValue(_Strict):
    """One group of one arm: its mean over training runs, interval and size."""

    group: str
    value: float | None
    interval: Pair | None
    rows: int
    sufficient: bool
    published: float | None = None


class ArmValue(_Strict):
    """A gap in one arm, with what it would be by chance."""

    arm: str
    value: float | None = Field(description="mean over training runs of one model's gap, the paper's quantity")
    corrected: float | None = Field(description="gap of groups chosen on other data than it is measured on")
    interval: Pair | None = Field(description="95% interval of the gap of expected group means")
    null_mean: float | None
    null_95: float | None
    worst_group: str | None
    worst_value: float | None
    best_group: str | None
    best_value: float | None
    per_run: list[float | None]
    groups: list[GroupValue]


class Difference(_Strict):
    """How much larger the second arm's gap is than the first's, corrected for choosing the groups."""

    value: float
    interval: Pair
    p_value: float
    confidence: float = Field(description="of the interval, widened within (dataset, protocol, metric)")
    plain: float = Field(description="the second arm's value minus the first's")
    least_detectable: float
    groups: str = Field(description="the groups most often chosen as extremes, in words")


class Parameters(_Strict):
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


class Published(_Strict):
    """The paper's values for the same quantity."""

    standard: float
    robust: float
    note: str | None = None


class GroupChange(_Strict):
    """One group's own value in both arms."""

    group: str
    standard: float
    robust: float


class LevellingDown(_Strict):
    """The gap shrank because the group best off lost more than the one worst off gained."""

    standard_gap: float
    robust_gap: float
    best: GroupChange = Field(description="the group best off in the standard arm")
    worst: GroupChange = Field(description="the group worst off in the standard arm")
    robust_worst: GroupChange = Field(description="the group worst off in the robust arm")


class Finding(_Strict):
    """One gap in the arms of one comparison, with its verdict."""

    id: str
    dataset: str
    protocol: Protocol
    metric: str
    parameters: Parameters
    standard: ArmValue
    robust: ArmValue
    control: ArmValue | None
    noise_control: ArmValue | None
    difference: Difference | None
    difference_from_control: Difference | None
    verdict: VerdictName
    verdict_from_control: VerdictName | None
    reason: str
    levelling_down: LevellingDown | None = Field(description="where the values alone are levelled down")
    margin: float
    runs: int = Field(description="training runs of each arm")
    published: Published | None


class Accuracy(_Strict):
    """Accuracy of one arm under one evaluation, over training runs."""

    arm: str
    evaluation: Evaluation
    attack: str | None
    threat: str | None
    epsilon: float | None
    mean: float
    sd: float | None
    per_run: list[float]
    published: float | None = None
    source_arm: str | None = None


class LeastEpsilonGroup(_Strict):
    """Least epsilon over the rows of one class or group, all training runs of an arm together."""

    group: str
    mean: float = Field(description="censored rows count with the largest radius: a lower limit")
    median: float
    censored: float = Field(description="share of rows that no attack breaks at the largest radius")
    broken: list[float] = Field(description="share of rows with a least epsilon of at most each of `epsilons`")


class LeastEpsilon(_Strict):
    """The distribution of least epsilon in one arm, class by class."""

    arm: str
    evaluation: Evaluation
    attack: str
    threat: str
    partition: str
    epsilon_max: float
    epsilons: list[float]
    rows: int
    mean: float
    sd: float | None = Field(description="of the mean, over training runs")
    per_run: list[float]
    groups: list[LeastEpsilonGroup] = Field(description="the whole set first, named 'all', then each group")


class Example(_Strict):
    """One test image and its adversarial example, as PNG data URIs."""

    class_name: str
    role: str = Field(description="why it is shown, such as 'easy class'")
    arm: str
    row: int
    epsilon: float
    clean: str
    adversarial: str
    difference: str = Field(description="adversarial minus clean, magnified, around middle grey")
    magnification: float
    clean_prediction: str
    clean_confidence: float
    adversarial_prediction: str
    adversarial_confidence: float


class LeaveOneOutPoint(_Strict):
    """What a study with `members` left-out rows would find: the mean over all choices of so many of those trained."""

    members: int
    luf: float
    flips_per_row: float = Field(description="LUF_t")
    flips_per_model: float = Field(description="LUF_l")
    ever_flipped: float = Field(description="share of test rows that at least one member flips")


class LeaveOneOutContrast(_Strict):
    """How much more often predictions flip than in another design or arm."""

    arm: str = Field(description="of what is compared with")
    design: str
    flip_rate: float = Field(description="difference of flip rates, a fraction")
    interval: Pair | None = Field(description="95%, as of the flip rates")
    paired: bool = Field(description="member by member: same left-out row, or same seed")
    luf: float = Field(description="difference of LUF at as many members")


class LeaveOneOutGroup(_Strict):
    """Test rows of one class or group."""

    partition: str
    group: str
    rows: int
    flip_rate: float
    luf: float
    error: float = Field(description="share of the group that the full model gets wrong")
    sufficient: bool = Field(description="whether there are enough rows to compare")


class LeaveOneOutRow(_Strict):
    """One left-out training row, or the seed in its place."""

    row: int | None = Field(description="of the training set; none in a floor")
    class_name: str | None
    picture: str | None = Field(default=None, description="of an image, as a PNG data URI")
    groups: dict[str, str]
    flips: float = Field(description="test rows whose predicted class it changes, mean over reference models")
    largest_change: float = Field(description="of any confidence, in any reference model's study")


class PublishedLeaveOneOut(_Strict):
    """The paper's leave-one-out values of one classifier (Table III)."""

    luf: float
    luf_t: float = Field(description="left-out models that predict another class, mean over test rows")
    luf_l: float = Field(description="test rows whose predicted class changes, mean over left-out models")


class LeaveOneOut(_Strict):
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
    groups: list[LeaveOneOutGroup]
    most_influential: list[LeaveOneOutRow] = Field(
        description="the members that change most predictions, first the largest"
    )
    published: PublishedLeaveOneOut | None = Field(description="the paper's values, where it has the arm")
    published_note: str | None


class Claim(_Strict):
    """A claim of the paper, judged."""

    id: str
    text: str
    judgement: Literal["supported", "refuted", "inconclusive"]
    reason: str
    findings: list[str]


class Reading(_Strict):
    """One share that an alarm rests on, such as an accuracy under one attack."""

    label: str = Field(description="what was measured, such as 'under PGD with 20 steps at 0.1'")
    value: float = Field(description="a share of rows")


class Alarm(_Strict):
    """A sign that a robustness figure is unreliable."""

    id: str
    title: str
    arm: str
    fired: bool
    message: str
    value: float | None
    meaning: str = Field(default="", description="what it means where it fires, in a sentence or two")
    readings: list[Reading] = Field(default=[], description="the figures behind it, the questionable one first")


class Arm(_Strict):
    """How an arm was made."""

    name: str
    title: str
    note: str


class Data(_Strict):
    """The data that was used."""

    name: str
    title: str
    note: str
    rows: dict[str, int]
    classes: list[str]
    attributes: dict[str, list[str]]
    unofficial: str | None = Field(
        default=None, description="how they differ from the official data, shown with every figure; none: they do not"
    )


class StageTime(_Strict):
    """How long one stage of a run took."""

    stage: str
    kind: Literal["training", "attacks", "predictions", "leave-one-out", "statistics", "report", "other"]
    arm: str | None
    seconds: float


class Results(_Strict):
    """Everything a report shows."""

    fairtoll_version: str
    schema_version: Literal[2]
    title: str
    question: str = Field(description="what is evaluated, in one sentence")
    dataset: Data
    configuration: dict[str, Any]
    arms: list[Arm]
    findings: list[Finding]
    accuracy: list[Accuracy]
    claims: list[Claim]
    alarms: list[Alarm]
    notes: list[str] = Field(description="remarks on how to read these results")
    highlights: list[str] = Field(default=[], description="sentences for the first screen")
    cuts: list[str] = Field(default=[], description="what this run left out or made smaller, for the first screen")
    least_epsilon: list[LeastEpsilon] = Field(default=[])
    examples: list[Example] = Field(default=[])
    leave_one_out: list[LeaveOneOut] = Field(default=[], description="by arm and design, the paper's design first")
    environment: dict[str, Any]
    times: list[StageTime] = Field(default=[], description="of the stages, in the order they ended")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read and check a `results.json`.

        Raises
        ------
        FairtollError
            If it is missing, truncated, of another structure, or of another version of the schema.
        """
        require_schema(path)
        try:
            return cls.model_validate_json(path.read_bytes(), strict=True)
        except FileNotFoundError as error:
            raise FairtollError(f"no file {path}; run the experiment first") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise FairtollError(f"{path} is not a complete results.json: {place}: {first['msg']}") from error


def require_schema(path: Path) -> None:
    """Raise if a results file was written with another version of the schema.

    A file that is missing or is no JSON passes: reading it says what is wrong with it.

    Raises
    ------
    FairtollError
        With the version of fairtoll that wrote the file.

    Examples
    --------
    >>> require_schema(Path("nowhere/results.json"))
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    version = found.get("schema_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise FairtollError(
            f"{path} was written by fairtoll {found.get('fairtoll_version')} (results schema {version}; this version "
            f"reads schema {SCHEMA_VERSION}); run the experiment again in a new folder"
        )
