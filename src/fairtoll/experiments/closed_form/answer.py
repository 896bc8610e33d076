"""What formulas say of a run, in a few sentences."""

from __future__ import annotations

from collections.abc import Callable

from fairtoll.findings.results import ExactChange, Theory, TheoryClaim
from fairtoll.metrics import METRICS

#: What the findings end in that say of a gap which way it goes.
RISES = " rises"
#: What a group with the larger value of a measure is.
LARGER = {
    "cau": "classified correctly more often",
    "cru_s": "broken more often",
    "cru_epsilon": "harder to break",
    "eou": "given the higher confidence",
}
PAPER = "The paper, which trained networks statically, found all of them wider."
SHARED = (
    "They share training and test rows, so that they miss together: how often such intervals hold is measured over "
    "repetitions on the documentation's page on coverage."
)


def answer_of_theory(theory: Theory) -> list[str]:
    """Say which gaps widen, who pays where that changes, and how many measured intervals hold the exact value.

    Examples
    --------
    >>> answer_of_theory(Theory(values=[], curves=[]))
    []
    """
    shown = [claim for claim in theory.claims if claim.finding.endswith(RISES) and claim.changes]
    return [*(_ways(shown) if shown else []), *_turned(shown), *_undecided(shown), *_agreement(theory)]


def _ways(shown: list[TheoryClaim]) -> list[str]:
    said = [f"By formula, on-line adversarial training of the linear models {_way(shown, lambda one: one.robust)}."]
    static = [claim for claim in shown if all(change.static is not None for change in claim.changes)]
    if not static:
        return [*said, PAPER]
    return [*said, f"Static adversarial training of them {_way(static, lambda one: one.static)}. {PAPER}"]


def _way(shown: list[TheoryClaim], after: Callable[[ExactChange], float | None]) -> str:
    """Which gaps widen and which narrow, from the standard value to another."""
    parts = []
    for words, wanted in (("widens {}", {1}), ("narrows {}", {-1}), ("moves {} both ways", {-1, 1})):
        some = [claim for claim in shown if {_sign(change, after(change)) for change in claim.changes} == wanted]
        parts += [words.format(_listed([_named(claim, after) for claim in some]))] if some else []
    return ", and ".join(parts)


def _sign(change: ExactChange, after: float | None) -> int:
    return 1 if after is not None and after > change.standard else -1


def _named(claim: TheoryClaim, after: Callable[[ExactChange], float | None]) -> str:
    in_points, several = _in_points(claim.changes[0]), len(claim.changes) > 1
    numbers = [
        f"{_numbers(change, after(change), in_points=in_points)}{' points' if in_points else ''}"
        f"{f' {change.of}' if several else ''}"
        for change in claim.changes
    ]
    return f"{_name(claim)} ({_listed(numbers)})"


def _name(claim: TheoryClaim) -> str:
    return claim.finding.removesuffix(RISES)


def _in_points(change: ExactChange) -> bool:
    return METRICS[change.metric].unit == "points"


def _numbers(change: ExactChange, after: float | None, *, in_points: bool) -> str:
    return " to ".join(_number(end, in_points=in_points) for end in (change.standard, after or 0.0))


def _number(value: float, *, in_points: bool) -> str:
    return f"{100 * value:.1f}" if in_points else f"{value:.3g}"


def _turned(shown: list[TheoryClaim]) -> list[str]:
    """Where the size of a gap hides that another group is the one that pays."""
    found = []
    for claim in shown:
        for change in claim.changes:
            if change.larger is not None:
                before, after = change.larger
                moved = _number(change.standard + change.robust, in_points=_in_points(change))
                found.append(
                    f"{_name(claim)} {change.of} turns round: {before} is {LARGER[change.metric]} by the standard "
                    f"models, {after} by the on-line ones, so that the signed gap moves by {moved}"
                    f"{' points' if _in_points(change) else ''}."
                )
    return found


def _undecided(shown: list[TheoryClaim]) -> list[str]:
    """Changes by formula that the measurements of this run leave open."""
    open_ = [
        f"{_name(claim)} {change.of}" if len(claim.changes) > 1 else _name(claim)
        for claim in shown
        for change in claim.changes
        if change.verdict == "inconclusive"
    ]
    return [f"Measured, {_listed(open_)} {'is' if len(open_) == 1 else 'are'} inconclusive."] if open_ else []


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _agreement(theory: Theory) -> list[str]:
    judged = [value.inside for value in theory.values if value.inside is not None]
    if not judged:
        return []
    said = f"{sum(judged)} of {len(judged)} measured 95% intervals of the linear models hold the exact value."
    return [f"{said} {SHARED}"]
