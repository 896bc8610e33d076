"""Sections on the protected groups: confidences, rates, accuracy and robustness."""

from fairtoll.report import _figures as figures
from fairtoll.report import _tables as tables
from fairtoll.report._format import Json, metric_of
from fairtoll.report._section import Section, protocol_title, with_place
from fairtoll.report._select import epsilons, partitions, protocols, select, set_name
from fairtoll.report._table import Table
from fairtoll.report._tables_wide import odds_table, wide_table


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
        wide: list[Table] = []
        for protocol in protocols(results):
            found = select(results, metric, protocol=protocol, partition=partition)
            if not found:
                continue
            where, slug = protocol_title(protocol), f"{metric}-{index + 1}-{protocol}".replace("_", "-")
            headings = figures.headings_of(results, found)
            name = f"{metric_of(metric).group_title} by {partition}"
            wide += [
                wide_table(
                    results,
                    f"{metric}-{index + 1}-{protocol}-{i + 1}".replace("_", "-"),
                    f"{name}, {heading}, {where}",
                    finding,
                    compact=finding["parameters"].get("evaluation") in (None, "clean"),
                )
                for i, (heading, finding) in enumerate(zip(headings, found, strict=True))
                if has_wide_table(finding)
            ]
            if metric == "eou":
                wide += odds_tables(results, partition, protocol, index)
            panels = [
                figures.group_panel(results, f"{slug}-{i}", heading, finding)
                for i, (heading, finding) in enumerate(zip(headings, found, strict=True))
            ]
            symbol = metric_of(metric).symbol
            panels.append(figures.gap_panel(results, f"{slug}-gap", f"{symbol} by {partition}", found, headings))
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
        section.tables += wide
        section.tables.append(
            tables.group_table(results, f"{slug}-groups", f"{metric_of(metric).group_title} by {partition}", everything)
        )
        section.tables.append(tables.gap_table(results, f"{slug}-gap", f"{symbol} by {partition}", everything))
        if metric == "eou":
            section.tables += rate_tables(results, partition, index)
        sections.append(section)
    return sections


def odds_tables(results: Json, partition: str, protocol: str, index: int) -> list[Table]:
    """Return EOU beside the prediction rate gap of Hardt et al. where both were taken on the same rows."""
    rates = {
        set_name(finding): finding
        for finding in select(results, "equalized_odds_rate", protocol=protocol, partition=partition)
    }
    pairs = [
        (set_name(finding), finding, rates[set_name(finding)])
        for finding in select(results, "eou", protocol=protocol, partition=partition)
        if finding["parameters"].get("evaluation") in (None, "clean") and set_name(finding) in rates
    ]
    caption = f"EOU beside the prediction rate gap of Hardt et al., by {partition}, {protocol_title(protocol)}"
    return [odds_table(results, f"eou-odds-{index + 1}-{protocol}", caption, pairs)] if pairs else []


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
    for metric in ("cau", "cru_epsilon", "cru_epsilon_relative", "cru_s", "cru_s_matched"):
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
                headings = figures.headings_of(results, found) if epsilons(found) else None
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
