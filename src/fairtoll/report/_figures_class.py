"""Figures of many classes: each class a band, the arms side by side in it, in one order throughout the report."""

from collections.abc import Sequence

from fairtoll.report._chart_groups import Series, group_marks_panel
from fairtoll.report._chart_row import Row
from fairtoll.report._chart_style import Key, Panel, arm_colours
from fairtoll.report._figures import in_axis, pair, rate_domain, scaled
from fairtoll.report._format import (
    Json,
    count,
    finite,
    in_unit,
    interval,
    metric_of,
    own_value,
    percent,
    unit_name,
)
from fairtoll.report._select import arm_titles, arm_values, class_order, group_of, in_order

# From this many groups on, a line for every arm of every group no longer fits a screen.
MANY = 6
CLASS_MARKS = (
    "hardest for the standard model first: dot, the mean over training runs; line, its interval; hollow, controls; "
    "right, robust less standard"
)


def many_groups(finding: Json) -> bool:
    """Return whether a finding has too many groups for a line per group and arm."""
    return len(finding["standard"]["groups"]) >= MANY


def class_marks(finding: Json) -> str:
    """Return what the marks of `class_panel` mean."""
    sizes = sorted(group["rows"] for group in finding["standard"]["groups"])
    each = (
        f"{count(sizes[0])} test rows each"
        if sizes[0] == sizes[-1]
        else f"{count(sizes[0])} to {count(sizes[-1])} test rows"
    )
    unit = ", in points" if metric_of(finding["metric"]).unit == "points" else ""
    return f"By class ({each}), {CLASS_MARKS}{unit}."


def arm_keys(results: Json, findings: Sequence[Json]) -> tuple[Key, ...]:
    """Return the key of these findings' arms: standard, robust and controls."""
    colours, titles = arm_colours(results), arm_titles(results)
    controls = {arm: is_control(finding, arm) for finding in findings for arm in arms_of(finding)}
    return tuple(Key(titles[arm], colours[arm], hollow) for arm, hollow in controls.items())


def arms_of(finding: Json) -> list[str]:
    """Return the names of a finding's arms."""
    return [value["arm"] for value in arm_values(finding)]


def is_control(finding: Json, arm: str) -> bool:
    """Return whether an arm is only a control of this finding."""
    return arm not in (finding["standard"]["arm"], finding["robust"]["arm"])


def ordered_groups(results: Json, finding: Json) -> list[str]:
    """Return a finding's groups as every chart of the report orders them."""
    return in_order([str(group["group"]) for group in finding["standard"]["groups"]], class_order(results))


def class_panel(
    results: Json, name: str, title: str, finding: Json, *, domain: tuple[float, float] | None = None
) -> Panel:
    """Return each group's own value with the arms side by side, and how far robust is from standard."""
    metric = metric_of(finding["metric"])
    unit = metric.unit
    colours, titles = arm_colours(results), arm_titles(results)
    groups = ordered_groups(results, finding)
    suffix = "%" if unit == "points" else ""
    series, words = [], []
    for value in arm_values(finding):
        rows = {}
        for group in groups:
            entry = group_of(value, group)
            shown = own_value(entry.get("value"), unit) + suffix
            rows[group] = Row(
                group,
                colours[value["arm"]],
                value=scaled(entry.get("value"), unit),
                interval=pair(entry.get("interval"), unit),
                tooltip={
                    "class": group,
                    "arm": titles[value["arm"]],
                    metric.group_title.lower(): shown,
                    "interval": interval(entry.get("interval"), unit),
                    "rows": count(entry.get("rows")),
                },
            )
        arm = titles[value["arm"]]
        series.append(Series(arm, colours[value["arm"]], rows, is_control(finding, value["arm"])))
        listed = ", ".join(f"{group} {own_value(group_of(value, group).get('value'), unit)}" for group in groups)
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


def shared_domain(findings: Sequence[Json]) -> tuple[float, float]:
    """Return one axis for these findings' groups."""
    ends = [rate_domain(finding) or own_domain(finding) for finding in findings]
    return min(low for low, _ in ends), max(high for _, high in ends)


def own_domain(finding: Json) -> tuple[float, float]:
    """Return an axis from zero that holds every group's value, and its interval."""
    entries = [group for value in arm_values(finding) for group in value["groups"]]
    found = [entry.get("value") for entry in entries]
    found += [end for entry in entries for end in entry.get("interval") or ()]
    seen = in_axis(found, metric_of(finding["metric"]).unit)
    return min([0.0, *seen]), 1.04 * max(seen, default=1.0) or 1.0


def change(finding: Json, group: str) -> str:
    """Return how much higher a group's own value is in the robust arm than in the standard one."""
    unit = metric_of(finding["metric"]).unit
    standard, robust = (finite(group_of(finding[role], group).get("value")) for role in ("standard", "robust"))
    if standard is None or robust is None:
        return ""
    if unit == "points":
        return percent(robust - standard, sign=True)
    return in_unit(robust - standard, unit, sign=True)
