"""Sections on the classes: accuracy, CAU, attack success, least epsilon."""

from fairtoll.report import _figures as figures
from fairtoll.report import _figures_overview as overview
from fairtoll.report import _tables as tables
from fairtoll.report._chart_style import Figure
from fairtoll.report._format import Json
from fairtoll.report._section import Section, protocol_title, with_place
from fairtoll.report._select import describe, is_main_threat, protocols, select
from fairtoll.report._tables_wide import accuracy_wide, radius_tables


def accuracy(results: Json) -> Section:
    """Return clean, static-transfer and white-box accuracy."""
    section = Section(
        "accuracy",
        "Accuracy",
        "Accuracy",
        "A robust accuracy means nothing without the attack behind it. Static transfer tries examples that were "
        "made on another model; white-box attacks the model itself. Under the union a row is robust only if it "
        "stands under every attack.",
    )
    figure = overview.accuracy_figure(results)
    entries = [entry for entry in results.get("accuracy") or [] if is_main_threat(results, entry.get("threat"))]
    if figure:
        section.figures.append(figure)
    if entries:
        found = overview.accuracies_by_attack(results)
        section.tables.append(
            accuracy_wide(results, "accuracy-main", "Accuracy, percent, each by its evaluation", found)
        )
        section.tables.append(
            tables.accuracy_table(results, "accuracy", "Accuracy by arm, evaluation and radius", entries)
        )
    return section


def class_accuracy(results: Json) -> Section:
    """Return CAU by class, and each class's accuracy."""
    section = Section(
        "class-accuracy",
        with_place(results, "Accuracy by class", "cau", "class"),
        "By class",
        "CAU is the largest difference in accuracy between two classes.",
    )
    for protocol in protocols(results):
        found = select(results, "cau", protocol=protocol, partition="class")
        if not found:
            continue
        title = protocol_title(protocol)
        panels = [
            *(
                figures.group_panel(results, f"cau-{protocol}-{index}", "Accuracy per class", finding, controls=True)
                for index, finding in enumerate(found)
            ),
            figures.gap_panel(results, f"cau-{protocol}-gap", "CAU", found),
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
        "Attack success",
        "CRU_s is the largest difference in attack success between two classes. The share is of all rows, so a "
        "misclassified row counts as a success, unless a figure says that it is of correctly classified rows.",
    )
    everything = select(results, "cru_s", partition="class")
    for protocol in protocols(results):
        spreads, gaps = [], []
        used: list[Json] = []
        of_evaluation: dict[str, list[Json]] = {}
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
            of_evaluation[evaluation] = found
            used += found
        for evaluation, found in of_evaluation.items():
            title = overview.EVALUATION_TITLES[evaluation].split(" (")[0]
            headings, name = figures.headings_of(results, found), f"{protocol}-{evaluation}"
            spreads.append(figures.spread_panel(results, f"success-{name}", title, found, headings))
            gaps.append(figures.gap_panel(results, f"cru-s-{name}", title, found, headings, figures.gap_domain(used)))
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
        section.tables += radius_tables(results, "cru-s", "CRU_s by class over epsilon", everything)
        section.tables.append(tables.gap_table(results, "cru-s-class", "CRU_s by class", everything))
        section.tables.append(
            tables.group_table(results, "attack-success-class", "Attack success per class", everything)
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
        "Least epsilon",
        "The least radius at which an attack finds an adversarial example, averaged over a class. A misclassified "
        "row has least epsilon 0; a row that no attack breaks counts with the largest radius tried, a lower limit.",
    )
    for finding in found:
        where, slug = protocol_title(finding["protocol"]), f"cru-epsilon-{finding['protocol']}"
        panels = [
            figures.group_panel(results, f"{slug}-groups", "Mean least epsilon", finding, controls=True),
            figures.gap_panel(results, f"{slug}-gap", "CRU_ε", [finding]),
        ]
        several = sum(other["protocol"] == finding["protocol"] for other in found) > 1
        caption = f"{describe(results, finding) if several else 'Least epsilon by class'}, {where}"
        section.figures.append(figures.gap_figure(results, slug, caption, panels, [finding]))
    section.tables.append(tables.gap_table(results, "cru-epsilon-class", "CRU_ε by class", found))
    return [section]
