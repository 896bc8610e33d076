"""Which gaps of many recipes are wider than standard training's, at a bounded share of wrong ones."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import false_discovery_control

from fairtoll.findings.matched import MEASURES
from fairtoll.findings.results import Discovery, Finding, Recipe
from fairtoll.statistics.verdict import MINIMUM_RUNS

#: The share of the gaps called wider that may be expected to be wrong.
LEVEL = 0.05


def against_standard(recipes: Sequence[Recipe], findings: Sequence[Finding]) -> list[Finding]:
    """The comparisons of each recipe at its own strength with standard training, in the paper's measures of all rows.

    Examples
    --------
    >>> against_standard([], [])
    []
    """
    standard = {one.arm for one in recipes if one.role == "standard"}
    own = {one.arm for one in recipes if one.own_strength and one.role not in ("standard", "control")}
    return [
        one
        for one in findings
        if one.standard.arm in standard
        and one.robust.arm in own
        and one.metric in MEASURES
        and one.parameters.denominator != "correct"
    ]


def discoveries(recipes: Sequence[Recipe], findings: Sequence[Finding]) -> list[Discovery]:
    """Each comparison with standard training, with its p-value adjusted for all of them at once.

    A verdict is about the size of one gap, and holds together with every other verdict (Bonferroni): of hundreds from a
    few training runs next to none is decided. This is about the direction of many: among the gaps that are called
    wider, no more than `LEVEL` are expected not to be (Benjamini and Hochberg, 1995, Journal of the Royal Statistical
    Society B 57, 289). All are compared with the same standard models, which makes their statistics positively
    dependent; the bound holds then, too (Benjamini and Yekutieli, 2001, Annals of Statistics 29, 1165). As with
    verdicts, nothing is called wider from fewer than three training runs.

    Parameters
    ----------
    recipes : sequence of Recipe
        Every arm.
    findings : sequence of Finding
        All of a report.

    Returns
    -------
    list of Discovery
        In the findings' order; empty where there are no recipes.

    Examples
    --------
    >>> discoveries([], [])
    []
    """
    judged = [(one.id, one.difference) for one in against_standard(recipes, findings) if one.difference]
    if not judged:
        return []
    adjusted = false_discovery_control([difference.p_value for _, difference in judged], method="bh")
    return [
        Discovery(
            finding=name,
            q_value=float(q_value),
            wider=bool(q_value <= LEVEL and difference.runs >= MINIMUM_RUNS),
        )
        for (name, difference), q_value in zip(judged, adjusted, strict=True)
    ]
