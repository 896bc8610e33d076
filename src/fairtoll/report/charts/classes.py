"""Figures of many classes: each class a band, the arms side by side in it, in one order throughout the report."""

from collections.abc import Sequence
from dataclasses import replace

from fairtoll.findings.results import Finding, Results
from fairtoll.report.arms import arm_colours, arm_titles, arm_values
from fairtoll.report.charts.gaps import gap_figure, group_panel, in_axis, pair, rate_domain, scaled
from fairtoll.report.charts.groups import Series, group_marks_panel
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.style import Figure, Key, Panel
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import count, in_unit, interval, own_value, percent, unit_name
from fairtoll.report.select import class_order, group_of, in_order

# From this many groups on, a line for every arm of every group no longer fits a screen.
MANY = 6
CLASS_MARKS = (
    "hardest for the standard model first: dot, the mean over training runs; line, its interval; hollow, controls; "
    "right, robust minus standard"
)


def many_groups(finding: Finding) -> bool:
    """Return whether a finding has too many groups for a line per group and arm."""
    return len(finding.standard.groups) >= MANY


def class_marks(finding: Finding) -> str:
    """Return what the marks of `class_panel` mean."""
    sizes = sorted(group.rows for group in finding.standard.groups)
    each = (
        f"{count(sizes[0])} test rows each"
        if sizes[0] == sizes[-1]
        else f"{count(sizes[0])} to {count(sizes[-1])} test rows"
    )
    unit = ", in points" if metric_of(finding.metric).unit == "points" else ""
    return f"By class ({each}), {CLASS_MARKS}{unit}."


def arm_keys(results: Results, findings: Sequence[Finding]) -> tuple[Key, ...]:
    """Return the key of these findings' arms: standard, robust and controls."""
    colours, titles = arm_colours(results), arm_titles(results)
    controls = {arm: is_control(finding, arm) for finding in findings for arm in arms_of(finding)}
    return tuple(Key(titles[arm], colours[arm], hollow) for arm, hollow in controls.items())


def arms_of(finding: Finding) -> list[str]:
    """Return the names of a finding's arms."""
    return [value.arm for value in arm_values(finding)]


def is_control(finding: Finding, arm: str) -> bool:
    """Return whether an arm is only a control of this finding."""
    return arm not in (finding.standard.arm, finding.robust.arm)


def ordered_groups(results: Results, finding: Finding) -> list[str]:
    """Return a finding's groups as every chart of the report orders them."""
    return in_order([group.group for group in finding.standard.groups], class_order(results))


def class_panel(
    results: Results, name: str, title: str, finding: Finding, *, domain: tuple[float, float] | None = None
) -> Panel:
    """Return each group's own value with the arms side by side, and how far robust is from standard."""
    metric = metric_of(finding.metric)
    unit = metric.unit
    colours, titles = arm_colours(results), arm_titles(results)
    groups = ordered_groups(results, finding)
    suffix = "%" if unit == "points" else ""
    series, words = [], []
    for value in arm_values(finding):
        rows = {}
        for group in groups:
            entry = group_of(value, group)
            shown = own_value(entry.value, unit) + suffix
            rows[group] = Row(
                group,
                colours[value.arm],
                value=scaled(entry.value, unit),
                interval=pair(entry.interval, unit),
                tooltip={
                    "class": group,
                    "arm": titles[value.arm],
                    metric.group_title.lower(): shown,
                    "interval": interval(entry.interval, unit),
                    "rows": count(entry.rows),
                },
            )
        arm = titles[value.arm]
        series.append(Series(arm, colours[value.arm], rows, is_control(finding, value.arm)))
        listed = ", ".join(f"{group} {own_value(group_of(value, group).value, unit)}" for group in groups)
        words.append(f"{arm}: {listed}")
    axis = f"{metric.group_title}, {'percent' if unit == 'points' else unit_name(unit)}"
    return group_marks_panel(
        name,
        title,
        groups,
        series,
        axis=axis,
        summary=f"{title}, {axis}. {'; '.join(words)}.",
        domain=domain or rate_domain(finding) or own_domain(finding),
        texts={group: change(finding, group) for group in groups},
    )


def shared_domain(findings: Sequence[Finding]) -> tuple[float, float]:
    """Return one axis for these findings' groups."""
    ends = [rate_domain(finding) or own_domain(finding) for finding in findings]
    return min(low for low, _ in ends), max(high for _, high in ends)


def own_domain(finding: Finding) -> tuple[float, float]:
    """Return an axis from zero that holds every group's value, and its interval."""
    entries = [group for value in arm_values(finding) for group in value.groups]
    found = [entry.value for entry in entries]
    found += [end for entry in entries for end in entry.interval or ()]
    seen = in_axis(found, metric_of(finding.metric).unit)
    return min([0.0, *seen]), 1.04 * max(seen, default=1.0) or 1.0


def change(finding: Finding, group: str) -> str:
    """Return how much higher a group's own value is in the robust arm than in the standard one."""
    unit = metric_of(finding.metric).unit
    standard, robust = (group_of(value, group).value for value in (finding.standard, finding.robust))
    if standard is None or robust is None:
        return ""
    if unit == "points":
        return percent(robust - standard, sign=True)
    return in_unit(robust - standard, unit, sign=True)


def per_class(results: Results, name: str, title: str, finding: Finding) -> Panel:
    """Return each class's own value in each arm: a line for each, or, where there are many classes, a band."""
    if many_groups(finding):
        return class_panel(results, name, title, finding)
    return group_panel(results, name, title, finding, controls=True)


def class_figure(results: Results, name: str, caption: str, panels: list[Panel], findings: Sequence[Finding]) -> Figure:
    """Return classes beside their gap, with the key of both."""
    figure = gap_figure(results, name, caption, panels, findings)
    if not many_groups(findings[0]):
        return figure
    marks = f"{class_marks(findings[0])} {figure.marks}"
    return replace(figure, marks=marks, key=arm_keys(results, findings))
