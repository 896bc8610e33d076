"""The section on CAU by class, and each class's accuracy."""

from fairtoll.findings.results import Results
from fairtoll.report.charts.classes import (
    class_figure,
    per_class,
)
from fairtoll.report.charts.gaps import (
    gap_panel,
)
from fairtoll.report.compared import together
from fairtoll.report.metrics import metric_of
from fairtoll.report.section import Section
from fairtoll.report.select import (
    protocol_title,
    protocols,
    select,
    with_place,
)
from fairtoll.report.tables.findings import gap_table


def class_accuracy(results: Results) -> Section:
    """Return CAU by class, and each class's accuracy."""
    section = Section(
        "class-accuracy",
        with_place(results, "Accuracy by class", "cau", "class"),
        "By class",
        metric_of("cau").lead,
    )
    for protocol in protocols(results):
        found = together(select(results, "cau", protocol=protocol, partition="class"))
        if not found:
            continue
        title = protocol_title(protocol)
        panels = [
            *(
                per_class(results, f"cau-{protocol}-{index}", "Accuracy per class", finding)
                for index, finding in enumerate(found)
            ),
            gap_panel(results, f"cau-{protocol}-gap", "CAU", found),
        ]
        section.figures.append(
            class_figure(results, f"cau-class-{protocol}", f"Accuracy by class, {title}", panels, found)
        )
    found = together(select(results, "cau", partition="class"))
    if found:
        section.tables.append(gap_table(results, "cau-class", "CAU by class", found))
    return section
