"""`results.json`: its structure, as models that check it and give its JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from fairtoll.errors import FairtollError
from fairtoll.findings._strict import Pair, Strict
from fairtoll.findings.adversary_types import Adversary as Adversary
from fairtoll.findings.adversary_types import AdversaryColumn as AdversaryColumn
from fairtoll.findings.certificate_types import Certified as Certified
from fairtoll.findings.certificate_types import CertifiedGroup as CertifiedGroup
from fairtoll.findings.detection_types import Detection as Detection
from fairtoll.findings.detection_types import DetectionGroup as DetectionGroup
from fairtoll.findings.gap_types import ArmValue as ArmValue
from fairtoll.findings.gap_types import Denominator as Denominator
from fairtoll.findings.gap_types import Difference as Difference
from fairtoll.findings.gap_types import Evaluation as Evaluation
from fairtoll.findings.gap_types import Finding as Finding
from fairtoll.findings.gap_types import Gap as Gap
from fairtoll.findings.gap_types import GapVerdictName as GapVerdictName
from fairtoll.findings.gap_types import GroupChange as GroupChange
from fairtoll.findings.gap_types import GroupValue as GroupValue
from fairtoll.findings.gap_types import LevellingDown as LevellingDown
from fairtoll.findings.gap_types import Look as Look
from fairtoll.findings.gap_types import MeasuredChange as MeasuredChange
from fairtoll.findings.gap_types import ModelPair as ModelPair
from fairtoll.findings.gap_types import Models as Models
from fairtoll.findings.gap_types import ModelsVerdictName as ModelsVerdictName
from fairtoll.findings.gap_types import Needed as Needed
from fairtoll.findings.gap_types import Parameters as Parameters
from fairtoll.findings.gap_types import Protocol as Protocol
from fairtoll.findings.gap_types import Published as Published
from fairtoll.findings.gap_types import Spread as Spread
from fairtoll.findings.gap_types import Systematic as Systematic
from fairtoll.findings.gap_types import VerdictName as VerdictName
from fairtoll.findings.leave_one_out_types import LeaveOneOut as LeaveOneOut
from fairtoll.findings.leave_one_out_types import LeaveOneOutContrast as LeaveOneOutContrast
from fairtoll.findings.leave_one_out_types import LeaveOneOutGroup as LeaveOneOutGroup
from fairtoll.findings.leave_one_out_types import LeaveOneOutPoint as LeaveOneOutPoint
from fairtoll.findings.leave_one_out_types import LeaveOneOutRow as LeaveOneOutRow
from fairtoll.findings.leave_one_out_types import PublishedLeaveOneOut as PublishedLeaveOneOut
from fairtoll.findings.proof_types import Proof as Proof
from fairtoll.findings.proof_types import ProofGroup as ProofGroup
from fairtoll.findings.recipe_types import Discovery as Discovery
from fairtoll.findings.recipe_types import Matched as Matched
from fairtoll.findings.recipe_types import Reach as Reach
from fairtoll.findings.recipe_types import Reached as Reached
from fairtoll.findings.recipe_types import Recipe as Recipe
from fairtoll.findings.recipe_types import Shift as Shift
from fairtoll.findings.recipe_types import ShiftName as ShiftName
from fairtoll.findings.recipe_types import WorstGroup as WorstGroup
from fairtoll.findings.theory_types import CurvePoint as CurvePoint
from fairtoll.findings.theory_types import ExactChange as ExactChange
from fairtoll.findings.theory_types import ExactCurve as ExactCurve
from fairtoll.findings.theory_types import ExactValue as ExactValue
from fairtoll.findings.theory_types import Line as Line
from fairtoll.findings.theory_types import Place as Place
from fairtoll.findings.theory_types import SignCells as SignCells
from fairtoll.findings.theory_types import SignMap as SignMap
from fairtoll.findings.theory_types import Signs as Signs
from fairtoll.findings.theory_types import Theory as Theory
from fairtoll.findings.theory_types import TheoryClaim as TheoryClaim
from fairtoll.findings.theory_types import Threshold as Threshold

SCHEMA_VERSION: Literal[3] = 3


class Accuracy(Strict):
    """Accuracy of one arm under one evaluation, over training runs."""

    arm: str
    evaluation: Evaluation
    attack: str | None
    threat: str | None
    epsilon: float | None
    mean: float
    sd: float | None
    per_run: list[float]
    interval: Pair | None = Field(
        default=None, description="95%, over new training runs and new rows; with one run, new rows alone"
    )
    published: float | None = None
    source_arm: str | None = None
    spread: Spread | None = Field(default=None, description="of `interval`")


class LeastEpsilonGroup(Strict):
    """Least epsilon over the rows of one class or group, all training runs of an arm together."""

    group: str
    mean: float = Field(description="censored rows count with the largest radius: a lower limit")
    median: float
    censored: float = Field(description="share of rows that no attack breaks at the largest radius")
    broken: list[float] = Field(description="share of rows with a least epsilon of at most each of `epsilons`")


class LeastEpsilon(Strict):
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


class AttackedInto(Strict):
    """Into which class the rows of each class are moved by an attack, in one arm."""

    arm: str
    evaluation: Evaluation
    threat: str
    epsilon: float
    classes: list[str]
    rows: list[int] = Field(description="of each true class")
    shares: list[list[float]] = Field(description="of each true class's rows: predicted as each class, mean over runs")


class Example(Strict):
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


class ClaimModels(Strict):
    """How many pairs of trained models show what a claim says, beyond the noise of the rows."""

    shown: int
    of: int
    sentence: str


class Claim(Strict):
    """A claim of the paper, judged."""

    id: str
    text: str
    judgement: Literal["supported", "refuted", "inconclusive"] = Field(description="of these recipes")
    reason: str
    findings: list[str]
    p_value: float | None = Field(default=None, description="the largest of its parts, each one-sided")
    p_adjusted: float | None = Field(default=None, description="by Holm over the claims of these data")
    models: ClaimModels | None = Field(default=None, description="of these trained models, one pair a training run")


class Reading(Strict):
    """One share that an alarm rests on, such as an accuracy under one attack."""

    label: str = Field(description="what was measured, such as 'under PGD with 20 steps at 0.1'")
    value: float = Field(description="a share of rows")


class Alarm(Strict):
    """A sign that a robustness figure is unreliable."""

    id: str
    title: str
    arm: str
    fired: bool
    message: str
    value: float | None
    meaning: str = Field(default="", description="what it means where it fires, in a sentence or two")
    readings: list[Reading] = Field(default=[], description="the figures behind it, the questionable one first")


class ModelNote(Strict):
    """Something that a reader must know about the models of an arm, where nothing is wrong."""

    id: str
    title: str
    arm: str
    text: str


class Arm(Strict):
    """How an arm was made."""

    name: str
    title: str
    note: str


class Data(Strict):
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


class StageTime(Strict):
    """How long one stage of a run took."""

    stage: str
    kind: Literal["training", "attacks", "predictions", "leave-one-out", "statistics", "report", "other"]
    arm: str | None
    seconds: float


class Results(Strict):
    """Everything a report shows."""

    fairtoll_version: str
    schema_version: Literal[3]
    title: str
    question: str = Field(description="what is evaluated, in one sentence")
    dataset: Data
    configuration: dict[str, Any]
    adversary: Adversary | None = Field(default=None, description="of rows of one's own: what it may change")
    arms: list[Arm]
    findings: list[Finding]
    gaps: list[Gap] = Field(default=[], description="of a single arm, where there is none to compare it with")
    accuracy: list[Accuracy]
    claims: list[Claim]
    alarms: list[Alarm]
    answer: list[str] = Field(default=[], description="who pays and how much, in a few sentences")
    model_notes: list[ModelNote] = Field(default=[], description="on the models of one arm each")
    notes: list[str] = Field(description="remarks on how to read these results")
    highlights: list[str] = Field(default=[], description="sentences for the first screen")
    cuts: list[str] = Field(default=[], description="what this run left out or made smaller, for the first screen")
    least_epsilon: list[LeastEpsilon] = Field(default=[])
    proofs: list[Proof] = Field(default=[], description="which rows are broken, proved robust, or neither")
    attacked_into: list[AttackedInto] = Field(default=[])
    certified: list[Certified] = Field(default=[], description="radii that others claim, arm by arm")
    detections: list[Detection] = Field(default=[], description="what detectors of attacks flag, arm by arm")
    examples: list[Example] = Field(default=[])
    recipes: list[Recipe] = Field(default=[], description="of a comparison of recipes: what each arm is and reaches")
    reach: list[Reach] = Field(default=[], description="of each family of recipes with several strengths")
    discoveries: list[Discovery] = Field(default=[], description="of own strengths: which gaps are wider, of many")
    matched: list[Matched] = Field(default=[], description="tolls of families at equal average robust accuracy")
    leave_one_out: list[LeaveOneOut] = Field(default=[], description="by arm and design, the paper's design first")
    theory: Theory | None = Field(default=None, description="where rows are drawn from a known model")
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
