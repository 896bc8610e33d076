"""Tables of findings that several sections share: gaps, groups and verdicts."""

from collections.abc import Sequence

from fairtoll.findings.results import Difference, Finding, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.compared import Compared
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import count, in_unit, interval, number, p_value, unit_name
from fairtoll.report.select import describe, evaluation_name, group_of, radius_text, set_name
from fairtoll.report.sides import sides
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import ends, shower, shower_of_groups


def gap_table(results: Results, name: str, caption: str, findings: Sequence[Compared]) -> Table:
    """Return every arm's gap with interval, null and worst group, one row per question and arm."""
    titles = arm_titles(results)
    unit = metric_of(findings[0].metric).unit
    suffix = f", {'points' if unit == 'points' else unit_name(unit)}"
    has_paper = any(one.published for finding in findings for one in finding.findings)
    evaluations = {finding.parameters.evaluation for finding in findings} - {None}
    level = metric_of(findings[0].metric).group_title
    show_level = shower_of_groups(unit)
    columns = [Column("Rows"), Column("Arm"), Column(f"Gap{suffix}", shower(unit)), Column("Plain", shower(unit))]
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
        parameters = finding.parameters
        parts = [
            evaluation_name(parameters.evaluation) if len(evaluations) > 1 else None,
            radius_text(finding),
            set_name(finding),
            "of correct rows" if parameters.denominator == "correct" else None,
        ]
        label = ", ".join(part for part in parts if part) or f"by {parameters.partition}"
        if len({f.protocol for f in findings}) > 1:
            label = f"{finding.protocol}: {label}"
        for value in finding.arms():
            row: list[Cell] = [label, titles[value.arm], value.value, value.plain]
            row += [*ends(value.interval), value.null_mean, value.null_95]
            row += [finding.printed(value.arm)] if has_paper else []
            row += [value.worst_group, value.worst_value]
            row += [value.best_group, value.best_value]
            rows.append(row)
    return Table(name, caption, tuple(columns), rows)


def group_table(results: Results, name: str, caption: str, findings: Sequence[Compared]) -> Table:
    """Return every group's own value in every arm, with the paper's."""
    titles = arm_titles(results)
    metric = metric_of(findings[0].metric)
    show = shower_of_groups(metric.unit)
    has_paper = any(
        group.published is not None for finding in findings for value in finding.arms() for group in value.groups
    )
    suffix = ", %" if metric.unit == "points" else ""
    columns = [Column("Rows of"), Column("Group"), Column("Test rows", count), Column("Arm")]
    columns += [Column(f"{metric.group_title}{suffix}", show), Column("Low", show), Column("High", show)]
    columns += [Column("Paper", show)] if has_paper else []
    columns += [Column("Enough rows")]
    rows: list[list[Cell]] = []
    for finding in findings:
        for first in finding.standard.groups:
            for value in finding.arms():
                group = group_of(value, first.group)
                row: list[Cell] = [
                    ", ".join(part for part in (radius_text(finding), set_name(finding)) if part) or "all rows",
                    str(first.group),
                    group.rows,
                    titles[value.arm],
                    group.value,
                    *ends(group.interval),
                ]
                row += [group.published] if has_paper else []
                row += ["yes" if group.sufficient else "no"]
                rows.append(row)
    return Table(name, caption, tuple(columns), rows)


def verdict_table(results: Results, name: str, caption: str, findings: Sequence[Finding]) -> Table:
    """Return both arms, the differences from standard and control, and the verdicts."""
    titles, (first, second) = arm_titles(results), sides(results).heads
    # Where a protocol compares more than two arms they are told apart by their names.
    several = len({(one.protocol, one.robust.arm) for one in findings}) > len({one.protocol for one in findings})
    bases = len({one.standard.arm for one in findings}) > 1
    columns = (
        Column("Protocol"),
        Column("Finding"),
        Column("Unit"),
        *([Column("Model")] if several else []),
        *([Column("Compared with")] if bases else []),
        Column(first, number, key="standard"),
        Column(second, number, key="robust"),
        Column(f"{first} plain", number, key="standard_plain"),
        Column(f"{second} plain", number, key="robust_plain"),
        Column("Difference", number),
        Column("Low", number),
        Column("High", number),
        Column("p", p_value),
        Column("Verdict"),
        Column("Difference from control", number),
        Column("Low", number, key="control_low"),
        Column("High", number, key="control_high"),
        Column("Verdict from control"),
        Column("Margin", number),
        Column("Training runs", count),
    )
    rows: list[list[Cell]] = []
    for finding in findings:
        unit = metric_of(finding.metric).unit
        plain, control = finding.difference, finding.difference_from_control
        rows.append(
            [
                finding.protocol,
                describe(results, finding),
                "fraction" if unit == "points" else unit_name(unit),
                *([titles[finding.robust.arm]] if several else []),
                *([titles[finding.standard.arm]] if bases else []),
                finding.standard.value,
                finding.robust.value,
                finding.standard.plain,
                finding.robust.plain,
                plain.value if plain else None,
                *ends(plain.interval if plain else None),
                plain.p_value if plain else None,
                finding.verdict,
                control.value if control else None,
                *ends(control.interval if control else None),
                finding.verdict_from_control,
                finding.margin,
                finding.runs,
            ]
        )
    return Table(name, caption, columns, rows)


def difference_text(finding: Finding, numbers: Difference | None) -> str:
    """Return a difference with its interval in the metric's unit."""
    if numbers is None:
        return "–"
    unit = metric_of(finding.metric).unit
    return f"{in_unit(numbers.value, unit, sign=True)} ({interval(numbers.interval, unit, sign=True)})"


def claims_table(results: Results) -> Table:
    """Return the paper's claims with their judgement and reason."""
    rows: list[list[Cell]] = [
        [
            claim.id,
            claim.text,
            claim.judgement,
            claim.reason,
            "; ".join(claim.findings),
        ]
        for claim in results.claims
    ]
    columns = (
        Column("Claim"),
        Column("The paper says"),
        Column("Judgement"),
        Column("Reason"),
        Column("Findings"),
    )
    return Table("claims", "The paper's claims, judged", columns, rows)
