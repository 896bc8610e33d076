"""Figures of many classes: each class a band, the arms side by side in it, in one order throughout the report."""

from collections.abc import Sequence
from dataclasses import replace

from fairtoll.findings.results import ArmValue, Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.gaps import gap_figure, group_panel, in_axis, pair, rate_domain, scaled
from fairtoll.report.charts.groups import Series, group_marks_panel
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.style import Figure, Key, Panel
from fairtoll.report.compared import Compared
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import count, in_unit, interval, own_value, percent, unit_name
from fairtoll.report.select import class_order, group_of, in_order
from fairtoll.report.sides import sides

# From this many groups on, a line for every arm of every group no longer fits a screen.
MANY = 6
ALONE_MARKS = "hardest first: dot, the mean over training runs; line, its interval"


def many_groups(finding: Compared) -> bool:
    """Return whether a finding has too many groups for a line per group and arm."""
    return len(finding.standard.groups) >= MANY


def class_marks(results: Results, finding: Compared) -> str:
    """Return what the marks of `class_panel` mean."""
    sizes = sorted(group.rows for group in finding.standard.groups)
    each = (
        f"{count(sizes[0])} test rows each"
        if sizes[0] == sizes[-1]
        else f"{count(sizes[0])} to {count(sizes[-1])} test rows"
    )
    if not finding.hardened:
        return f"By class ({each}), {ALONE_MARKS}."
    unit = ", in points" if metric_of(finding.metric).unit == "points" else ""
    named = sides(results)
    hollow = " hollow, controls;" if any(finding.is_control(value.arm) for value in finding.arms()) else ""
    return (
        f"By class ({each}), hardest for {named.first_model} first: dot, the mean over training runs; line, its "
        f"interval;{hollow} right, {named.second} minus {named.first}{unit}."
    )


def arm_keys(results: Results, findings: Sequence[Compared]) -> tuple[Key, ...]:
    """Return the key of these findings' arms: standard, robust and controls."""
    colours, titles = arm_colours(results), arm_titles(results)
    controls = {value.arm: finding.is_control(value.arm) for finding in findings for value in finding.arms()}
    return tuple(Key(titles[arm], colours[arm], hollow) for arm, hollow in controls.items())


def ordered_groups(results: Results, finding: Compared) -> list[str]:
    """Return a finding's groups as every chart of the report orders them."""
    return in_order([group.group for group in finding.standard.groups], class_order(results))


def class_panel(
    results: Results, name: str, title: str, finding: Compared, *, domain: tuple[float, float] | None = None
) -> Panel:
    """Return each group's own value with the arms side by side, and how far robust is from standard."""
    metric = metric_of(finding.metric)
    unit = metric.unit
    colours, titles = arm_colours(results), arm_titles(results)
    groups = ordered_groups(results, finding)
    suffix = "%" if unit == "points" else ""
    series, words = [], []
    for value in finding.arms():
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
        series.append(Series(arm, colours[value.arm], rows, finding.is_control(value.arm)))
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


def shared_domain(findings: Sequence[Compared]) -> tuple[float, float]:
    """Return one axis for these findings' groups."""
    ends = [rate_domain(finding) or own_domain(finding) for finding in findings]
    return min(low for low, _ in ends), max(high for _, high in ends)


def own_domain(finding: Compared) -> tuple[float, float]:
    """Return an axis from zero that holds every group's value, and its interval."""
    entries = [group for value in finding.arms() for group in value.groups]
    found = [entry.value for entry in entries]
    found += [end for entry in entries for end in entry.interval or ()]
    seen = in_axis(found, metric_of(finding.metric).unit)
    return min([0.0, *seen]), 1.04 * max(seen, default=1.0) or 1.0


def change(finding: Compared, group: str) -> str:
    """Return how much higher a group's own value is in each hardened arm than in the standard one."""
    return " / ".join(change_of(finding, robust, group) for robust in finding.hardened)


def change_of(finding: Compared, robust: ArmValue, group: str) -> str:
    """Return how much higher a group's own value is in one hardened arm than in the standard one."""
    unit = metric_of(finding.metric).unit
    before, after = (group_of(value, group).value for value in (finding.standard, robust))
    if before is None or after is None:
        return ""
    if unit == "points":
        return percent(after - before, sign=True)
    return in_unit(after - before, unit, sign=True)


def per_class(results: Results, name: str, title: str, finding: Compared) -> Panel:
    """Return each class's own value in each arm: a line for each, or, where there are many classes, a band."""
    if many_groups(finding):
        return class_panel(results, name, title, finding)
    return group_panel(results, name, title, finding, controls=True)


def class_figure(
    results: Results, name: str, caption: str, panels: list[Panel], findings: Sequence[Compared]
) -> Figure:
    """Return classes beside their gap, with the key of both."""
    figure = gap_figure(results, name, caption, panels, findings)
    if not many_groups(findings[0]):
        return figure
    marks = f"{class_marks(results, findings[0])} {figure.marks}"
    return replace(figure, marks=marks, key=arm_keys(results, findings))
