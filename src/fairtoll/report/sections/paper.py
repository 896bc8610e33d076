"""The section that compares the paper's numbers with the measured ones."""

from collections.abc import Sequence

from fairtoll.findings.results import Finding, Results
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import (
    unit_name,
)
from fairtoll.report.section import Section
from fairtoll.report.select import (
    describe,
    headline,
    verdict_words,
)
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import end, plainly, signed


def against_the_paper(results: Results) -> Section:
    """Return the paper's numbers and those measured under its protocol."""
    section = Section(
        "paper",
        "Comparison with the paper's numbers",
        "The paper",
        "Every gap in the paper, measured again under its protocol. Attack success is white-box, of all "
        "rows; the other readings of it are under attack success.",
    )
    section.tables = paper_tables(results, headline(results, "paper"))
    return section


def paper_tables(results: Results, findings: Sequence[Finding]) -> list[Table]:
    """Return one table per unit of the gaps that the paper printed too."""
    printed = [finding for finding in findings if finding.published]
    units = dict.fromkeys(metric_of(finding.metric).unit for finding in printed)
    return [
        paper_table(
            results,
            f"paper-{unit}" if len(units) > 1 else "paper",
            f"The paper's gaps and ours, {unit_name(unit)}",
            [finding for finding in printed if metric_of(finding.metric).unit == unit],
        )
        for unit in units
    ]


def paper_table(results: Results, name: str, caption: str, findings: Sequence[Finding]) -> Table:
    """Return gaps of one unit: printed, measured, by chance, and how far apart the arms are."""
    unit = metric_of(findings[0].metric).unit
    plain = plainly(unit)
    controlled = any(finding.control for finding in findings)
    columns = [
        Column("Finding"),
        Column("Paper, standard", plain, key="paper_standard"),
        Column("Paper, robust", plain, key="paper_robust"),
        Column("Plain, standard", plain, key="plain_standard"),
        Column("Plain, robust", plain, key="plain_robust"),
    ]
    columns += [Column("Plain, control", plain, key="plain_control")] if controlled else []
    columns += [
        Column("Null 95%", plain, key="null_95"),
        Column("Standard", plain),
        Column("Robust", plain),
        Column("Difference", signed(unit)),
        Column("Low", end(unit)),
        Column("High", end(unit)),
        Column("Verdict"),
    ]
    columns += [Column("Verdict from control")] if controlled else []
    rows: list[list[Cell]] = []
    for finding in findings:
        found, control = finding.difference, finding.control
        row: list[Cell] = [describe(results, finding)]
        row += [finding.published.standard, finding.published.robust] if finding.published else [None, None]
        row += [finding.standard.plain, finding.robust.plain]
        row += [control.plain if control else None] if controlled else []
        row += [finding.robust.null_95]
        row += [found.standard, found.robust, found.value, *found.interval] if found else [None] * 5
        row += [verdict_words(finding)]
        row += [verdict_words(finding, from_control=True) or None] if controlled else []
        rows.append(row)
    note = (
        "Plain: the paper's definition, comparable with its values. Null 95%: what the plain gap of equal groups "
        "exceeds 5 times in 100 by chance of the rows, in the robust arm. Standard, robust and difference: without "
        "what the noise of the rows adds, as judged."
    )
    return Table(name, caption, tuple(columns), rows, note, compact=True)
