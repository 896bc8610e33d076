"""Sections on the classes: accuracy, CAU, attack success."""

from collections.abc import Sequence
from dataclasses import replace

from fairtoll.report import _figures as figures
from fairtoll.report import _figures_class as classes
from fairtoll.report import _figures_overview as overview
from fairtoll.report import _tables as tables
from fairtoll.report._chart_style import Figure, Panel
from fairtoll.report._format import Json, percent
from fairtoll.report._section import Section, protocol_title, with_place
from fairtoll.report._select import is_main_threat, protocols, select
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
                per_class(results, f"cau-{protocol}-{index}", "Accuracy per class", finding)
                for index, finding in enumerate(found)
            ),
            figures.gap_panel(results, f"cau-{protocol}-gap", "CAU", found),
        ]
        section.figures.append(
            class_figure(results, f"cau-class-{protocol}", f"Accuracy by class, {title}", panels, found)
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
        where = protocol_title(protocol)
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
            if classes.many_groups(found[0]):
                section.figures.append(success_figure(results, name, f"{title}, {where}", found, headings))
            else:
                spreads.append(figures.spread_panel(results, f"success-{name}", title, found, headings))
            gaps.append(figures.gap_panel(results, f"cru-s-{name}", title, found, headings, figures.gap_domain(used)))
        if spreads:
            section.figures.append(
                Figure(
                    f"attack-success-{protocol}",
                    f"Attack success per class, {where}",
                    spreads,
                    "A line joins the classes of one arm: its length is CRU_s.",
                )
            )
        if used:
            section.figures.append(
                figures.gap_figure(results, f"cru-s-class-{protocol}", f"CRU_s by class, {where}", gaps, used)
            )
    section.figures += matched_figures(results)
    if everything:
        section.tables += radius_tables(results, "cru-s", "CRU_s by class over epsilon", everything)
        section.tables.append(tables.gap_table(results, "cru-s-class", "CRU_s by class", everything))
        section.tables.append(
            tables.group_table(results, "attack-success-class", "Attack success per class", everything)
        )
    matched = select(results, "cru_s_matched", partition="class")
    if matched:
        caption = "CRU_s by class at matched mean success"
        section.tables.append(tables.gap_table(results, "cru-s-matched-class", caption, matched))
    return section


def per_class(results: Json, name: str, title: str, finding: Json) -> Panel:
    """Return each class's own value in each arm: a line for each, or, where there are many classes, a band."""
    if classes.many_groups(finding):
        return classes.class_panel(results, name, title, finding)
    return figures.group_panel(results, name, title, finding, controls=True)


def class_figure(results: Json, name: str, caption: str, panels: list[Panel], findings: Sequence[Json]) -> Figure:
    """Return classes beside their gap, with the key of both."""
    figure = figures.gap_figure(results, name, caption, panels, findings)
    if not classes.many_groups(findings[0]):
        return figure
    marks = f"{classes.class_marks(findings[0])} {figure.marks}"
    return replace(figure, marks=marks, key=classes.arm_keys(results, findings))


def success_figure(results: Json, name: str, caption: str, findings: Sequence[Json], headings: Sequence[str]) -> Figure:
    """Return the success rate of each of many classes, one panel a radius, on one axis."""
    domain = classes.shared_domain(findings)
    panels = [
        classes.class_panel(results, f"success-{name}-{index + 1}", heading, finding, domain=domain)
        for index, (heading, finding) in enumerate(zip(headings, findings, strict=True))
    ]
    return Figure(
        f"attack-success-{name}",
        f"Attack success per class, {caption[0].lower()}{caption[1:]}",
        panels,
        classes.class_marks(findings[0]),
        columns=3,
        key=classes.arm_keys(results, findings),
    )


def matched_figures(results: Json) -> list[Figure]:
    """Return CRU_s where each arm is attacked at the radius that breaks the same share of it."""
    made = []
    for protocol in protocols(results):
        found = select(results, "cru_s_matched", protocol=protocol, partition="class")
        if not found:
            continue
        rates = [f"{percent(finding['parameters'].get('matched_rate'), 0)}% mean success" for finding in found]
        panels = [
            *(
                per_class(results, f"success-matched-{protocol}-{index + 1}", rate, finding)
                for index, (rate, finding) in enumerate(zip(rates, found, strict=True))
            ),
            figures.gap_panel(results, f"cru-s-matched-{protocol}", "CRU_s at matched success", found, rates),
        ]
        caption = f"Attack success per class at matched mean success, {protocol_title(protocol)}"
        made.append(class_figure(results, f"cru-s-matched-class-{protocol}", caption, panels, found))
    return made
