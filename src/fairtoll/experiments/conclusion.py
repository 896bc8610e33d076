"""The claim about leave-one-out models, and the paper's conclusion as far as one data set shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scipy.special import ndtr

from fairtoll.experiments.claims import INCONCLUSIVE, REFUTED, Judgement, Tested
from fairtoll.experiments.published import claim_text
from fairtoll.findings.results import Claim, LeaveOneOut
from fairtoll.metrics import LUF_FLIP_RATE


def compare_flips(identifier: str, found: Sequence[LeaveOneOut]) -> Tested:
    """Whether leave-one-out models change more predictions of the static classifier.

    By the flip rate, which carries LUF_t and LUF_l, in the design that the paper must have used. Each of its members
    has its own seed, so that its interval covers new seeds; those of the reference models it covers where there
    are several. The p-value is read from the interval as if it were a normal one.

    Examples
    --------
    >>> compare_flips("luf", []).said
    'leave-one-out models of both classifiers are not trained in this run'
    """
    compared = [one for one in found if one.above_standard is not None]
    if not compared:
        said = "leave-one-out models of both classifiers are not trained in this run"
        return Tested(identifier, None, refuted=False, said=said)
    independent = next((one for one in compared if one.design == "independent-seeds"), None)
    if independent is None or independent.above_standard is None:
        missing = "leave-one-out models with their own seeds (independent-seeds)"
        return Tested(identifier, None, refuted=False, said=f"{missing} are not trained in this run")
    if independent.above_standard.interval is None:
        said = "a single member, or members that are all equal, give no interval"
        return Tested(identifier, None, refuted=False, said=said)
    contrast, margin = independent.above_standard, LUF_FLIP_RATE.margin
    low, high = independent.above_standard.interval
    error = (high - low) / 2 / 1.96
    return Tested(
        identifier,
        float(ndtr(-contrast.flip_rate / error)),
        refuted=high < margin,
        said=f"with a separate seed for each of {independent.members} models, predictions flip "
        f"{100 * contrast.flip_rate:+.2f} points more often for the static classifier (interval {100 * low:+.2f} to "
        f"{100 * high:+.2f}, margin {100 * margin:g}); LUF {contrast.luf:+.4f}",
        below_margin=low <= margin,
    )


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
    judged: dict[str, Judgement] = {claim.id: claim.judgement for claim in claims}
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
