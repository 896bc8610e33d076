"""Pairs of recipes that were compared on request, beside standard training with each and the baseline with repairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fairtoll.findings.results import Finding, Recipe

#: The arm that is compared with, and the other one.
Pair = tuple[str, str]


def requested_pairs(recipes: Sequence[Recipe], findings: Iterable[Finding]) -> dict[Pair, list[Finding]]:
    """The findings of each pair of recipes that was requested, in their order.

    Parameters
    ----------
    recipes : sequence of Recipe
        Every arm.
    findings : iterable of Finding
        Those to choose from.

    Examples
    --------
    >>> requested_pairs([], [])
    {}
    """
    roles = {one.arm: one.role for one in recipes}
    found: dict[Pair, list[Finding]] = {}
    for finding in findings:
        first, second = finding.standard.arm, finding.robust.arm
        if first not in roles or second not in roles:
            continue
        with_standard = roles[first] == "standard" and roles[second] != "control"
        if not with_standard and (roles[first], roles[second]) != ("baseline", "repair"):
            found.setdefault((first, second), []).append(finding)
    return found
