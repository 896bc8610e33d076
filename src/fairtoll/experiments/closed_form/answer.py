"""What formulas say of a run, in two sentences."""

from __future__ import annotations

from fairtoll.findings.results import ExactChange, Theory, TheoryClaim
from fairtoll.metrics import METRICS

#: What the findings end in that say of a gap which way it goes.
RISES = " rises"


def answer_of_theory(theory: Theory) -> list[str]:
    """Say which gaps go the paper's way and which do not, and how many measured intervals hold the exact value.

    Examples
    --------
    >>> answer_of_theory(Theory(values=[], curves=[]))
    []
    """
    return [*_ways(theory), *_agreement(theory)]


def _ways(theory: Theory) -> list[str]:
    shown = [claim for claim in theory.claims if claim.finding.endswith(RISES) and claim.changes]
    if not shown:
        return []
    rise = [claim for claim in shown if all(change.robust > change.standard for change in claim.changes)]
    fall = [claim for claim in shown if all(change.robust < change.standard for change in claim.changes)]
    mixed = [claim for claim in shown if claim not in (*rise, *fall)]
    parts = [
        f"{words} {_listed([_named(claim) for claim in some])}"
        for words, some in (("widens", rise), ("narrows", fall), ("moves both ways", mixed))
        if some
    ]
    way = ", and ".join(parts)
    return [f"By formula, on-line adversarial training of the linear models {way}. The paper found all of them wider."]


def _named(claim: TheoryClaim) -> str:
    in_points = METRICS[claim.changes[0].metric].unit == "points"
    numbers = _listed([_numbers(change, in_points=in_points) for change in claim.changes])
    return f"{claim.finding.removesuffix(RISES)} ({numbers}{' points' if in_points else ''})"


def _numbers(change: ExactChange, *, in_points: bool) -> str:
    ends = (f"{100 * end:.1f}" if in_points else f"{end:.3g}" for end in (change.standard, change.robust))
    return " to ".join(ends)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _agreement(theory: Theory) -> list[str]:
    judged = [value.inside for value in theory.values if value.inside is not None]
    if not judged:
        return []
    return [f"{sum(judged)} of {len(judged)} measured 95% intervals of the linear models hold the exact value."]
