"""Judging claims: of these recipes, by one-sided tests with Holm over claims; and of each pair of trained models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fairtoll.experiments.published import claim_text
from fairtoll.findings import Question
from fairtoll.findings.measured import Measured
from fairtoll.findings.results import Claim, ClaimModels, Finding, LeaveOneOut
from fairtoll.findings.units import spoken
from fairtoll.statistics.verdict import MINIMUM_RUNS

Judgement = Literal["supported", "refuted", "inconclusive"]
SUPPORTED: Judgement = "supported"
REFUTED: Judgement = "refuted"
INCONCLUSIVE: Judgement = "inconclusive"
#: Error of the claims of one data set together, and of one pair of models.
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Found:
    """What claims are judged by.

    Attributes
    ----------
    findings : mapping
        Under the paper's own protocol, by the key of their question.
    questions : mapping
        Their questions, by the same keys.
    measured : Measured, optional
        For estimates beyond the findings.
    leave_one_out : sequence of LeaveOneOut
        What was measured of it, if anything.
    """

    findings: Mapping[str, Finding]
    questions: Mapping[str, Question] = field(default_factory=dict)
    measured: Measured | None = None
    leave_one_out: Sequence[LeaveOneOut] = ()


@dataclass(frozen=True)
class Tested:
    """A claim with its test, before the other claims of the data are allowed for.

    Attributes
    ----------
    id : str
        Of the claim in `published.json`.
    p_value : float, optional
        The largest of its parts, each one-sided: all of them must hold. None where nothing was tested.
    refuted : bool
        Whether the data rule it out where they do not support it.
    said : str
        The figures behind it.
    findings : sequence of Finding
        Behind it.
    models : ClaimModels, optional
        How many pairs of trained models show it.
    below_margin : bool
        Whether what it says is true, but less than the margin that matters.
    never_supported : bool
        Whether such data can only refute it.
    lead : mapping
        How the reason begins, by judgement, where it is not the general wording.
    """

    id: str
    p_value: float | None
    refuted: bool
    said: str
    findings: Sequence[Finding] = ()
    models: ClaimModels | None = None
    below_margin: bool = False
    never_supported: bool = False
    lead: Mapping[Judgement, str] = field(default_factory=dict)


class ClaimTest(Protocol):
    """A claim that can be tested; see `fairtoll.experiments.claim_kinds`."""

    def __call__(self, found: Found) -> Tested:
        """Test it."""


#: The conclusion of a paper, from the claims that are judged already.
Conclude = Callable[[Found, Sequence[Claim]], Claim]


def judge_claims(
    claims: Sequence[ClaimTest],
    findings: Sequence[Finding],
    *,
    conclude: Conclude | None = None,
    robust: str = "static",
    questions: Sequence[Question] = (),
    measured: Measured | None = None,
    leave_one_out: Sequence[LeaveOneOut] = (),
) -> list[Claim]:
    """Each claim with its judgement, the reason and the findings behind it.

    Judged under the paper's own protocol; nothing is judged where its arms were not trained. Each claim has a one-sided
    p-value, the largest of its parts (an intersection-union test), and Holm's method allows for all claims of the
    data. A claim whose p-value survives is *supported*; one that its gaps rule out is *refuted*; else it is
    *inconclusive*. The conclusion is drawn from the claims and not tested.

    Parameters
    ----------
    claims : sequence of callable
        In order.
    findings : sequence of Finding
        Of the whole report.
    conclude : callable, optional
        Draws the conclusion.
    robust : str
        The paper's robust arm.
    questions : sequence of Question
        Of the findings.
    measured : Measured, optional
        For estimates beyond the findings.
    leave_one_out : sequence of LeaveOneOut
        What was measured of it, if anything.

    Examples
    --------
    >>> judge_claims([], [])
    []
    """
    start = f"paper/{robust}/"
    by_key = {finding.id.removeprefix(start): finding for finding in findings if finding.id.startswith(start)}
    if not by_key:
        return []
    found = Found(by_key, {question.key: question for question in questions}, measured, leave_one_out)
    tested = [test(found) for test in claims]
    adjusted = holm({one.id: one.p_value for one in tested if one.p_value is not None and not one.never_supported})
    judged = [_judge(one, adjusted.get(one.id)) for one in tested]
    return judged if conclude is None else [*judged, conclude(found, judged)]


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values: each is at most a level where the step-down method at that level rejects.

    Examples
    --------
    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for place, (name, p_value) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - place) * p_value))
        adjusted[name] = largest
    return adjusted


def _judge(tested: Tested, adjusted: float | None) -> Claim:
    survives = adjusted is not None and adjusted <= LEVEL
    judgement: Judgement = SUPPORTED if survives else REFUTED if tested.refuted else INCONCLUSIVE
    lead = tested.lead.get(judgement) or _lead(tested, judgement)
    return Claim(
        id=tested.id,
        text=claim_text(tested.id),
        judgement=judgement,
        reason=f"{lead}: {tested.said}." if tested.said else f"{lead}.",
        findings=[finding.id for finding in tested.findings],
        p_value=tested.p_value,
        p_adjusted=adjusted,
        models=tested.models,
    )


def _lead(tested: Tested, judgement: Judgement) -> str:
    if judgement == SUPPORTED:
        return "It is, below the margin that matters" if tested.below_margin else "It is"
    if judgement == REFUTED:
        return "It is ruled out"
    runs = min((finding.runs for finding in tested.findings), default=0)
    if 0 < runs < MINIMUM_RUNS:
        return f"{'One training run is' if runs == 1 else 'Two training runs are'} inconclusive about the recipes"
    return "Inconclusive"


def models_that_show(shown: Sequence[bool], what: str) -> ClaimModels | None:
    """How many pairs of trained models show a claim, one flag a pair.

    Examples
    --------
    >>> models_that_show([True, False, True], "it").sentence
    '2 of 3 pairs of models show it beyond the noise of the rows'
    """
    if not shown:
        return None
    count, of = sum(shown), len(shown)
    if of == 1:
        sentence = f"This pair of models {'shows' if count else 'does not show'} {what} beyond the noise of the rows"
    else:
        sentence = f"{count} of {of} pairs of models show {what} beyond the noise of the rows"
    return ClaimModels(shown=count, of=of, sentence=sentence)


def say_change(finding: Finding, where: str = "") -> str:
    """The gap in both arms and the change, in one phrase, in the unit of a report."""
    change = finding.difference
    if finding.parameters.epsilon is not None and finding.metric == "cru_s":
        where += f" at {finding.parameters.epsilon:g}"
    unit = spoken(finding.metric)
    before, after = (
        "insufficient data" if arm.value is None else unit.number(arm.value)
        for arm in (finding.standard, finding.robust)
    )
    phrase = f"{before} to {after}{unit.name}{where}"
    if change is not None:
        phrase += f" (change {unit.change(change.value)}, interval {unit.change_of(change.interval)})"
    return phrase
