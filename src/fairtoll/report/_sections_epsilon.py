"""The section on least epsilon: the gap in its mean, the share censored, and the whole distribution."""

from collections.abc import Sequence
from dataclasses import replace

from fairtoll.report import _figures as figures
from fairtoll.report import _figures_class as classes
from fairtoll.report import _figures_epsilon as epsilon
from fairtoll.report import _tables as tables
from fairtoll.report._chart_style import Figure
from fairtoll.report._format import Json
from fairtoll.report._section import Section, protocol_title, with_place
from fairtoll.report._select import describe, select
from fairtoll.report._tables_epsilon import epsilon_class_table, epsilon_summary

RELATIVE_LEAD = (
    " A robust model's least epsilons are larger throughout, so its raw gap grows by scale alone: CRU_ε / mean is the "
    "gap of each run's values divided by their mean."
)


def least_epsilon(results: Json) -> Section:
    """Return CRU_eps, the gap in mean least epsilon, and what a mean does not tell."""
    found = select(results, "cru_epsilon", partition="class")
    relative = select(results, "cru_epsilon_relative", partition="class")
    entries = epsilon.least_entries(results)
    section = Section(
        "least-epsilon",
        with_place(results, "Least epsilon by class", "cru_epsilon", "class"),
        "Least epsilon",
        "The least radius at which an attack finds an adversarial example, averaged over a class. A misclassified "
        "row has least epsilon 0; a row that no attack breaks counts with the largest radius tried, a lower limit."
        + (RELATIVE_LEAD if relative else ""),
    )
    several = {protocol for protocol in protocols_of(found) if protocols_of(found).count(protocol) > 1}
    for finding in found:
        twins = [other for other in relative if alike(finding, other)]
        named = describe(results, finding) if finding["protocol"] in several else "Least epsilon by class"
        caption = f"{named}, {protocol_title(finding['protocol'])}"
        section.figures.append(epsilon_figure(results, f"cru-epsilon-{finding['protocol']}", caption, finding, twins))
    section.figures += epsilon.distribution_figures(results, entries)
    if entries:
        section.tables.append(epsilon_summary(results, entries))
    if found:
        section.tables.append(tables.gap_table(results, "cru-epsilon-class", "CRU_ε by class", found))
    if relative:
        caption = "CRU_ε by class, over the mean"
        section.tables.append(tables.gap_table(results, "cru-epsilon-relative-class", caption, relative))
    if entries:
        section.tables.append(epsilon_class_table(results, entries))
    return section


def protocols_of(findings: Sequence[Json]) -> list[str]:
    """Return each finding's protocol."""
    return [finding["protocol"] for finding in findings]


def alike(one: Json, other: Json) -> bool:
    """Return whether two findings are of one protocol, the same arms and the same attack."""
    keys = ("partition", "evaluation", "attack", "threat", "epsilon")
    return all(one["parameters"].get(key) == other["parameters"].get(key) for key in keys) and all(
        one[key] == other[key] for key in ("protocol",)
    )


def epsilon_figure(results: Json, name: str, caption: str, finding: Json, relative: Sequence[Json]) -> Figure:
    """Return the means by class with the share censored beside them, and both gaps."""
    many = classes.many_groups(finding)
    if many:
        panels = [classes.class_panel(results, f"{name}-groups", "Mean least epsilon", finding)]
        censored = epsilon.censored_panel(results, f"{name}-censored", finding)
        panels += [censored] if censored else []
    else:
        panels = [figures.group_panel(results, f"{name}-groups", "Mean least epsilon", finding, controls=True)]
    panels.append(figures.gap_panel(results, f"{name}-gap", "CRU_ε", [finding]))
    panels += [
        figures.gap_panel(results, f"{name}-relative-{index + 1}", "CRU_ε over the mean", [twin])
        for index, twin in enumerate(relative)
    ]
    figure = figures.gap_figure(results, name, caption, panels, [finding])
    if not many:
        return figure
    marks = f"{classes.class_marks(finding)} {figure.marks}"
    return replace(figure, marks=marks, key=classes.arm_keys(results, [finding]))
