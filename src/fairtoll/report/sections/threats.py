"""The section on threat models other than the one that the report leads with."""

from collections.abc import Mapping, Sequence

from fairtoll.findings.results import Accuracy, Results
from fairtoll.report.accuracies import (
    RADIUS_MARKS,
    accuracies_under,
    other_threat_names,
    radii_of,
    radius_panels,
    weakest,
)
from fairtoll.report.arms import arm_titles
from fairtoll.report.charts.style import Figure
from fairtoll.report.numbers import (
    percent,
)
from fairtoll.report.section import Section
from fairtoll.report.select import (
    is_main_threat,
)
from fairtoll.report.tables.accuracy import accuracy_table
from fairtoll.report.tables.findings import verdict_table
from fairtoll.report.tables.table import Cell, Column, Table


def other_threats(results: Results) -> Section:
    """Return findings and accuracies under any threat but the main one."""
    section = Section(
        "threats",
        "Other threat models",
        "Threats",
        "The same models, attacked by an adversary who may change more attributes, or only what a person could "
        "plausibly change.",
    )
    entries = [entry for entry in results.accuracy if not is_main_threat(results, entry.threat)]
    figure = threat_figure(results)
    if figure:
        section.figures.append(figure)
    for index, threat in enumerate(other_threat_names(results)):
        of_threat = accuracies_under(results, "white-box", threat)
        radii = radii_of(of_threat)
        if radii:
            caption = f"Accuracy under the {threat} threat, white-box, percent"
            by_radius = {radius: weakest(of_threat, radius) for radius in radii}
            section.tables.append(threat_table(results, f"threat-{index + 1}", caption, by_radius))
    if entries:
        section.tables.append(
            accuracy_table(results, "accuracy-threats", "Accuracy under other threat models", entries, with_threat=True)
        )
    found = [f for f in results.findings if not is_main_threat(results, f.parameters.threat)]
    if found:
        section.tables.append(verdict_table(results, "findings-threats", "Verdicts under other threat models", found))
    return section


def threat_figure(results: Results) -> Figure | None:
    """Return white-box accuracy over the radii, one panel per threat but the main one."""
    panels = []
    for index, threat in enumerate(other_threat_names(results)):
        entries = accuracies_under(results, "white-box", threat)
        panels += radius_panels(results, f"threat-{index + 1}", f"{threat} threat, white-box", entries)
    return Figure("threats", "Accuracy under other threat models", panels, RADIUS_MARKS) if panels else None


def threat_table(results: Results, name: str, caption: str, accuracies: Mapping[float, Sequence[Accuracy]]) -> Table:
    """Return each arm's accuracy with the radii side by side; `accuracies` has one entry per arm for each radius."""
    titles = arm_titles(results)
    columns = [Column("Arm"), *(Column(f"ε = {radius:g}, %", percent) for radius in accuracies)]
    of_arm = {radius: {entry.arm: entry for entry in found} for radius, found in accuracies.items()}
    arms = [arm for arm in titles if any(arm in found for found in of_arm.values())]
    rows: list[list[Cell]] = [
        [titles[arm], *(found[arm].mean if arm in found else None for found in of_arm.values())] for arm in arms
    ]
    return Table(name, caption, tuple(columns), rows, compact=True)
