"""Sections that compare: other threats, transfer against white-box, the toll."""

from fairtoll.report import _figures_overview as overview
from fairtoll.report import _tables as tables
from fairtoll.report._chart_style import Figure
from fairtoll.report._format import METRICS, Json
from fairtoll.report._section import Section, protocol_title
from fairtoll.report._select import epsilons, is_main_threat, protocols, select


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
    for protocol in protocols(results):
        found = headline(results, protocol)
        panel = overview.toll_panel(results, f"toll-{protocol}", protocol_title(protocol).capitalize(), found)
        if panel:
            panels.append(panel)
    if panels:
        marks = "Line: interval. Shaded: margin."
        caption = "Difference of gaps, robust less standard"
        if control:
            marks = f"Filled: against the standard arm. Hollow: against the control. {marks}"
            caption += " and robust less control"
        section.figures.append(Figure("toll", caption, panels, marks))
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
