"""The report's sections in order. One without data is left out."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from fairtoll.report._format import Json, metric_of
from fairtoll.report._section import Section
from fairtoll.report._sections_class import accuracy, attack_success, class_accuracy
from fairtoll.report._sections_epsilon import least_epsilon
from fairtoll.report._sections_examples import examples
from fairtoll.report._sections_group import by_partition, group_robustness
from fairtoll.report._sections_leave_one_out import leave_one_out
from fairtoll.report._sections_toll import against_the_paper, other_threats, toll, transfer
from fairtoll.report._source import source_line

CONFIDENCE_LEAD = (
    "EOU as the paper defines it: the gap in mean confidence between the groups, among rows of one true label. "
    "The prediction rate gap of Hardt et al., on predicted classes, stands beside it in the tables."
)
RATE_LEAD = "Equalized odds after Hardt et al.: the gap in the share predicted as the target, given the true label."
KNOWN = ("cau", "cru_s", "cru_s_matched", "cru_epsilon", "cru_epsilon_relative", "eou", "equalized_odds_rate")


def build(results: Json) -> list[Section]:
    """Return every section that has something to show, in the report's order."""
    parts: list[Callable[[Json], Section | list[Section]]] = [
        against_the_paper,
        accuracy,
        class_accuracy,
        least_epsilon,
        attack_success,
        examples,
        lambda r: by_partition(r, "eou", "confidence", "Mean confidence", CONFIDENCE_LEAD),
        lambda r: by_partition(r, "equalized_odds_rate", "odds", "Predicted share", RATE_LEAD),
        group_robustness,
        others,
        other_threats,
        transfer,
        toll,
        leave_one_out,
    ]
    sections: list[Section] = []
    for part in parts:
        made = part(results)
        sections += made if isinstance(made, list) else [made]
    kept = [section.without_repeated_marks() for section in sections if not section.empty]
    source = source_line(results)
    return unique_names([section.with_source(source) if source else section for section in kept])


def unique_names(sections: list[Section]) -> list[Section]:
    """Return the sections with no two panels, figures or tables of one name: names are files and anchors."""
    taken: dict[str, Counter[str]] = {"panel": Counter(), "figure": Counter(), "table": Counter()}
    # The page has these anchors of its own.
    taken["section"] = Counter(("main", "findings", "meaning", "recompute"))

    def name_for(kind: str, text: str) -> str:
        name = re.sub(r"[^\w-]+", "-", text).strip("-") or kind
        taken[kind][name] += 1
        return name if taken[kind][name] == 1 else name_for(kind, f"{name}-{taken[kind][name]}")

    return [
        replace(
            section,
            anchor=name_for("section", section.anchor),
            figures=[
                replace(
                    figure,
                    name=name_for("figure", figure.name),
                    panels=[replace(panel, name=name_for("panel", panel.name)) for panel in figure.panels],
                )
                for figure in section.figures
            ],
            tables=[replace(table, name=name_for("table", table.name)) for table in section.tables],
            strips=[replace(strip, name=name_for("figure", strip.name)) for strip in section.strips],
        )
        for section in sections
    ]


def others(results: Json) -> list[Section]:
    """Return a section for each metric that has none of its own."""
    names = dict.fromkeys(finding["metric"] for finding in results.get("findings") or [])
    sections = []
    for name in names:
        if name not in KNOWN:
            sections += by_partition(results, name, name.replace("_", "-"), metric_of(name).title, "")
    return sections
