"""Sections that compare: other threats, transfer against white-box, the toll."""

from fairtoll.report import _figures_overview as overview
from fairtoll.report import _tables as tables
from fairtoll.report._chart_style import Figure
from fairtoll.report._figures_toll import toll_panel
from fairtoll.report._format import METRICS, Json, metric_of
from fairtoll.report._section import Section, protocol_title
from fairtoll.report._select import arm_titles, epsilons, is_main_threat, protocols, select
from fairtoll.report._tables_paper import paper_tables
from fairtoll.report._tables_toll import toll_tables
from fairtoll.report._tables_wide import threat_table


def other_threats(results: Json) -> Section:
    """Return findings and accuracies under any threat but the main one."""
    section = Section(
        "threats",
        "Other threat models",
        "Threats",
        "The same models, attacked by someone who may change more attributes, or only what a person could "
        "plausibly change.",
    )
    entries = [entry for entry in results.get("accuracy") or [] if not is_main_threat(results, entry.get("threat"))]
    figure = overview.threat_figure(results)
    if figure:
        section.figures.append(figure)
    for index, threat in enumerate(overview.other_threat_names(results)):
        of_threat = overview.accuracies_under(results, "white-box", threat)
        radii = overview.radii_of(of_threat)
        if radii:
            caption = f"Accuracy under the {threat} threat, white-box, percent"
            by_radius = {radius: overview.weakest(of_threat, radius) for radius in radii}
            section.tables.append(threat_table(results, f"threat-{index + 1}", caption, by_radius))
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
        "Transfer",
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
        "Toll",
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
    titles = arm_titles(results)
    for protocol in protocols(results):
        found = headline(results, protocol)
        for index, arm in enumerate(dict.fromkeys(finding["robust"]["arm"] for finding in found)):
            of_arm = [finding for finding in found if finding["robust"]["arm"] == arm]
            name = f"toll-{protocol}" if index == 0 else f"toll-{protocol}-{index + 1}"
            where = protocol_title(protocol)
            section.tables += toll_tables(results, name, f"The toll of {titles[arm]}, {where}", of_arm)
            units = dict.fromkeys(metric_of(finding["metric"]).unit for finding in of_arm)
            for place, unit in enumerate(units):
                of_unit = [finding for finding in of_arm if metric_of(finding["metric"]).unit == unit]
                slug = name if place == 0 else f"{name}-{unit}"
                panel = toll_panel(results, slug, f"{titles[arm]}, {where}", of_unit)
                panels += [(place, panel)] if panel else []
    if panels:
        marks = "Line: interval. Shaded: margin."
        caption = "Difference of gaps, robust less standard"
        if control:
            marks = f"Filled: against the standard arm. Hollow: against the control. {marks}"
            caption += " and robust less control"
        # Panels of one unit side by side, the shares first.
        ordered = [panel for _, panel in sorted(panels, key=lambda entry: entry[0])]
        section.figures.append(Figure("toll", caption, ordered, marks))
    return section


def against_the_paper(results: Json) -> Section:
    """Return the paper's own numbers beside those measured under its protocol."""
    section = Section(
        "paper",
        "Against the paper's numbers",
        "The paper",
        "Every gap that the paper printed, measured again under its protocol. Attack success is white-box, of all "
        "rows; the other readings of it stand under attack success.",
    )
    section.tables = paper_tables(results, headline(results, "paper"))
    return section


def headline(results: Json, protocol: str) -> list[Json]:
    """Return the findings the toll is read from: the paper's metrics, all rows, white-box, the main threat.

    Attack success by class is taken at every radius, by group at the first.
    """
    found = []
    for finding in results.get("findings") or []:
        parameters = finding["parameters"]
        if finding["protocol"] != protocol or not is_main_threat(results, parameters.get("threat")):
            continue
        if finding["metric"] == "equalized_odds_rate":
            continue
        if finding["metric"] == "cru_s":
            radii = epsilons(select(results, "cru_s", protocol=protocol, evaluation=parameters.get("evaluation")))
            if parameters.get("denominator") == "correct" or parameters.get("evaluation") != "white-box":
                continue
            if parameters.get("partition") != "class" and radii and parameters.get("epsilon") != radii[0]:
                continue
        found.append(finding)
    order = list(METRICS)
    by_class_first = [f["parameters"].get("partition") != "class" for f in found]
    ranked = sorted(
        zip(found, by_class_first, strict=True),
        key=lambda entry: (order.index(entry[0]["metric"]) if entry[0]["metric"] in order else 99, entry[1]),
    )
    return [finding for finding, _ in ranked]
