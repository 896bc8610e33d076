"""The section on accuracy and robustness by protected group."""

from fairtoll.findings.results import Results
from fairtoll.report.charts.gaps import (
    gap_figure,
    gap_panel,
    headings_of,
)
from fairtoll.report.compared import Compared, together
from fairtoll.report.metrics import metric_of
from fairtoll.report.section import Section
from fairtoll.report.select import (
    epsilons,
    own_evaluation,
    partitions,
    protocol_title,
    protocols,
    select,
)
from fairtoll.report.tables.findings import gap_table


def group_robustness(results: Results) -> Section:
    """Return accuracy and attack success over protected groups, which the paper does not evaluate."""
    section = Section(
        "groups",
        "Accuracy and robustness by protected group",
        "Groups",
        "The paper evaluates accuracy and robustness by class alone. Here the same gaps are taken over the "
        "protected groups."
        if "paper" in protocols(results)
        else "The same gaps, taken over the protected groups.",
    )
    for metric in ("cau", "cru_epsilon", "cru_epsilon_relative", "cru_s", "cru_s_matched"):
        chosen = [name for name in partitions(results, metric) if name != "class"]
        symbol = metric_of(metric).symbol
        slug = metric.replace("_", "-")
        for protocol in protocols(results):
            panels = []
            used: list[Compared] = []
            for index, partition in enumerate(chosen):
                found = together(select(results, metric, protocol=protocol, partition=partition))
                if metric == "cru_s":
                    found = [f for f in found if f.parameters.denominator != "correct"]
                    own = own_evaluation(results)
                    found = [f for f in found if f.parameters.evaluation == own] or found
                if not found:
                    continue
                headings = headings_of(found) if epsilons(found) else None
                name = f"{slug}-group-{index + 1}-{protocol}"
                panels.append(gap_panel(results, name, f"{symbol} by {partition}", found, headings))
                used += found
            if used:
                section.figures.append(
                    gap_figure(
                        results,
                        f"{slug}-groups-{protocol}",
                        f"{metric_of(metric).title} by protected group, {protocol_title(protocol)}",
                        panels,
                        used,
                    )
                )
        for index, partition in enumerate(chosen):
            found = together(select(results, metric, partition=partition))
            section.tables.append(gap_table(results, f"{slug}-group-{index + 1}", f"{symbol} by {partition}", found))
    return section
