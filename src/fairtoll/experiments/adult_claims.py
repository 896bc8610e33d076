"""The paper's claims about Adult, judged from the findings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fairtoll.data.adult import CLASS_NAMES
from fairtoll.experiments.adult_plan import adult_plan, of_confidence
from fairtoll.experiments.arms import PAPER
from fairtoll.experiments.claims import (
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
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
from fairtoll.findings.results import Accuracy, Claim, Finding, LeaveOneOut

D0, D1 = CLASS_NAMES


def judge_adult_claims(
    findings: Sequence[Finding], accuracy: Sequence[Accuracy], *, leave_one_out: Sequence[LeaveOneOut] = ()
) -> list[Claim]:
    """Each of the paper's claims that concerns Adult, with the reason and the findings behind it.

    Judged under the paper's own protocol; nothing is judged where its arms were not trained. A claim
    that the robust classifier is worse is *supported* if every gap it names is "less fair", *refuted*
    if one is "fairer" or "equivalent", and *inconclusive* otherwise.

    Parameters
    ----------
    findings : sequence of Finding
        Of the whole report.
    accuracy : sequence of Accuracy
        Unused by these claims; part of the common signature.
    leave_one_out : sequence of LeaveOneOut
        What was measured of it, if anything; the paper claims nothing about it on this data.

    Returns
    -------
    list of Claim
    """
    by_key = {
        question.key: finding
        for comparison, question in adult_plan("paper")
        for finding in findings
        if comparison == PAPER and finding.id == f"paper/static/{question.key}"
    }
    if not by_key:
        return []
    claims = [
        _worse("cau-adult", [by_key["cau/class/clean"]], "CAU"),
        _success_rates(by_key),
        _female_below_male(by_key),
        _higher_on_d1(by_key),
        _worse("eou-sex", [by_key[of_confidence("sex", label).key] for label in (D0, D1)], "EOU for sex"),
        _worse("eou-race", [by_key[of_confidence("race", label).key] for label in (D0, D1)], "EOU for race"),
        _more_values(by_key),
    ]
    kinds = {"CAU": ["cau-adult"], "CRU_s": ["cru-s-adult"], "EOU": ["eou-sex", "eou-race"]}
    return [*claims, conclude("Adult", claims, kinds, _fourth_kind(leave_one_out))]


def _fourth_kind(found: Sequence[LeaveOneOut]) -> str:
    if not found:
        return "the fourth kind, leave-one-out, is not measured here"
    _, reason = judge_flips(found)
    return f"the fourth kind, leave-one-out, the paper claims on CIFAR-10 alone ({reason[0].lower()}{reason[1:-1]})"


def _say(finding: Finding) -> str:
    label = finding.parameters.label
    return say_change(finding, f" in D_{CLASS_NAMES.index(label)}" if label else "")


def _worse(identifier: str, findings: Sequence[Finding], what: str) -> Claim:
    judgement = join_verdicts(findings)
    runs = findings[0].runs
    said = f"{what} {'; '.join(_say(finding) for finding in findings)}, over {runs} training runs"
    return make_claim(identifier, judgement, f"{meaning(judgement, runs)}: {said}.", findings)


def _success_rates(by_key: Mapping[str, Finding]) -> Claim:
    findings = [
        finding for key, finding in by_key.items() if key.startswith("cru_s/class/white-box") and key.endswith("/all")
    ]
    judgement = join_verdicts(findings)
    largest = max(_spread(arm.per_run) for finding in findings for arm in (finding.standard, finding.robust))
    reason = (
        f"{meaning(judgement, findings[0].runs)}: white-box over all rows, CRU_s "
        f"{'; '.join(_say(finding) for finding in findings)}; one arm's CRU_s differs by up to {largest:.3f} between "
        "training runs alone."
    )
    return make_claim("cru-s-adult", judgement, reason, findings)


def _spread(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if known else 0.0


def _female_below_male(by_key: Mapping[str, Finding]) -> Claim:
    findings = [by_key[of_confidence("sex", label).key] for label in (D0, D1)]
    phrases, below, above = [], 0, 0
    for finding in findings:
        for arm in (finding.standard, finding.robust):
            means = {group.group: group.value for group in arm.groups}
            female, male = means.get("Female"), means.get("Male")
            if female is None or male is None or arm.interval is None:
                continue
            phrases.append(
                f"{female:.3f} against {male:.3f} ({arm.arm}, D_{CLASS_NAMES.index(str(finding.parameters.label))})"
            )
            certain = arm.interval[0] > 0
            below += certain and female < male
            above += certain and female > male
    judgement: Judgement = SUPPORTED if below == 4 else REFUTED if above else INCONCLUSIVE
    judgement = unless_few_runs(judgement, findings)
    reason = f"The gap's interval excludes 0 in {below} of 4: female against male {'; '.join(phrases)}."
    return make_claim("female-below-male", judgement, reason, findings)


def _higher_on_d1(by_key: Mapping[str, Finding]) -> Claim:
    first, second = (by_key[of_confidence("sex", label).key] for label in (D0, D1))
    phrases, judgements = [], []
    for one, other in ((first.standard, second.standard), (first.robust, second.robust)):
        if one.value is None or other.value is None or one.interval is None or other.interval is None:
            judgements.append(INCONCLUSIVE)
            continue
        change = other.value - one.value
        # D_0 and D_1 share no row; each half-width stands in for 1.96 standard errors.
        reach = math.hypot((one.interval[1] - one.interval[0]) / 2, (other.interval[1] - other.interval[0]) / 2)
        judgements.append(by_reach(change, reach))
        phrases.append(
            f"{one.arm}: {one.value:.3f} in D_0, {other.value:.3f} in D_1 (change {change:+.3f} ± {reach:.3f})"
        )
    judgement = unless_few_runs(all_or_none(judgements), [first, second])
    lead = {"supported": "It is", "refuted": "It is lower"}.get(judgement, meaning(judgement, first.runs))
    return make_claim("eou-d1-above-d0", judgement, f"{lead}: EOU for sex, {'; '.join(phrases)}.", [first, second])


def _more_values(by_key: Mapping[str, Finding]) -> Claim:
    findings, phrases, judgements = [], [], []
    for label in (D0, D1):
        sex, race = by_key[of_confidence("sex", label).key], by_key[of_confidence("race", label).key]
        findings += [sex, race]
        if sex.difference is None or race.difference is None:
            judgements.append(INCONCLUSIVE)
            continue
        change = race.difference.value - sex.difference.value
        # The same rows and models: without their covariance the half-widths are added, which is safe.
        reach = sum(
            (one.difference.interval[1] - one.difference.interval[0]) / 2 for one in (sex, race) if one.difference
        )
        judgements.append(by_reach(change, reach))
        phrases.append(
            f"D_{CLASS_NAMES.index(label)}: the change is {race.difference.value:+.3f} for race (five values) and "
            f"{sex.difference.value:+.3f} for sex (two), {change:+.3f} ± {reach:.3f} apart"
        )
    judgement = unless_few_runs(all_or_none(judgements), findings)
    # Two attributes cannot show a trend, whatever their order.
    judgement = INCONCLUSIVE if judgement == SUPPORTED else judgement
    lead = "The order is the other way round" if judgement == "refuted" else "Two attributes cannot show a trend"
    return make_claim("eou-values", judgement, f"{lead}: {'; '.join(phrases)}.", findings)
