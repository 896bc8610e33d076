"""Sections on the protected groups: confidences, rates, accuracy and robustness."""

from fairtoll.report import _figures as figures
from fairtoll.report import _tables as tables
from fairtoll.report._format import Json, metric_of
from fairtoll.report._section import Section, protocol_title, with_place
from fairtoll.report._select import epsilons, partitions, protocols, select, set_name
from fairtoll.report._table import Table
from fairtoll.report._tables_wide import wide_table


def by_partition(results: Json, metric: str, anchor: str, title: str, lead: str) -> list[Section]:
    """Return one section per partition of a metric that conditions on the true label, or on nothing."""
    sections = []
    for index, partition in enumerate(partitions(results, metric)):
        # One section of a kind is enough: where there is EOU, the rate gap stands in its tables.
        if metric == "equalized_odds_rate" and select(results, "eou", partition=partition):
            continue
        section = Section(
            f"{anchor}-{index + 1}",
            with_place(results, f"{title} by {partition}", metric, partition),
            f"{metric_of(metric).symbol}, {partition}",
            lead if index == 0 else "",
        )
        for protocol in protocols(results):
            found = select(results, metric, protocol=protocol, partition=partition)
            if not found:
                continue
            where, slug = protocol_title(protocol), f"{metric}-{index + 1}-{protocol}".replace("_", "-")
            panels = [
                figures.group_panel(results, f"{slug}-{i}", set_name(finding) or "all rows", finding)
                for i, finding in enumerate(found)
            ]
            symbol = metric_of(metric).symbol
            panels.append(
                figures.gap_panel(results, f"{slug}-gap", f"{symbol} by {partition}", found, figures.headings_of(found))
            )
            section.figures.append(
                figures.gap_figure(
                    results,
                    slug,
                    f"{metric_of(metric).group_title} and {symbol} by {partition}, {where}",
                    panels,
                    found,
                )
            )
        everything = select(results, metric, partition=partition)
        slug = f"{metric}-{index + 1}".replace("_", "-")
        symbol = metric_of(metric).symbol
        for number, finding in enumerate(everything):
            if has_wide_table(finding):
                section.tables.append(
                    wide_table(
                        results,
                        f"{slug}-{finding['protocol']}-{number + 1}",
                        f"{metric_of(metric).group_title} by {partition}, {set_name(finding) or 'all rows'}, "
                        f"{protocol_title(finding['protocol'])}",
                        finding,
                    )
                )
        section.tables.append(
            tables.group_table(results, f"{slug}-groups", f"{metric_of(metric).group_title} by {partition}", everything)
        )
        section.tables.append(tables.gap_table(results, f"{slug}-gap", f"{symbol} by {partition}", everything))
        if metric == "eou":
            section.tables += rate_tables(results, partition, index)
        sections.append(section)
    return sections


def rate_tables(results: Json, partition: str, index: int) -> list[Table]:
    """Return the prediction rate gap of Hardt et al. over the same groups."""
    found = select(results, "equalized_odds_rate", partition=partition)
    if not found:
        return []
    where = f"by {partition} (Hardt et al.)"
    name = f"equalized-odds-rate-{index + 1}"
    return [
        tables.group_table(results, f"{name}-groups", f"Predicted share {where}", found),
        tables.gap_table(results, f"{name}-gap", f"Equalized odds gap {where}", found),
    ]


def has_wide_table(finding: Json) -> bool:
    """Return whether the groups fit side by side, as the paper prints them."""
    return finding["metric"] == "eou" and len(finding["standard"]["groups"]) <= 8


def group_robustness(results: Json) -> Section:
    """Return accuracy and attack success over protected groups, which the paper did not ask."""
    section = Section(
        "groups",
        "Accuracy and robustness by protected group",
        "Groups",
        "The paper asked for accuracy and robustness by class alone. Here the same gaps are taken over the "
        "protected groups."
        if "paper" in protocols(results)
        else "The same gaps, taken over the protected groups.",
    )
    for metric in ("cau", "cru_s", "cru_epsilon"):
        chosen = [name for name in partitions(results, metric) if name != "class"]
        symbol = metric_of(metric).symbol
        slug = metric.replace("_", "-")
        for protocol in protocols(results):
            panels, used = [], []
            for index, partition in enumerate(chosen):
                found = select(results, metric, protocol=protocol, partition=partition)
                if metric == "cru_s":
                    found = [f for f in found if f["parameters"].get("denominator") != "correct"]
                    whites = [f for f in found if f["parameters"].get("evaluation") == "white-box"]
                    found = whites or found
                if not found:
                    continue
                headings = figures.headings_of(found) if epsilons(found) else None
                name = f"{slug}-group-{index + 1}-{protocol}"
                panels.append(figures.gap_panel(results, name, f"{symbol} by {partition}", found, headings))
                used += found
            if used:
                section.figures.append(
                    figures.gap_figure(
                        results,
                        f"{slug}-groups-{protocol}",
                        f"{metric_of(metric).title} by protected group, {protocol_title(protocol)}",
                        panels,
                        used,
                    )
                )
        for index, partition in enumerate(chosen):
            found = select(results, metric, partition=partition)
            section.tables.append(
                tables.gap_table(results, f"{slug}-group-{index + 1}", f"{symbol} by {partition}", found)
            )
    return section
