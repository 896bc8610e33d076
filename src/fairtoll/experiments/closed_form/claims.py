"""The paper's findings beside what formulas say of them: in general, on these rows, and where real classes lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fairtoll.findings.results import ExactChange, ExactValue, Finding, SignMap, Theory, TheoryClaim, VerdictName

#: The arms that are compared.
STANDARD, ROBUST = "standard", "online"
#: Maps of real classes, whose places have a column.
REAL = ("Adult-like", "CIFAR-10-like")
Sign = Literal["cau", "cru_s", "cru_epsilon"]


@dataclass(frozen=True)
class Known:
    """One finding: which measures show it, and what is proved of it (docs/theory.md).

    Attributes
    ----------
    claims : sequence of str
        Ids in `published.json`.
    finding : str
        In a few words.
    general : sequence of str
        Where it holds, and where it is reversed.
    metric, partition : str
        Of the gaps that show it.
    groups : bool
        Whether the groups' own values show it, not their gap.
    radii : bool
        Whether gaps at every radius of the attack show it, measured or not.
    sign : {"cau", "cru_s", "cru_epsilon"}, optional
        Which sign of a place it is.
    elsewhere : str
        What to say of places without one.
    """

    claims: tuple[str, ...]
    finding: str
    general: tuple[str, ...]
    metric: str
    partition: str = "class"
    groups: bool = False
    radii: bool = False
    sign: Sign | None = None
    elsewhere: str = ""


KNOWN = (
    Known(
        ("cau-adult", "cau-cifar10"),
        "CAU rises",
        (
            "Always where covariances are proportional and classes equally frequent (Theorem 1).",
            "Reversed where classes differ in spread only on features that a robust rule drops, or where the wide "
            "class is the frequent one.",
        ),
        "cau",
        sign="cau",
    ),
    Known(
        ("easy-hard",),
        "Hard classes lose accuracy, easy ones gain",
        (
            "Always for the hard class, under the conditions of Theorem 1.",
            "Under a condition for the easy one: where all features are alike, or the threshold moves farther than the "
            "distance shrinks.",
            "Reversed where much of the easy class's accuracy came from weak features.",
        ),
        "cau",
        groups=True,
        elsewhere="the hard class loses wherever a rule is robust",
    ),
    Known(
        ("cru-s-adult", "cru-s-cifar10"),
        "CRU_s rises",
        (
            "Always the signed gap, hard minus easy, at every radius up to that of training (Theorem 2).",
            "Under a condition the gap itself: where both signed gaps add up to more than 0.",
            "Reversed where classes lie far apart: under attack the standard rule then breaks more of the easy class.",
        ),
        "cru_s",
        sign="cru_s",
    ),
    Known(
        ("cru-s-shrinks",),
        "The rise of CRU_s shrinks with the radius of the attack",
        (
            "Under a condition, of the signed gap: where features are alike, at radii that break more than half of "
            "each class (Theorem 2e).",
            "The signed one grows at radii that break less than half of each class; CRU_s itself may do either there.",
        ),
        "cru_s",
        radii=True,
        elsewhere="depends on the radii, not on the data alone",
    ),
    Known(
        ("least-epsilon",),
        "CRU_ε rises",
        (
            "Always where classes are closer than about one spread, and features alike (Theorem 3).",
            "Reversed farther apart: the hard class, more spread out, has the larger mean least epsilon, and robust "
            "training gives the easy class what it takes from the hard one; unless the sign of the gap changes.",
        ),
        "cru_epsilon",
        sign="cru_epsilon",
    ),
    Known(
        ("eou-sex", "eou-race"),
        "EOU rises",
        (
            "Under a condition: where groups differ on strong features, which robust training weighs more (Theorem 4).",
            "Reversed where they differ on weak features, which it drops.",
        ),
        "eou",
        partition="group",
        elsewhere="not read from spreads: it depends on which features groups differ in",
    ),
)


def theory_claims(theory: Theory, findings: Sequence[Finding]) -> list[TheoryClaim]:
    """Every finding that these rows can show.

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
    found = []
    for known in KNOWN:
        values = sorted(theory.values, key=lambda value: value.epsilon or 0.0)
        changes = [change for value in values if (change := _change(known, value, theory, findings)) is not None]
        if changes:
            found.append(
                TheoryClaim(
                    claims=list(known.claims),
                    finding=known.finding,
                    general=list(known.general),
                    changes=changes,
                    places={one.title: _at(known, one) for one in theory.maps if one.title in REAL},
                )
            )
    return found


def _change(known: Known, value: ExactValue, theory: Theory, findings: Sequence[Finding]) -> ExactChange | None:
    """What the standard arm's value becomes in the robust arm, where the finding is about it."""
    if (value.metric, value.partition) != (known.metric, known.partition):
        return None
    if value.arm != STANDARD or value.exact is None or (value.group is not None) is not known.groups:
        return None
    if value.measured is None and not known.radii:
        return None
    robust = next(
        (
            one.exact
            for one in theory.values
            if (one.arm, one.question, one.group) == (ROBUST, value.question, value.group)
        ),
        None,
    )
    if robust is None:
        return None
    finding = next((one for one in findings if _compares(one) and one.id.endswith(f"/{value.question}")), None)
    measured, interval, verdict = _measured(finding, value.group)
    return ExactChange(
        of=value.group or _gap_in_words(known, value),
        metric=value.metric,
        standard=value.exact,
        robust=robust,
        measured=measured,
        interval=interval,
        verdict=verdict,
    )


def _gap_in_words(known: Known, value: ExactValue) -> str:
    if known.radii:
        return f"at epsilon {value.epsilon:g}"
    return "gap" if value.label is None else f"among {value.label}"


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
    """What holds at the places of a map, in words."""
    if known.sign is None:
        return known.elsewhere
    signs = [getattr(place, known.sign) for place in one.places]
    robust = [sign for sign in signs if sign is not None]
    beyond = len(signs) - len(robust)
    more = f"; at {beyond} more no rule is robust" if beyond else ""
    return f"rises at {sum(robust)} of {len(robust)} {one.each}{more}"
