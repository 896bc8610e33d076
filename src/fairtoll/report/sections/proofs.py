"""The section on what is proved: rows that no attack can break, by arm, class and group."""

from collections.abc import Sequence

from fairtoll.findings.results import Proof, ProofGroup, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.charts.shares import Bar, share_panel
from fairtoll.report.charts.style import Figure, Key
from fairtoll.report.numbers import count, percent, radius
from fairtoll.report.section import Section
from fairtoll.report.select import epsilon_text, is_main_threat
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import ends, two_decimals

PARTS = {"broken": "broken", "proved": "proved robust", "within_rounding": "within rounding", "unknown": "unknown"}
COLOURS = ("#b5502f", "#2f7d6d", "#c9a227", "#8a929c")
LEAD = (
    "An attack that fails says nothing for certain: a stronger one may succeed. Here bounds of the model cover every "
    "input within the radius. Broken: one is known that the model misclassifies. Proved robust: none is misclassified, "
    "whatever the attack, the rounding of the model's own arithmetic included. Within rounding: neither, only because "
    "that rounding decides. Unknown: neither, as the bounds are too loose."
)
SAMPLED = "A sample of the rows was tried; gaps and verdicts are those of the attacks on all rows."
BRACKETS = (
    "Rows that are neither broken nor proved leave each gap a bracket, which is given where a finding is opened. Its "
    "interval is that much wider, so that the verdict holds wherever in the bracket the truth lies."
)
NOTE = (
    "Proved of the unbroken: of the rows that nothing breaks; its interval, where a sample was taken, is for all rows."
)
BRACKET_NOTE = (
    "Every row's least epsilon lies between the radius that is proved and the one at which it breaks; rows that "
    "nothing breaks count with the largest radius. Narrow: a bracket of at most 1% of that radius."
)


def proofs(results: Results) -> Section:
    """Return which rows are broken, proved robust or neither, arm by arm."""
    whole = all(one.rows == one.of for one in results.proofs)
    section = Section("proofs", "What is proved", "Proved", f"{LEAD} {BRACKETS if whole else SAMPLED}")
    decided = [one for one in results.proofs if not one.least_epsilon]
    bracketed = [one for one in results.proofs if one.least_epsilon]
    if decided:
        section.figures = figures(results, decided)
        section.tables = [decided_table(results, decided), group_table(results, decided)]
    if bracketed:
        section.tables.append(bracket_table(results, bracketed))
    return section


def where(one: Proof, results: Results) -> str:
    """Return the radius, and the threat where it is not the one that the report leads with."""
    under = "" if is_main_threat(results, one.threat) else f", threat {one.threat}"
    return f"{epsilon_text(one.epsilon)}{under}"


def figures(results: Results, found: Sequence[Proof]) -> list[Figure]:
    """Return a panel for each threat and radius: every class of every arm as a bar."""
    titles = arm_titles(results)
    panels = []
    for place, heading in enumerate(dict.fromkeys(where(one, results) for one in found)):
        chosen = [one for one in found if where(one, results) == heading]
        bars = [
            Bar(f"{titles[one.arm]}, {group.group}", {word: getattr(group, part) for part, word in PARTS.items()})
            for one in chosen
            for group in one.groups
            if group.partition == "class"
        ]
        said = "; ".join(f"{titles[one.arm]}: {words(one.groups[0])}" for one in chosen)
        panels.append(
            share_panel(
                f"proofs-{place + 1}", f"At {heading}", bars, summary=f"At {heading}: {said}.",
                colours=dict(zip(PARTS.values(), COLOURS, strict=True)),
            )
        )  # fmt: skip
    shown = {word for one in found for part, word in PARTS.items() if getattr(one.groups[0], part)}
    key = tuple(Key(word, colour) for word, colour in zip(PARTS.values(), COLOURS, strict=True) if word in shown)
    return [Figure("proofs", "Rows broken, proved robust, or neither, by class", panels, key=key)]


def words(group: ProofGroup) -> str:
    """Return the shares of a group in words."""
    said = [f"{percent(getattr(group, part))}% {word}" for part, word in PARTS.items() if getattr(group, part)]
    return ", ".join(said)


def decided_table(results: Results, found: Sequence[Proof]) -> Table:
    """Return one row for each arm, threat and radius."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("At"),
        Column("Rows", count),
        Column("Of", count),
        Column("Runs", count),
        *(Column(f"{word.capitalize()}, %", two_decimals) for word in PARTS.values()),
        Column("Proved of the unbroken, %", two_decimals),
        Column("Low, %", two_decimals, key="settled_low"),
        Column("High, %", two_decimals, key="settled_high"),
    )
    rows: list[list[Cell]] = [
        [
            titles[one.arm],
            where(one, results),
            one.rows,
            one.of,
            one.runs,
            *(getattr(one.groups[0], part) for part in PARTS),
            one.settled,
            *ends(one.settled_interval),
        ]
        for one in found
    ]
    return Table("proofs", "Rows broken, proved robust, or neither", columns, rows, NOTE, compact=True)


def group_table(results: Results, found: Sequence[Proof]) -> Table:
    """Return the same for every class and group."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("At"),
        Column("By"),
        Column("Group"),
        Column("Rows", count),
        *(Column(f"{word.capitalize()}, %", two_decimals) for word in PARTS.values()),
    )
    rows: list[list[Cell]] = [
        [
            titles[one.arm],
            where(one, results),
            group.partition,
            group.group,
            group.rows,
            *(getattr(group, part) for part in PARTS),
        ]
        for one in found
        for group in one.groups[1:]
    ]
    return Table("proofs-groups", "Rows broken, proved robust, or neither, by class and group", columns, rows)


def bracket_table(results: Results, found: Sequence[Proof]) -> Table:
    """Return the mean least epsilon of every class and group with its proved bracket."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Up to"),
        Column("By"),
        Column("Group"),
        Column("Rows", count),
        Column("Proved mean", radius),
        Column("Mean", radius),
        Column("Broken, %", two_decimals),
        Column("Narrow, all rows, %", two_decimals),
    )
    rows: list[list[Cell]] = [
        [
            titles[one.arm],
            where(one, results),
            group.partition,
            group.group,
            group.rows,
            group.low,
            group.high,
            group.broken,
            one.narrow,
        ]
        for one in found
        for group in one.groups
    ]
    return Table("proofs-least-epsilon", "Mean least epsilon with its proved bracket", columns, rows, BRACKET_NOTE)
