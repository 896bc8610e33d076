"""The section on where attacked rows go: a matrix of true and predicted classes for each arm."""

from fairtoll.findings.results import AttackedInto, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.numbers import count, percent
from fairtoll.report.section import Section
from fairtoll.report.select import class_order, in_order, is_main_threat
from fairtoll.report.tables.table import Cell, Column, Table

#: A matrix of more classes is folded.
OPEN = 12


def attacked_into(results: Results) -> Section:
    """Return one matrix an arm of the rows of each class by the class they are predicted as under attack."""
    section = Section(
        "attacked-into",
        "Into which class rows are attacked",
        "Attacked into",
        "Rows of each true class, and the share of them that is predicted as each class under the attack on the model "
        "itself: on the diagonal what is still classified correctly. Mean over training runs.",
    )
    entries = [entry for entry in results.attacked_into if is_main_threat(results, entry.threat)]
    section.tables = [matrix(results, f"attacked-into-{place}", entry) for place, entry in enumerate(entries, 1)]
    return section


def matrix(results: Results, name: str, entry: AttackedInto) -> Table:
    """Return one arm's shares, true classes from hardest to easiest."""
    order = in_order(entry.classes, class_order(results))
    places = [entry.classes.index(one) for one in order]
    columns = (
        Column("True class"),
        Column("Rows", count),
        *(Column(f"{one}, %", percent, key=f"into {one}") for one in order),
    )
    rows: list[list[Cell]] = [
        [entry.classes[true], entry.rows[true], *(entry.shares[true][into] for into in places)] for true in places
    ]
    title = arm_titles(results)[entry.arm]
    caption = f"{title}, predicted class under attack, epsilon {entry.epsilon:g}"
    return Table(name, caption, columns, rows, compact=len(order) <= OPEN)
