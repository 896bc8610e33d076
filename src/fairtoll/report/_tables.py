"""The report's tables as rows, each built once from the results."""

from collections.abc import Callable, Sequence
from typing import Any

from fairtoll.report._format import (
    Json,
    count,
    finite,
    in_unit,
    interval,
    metric_of,
    number,
    own_value,
    p_value,
    percent,
    unit_name,
)
from fairtoll.report._select import (
    arm_titles,
    arm_values,
    describe,
    evaluation_name,
    group_of,
    radius_text,
    set_name,
)
from fairtoll.report._table import Cell, Column, Table


def shower(unit: str, *, sign: bool = False) -> Callable[[Any], str]:
    """Return how a gap of this unit is shown."""
    return lambda value: in_unit(value, unit, sign=sign)


def shower_of_groups(unit: str) -> Callable[[Any], str]:
    """Return how a group's own value is shown where the gap has this unit."""
    return lambda value: own_value(value, unit)


def plain(value: Any) -> str:
    """Return a number as short as it can be written."""
    found = finite(value)
    return "–" if found is None else f"{found:g}"


def two_decimals(value: Any) -> str:
    """Return percent with the two decimals the paper prints."""
    return percent(value, 2)


def raw(value: Any) -> float | None:
    """Return a finite float for a cell."""
    return finite(value)


def accuracy_table(
    results: Json, name: str, caption: str, entries: Sequence[Json], *, with_threat: bool = False
) -> Table:
    """Return accuracies, each labelled by the evaluation that gave it."""
    titles = arm_titles(results)
    published = any(entry.get("published") is not None for entry in entries)
    columns = [Column("Arm"), Column("Evaluation")]
    columns += [Column("Threat")] if with_threat else []
    columns += [
        Column("Attack"),
        Column("Epsilon", plain),
        Column("Accuracy, %", percent),
        Column("Seed SD, %", percent),
    ]
    columns += [Column("Paper, %", two_decimals)] if published else []
    columns += [Column("Training runs", count)]
    rows: list[list[Cell]] = []
    for entry in entries:
        source = entry.get("source_arm")
        evaluation = evaluation_name(entry["evaluation"])
        if source:
            evaluation += f" from {titles[source]}"
        row: list[Cell] = [titles[entry["arm"]], evaluation]
        row += [entry.get("threat")] if with_threat else []
        row += [entry.get("attack"), raw(entry.get("epsilon")), raw(entry.get("mean")), raw(entry.get("sd"))]
        row += [raw(entry.get("published"))] if published else []
        row += [len(entry.get("per_run") or [])]
        rows.append(row)
    return Table(name, caption, tuple(columns), rows)


def gap_table(results: Json, name: str, caption: str, findings: Sequence[Json]) -> Table:
    """Return every arm's gap with interval, null and worst group, one row per finding and arm."""
    titles = arm_titles(results)
    unit = metric_of(findings[0]["metric"]).unit
    suffix = f", {'points' if unit == 'points' else unit_name(unit)}"
    has_paper = any(finding.get("published") for finding in findings)
    evaluations = {finding["parameters"].get("evaluation") for finding in findings} - {None}
    level = metric_of(findings[0]["metric"]).group_title
    show_level = shower_of_groups(unit)
    columns = [Column("Rows"), Column("Arm"), Column(f"Gap{suffix}", shower(unit)), Column("Corrected", shower(unit))]
    columns += [Column("Low", shower(unit)), Column("High", shower(unit))]
    columns += [Column("Null mean", shower(unit)), Column("Null 95%", shower(unit))]
    columns += [Column("Paper", shower(unit))] if has_paper else []
    columns += [
        Column("Worst group"),
        Column(f"{level} there{', %' if unit == 'points' else ''}", show_level, key="worst_value"),
    ]
    columns += [
        Column("Best group"),
        Column(f"{level} there{', %' if unit == 'points' else ''}", show_level, key="best_value"),
    ]
    rows: list[list[Cell]] = []
    for finding in findings:
        parameters = finding["parameters"]
        parts = [
            evaluation_name(parameters.get("evaluation")) if len(evaluations) > 1 else None,
            radius_text(finding),
            set_name(finding),
            "of correct rows" if parameters.get("denominator") == "correct" else None,
        ]
        label = ", ".join(part for part in parts if part) or f"by {parameters.get('partition')}"
        if len({f["protocol"] for f in findings}) > 1:
            label = f"{finding['protocol']}: {label}"
        for value in arm_values(finding):
            role = {finding["standard"]["arm"]: "standard", finding["robust"]["arm"]: "robust"}.get(value["arm"], "")
            bounds = value.get("interval") or (None, None)
            row: list[Cell] = [label, titles[value["arm"]], raw(value.get("value")), raw(value.get("corrected"))]
            row += [raw(bounds[0]), raw(bounds[1]), raw(value.get("null_mean")), raw(value.get("null_95"))]
            row += [raw((finding.get("published") or {}).get(role))] if has_paper else []
            row += [value.get("worst_group"), raw(value.get("worst_value"))]
            row += [value.get("best_group"), raw(value.get("best_value"))]
            rows.append(row)
    return Table(name, caption, tuple(columns), rows)


def group_table(results: Json, name: str, caption: str, findings: Sequence[Json]) -> Table:
    """Return every group's own value in every arm, the paper's beside it."""
    titles = arm_titles(results)
    metric = metric_of(findings[0]["metric"])
    show = shower_of_groups(metric.unit)
    has_paper = any(
        group.get("published") is not None
        for finding in findings
        for value in arm_values(finding)
        for group in value["groups"]
    )
    suffix = ", %" if metric.unit == "points" else ""
    columns = [Column("Rows of"), Column("Group"), Column("Test rows", count), Column("Arm")]
    columns += [Column(f"{metric.group_title}{suffix}", show), Column("Low", show), Column("High", show)]
    columns += [Column("Paper", show)] if has_paper else []
    columns += [Column("Enough rows")]
    rows: list[list[Cell]] = []
    for finding in findings:
        for first in finding["standard"]["groups"]:
            for value in arm_values(finding):
                group = group_of(value, first["group"])
                bounds = group.get("interval") or (None, None)
                row: list[Cell] = [
                    ", ".join(part for part in (radius_text(finding), set_name(finding)) if part) or "all rows",
                    str(first["group"]),
                    group.get("rows"),
                    titles[value["arm"]],
                    raw(group.get("value")),
                    raw(bounds[0]),
                    raw(bounds[1]),
                ]
                row += [raw(group.get("published"))] if has_paper else []
                row += ["yes" if group.get("sufficient", True) else "no"]
                rows.append(row)
    return Table(name, caption, tuple(columns), rows)


def verdict_table(results: Json, name: str, caption: str, findings: Sequence[Json]) -> Table:
    """Return both arms, the differences from standard and control, and what is concluded."""
    columns = (
        Column("Protocol"),
        Column("Finding"),
        Column("Unit"),
        Column("Standard", number),
        Column("Robust", number),
        Column("Standard corrected", number),
        Column("Robust corrected", number),
        Column("Difference", number),
        Column("Low", number),
        Column("High", number),
        Column("p", p_value),
        Column("Verdict"),
        Column("Less control", number),
        Column("Low", number, key="control_low"),
        Column("High", number, key="control_high"),
        Column("Verdict less control"),
        Column("Margin", number),
        Column("Training runs", count),
    )
    rows: list[list[Cell]] = []
    for finding in findings:
        unit = metric_of(finding["metric"]).unit
        plain = finding.get("difference") or {}
        control = finding.get("difference_from_control") or {}
        low, high = plain.get("interval") or (None, None)
        control_low, control_high = control.get("interval") or (None, None)
        rows.append(
            [
                finding["protocol"],
                describe(results, finding),
                "fraction" if unit == "points" else unit_name(unit),
                raw(finding["standard"].get("value")),
                raw(finding["robust"].get("value")),
                raw(finding["standard"].get("corrected")),
                raw(finding["robust"].get("corrected")),
                raw(plain.get("value")),
                raw(low),
                raw(high),
                raw(plain.get("p_value")),
                finding.get("verdict"),
                raw(control.get("value")),
                raw(control_low),
                raw(control_high),
                finding.get("verdict_from_control"),
                raw(finding.get("margin")),
                finding.get("runs"),
            ]
        )
    return Table(name, caption, columns, rows)


def claims_table(results: Json) -> Table:
    """Return the paper's claims with their judgement and reason."""
    rows: list[list[Cell]] = [
        [
            claim["id"],
            claim["text"],
            claim["judgement"],
            claim["reason"],
            "; ".join(claim.get("findings") or []),
        ]
        for claim in results.get("claims") or []
    ]
    columns = (
        Column("Claim"),
        Column("The paper says"),
        Column("Judgement"),
        Column("Reason"),
        Column("Findings"),
    )
    return Table("claims", "The paper's claims, judged", columns, rows)


def difference_text(finding: Json, key: str) -> str:
    """Return a difference with its interval in the metric's unit."""
    unit = metric_of(finding["metric"]).unit
    numbers = finding.get(key) or {}
    if finite(numbers.get("value")) is None:
        return "–"
    return f"{in_unit(numbers['value'], unit, sign=True)} ({interval(numbers.get('interval'), unit, sign=True)})"
