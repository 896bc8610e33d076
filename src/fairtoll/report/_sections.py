"""The report's sections in order: which figures and tables each holds. One without data is left out."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fairtoll.report import _figures as figures
from fairtoll.report import _figures_overview as overview
from fairtoll.report import _tables as tables
from fairtoll.report._chart_style import Figure
from fairtoll.report._format import Json, metric_of
from fairtoll.report._select import (
    PROTOCOLS,
    epsilons,
    is_main_threat,
    paper_place,
    partitions,
    protocols,
    select,
    set_name,
)
from fairtoll.report._table import Table


@dataclass
class Section:
    """One part of the report: an anchor, a heading, what to read into it, figures and tables."""

    anchor: str
    title: str
    lead: str = ""
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.figures and not self.tables


def protocol_title(name: str) -> str:
    """Return a protocol's title."""
    return PROTOCOLS.get(name, name)


def with_place(results: Json, title: str, metric: str, partition: str) -> str:
    """Return a title with where the paper reports it."""
    place = paper_place(results, metric, partition)
    return f"{title} ({place})" if place else title


def accuracy(results: Json) -> Section:
    """Return clean, static-transfer and white-box accuracy."""
    section = Section(
        "accuracy",
        "Accuracy",
        "A robust accuracy means nothing without the attack behind it. Static transfer tries examples that were "
        "made on another model; white-box attacks the model itself, and counts a row as robust only if it "
        "stands under every attack.",
    )
    figure = overview.accuracy_figure(results)
    entries = [entry for entry in results.get("accuracy") or [] if is_main_threat(results, entry.get("threat"))]
    if figure:
        section.figures.append(figure)
    if entries:
        section.tables.append(tables.accuracy_table(results, "accuracy", "Accuracy by arm and evaluation", entries))
    return section


def class_accuracy(results: Json) -> Section:
    """Return CAU by class, and each class's accuracy."""
    section = Section(
        "class-accuracy",
        with_place(results, "Accuracy by class", "cau", "class"),
        "CAU is the largest difference in accuracy between two classes.",
    )
    for protocol in protocols(results):
        found = select(results, "cau", protocol=protocol, partition="class")
        if not found:
            continue
        title = protocol_title(protocol)
        panels = [
            figures.group_panel(
                results, f"cau-{protocol}-groups", f"Accuracy per class, {title}", found[0], controls=True
            ),
            figures.gap_panel(results, f"cau-{protocol}-gap", f"CAU, {title}", found),
        ]
        section.figures.append(
            figures.gap_figure(results, f"cau-class-{protocol}", f"Accuracy by class, {title}", panels, found)
        )
    found = select(results, "cau", partition="class")
    if found:
        section.tables.append(tables.gap_table(results, "cau-class", "CAU by class", found))
    return section


def attack_success(results: Json) -> Section:
    """Return CRU_s by class over the radii: Table II and Figure 4."""
    section = Section(
        "attack-success",
        with_place(results, "Attack success by class", "cru_s", "class"),
        "CRU_s is the largest difference in attack success between two classes. The share is of all rows, so a "
        "misclassified row counts as a success, unless a figure says that it is of correctly classified rows.",
    )
    everything = select(results, "cru_s", partition="class")
    for protocol in protocols(results):
        spreads, gaps, used = [], [], []
        for evaluation in ("white-box", "static-transfer"):
            found = select(
                results,
                "cru_s",
                protocol=protocol,
                partition="class",
                evaluation=evaluation,
                denominator="all",
            ) or select(results, "cru_s", protocol=protocol, partition="class", evaluation=evaluation)
            if not found:
                continue
            title = overview.EVALUATION_TITLES[evaluation].split(" (")[0]
            headings = figures.headings_of(found)
            name = f"{protocol}-{evaluation}"
            spreads.append(figures.spread_panel(results, f"success-{name}", title, found, headings))
            gaps.append(figures.gap_panel(results, f"cru-s-{name}", title, found, headings))
            used += found
        if used:
            where = protocol_title(protocol)
            section.figures.append(
                Figure(
                    f"attack-success-{protocol}",
                    f"Attack success per class, {where}",
                    spreads,
                    "A line joins the classes of one arm: its length is CRU_s.",
                )
            )
            section.figures.append(
                figures.gap_figure(results, f"cru-s-class-{protocol}", f"CRU_s by class, {where}", gaps, used)
            )
    if everything:
        section.tables.append(tables.gap_table(results, "cru-s-class", "CRU_s by class", everything))
        section.tables.append(
            tables.group_table(results, "attack-success-class", "Attack success per class", everything)
        )
    return section


def by_partition(results: Json, metric: str, anchor: str, title: str, lead: str) -> list[Section]:
    """Return one section per partition of a metric that conditions on the true label, or on nothing."""
    sections = []
    for index, partition in enumerate(partitions(results, metric)):
        section = Section(
            f"{anchor}-{index + 1}",
            with_place(results, f"{title} by {partition}", metric, partition),
            lead if index == 0 else "",
        )
        for protocol in protocols(results):
            found = select(results, metric, protocol=protocol, partition=partition)
            # One chart of a kind is enough: where there is EOU, the rate gap is a table.
            if not found or (metric == "equalized_odds_rate" and select(results, "eou", partition=partition)):
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
        section.tables.append(
            tables.group_table(results, f"{slug}-groups", f"{metric_of(metric).group_title} by {partition}", everything)
        )
        section.tables.append(tables.gap_table(results, f"{slug}-gap", f"{symbol} by {partition}", everything))
        sections.append(section)
    return sections


def group_robustness(results: Json) -> Section:
    """Return accuracy and attack success over protected groups, which the paper did not ask."""
    section = Section(
        "groups",
        "Accuracy and robustness by protected group",
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


def least_epsilon(results: Json) -> list[Section]:
    """Return CRU_eps, the gap in mean least epsilon."""
    found = select(results, "cru_epsilon", partition="class")
    if not found:
        return []
    section = Section(
        "least-epsilon",
        with_place(results, "Least epsilon by class", "cru_epsilon", "class"),
        "The least radius at which an attack finds an adversarial example, averaged over a class. A misclassified "
        "row has least epsilon 0; a row that no attack breaks counts with the largest radius tried, a lower limit.",
    )
    for finding in found:
        where, slug = protocol_title(finding["protocol"]), f"cru-epsilon-{finding['protocol']}"
        panels = [
            figures.group_panel(results, f"{slug}-groups", "Mean least epsilon", finding, controls=True),
            figures.gap_panel(results, f"{slug}-gap", "CRU_ε", [finding]),
        ]
        section.figures.append(figures.gap_figure(results, slug, f"Least epsilon by class, {where}", panels, [finding]))
    section.tables.append(tables.gap_table(results, "cru-epsilon-class", "CRU_ε by class", found))
    return [section]


def other_threats(results: Json) -> Section:
    """Return findings and accuracies under any threat but the main one."""
    section = Section(
        "threats",
        "Other threat models",
        "The same models, attacked by someone who may change more attributes, or only what a person could "
        "plausibly change.",
    )
    entries = [entry for entry in results.get("accuracy") or [] if not is_main_threat(results, entry.get("threat"))]
    if entries:
        section.tables.append(
            tables.accuracy_table(
                results, "accuracy-threats", "Accuracy under other threat models", entries, with_threat=True
            )
        )
    found = [f for f in results.get("findings") or [] if not is_main_threat(results, f["parameters"].get("threat"))]
    if found:
        section.tables.append(
            tables.verdict_table(results, "findings-threats", "Verdicts under other threat models", found)
        )
    return section


def transfer(results: Json) -> Section:
    """Return static transfer against white-box."""
    section = Section(
        "transfer",
        "Static transfer against white-box",
        "How much of a robust accuracy is only that the examples were made for another model.",
    )
    section.figures = [
        figure for figure in (overview.transfer_figure(results), overview.epsilon_figure(results)) if figure
    ]
    return section


def toll(results: Json) -> Section:
    """Return the toll: differences from the standard arm and from the compute-matched control."""
    control = any(finding.get("difference_from_control") for finding in results.get("findings") or [])
    section = Section(
        "toll",
        "The toll, against the standard model and against the control" if control else "The toll",
        "Each line is how much larger the robust model's gap is. Right of the shaded margin is less fair, left is "
        "fairer."
        + (
            " Adversarial training also trains for longer: the hollow line takes that out, by comparing with a "
            "control that was given as many updates and no adversary."
            if control
            else ""
        ),
    )
    panels = []
    for protocol in protocols(results):
        found = headline(results, protocol)
        panel = overview.toll_panel(results, f"toll-{protocol}", protocol_title(protocol).capitalize(), found)
        if panel:
            panels.append(panel)
    if panels:
        marks = "Filled: against the standard arm. Hollow: against the control. Line: interval. Shaded: margin."
        section.figures.append(
            Figure(
                "toll",
                "Difference of gaps, robust less standard and robust less control",
                panels,
                marks,
            )
        )
    return section


def headline(results: Json, protocol: str) -> list[Json]:
    """Return the findings the toll is read from: all rows, the main threat, white-box at the first radius."""
    found = []
    for finding in results.get("findings") or []:
        parameters = finding["parameters"]
        if finding["protocol"] != protocol or not is_main_threat(results, parameters.get("threat")):
            continue
        if finding["metric"] == "cru_s":
            same = select(results, "cru_s", protocol=protocol, evaluation=parameters.get("evaluation"))
            radii = epsilons(same)
            if parameters.get("denominator") == "correct" or parameters.get("evaluation") != "white-box":
                continue
            if parameters.get("partition") != "class" and radii and parameters.get("epsilon") != radii[0]:
                continue
        found.append(finding)
    return found


CONFIDENCE_LEAD = (
    "EOU as the paper defines it: the gap in mean confidence between the groups, among rows of one true label. "
    "It is not the prediction rate gap of Hardt et al., which has its own section."
)
RATE_LEAD = "Equalized odds after Hardt et al.: the gap in the share predicted as the target, given the true label."
KNOWN = ("cau", "cru_s", "cru_epsilon", "eou", "equalized_odds_rate")


def build(results: Json) -> list[Section]:
    """Return every section that has something to show, in the report's order."""
    parts: list[Callable[[Json], Section | list[Section]]] = [
        accuracy,
        class_accuracy,
        attack_success,
        least_epsilon,
        lambda r: by_partition(r, "eou", "confidence", "Mean confidence", CONFIDENCE_LEAD),
        lambda r: by_partition(r, "equalized_odds_rate", "odds", "Predicted share", RATE_LEAD),
        group_robustness,
        others,
        other_threats,
        transfer,
        toll,
    ]
    sections: list[Section] = []
    for part in parts:
        made = part(results)
        sections += made if isinstance(made, list) else [made]
    return [section for section in sections if not section.empty]


def others(results: Json) -> list[Section]:
    """Return a section for each metric that has none of its own."""
    names = dict.fromkeys(finding["metric"] for finding in results.get("findings") or [])
    sections = []
    for name in names:
        if name not in KNOWN:
            sections += by_partition(results, name, name.replace("_", "-"), metric_of(name).title, "")
    return sections
