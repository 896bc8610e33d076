"""The paper's claims about CIFAR-10, judged from the findings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairtoll.experiments.arms import PAPER
from fairtoll.experiments.cifar10_plan import LEAST, PAPER_EPSILONS, cifar10_plan
from fairtoll.experiments.claims import (
    INCONCLUSIVE,
    Judgement,
    all_or_none,
    by_reach,
    conclude,
    join_verdicts,
    judge_flips,
    make_claim,
    meaning,
    say_change,
    unless_few_runs,
)
from fairtoll.findings.results import Accuracy, ArmValue, Claim, Finding, LeaveOneOut

#: As the paper names them.
HARD, EASY = ("cat", "dog"), ("airplane", "horse", "ship")


def judge_cifar10_claims(
    findings: Sequence[Finding], accuracy: Sequence[Accuracy], *, leave_one_out: Sequence[LeaveOneOut] = ()
) -> list[Claim]:
    """Each of the paper's claims that concerns CIFAR-10, with the reason and the findings behind it.

    Judged under the paper's own protocol, white-box over all rows where it names no evaluation; nothing is judged
    where its arms were not trained. A claim that the robust classifier is worse is *supported* if every gap it names is
    "less fair", *refuted* if one is "fairer" or "equivalent", and *inconclusive* otherwise.

    Parameters
    ----------
    findings : sequence of Finding
        Of the whole report.
    accuracy : sequence of Accuracy
        Unused by these claims; part of the common signature.
    leave_one_out : sequence of LeaveOneOut
        What was measured of it, if anything.

    Returns
    -------
    list of Claim
    """
    ids = {f"paper/{PAPER.robust}/{question.key}": question.key for _, question in cifar10_plan("paper")}
    by_key = {ids[finding.id]: finding for finding in findings if finding.id in ids}
    if not by_key:
        return []
    cau = by_key["cau/class/clean"]
    least = by_key[f"cru_epsilon/class/white-box/paper/{LEAST.name}/{LEAST.epsilon:g}/all"]
    rates = [by_key[f"cru_s/class/white-box/paper/pgd-20/{epsilon:g}/all"] for epsilon in PAPER_EPSILONS]
    claims = [
        _worse("cau-cifar10", [cau], "CAU"),
        _easy_and_hard(cau),
        _least_epsilon(least),
        _worse("cru-s-cifar10", rates, "white-box over all rows, CRU_s"),
        _shrinks(rates),
        _leave_one_out(leave_one_out),
    ]
    kinds = {
        "CAU": ["cau-cifar10"],
        "CRU_eps": ["least-epsilon"],
        "CRU_s": ["cru-s-cifar10"],
        "LUF": ["luf"],
    }
    return [
        *claims,
        conclude("CIFAR-10", claims, kinds, "CIFAR-10 has no groups for equalized odds"),
    ]


def _worse(identifier: str, findings: Sequence[Finding], what: str) -> Claim:
    judgement = join_verdicts(findings)
    runs = findings[0].runs
    said = f"{what} {'; '.join(say_change(finding) for finding in findings)}, over {_runs(runs)}"
    return make_claim(identifier, judgement, f"{meaning(judgement, runs)}: {said}.", findings)


def _runs(number: int) -> str:
    return "one training run" if number == 1 else f"{number} training runs"


def _easy_and_hard(cau: Finding) -> Claim:
    """Down on the hard classes and up on the easy ones, each by more than its uncertainty."""
    phrases, judgements = [], []
    for names, sign in ((HARD, -1.0), (EASY, 1.0)):
        for name in names:
            change, reach = _change(cau.standard, cau.robust, name)
            judgements.append(by_reach(sign * change, reach))
            phrases.append(f"{name} {100 * change:+.1f} ± {100 * reach:.1f} points")
    judgement = unless_few_runs(all_or_none(judgements), [cau])
    lead = {"supported": "Each class moves as claimed", "refuted": "A class moves the other way"}.get(
        judgement, meaning(judgement, cau.runs)
    )
    return make_claim("easy-hard", judgement, f"{lead}: accuracy from standard to static, {', '.join(phrases)}.", [cau])


def _least_epsilon(least: Finding) -> Claim:
    """CRU_eps larger, because least epsilon rises more for the easy classes than for the hard ones."""
    rises = {names: [_change(least.standard, least.robust, name) for name in names] for names in (HARD, EASY)}
    means = {names: sum(change for change, _ in of) / len(of) for names, of in rises.items()}
    reach = math.hypot(*(math.hypot(*(one for _, one in of)) / len(of) for of in rises.values()))
    judgement = all_or_none([join_verdicts([least]), by_reach(means[EASY] - means[HARD], reach)])
    judgement = unless_few_runs(judgement, [least])
    reason = (
        f"{meaning(judgement, least.runs)}: CRU_eps {say_change(least)}; mean least epsilon changes by "
        f"{means[EASY]:+.5f} for {_list(EASY)} and by {means[HARD]:+.5f} for {_list(HARD)} (white-box; "
        f"{means[EASY] - means[HARD]:+.5f} ± {reach:.5f} apart)."
    )
    return make_claim("least-epsilon", judgement, reason, [least])


def _shrinks(rates: Sequence[Finding]) -> Claim:
    """The change of CRU_s from the first radius to the last, and in between."""
    changes = [finding.difference for finding in rates]
    if any(change is None for change in changes):
        return make_claim("cru-s-shrinks", INCONCLUSIVE, "A class has too few rows to compare.", rates)
    known = [change for change in changes if change is not None]
    # The same rows and models at every radius: without their covariance the half-widths are added, which is safe.
    reach = [(change.interval[1] - change.interval[0]) / 2 for change in known]
    judgements: list[Judgement] = [
        by_reach(known[index].value - known[index + 1].value, reach[index] + reach[index + 1])
        for index in range(len(known) - 1)
    ]
    judgement = unless_few_runs(all_or_none(judgements), rates)
    lead = {"supported": "It shrinks", "refuted": "It grows"}.get(judgement, meaning(judgement, rates[0].runs))
    listed = ", ".join(
        f"{100 * change.value:+.1f} ± {100 * half:.1f} points at {epsilon:g}"
        for change, half, epsilon in zip(known, reach, PAPER_EPSILONS, strict=True)
    )
    return make_claim("cru-s-shrinks", judgement, f"{lead}: white-box over all rows, the change is {listed}.", rates)


def _leave_one_out(found: Sequence[LeaveOneOut]) -> Claim:
    judgement, reason = judge_flips(found)
    return make_claim("luf", judgement, reason, [])


def _change(standard: ArmValue, robust: ArmValue, name: str) -> tuple[float, float]:
    """How far a class's mean moves between two arms, and the uncertainty of it."""
    before, after = (next(group for group in arm.groups if group.group == name) for arm in (standard, robust))
    if before.value is None or after.value is None:
        return 0.0, math.inf
    widths = [one.interval[1] - one.interval[0] if one.interval else math.inf for one in (before, after)]
    # The arms share their rows, so that treating them as apart is on the safe side.
    return after.value - before.value, math.hypot(*widths) / 2


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
