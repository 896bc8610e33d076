"""Sections on one metric over protected groups: one for each partition."""

from collections.abc import Sequence
from dataclasses import replace

from fairtoll.findings.results import Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.charts.gaps import (
    gap_figure,
    gap_panel,
    group_panel,
    headings_of,
)
from fairtoll.report.compared import Compared, most_telling, together
from fairtoll.report.metrics import metric_of
from fairtoll.report.section import Section
from fairtoll.report.select import (
    partitions,
    protocol_title,
    protocols,
    select,
    set_name,
    with_place,
)
from fairtoll.report.tables.findings import gap_table, group_table
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import shower_of_groups, two_decimals

#: A figure shows so many questions at most, and so many have a table of their own: of many classes, each is one.
MOST = 12


def by_partition(results: Results, metric: str, anchor: str, title: str, more: str = "") -> list[Section]:
    """Return one section per partition of a metric that conditions on the true label, or on nothing."""
    sections = []
    for index, partition in enumerate(partitions(results, metric)):
        # One section of a kind is enough: where there is EOU, the rate gap is in its tables.
        if metric == "equalized_odds_rate" and select(results, "eou", partition=partition):
            continue
        section = Section(
            f"{anchor}-{index + 1}",
            with_place(results, f"{title} by {partition}", metric, partition),
            f"{metric_of(metric).symbol}, {partition}",
            f"{metric_of(metric).lead} {more}".strip() if index == 0 else "",
        )
        wide: list[Table] = []
        for protocol in protocols(results):
            whole = together(select(results, metric, protocol=protocol, partition=partition))
            if not whole:
                continue
            found = most_telling(whole, MOST)
            where, slug = protocol_title(protocol), f"{metric}-{index + 1}-{protocol}".replace("_", "-")
            headings = headings_of(found)
            name = f"{metric_of(metric).group_title} by {partition}"
            wide += [
                wide_table(
                    results,
                    f"{metric}-{index + 1}-{protocol}-{i + 1}".replace("_", "-"),
                    f"{name}, {heading}, {where}",
                    finding,
                    compact=finding.parameters.evaluation == "clean",
                )
                for i, (heading, finding) in enumerate(zip(headings, found, strict=True))
                if has_wide_table(finding)
            ]
            if metric == "eou":
                wide += odds_tables(results, partition, protocol, index)
            panels = [
                group_panel(results, f"{slug}-{i}", heading, finding)
                for i, (heading, finding) in enumerate(zip(headings, found, strict=True))
            ]
            symbol = metric_of(metric).symbol
            panels.append(gap_panel(results, f"{slug}-gap", f"{symbol} by {partition}", found, headings))
            caption = f"{metric_of(metric).group_title} and {symbol} by {partition}, {where}"
            figure = gap_figure(results, slug, caption, panels, found)
            if len(found) < len(whole):
                part = f"{len(found)} of {len(whole)}: with a verdict first, then with the largest change. "
                figure = replace(figure, marks=part + figure.marks)
            section.figures.append(figure)
        everything = together(select(results, metric, partition=partition))
        slug = f"{metric}-{index + 1}".replace("_", "-")
        symbol = metric_of(metric).symbol
        section.tables += wide
        section.tables.append(
            group_table(results, f"{slug}-groups", f"{metric_of(metric).group_title} by {partition}", everything)
        )
        section.tables.append(gap_table(results, f"{slug}-gap", f"{symbol} by {partition}", everything))
        if metric == "eou":
            section.tables += rate_tables(results, partition, index)
        sections.append(section)
    return sections


def odds_tables(results: Results, partition: str, protocol: str, index: int) -> list[Table]:
    """Return EOU and the prediction rate gap of Hardt et al. where both were taken on the same rows."""
    rates = {
        set_name(finding): finding
        for finding in together(select(results, "equalized_odds_rate", protocol=protocol, partition=partition))
    }
    pairs = [
        (set_name(finding), finding, rates[set_name(finding)])
        for finding in together(select(results, "eou", protocol=protocol, partition=partition))
        if finding.parameters.evaluation == "clean" and set_name(finding) in rates
    ]
    caption = f"EOU and the prediction rate gap of Hardt et al., by {partition}, {protocol_title(protocol)}"
    return [odds_table(results, f"eou-odds-{index + 1}-{protocol}", caption, pairs)] if pairs else []


def rate_tables(results: Results, partition: str, index: int) -> list[Table]:
    """Return the prediction rate gap of Hardt et al. over the same groups."""
    found = together(select(results, "equalized_odds_rate", partition=partition))
    if not found:
        return []
    where = f"by {partition} (Hardt et al.)"
    name = f"equalized-odds-rate-{index + 1}"
    return [
        group_table(results, f"{name}-groups", f"Predicted share {where}", found),
        gap_table(results, f"{name}-gap", f"Equalized odds gap {where}", found),
    ]


def has_wide_table(finding: Compared) -> bool:
    """Return whether the groups fit side by side, as the paper prints them."""
    return finding.metric == "eou" and len(finding.standard.groups) <= 8


def odds_table(results: Results, name: str, caption: str, pairs: Sequence[tuple[str, Compared, Compared]]) -> Table:
    """Return EOU and the prediction rate gap, each with its null; `pairs` are (heading, EOU, rate gap).

    Source: the paper's EOU; Hardt et al. for the rate.
    """
    titles = arm_titles(results)
    columns = (
        Column("Rows"),
        Column("Arm"),
        Column("EOU, points", two_decimals),
        Column("Null 95%", two_decimals, key="eou_null_95"),
        Column("Prediction rate gap, points", two_decimals),
        Column("Null 95%", two_decimals, key="rate_null_95"),
    )
    rows: list[list[Cell]] = []
    for heading, eou, rate in pairs:
        rates = {value.arm: value for value in rate.arms()}
        for value in eou.arms():
            of_rate = rates.get(value.arm)
            numbers = [value.value, value.null_95]
            numbers += [of_rate.value, of_rate.null_95] if of_rate else [None, None]
            rows.append([heading, titles[value.arm], *numbers])
    return Table(name, caption, columns, rows, compact=True)


def wide_table(results: Results, name: str, caption: str, finding: Compared, *, compact: bool = True) -> Table:
    """Return each arm's value with the groups side by side, the paper's rows under them.

    Source: the paper's Tables IV and V.
    """
    titles, metric = arm_titles(results), metric_of(finding.metric)
    show = shower_of_groups(metric.unit)
    groups = [group.group for group in finding.standard.groups]
    columns = [Column("Arm")]
    columns += [Column(f"{g.group} (n = {g.rows:,})", show) for g in finding.standard.groups]
    columns += [
        Column("Gap, points" if metric.unit == "points" else "Gap", two_decimals),
        Column("Null 95%", two_decimals),
    ]
    rows: list[list[Cell]] = []
    for value in finding.arms():
        of_group = {group.group: group.value for group in value.groups}
        gaps: list[Cell] = [value.value, value.null_95]
        rows.append([titles[value.arm], *(of_group.get(group) for group in groups), *gaps])
    for role, side in zip(("standard", "robust"), [finding.standard, *finding.hardened], strict=False):
        printed = {group.group: group.published for group in side.groups}
        gap = finding.printed(side.arm)
        if gap is not None or any(value is not None for value in printed.values()):
            rows.append([f"the paper, {role}", *(printed.get(group) for group in groups), gap, None])
    return Table(name, caption, tuple(columns), rows, compact=compact)
