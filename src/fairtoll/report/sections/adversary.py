"""The section on what an adversary may change in rows of one's own, column by column."""

from fairtoll.findings.results import AdversaryColumn, Results
from fairtoll.report.section import Section
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.words import typeset

CAPTION = "What the adversary may change"
ALONE = "Each moves independently of the others, within the values that the training rows have or that were given."


def adversary(results: Results) -> Section:
    """Return how far each column may move at the radius of the run, and why others may not."""
    section = Section("adversary", CAPTION, "Adversary")
    told = results.adversary
    if told is None:
        return section
    section.lead = (
        f"In training and in every attack. Epsilon is {told.epsilon:.3g}; an epsilon of 1 is {told.unit}. A strength "
        "called radius is the share of this epsilon that a recipe trains with; every arm is attacked at the whole."
    )
    titles = ("Column", "May move", "By at most", "At an epsilon of 1", "Values")
    rows: list[list[Cell]] = [_row(one) for one in told.columns]
    section.tables.append(Table("adversary", CAPTION, tuple(map(Column, titles)), rows, ALONE, compact=len(rows) <= 40))
    return section


def _row(one: AdversaryColumn) -> list[Cell]:
    ends = None if one.low is None or one.high is None else typeset(f"{one.low:.5g} to {one.high:.5g}")
    if one.fixed is not None or one.reach is None or one.scale is None:
        return [one.name, f"never: {one.fixed}", None, None, ends]
    said = [
        "up or down",
        *(["whole numbers"] if one.whole else []),
        *(["missing stays missing"] if one.missing else []),
    ]
    return [one.name, ", ".join(said), typeset(f"{one.reach:.4g}"), typeset(f"{one.scale:.4g}"), ends]
