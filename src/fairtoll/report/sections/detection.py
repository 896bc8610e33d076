"""The section on detectors of attacks: what they flag of clean rows and of broken ones, by class and group."""

from fairtoll.findings.results import Detection, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.numbers import count, percent
from fairtoll.report.section import Section
from fairtoll.report.select import epsilon_text
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import ends

NOTE = (
    "Clean: the share of rows that are flagged although nothing was done to them; the threshold was set so that it is "
    "5% of rows that training left out, classes and groups together. Broken: of the rows that an attack broke, those "
    "that are flagged. The first attack goes through the defence and knows nothing of the detector; the second knows "
    "it, and a row counts as flagged only if no attack broke it unflagged. A stronger one may find more, so that these "
    "shares are upper limits. Accuracies and gaps elsewhere in this report do not use the detector."
)


def detection(results: Results) -> Section:
    """Return the false-positive and detection rates of each arm that has a detector."""
    section = Section(
        "detection",
        "Who is flagged by the detector",
        "Detector",
        "A detector compares a model's answers for a row and for coarser forms of it, and flags rows where they differ "
        "by much. A false positive is a burden, too: it may fall on one class or group more than on another.",
    )
    if results.detections:
        section.tables = [detection_table(results)]
        titles = arm_titles(results)
        section.headlines = [
            sentence for one in results.detections if (sentence := widest(one, titles[one.arm])) is not None
        ]
    return section


def widest(one: Detection, title: str) -> str | None:
    """Return between which classes or groups the false positives of an arm differ most, where intervals are apart."""
    if one.evaluation != "clean":
        return None
    apart = []
    for partition in dict.fromkeys(group.partition for group in one.groups):
        groups = [group for group in one.groups if group.partition == partition and group.flagged is not None]
        most, least = (pick(groups, key=lambda group: group.flagged or 0.0, default=None) for pick in (max, min))
        if most is None or least is None or most.interval is None or least.interval is None:
            continue
        if most.interval[0] > least.interval[1]:
            apart.append(((most.flagged or 0.0) - (least.flagged or 0.0), most, least))
    if not apart:
        return None
    _, most, least = max(apart, key=lambda found: found[0])
    return (
        f"the detector of {title} flags {percent(most.flagged)} of the clean rows of {most.group}, and "
        f"{percent(least.flagged)} of {least.group}"
    )


def detection_table(results: Results) -> Table:
    """Return one row for each arm, evaluation, and class or group."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Rows are"),
        Column("Partition"),
        Column("Group"),
        Column("Flagged", percent),
        Column("Low", percent),
        Column("High", percent),
        Column("Rows", count),
    )
    rows: list[list[Cell]] = [
        [titles[one.arm], said(one), group.partition, group.group, group.flagged, *ends(group.interval), group.rows]
        for one in results.detections
        for group in one.groups
    ]
    return Table("detection", "Rows that the detector flags", columns, rows, NOTE)


def said(one: Detection) -> str:
    """Return what was done to the rows."""
    if one.evaluation == "clean":
        return "clean"
    by = "attacks that know the detector" if one.evades else one.attack
    return f"broken by {by} at {epsilon_text(one.epsilon)}"
