"""Judging a claim: the judgement that its verdicts support, in wording shared by all experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fairtoll.experiments.published import claim_text
from fairtoll.findings.results import Claim, Finding, LeaveOneOut
from fairtoll.metrics import LUF_FLIP_RATE
from fairtoll.statistics.verdict import MINIMUM_RUNS

Judgement = Literal["supported", "refuted", "inconclusive"]
SUPPORTED: Judgement = "supported"
REFUTED: Judgement = "refuted"
INCONCLUSIVE: Judgement = "inconclusive"


@dataclass(frozen=True, eq=False)
class Found:
    """What claims are judged by.

    Attributes
    ----------
    findings : mapping
        Under the paper's own protocol, by the key of their question.
    leave_one_out : sequence of LeaveOneOut
        What was measured of it, if anything.
    claims : list of Claim
        Those judged before.
    """

    findings: Mapping[str, Finding]
    leave_one_out: Sequence[LeaveOneOut] = ()
    claims: list[Claim] = field(default_factory=list)


#: A claim that can be judged; see `fairtoll.experiments.claim_kinds`.
JudgeClaim = Callable[[Found], Claim]


def judge_claims(
    claims: Sequence[JudgeClaim],
    findings: Sequence[Finding],
    *,
    robust: str = "static",
    leave_one_out: Sequence[LeaveOneOut] = (),
) -> list[Claim]:
    """Each claim with its judgement, the reason and the findings behind it.

    Judged under the paper's own protocol; nothing is judged where its arms were not trained. A claim that the robust
    classifier is worse is *supported* if every gap it names is "less fair", *refuted* if one is "fairer" or
    "equivalent", and *inconclusive* otherwise.

    Parameters
    ----------
    claims : sequence of callable
        In order; a later one may read what was said of an earlier one.
    findings : sequence of Finding
        Of the whole report.
    robust : str
        The paper's robust arm.
    leave_one_out : sequence of LeaveOneOut
        What was measured of it, if anything.

    Examples
    --------
    >>> judge_claims([], [])
    []
    """
    start = f"paper/{robust}/"
    by_key = {finding.id.removeprefix(start): finding for finding in findings if finding.id.startswith(start)}
    found = Found(by_key, leave_one_out)
    for judge in claims if by_key else ():
        found.claims.append(judge(found))
    return found.claims


def make_claim(identifier: str, judgement: Judgement, reason: str, findings: Sequence[Finding]) -> Claim:
    """A judged claim, in the paper's wording as `published.json` has it."""
    return Claim(
        id=identifier,
        text=claim_text(identifier),
        judgement=judgement,
        reason=reason,
        findings=[finding.id for finding in findings],
    )


def join_verdicts(findings: Sequence[Finding]) -> Judgement:
    """A claim that the robust arm is worse: by every gap, ruled out by one, or open."""
    verdicts = {finding.verdict for finding in findings}
    if verdicts == {"less fair"}:
        return SUPPORTED
    return REFUTED if verdicts & {"fairer", "equivalent"} else INCONCLUSIVE


def all_or_none(judgements: Sequence[Judgement]) -> Judgement:
    """Supported if every part is, refuted if one part is."""
    if all(judgement == SUPPORTED for judgement in judgements):
        return SUPPORTED
    return REFUTED if REFUTED in judgements else INCONCLUSIVE


def by_reach(change: float, reach: float) -> Judgement:
    """A change claimed to be above 0, of which `reach` is the uncertainty.

    Examples
    --------
    >>> by_reach(0.2, 0.1), by_reach(-0.2, 0.1), by_reach(0.05, 0.1)
    ('supported', 'refuted', 'inconclusive')
    """
    return SUPPORTED if change > reach else REFUTED if change < -reach else INCONCLUSIVE


def unless_few_runs(judgement: Judgement, findings: Sequence[Finding]) -> Judgement:
    """One or two training runs give no information about the next."""
    return INCONCLUSIVE if min(finding.runs for finding in findings) < MINIMUM_RUNS else judgement


def meaning(judgement: Judgement, runs: int) -> str:
    """The basis of a judgement, in a few words."""
    if judgement == SUPPORTED:
        return "The change is above the margin"
    if judgement == REFUTED:
        return "A change in the claimed direction is ruled out"
    if runs < MINIMUM_RUNS:
        return "One training run is inconclusive" if runs == 1 else "Two training runs are inconclusive"
    return "The interval is inconclusive"


def say_change(finding: Finding, where: str = "") -> str:
    """The gap in both arms and the change, in one phrase."""
    change = finding.difference
    if finding.parameters.epsilon is not None and finding.metric == "cru_s":
        where += f" at {finding.parameters.epsilon:g}"
    digits = 5 if finding.metric == "cru_epsilon" else 3
    phrase = f"{_number(finding.standard.value, digits)} to {_number(finding.robust.value, digits)}{where}"
    if change is not None:
        low, high = change.interval
        phrase += f" (change {change.value:+.{digits}f}, interval {low:+.{digits}f} to {high:+.{digits}f})"
    return phrase


def judge_flips(found: Sequence[LeaveOneOut]) -> tuple[Judgement, str]:
    """Whether leave-one-out models change more predictions of the static classifier, and the sentence that says so.

    By the flip rate, which carries LUF_t and LUF_l, in the design that the paper must have used. Each of its members
    has its own seed, so that its interval covers new seeds; those of the reference models it covers where there
    are several.

    Examples
    --------
    >>> judge_flips([])
    ('inconclusive', 'Leave-one-out models of both classifiers are not trained in this run.')
    """
    compared = [one for one in found if one.above_standard is not None]
    if not compared:
        return INCONCLUSIVE, "Leave-one-out models of both classifiers are not trained in this run."
    independent = next((one for one in compared if one.design == "independent-seeds"), None)
    if independent is None or independent.above_standard is None:
        missing = "Leave-one-out models with their own seeds (independent-seeds)"
        return INCONCLUSIVE, f"{missing} are not trained in this run."
    if independent.above_standard.interval is None:
        return INCONCLUSIVE, "A single member, or members that are all equal, give no interval."
    contrast, margin = independent.above_standard, LUF_FLIP_RATE.margin
    low, high = independent.above_standard.interval
    judgement: Judgement = SUPPORTED if low > margin else REFUTED if high < margin else INCONCLUSIVE
    lead = {SUPPORTED: "The change is above the margin", REFUTED: "A change above the margin is ruled out"}.get(
        judgement, "The interval is inconclusive"
    )
    return judgement, (
        f"{lead}: with a separate seed for each of {independent.members} models, predictions flip "
        f"{100 * contrast.flip_rate:+.2f} points more often for the static classifier (interval {100 * low:+.2f} to "
        f"{100 * high:+.2f}, margin {100 * margin:g}); LUF {contrast.luf:+.4f}."
    )


def _number(value: float | None, digits: int) -> str:
    return "insufficient data" if value is None else f"{value:.{digits}f}"


def conclude(data: str, claims: Sequence[Claim], kinds: Mapping[str, Sequence[str]], unmeasured: str) -> Claim:
    """The paper's conclusion, that all four kinds of fairness are harmed, as far as one data set shows.

    Parameters
    ----------
    data : str
        What to call the data.
    claims : sequence of Claim
        Judged already.
    kinds : mapping
        Kind of fairness to the claims that decide it.
    unmeasured : str
        The kinds that this experiment does not measure, in words.
    """
    judged = {claim.id: claim.judgement for claim in claims}
    found = {kind: [judged[one] for one in of] for kind, of in kinds.items()}
    fallen = [kind for kind, of in found.items() if REFUTED in of]
    open_ = [kind for kind, of in found.items() if INCONCLUSIVE in of and kind not in fallen]
    shown = [kind for kind in found if kind not in fallen and kind not in open_]
    phrases = [
        f"{label} {', '.join(kinds_)}"
        for label, kinds_ in (("shown for", shown), ("not so for", fallen), ("not settled for", open_))
        if kinds_
    ]
    reason = f"On {data}, {'; '.join(phrases)}; {unmeasured}."
    ids = sorted({identifier for claim in claims for identifier in claim.findings})
    return Claim(
        id="conclusion",
        text=claim_text("conclusion"),
        judgement=REFUTED if fallen else INCONCLUSIVE,
        reason=reason,
        findings=ids,
    )
