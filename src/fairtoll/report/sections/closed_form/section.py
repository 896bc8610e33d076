"""The section itself: pictures for a newcomer, the table of findings, and every value."""

from fairtoll.findings.results import Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.section import Section
from fairtoll.report.sections.closed_form.claims import claims_table
from fairtoll.report.sections.closed_form.pictures import curve_figure, line_figure
from fairtoll.report.sections.closed_form.signs import map_figures, places_table
from fairtoll.report.sections.closed_form.values import values_figure, values_table

LEAD = (
    "Rows are drawn from two Gaussian classes, so that every measure of a linear model is a formula: it needs no test "
    "rows and no attack. Adversarial training moves the threshold towards the class that is spread more: near the "
    "threshold an attack costs the narrow class, whose rows lie closely together, more of them. No control with the "
    "same compute is trained: how far a linear model is from the rule that more training would give is in the table "
    "of values, as least loss."
)
CLAIMS = (
    "A finding of the paper can be a theorem for Gaussian classes and linear rules, hold under a condition, or be "
    "reversed. Which it is depends on how far apart the classes are, how much they differ in spread, and how far the "
    "adversary reaches."
)


def closed_form(results: Results) -> list[Section]:
    """Return what formulas say beside the measurements; nothing where no model is known."""
    theory = results.theory
    if theory is None:
        return []
    titles, colours = arm_titles(results), arm_colours(results)
    section = Section("formulas", "The toll by formula", "By formula", LEAD)
    if theory.line is not None:
        section.figures.append(line_figure(theory.line, titles, colours))
    section.figures.append(curve_figure(theory, titles, colours))
    section.figures += map_figures(theory.maps)
    section.figures.append(values_figure(theory, titles, colours))
    section.tables = [*([places_table(theory.maps)] if theory.maps else []), values_table(theory, titles)]
    claims = Section("theorems", "Which findings are theorems, and which are reversed", "Theorems", CLAIMS)
    if theory.claims:
        claims.tables.append(claims_table(theory))
    return [section, claims]
