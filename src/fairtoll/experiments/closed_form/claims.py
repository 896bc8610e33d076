"""The paper's findings beside what formulas say of them: in general, on these rows, and where real classes lie."""

from __future__ import annotations

from collections.abc import Sequence

from fairtoll.experiments.closed_form.known import KNOWN, Known
from fairtoll.findings.results import ExactChange, ExactValue, Finding, SignMap, Theory, TheoryClaim, VerdictName

#: The arms that are compared.
STANDARD, ROBUST = "standard", "online"
#: The paper's own training.
STATIC = "static"
#: Maps of real classes, whose places have a column.
REAL = ("Adult-like", "CIFAR-10-like")


def theory_claims(theory: Theory, findings: Sequence[Finding]) -> list[TheoryClaim]:
    """Every finding of the paper, with what these rows show of it; nothing where they show none.

    Parameters
    ----------
    theory : Theory
        With what was measured beside its values.
    findings : sequence of Finding
        Of the run.

    Examples
    --------
    >>> theory_claims(Theory(values=[], curves=[]), [])
    []
    """
    values = sorted(theory.values, key=lambda value: value.epsilon or 0.0)
    found = [
        TheoryClaim(
            claims=list(known.claims),
            finding=known.finding,
            general=list(known.general),
            changes=[change for value in values if (change := _change(known, value, theory, findings)) is not None],
            places={one.title: _at(known, one) for one in theory.maps if one.title in REAL},
        )
        for known in KNOWN
    ]
    return found if any(claim.changes for claim in found) else []


def _change(known: Known, value: ExactValue, theory: Theory, findings: Sequence[Finding]) -> ExactChange | None:
    """What the standard arm's value becomes in the robust arm, where the finding is about it."""
    if (value.metric, value.partition) != (known.metric, known.partition):
        return None
    if value.arm != STANDARD or value.exact is None or (value.group is not None) is not known.groups:
        return None
    if value.measured is None:
        return None
    robust, static = (_exact(theory, arm, value.question, value.group) for arm in (ROBUST, STATIC))
    if robust is None:
        return None
    finding = next((one for one in findings if _compares(one) and one.id.endswith(f"/{value.question}")), None)
    measured, interval, verdict = _measured(finding, value.group)
    return ExactChange(
        of=_in_words(value),
        metric=value.metric,
        standard=value.exact,
        robust=robust,
        static=static,
        larger=_turned(theory, value.question) if value.group is None else None,
        measured=measured,
        interval=interval,
        verdict=verdict,
    )


def _exact(theory: Theory, arm: str, question: str, group: str | None) -> float | None:
    """The exact value of an arm; None where there is none."""
    wanted = (arm, question, group)
    return next((one.exact for one in theory.values if (one.arm, one.question, one.group) == wanted), None)


def _turned(theory: Theory, question: str) -> tuple[str, str] | None:
    """The group with the largest value of the standard and of the robust arm, where these are two."""
    largest = []
    for arm in (STANDARD, ROBUST):
        own = {
            one.group: one.exact
            for one in theory.values
            if (one.arm, one.question) == (arm, question) and one.group is not None and one.exact is not None
        }
        largest += [max(own, key=lambda name: own[name])] if own else []
    return (largest[0], largest[1]) if len(set(largest)) == len(largest) == 2 else None


def _in_words(value: ExactValue) -> str:
    """Which gap or group's value it is, among those of one finding."""
    if value.metric == "cru_s":
        return f"at epsilon {value.epsilon:g}"
    among = "" if value.label is None else f"among {value.label}"
    if value.group is not None:
        return f"{value.group} {among}".strip()
    return among or "gap"


def _compares(finding: Finding) -> bool:
    return finding.standard.arm == STANDARD and finding.robust.arm == ROBUST


def _measured(
    finding: Finding | None, group: str | None
) -> tuple[float | None, tuple[float, float] | None, VerdictName | None]:
    if finding is None:
        return None, None, None
    if group is None:
        difference = finding.difference
        return (None, None, None) if difference is None else (difference.value, difference.interval, finding.verdict)
    changed = next((one for one in finding.changes if one.group == group), None)
    return (None, None, None) if changed is None else (changed.value, changed.interval, None)


def _at(known: Known, one: SignMap) -> str:
    """What holds at the places of a map, in words: with the least error and with the least loss."""
    if known.sign is None:
        return known.elsewhere
    rises = {
        rule: [getattr(sign, known.sign) for sign in signs if sign is not None]
        for rule, signs in (
            ("error", [place.least_error for place in one.places]),
            ("loss", [place.least_loss for place in one.places]),
        )
    }
    beyond = sum(place.least_error is None for place in one.places)
    more = f"; at {beyond} more no rule is robust" if beyond else ""
    of = f"of {len(rises['error'])} {one.each}"
    return (
        f"rises with the least error at {sum(rises['error'])} {of}, with the least loss at {sum(rises['loss'])}{more}"
    )
