"""Every finding in words, for the list of all findings."""

import re
from collections import Counter
from dataclasses import dataclass, replace

from fairtoll.findings.results import ArmValue, Difference, Finding, LevellingDown, ModelPair, Results
from fairtoll.report.arms import Titles, arm_titles, arm_values
from fairtoll.report.detail import details
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, interval, own_value, p_value, sure, unit_name
from fairtoll.report.select import counted, decided_first, describe, of_two_models, verdict_words
from fairtoll.report.sides import Sides, sides_of
from fairtoll.report.tables.findings import difference_text


@dataclass(frozen=True)
class ArmDetail:
    """One arm of a finding."""

    title: str
    gap: str
    plain: str
    interval: str
    null: str
    worst: str
    best: str


@dataclass(frozen=True)
class FindingRow:
    """One finding: its name, its result, and its details."""

    finding: Finding
    anchor: str
    name: str
    metric: str
    unit: str
    names: Sides
    sides: list[ArmDetail]
    arms: list[ArmDetail]
    verdict: str
    counted: str
    pair: ModelPair | None
    verdict_from_control: str
    levelling: str
    difference: str
    from_control: str
    margin: str
    p_value: str
    least: str
    confidence: str
    details: list[tuple[str, str]]


def finding_rows(results: Results) -> list[FindingRow]:
    """Return every finding, the decided ones first."""
    titles, taken = arm_titles(results), Counter[str]()
    rows = []
    for finding in results.findings:
        anchor = anchor_of(finding.id)
        taken[anchor] += 1
        anchor += "" if taken[anchor] == 1 else f"-{taken[anchor]}"
        rows.append(finding_row(results, finding, titles, anchor))
    return sorted(rows, key=lambda row: decided_first(results, row.finding))


def anchor_of(name: str) -> str:
    """Return the page's anchor of a finding: its id without what an address cannot hold.

    Examples
    --------
    >>> anchor_of("paper/static/cau/sex & race/clean")
    'finding/paper/static/cau/sex-race/clean'
    """
    return "finding/" + re.sub(r"[^A-Za-z0-9_./+]+", "-", name)


def finding_row(results: Results, finding: Finding, titles: Titles, anchor: str) -> FindingRow:
    """Return one finding in words."""
    metric, change = metric_of(finding.metric), finding.difference
    return FindingRow(
        finding=finding,
        anchor=anchor,
        name=name_of(results, finding, titles),
        metric=metric.symbol,
        unit="points" if metric.unit == "points" else unit_name(metric.unit),
        names=sides_of(finding, titles),
        sides=[judged_side(finding, value, titles) for value in (finding.standard, finding.robust)],
        arms=[arm_detail(finding, value, titles) for value in arm_values(finding)],
        verdict=verdict_words(finding),
        counted=counted(results, finding),
        pair=of_two_models(finding),
        verdict_from_control=verdict_words(finding, from_control=True),
        levelling=levelling_words(finding.levelling_down, metric.unit)
        if finding.levelling_down and shrank(finding)
        else "",
        difference=difference_text(finding, change),
        from_control=difference_text(finding, finding.difference_from_control),
        margin=in_unit(finding.margin, metric.unit),
        p_value=p_value(change.p_value if change else None),
        least=least_detectable(change, metric.unit),
        confidence=sure(change.confidence if change else None),
        details=details(finding, sides_of(finding, titles)),
    )


def least_detectable(change: Difference | None, unit: str) -> str:
    """Return the least effect that would have been found, in words; what no effect can be is none."""
    if change is not None and unit == "points" and change.least_detectable > 1:
        return "none (not even the largest that there can be)"
    said = in_unit(change.least_detectable if change else None, unit)
    return f"{said} {'points' if unit == 'points' else unit_name(unit)}"


def name_of(results: Results, finding: Finding, titles: Titles) -> str:
    """Return what a finding is of; among many recipes which one, and against what if not against standard training."""
    if not results.recipes:
        return describe(results, finding)
    usual = any(one.role == "standard" and one.arm == finding.standard.arm for one in results.recipes)
    against = "" if usual else f" against {titles[finding.standard.arm]}"
    return f"{titles[finding.robust.arm]}{against}: {describe(results, finding)}"


def arm_detail(finding: Finding, value: ArmValue, titles: Titles) -> ArmDetail:
    """Return one arm of a finding in words."""
    unit = metric_of(finding.metric).unit
    worst, best = value.worst_group, value.best_group
    return ArmDetail(
        title=titles[value.arm],
        gap=in_unit(value.value, unit),
        plain=in_unit(value.plain, unit),
        interval=interval(value.interval, unit),
        null=f"{in_unit(value.null_mean, unit)} / {in_unit(value.null_95, unit)}",
        worst="–" if worst is None else f"{worst} {level(value.worst_value, unit)}",
        best="–" if best is None else f"{best} {level(value.best_value, unit)}",
    )


def judged_side(finding: Finding, value: ArmValue, titles: Titles) -> ArmDetail:
    """Return one arm as its difference was judged: later runs may have been trained for other comparisons."""
    shown = arm_detail(finding, value, titles)
    if finding.difference is None:
        return shown
    gap = finding.difference.standard if value.arm == finding.standard.arm else finding.difference.robust
    return replace(shown, gap=in_unit(gap, metric_of(finding.metric).unit))


def level(value: float | None, unit: str) -> str:
    """Return a group's own value with its unit."""
    return f"{own_value(value, unit)}{'%' if unit == 'points' else ''}"


def shrank(finding: Finding) -> bool:
    """Return whether a gap is shown to be smaller, or is by every estimate: the plain one and that without noise.

    Levelling down is read from the groups' means over training runs; the gap of one model may have grown all the same.
    """
    found = finding.difference
    return finding.verdict == "fairer" or (found is not None and max(found.value, found.plain) < 0)


def levelling_words(found: LevellingDown, unit: str) -> str:
    """Return how a gap shrank because the group best off lost, in a sentence."""
    best, worst, after = found.best, found.worst, found.robust_worst
    return (
        f"The gap shrank from {in_unit(found.standard_gap, unit)} to {in_unit(found.robust_gap, unit)}"
        f"{' points' if unit == 'points' else ''} as the best group ({best.group}) went from "
        f"{level(best.standard, unit)} to {level(best.robust, unit)}, while the worst went from "
        f"{level(worst.standard, unit)} ({worst.group}) to {level(after.robust, unit)} ({after.group})."
    )
