"""The section on radii that others claim: class means, worst class, RDI, NRGC, and how many claims are broken."""

from fairtoll.findings.results import Certified, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.numbers import count, number, percent, radius
from fairtoll.report.section import Section
from fairtoll.report.select import class_order, in_order
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import ends, plain

CLAIMS_NOTE = (
    "Mean over all rows, 0 where nothing is claimed. WCR is the smallest class mean; RDI the largest minus the "
    "smallest, as published, and without what the noise of the rows adds (the interval is of that); NRGC the sum of "
    "absolute differences of all pairs of class means over 2 K² times their mean, without interval. A claim is broken "
    "by a misclassified input nearer than its radius; tested is one with an attack below its radius, in the same norm. "
    "What is not broken is not thereby proved."
)


GROUPS_NOTE = (
    "Certified: the share of rows that are predicted correctly and have a radius above 0. Within: with a radius of at "
    "least so much, in the norm of the method and in units of the threat's scale; the columns are the radii of the "
    "attacks, whose norm may be another. Abstains: neither right nor wrong, since no class has most of the votes over "
    "the noise beyond doubt. A radius holds for the vote over all noise, each with an error probability of its own; "
    "the model that is attacked elsewhere in this report is its mean over a few fixed draws."
)


def certificates(results: Results) -> Section:
    """Return the claimed radii of each arm, by class, with their gaps and what contradicts them."""
    section = Section(
        "certificates",
        "Certified radii that are claimed",
        "Certificates",
        "Radii around each row within which a method says that the model classifies it correctly. They are "
        "averaged by class here, and held against every attack of this evidence in their norm.",
    )
    if results.certified:
        section.tables = [claims_table(results), class_table(results), *group_tables(results)]
        titles = arm_titles(results)
        section.headlines = [
            f"{one.broken:,} of {one.claims:,} radii that {one.method} claims for {titles[one.arm]} "
            f"{'is' if one.broken == 1 else 'are'} broken"
            for one in results.certified
            if one.broken
        ]
        section.headlines += [
            f"{titles[one.arm]} abstains on every row: its noise is too large to certify anything"
            for one in results.certified
            if one.abstained == 1
        ]
    return section


def group_tables(results: Results) -> list[Table]:
    """Return who is certified and who abstains, for methods of which that is known."""
    titles, known = arm_titles(results), [one for one in results.certified if one.abstained is not None]
    if not known:
        return []
    radii = sorted({radius for one in known for radius in one.radii})
    columns = (
        Column("Arm"),
        Column("Method"),
        Column("Partition"),
        Column("Group"),
        Column("Certified", percent),
        Column("Low", percent),
        Column("High", percent),
        *(Column(f"Within {plain(radius)}", percent) for radius in radii),
        Column("Abstains", percent),
        Column("Rows", count),
    )
    rows: list[list[Cell]] = [
        [
            titles[one.arm],
            f"{one.method}, {one.norm.capitalize()}",
            group.partition,
            group.group,
            group.certified,
            *ends(group.interval),
            *(dict(zip(one.radii, group.within, strict=True)).get(radius) for radius in radii),
            group.abstained,
            group.rows,
        ]
        for one in known
        for group in one.groups
    ]
    return [Table("certificates-groups", "Who is certified, and who abstains", columns, rows, GROUPS_NOTE)]


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
