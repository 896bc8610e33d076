"""The section on radii that others claim: class means, worst class, RDI, NRGC, and how many claims are broken."""

from fairtoll.findings.results import Certified, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.numbers import count, number, radius
from fairtoll.report.section import Section
from fairtoll.report.select import class_order, in_order
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import ends

CLAIMS_NOTE = (
    "Mean over all rows, 0 where nothing is claimed. WCR is the smallest class mean; RDI the largest minus the "
    "smallest, as published, and without what the noise of the rows adds (the interval is of that); NRGC the sum of "
    "absolute differences of all pairs of class means over 2 K² times their mean, without interval. A claim is broken "
    "by a misclassified input nearer than its radius; tested is one with an attack below its radius, in the same norm. "
    "What is not broken is not thereby proved."
)


def certificates(results: Results) -> Section:
    """Return the claimed radii of each arm, by class, with their gaps and what contradicts them."""
    section = Section(
        "certificates",
        "Certified radii that others claim",
        "Certificates",
        "Radii around each row within which a method says that the model classifies it correctly. They were made "
        "elsewhere; here they are averaged by class, and held against every attack of this evidence.",
    )
    if results.certified:
        section.tables = [claims_table(results), class_table(results)]
        titles = arm_titles(results)
        section.headlines = [
            f"{one.broken:,} of {one.claims:,} radii that {one.method} claims for {titles[one.arm]} "
            f"{'is' if one.broken == 1 else 'are'} broken"
            for one in results.certified
            if one.broken
        ]
    return section


def claims_table(results: Results) -> Table:
    """Return one row for each arm and method."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Method"),
        Column("Norm"),
        Column("Mean radius", radius),
        Column("Worst class"),
        Column("WCR", radius),
        Column("RDI", radius),
        Column("RDI, corrected", radius),
        Column("Low", radius),
        Column("High", radius),
        Column("NRGC", number),
        Column("Claims", count),
        Column("Tested", count),
        Column("Broken", count),
    )
    rows: list[list[Cell]] = [
        [
            titles[one.arm],
            one.method,
            one.norm.capitalize(),
            one.mean,
            one.classes.worst_group,
            one.classes.worst_value,
            one.classes.plain,
            one.classes.value,
            *ends(one.classes.interval),
            one.nrgc,
            one.claims,
            one.tested,
            one.broken,
        ]
        for one in results.certified
    ]
    return Table("certificates", "Certified radii by arm", columns, rows, CLAIMS_NOTE, compact=True)


def class_table(results: Results) -> Table:
    """Return each class's mean radius with its interval."""
    titles, order = arm_titles(results), class_order(results)
    columns = (
        Column("Arm"),
        Column("Method"),
        Column("Class"),
        Column("Mean radius", radius),
        Column("Low", radius),
        Column("High", radius),
        Column("Rows", count),
    )
    rows = [row for one in results.certified for row in class_rows(one, titles[one.arm], order)]
    note = "Intervals are 95%, over new rows, and over new training runs where there are several."
    return Table("certificates-class", "Certified radii by class", columns, rows, note)


def class_rows(one: Certified, title: str, order: list[str]) -> list[list[Cell]]:
    """Return the classes of one arm and method, in the report's order."""
    groups = {group.group: group for group in one.classes.groups}
    return [
        [
            title,
            f"{one.method}, {one.norm.capitalize()}",
            name,
            groups[name].value,
            *ends(groups[name].interval),
            groups[name].rows,
        ]
        for name in in_order(groups, order)
    ]
