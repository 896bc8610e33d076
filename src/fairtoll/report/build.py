"""The report's sections in order, with unique names. A section without data is left out."""

import re
from collections import Counter
from dataclasses import replace

from fairtoll.findings.results import Results
from fairtoll.report.section import Section
from fairtoll.report.sections import OF_RECIPES, SECTIONS
from fairtoll.report.source import source_line


def build(results: Results) -> list[Section]:
    """Return every section that has something to show, in the report's order."""
    sections: list[Section] = []
    for part in OF_RECIPES if results.recipes else SECTIONS:
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
