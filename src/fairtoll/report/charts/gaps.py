"""Charts of findings that several sections share: gaps against chance, and groups in each arm."""

from collections.abc import Callable, Sequence
from typing import Any

from fairtoll.findings.results import Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.domain import reach
from fairtoll.report.charts.row import Mark, Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import PAPER_MARK, Figure, Panel
from fairtoll.report.compared import Compared
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import finite, in_unit, interval, percent, unit_name
from fairtoll.report.select import epsilon_text, evaluation_name, group_of, set_name

GAP_MARKS = (
    "Dot: the gap, mean over training runs. Line: its interval. Small dots: single runs. "
    "Shaded: where the gap of equal groups falls 95 times in 100, with its mean as a tick."
)


def scaled(value: object, unit: str) -> float | None:
    """Return a value in its axis's unit."""
    found = finite(value)
    return None if found is None else found * (100 if unit == "points" else 1)


def pair(bounds: Sequence[float] | None, unit: str) -> tuple[float, float] | None:
    """Return both ends of an interval in the axis's unit, or None where one is missing."""
    if not bounds:
        return None
    low, high = scaled(bounds[0], unit), scaled(bounds[1], unit)
    return None if low is None or high is None else (low, high)


def runs(values: Sequence[float | None], unit: str) -> list[float]:
    """Return the single runs' values in the axis's unit; none where one run is all there is."""
    found = [run for value in values if (run := scaled(value, unit)) is not None]
    return found if len(found) > 1 else []


def gap_domain(findings: Sequence[Compared]) -> tuple[float, float]:
    """Return the axis that holds every gap, run, null and published value, and the usual intervals.

    It begins below 0 where a gap does, which the noise of the rows may take there.
    """
    unit = metric_of(findings[0].metric).unit
    points: list[object] = []
    ends: list[object] = []
    for finding in findings:
        for value in finding.arms():
            points += [value.value, value.null_95, *value.per_run, finding.printed(value.arm)]
            ends += [value.interval[1]] if value.interval else []
    far = reach(in_axis(points, unit), in_axis(ends, unit), limit=100.0 if unit == "points" else None)
    return below_zero(in_axis(points, unit), far), far


def below_zero(points: Sequence[float], far: float) -> float:
    """Return where an axis of gaps begins: at 0, or with room below the smallest where some are below 0."""
    least = min([0.0, *points])
    return least - 0.04 * (far - least) if least < 0 else 0.0


def rate_domain(finding: Compared) -> tuple[float, float] | None:
    """Return the axis of the groups' own rates, never past 0 or 100 percent; None for other units."""
    if metric_of(finding.metric).unit != "points":
        return None
    entries = [group for value in finding.arms() for group in value.groups]
    found = [entry for group in entries for entry in (group.value, group.published)]
    found += [end for group in entries for end in group.interval or ()]
    return percent_domain(found)


def percent_domain(shares: Sequence[object]) -> tuple[float, float]:
    """Return an axis of percentages that these shares fill but for a little room, never past 0 or 100."""
    seen = in_axis(shares, "points") or [0.0, 100.0]
    room = 0.04 * (max(seen) - min(seen)) + 0.5
    return max(min(seen) - room, 0.0), min(max(seen) + room, 100.0)


def in_axis(values: Sequence[object], unit: str) -> list[float]:
    """Return the finite ones of these values in the axis's unit."""
    return [found for value in values if (found := scaled(value, unit)) is not None]


def gap_panel(
    results: Results,
    name: str,
    title: str,
    findings: Sequence[Compared],
    headings: Sequence[str] | None = None,
    domain: tuple[float, float] | None = None,
) -> Panel:
    """Return every arm's gap of each finding against the null band."""
    unit = metric_of(findings[0].metric).unit
    colours, titles = arm_colours(results), arm_titles(results)
    rows, words = [], []
    for index, finding in enumerate(findings):
        if headings:
            rows.append(Row(headings[index]))
        for value in finding.arms():
            published = finding.printed(value.arm)
            limit = scaled(value.null_95, unit)
            gap = finite(value.value)
            rows.append(
                Row(
                    titles[value.arm],
                    colours[value.arm],
                    value=scaled(gap, unit),
                    interval=pair(value.interval, unit),
                    band=None if limit is None else (0.0, limit),
                    tick=scaled(value.null_mean, unit),
                    published=scaled(published, unit),
                    runs=runs(value.per_run, unit),
                    text="too few rows" if gap is None else in_unit(gap, unit),
                    tooltip={
                        "arm": titles[value.arm],
                        "gap": in_unit(gap, unit),
                        "interval": interval(value.interval, unit),
                        "null mean": in_unit(value.null_mean, unit),
                        "null 95% point": in_unit(value.null_95, unit),
                        "worst group": str(value.worst_group or "–"),
                        "best group": str(value.best_group or "–"),
                        **({"paper": in_unit(published, unit)} if published is not None else {}),
                    },
                )
            )
        words.append(
            f"{headings[index] + ': ' if headings else ''}"
            + ", ".join(
                f"{titles[v.arm]} {in_unit(v.value, unit)} (95% of null below {in_unit(v.null_95, unit)})"
                for v in finding.arms()
            )
        )
    metric = metric_of(findings[0].metric)
    return row_panel(
        name,
        title,
        rows,
        axis=f"{metric.symbol}, {'points' if unit == 'points' else unit_name(unit)}",
        summary=f"{title}, {metric.title} in {unit_name(unit)}. {'; '.join(words)}.",
        domain=domain or gap_domain(findings),
    )


def group_panel(results: Results, name: str, title: str, finding: Compared, *, controls: bool = False) -> Panel:
    """Return each group's own value in each arm, with intervals."""
    metric = metric_of(finding.metric)
    unit = metric.unit
    colours, titles = arm_colours(results), arm_titles(results)
    arms = finding.arms(controls=controls)
    show = percent if unit == "points" else in_unit_of(unit)
    rows, words = [], []
    for first in arms[0].groups:
        flag = "" if first.sufficient else ", too few"
        rows.append(Row(f"{first.group} (n = {first.rows:,}{flag})"))
        for value in arms:
            group = group_of(value, first.group)
            title_of_arm = titles[value.arm]
            rows.append(
                Row(
                    title_of_arm,
                    colours[value.arm],
                    value=scaled(group.value, unit),
                    interval=pair(group.interval, unit),
                    published=scaled(group.published, unit),
                    text=show(group.value),
                    hollow=not group.sufficient,
                    tooltip={
                        "group": group.group,
                        "arm": title_of_arm,
                        metric.group_title.lower(): show(group.value),
                        "interval": interval(group.interval, unit),
                        "rows": f"{group.rows:,}",
                    },
                )
            )
            words.append(f"{group.group} {title_of_arm} {show(group.value)}")
    axis = f"{metric.group_title}, {'percent' if unit == 'points' else unit_name(unit)}"
    return row_panel(
        name,
        title,
        rows,
        axis=axis,
        summary=f"{title}, {axis}. {', '.join(words)}.",
        domain=rate_domain(finding),
    )


def in_unit_of(unit: str) -> Callable[[Any], str]:
    """Return a function that shows a value in this unit."""
    return lambda value: in_unit(value, unit)


def spread_panel(
    results: Results, name: str, title: str, findings: Sequence[Compared], headings: Sequence[str]
) -> Panel:
    """Return every group's rate on one line per arm: the line's length is the gap."""
    metric = metric_of(findings[0].metric)
    colours, titles = arm_colours(results), arm_titles(results)
    rows, words = [], []
    for heading, finding in zip(headings, findings, strict=True):
        rows.append(Row(heading))
        for value in finding.arms():
            arm = titles[value.arm]
            points = [
                Mark(
                    100 * found,
                    group.group,
                    {
                        "group": group.group,
                        "arm": arm,
                        metric.group_title.lower(): percent(group.value) + "%",
                        "interval": interval(group.interval, "points"),
                        "rows": f"{group.rows:,}",
                    },
                    pair(group.interval, "points"),
                )
                for group in value.groups
                if (found := group.value) is not None
            ]
            rows.append(Row(arm, colours[value.arm], points=points))
            words.append(f"{heading} {arm}: " + ", ".join(f"{mark.group} {mark.value:.1f}%" for mark in points))
    partition = findings[0].parameters.partition
    shown = [group for finding in findings for value in finding.arms() for group in value.groups]
    return row_panel(
        name,
        title,
        rows,
        axis=f"{metric.group_title}, percent of rows",
        domain=percent_domain([share for one in shown for share in (one.value, *(one.interval or ()))]),
        summary=f"{title}. {'; '.join(words)}.",
        group_title=partition,
    )


def gap_figure(results: Results, name: str, caption: str, panels: list[Panel], findings: Sequence[Compared]) -> Figure:
    """Return panels with the key of a gap chart."""
    marks = GAP_MARKS + (PAPER_MARK if any(finding.has_published for finding in findings) else "")
    return Figure(name, caption, panels, marks)


def headings_of(findings: Sequence[Compared]) -> list[str]:
    """Return what distinguishes these findings: radius, true label, and other parameters that differ."""
    differing = [
        key
        for key in ("evaluation", "attack", "denominator", "threat", "target")
        if len({getattr(finding.parameters, key) for finding in findings} - {None}) > 1
    ]
    headings = []
    for finding in findings:
        parameters = finding.parameters
        parts = [epsilon_text(parameters.epsilon), set_name(finding)]
        values = [str(value) for key in differing if (value := getattr(parameters, key)) is not None]
        parts += [evaluation_name(value) for value in values]
        headings.append(", ".join(part for part in parts if part) or "all rows")
    return headings
