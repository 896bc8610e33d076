"""The section on accuracy: clean, by static transfer, white-box and by scores only."""

from collections.abc import Mapping, Sequence

from fairtoll.findings.results import Accuracy, Results
from fairtoll.report.accuracies import (
    accuracies_by_attack,
    accuracy_words,
)
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.gaps import (
    pair,
    percent_domain,
    runs,
    scaled,
)
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure, Panel
from fairtoll.report.numbers import (
    percent,
)
from fairtoll.report.section import Section
from fairtoll.report.select import (
    is_main_threat,
)
from fairtoll.report.tables.accuracy import accuracy_table
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import two_decimals

#: Where there are figures by scores only.
BY_SCORES = (
    " Scores only: the attack asks the model for its scores and knows nothing else of it. A stronger attack may exist, "
    "so such a figure may be too high, and it is never compared with a white-box one."
)


def accuracy(results: Results) -> Section:
    """Return clean accuracy, and robust accuracy under each evaluation."""
    section = Section(
        "accuracy",
        "Accuracy",
        "Accuracy",
        "A robust accuracy is meaningless without its attack. Static transfer uses examples that were "
        "made on another model; white-box attacks the model itself. Under the union a row is robust only if it "
        "is still classified correctly under every attack."
        + (BY_SCORES if any(entry.evaluation == "scores-only" for entry in results.accuracy) else ""),
    )
    figure = accuracy_figure(results)
    entries = [entry for entry in results.accuracy if is_main_threat(results, entry.threat)]
    if figure:
        section.figures.append(figure)
    if entries:
        found = accuracies_by_attack(results)
        section.tables.append(
            accuracy_wide(results, "accuracy-main", "Accuracy, percent, each by its evaluation", found)
        )
        section.tables.append(accuracy_table(results, "accuracy", "Accuracy by arm, evaluation and radius", entries))
    return section


def accuracy_figure(results: Results) -> Figure | None:
    """Return every arm's accuracy, clean and attacked at the first radius, each by its evaluation."""
    colours, titles = arm_colours(results), arm_titles(results)
    panels: list[Panel] = []
    published = False
    shown = accuracies_by_attack(results)
    # One axis, so that panels can be compared.
    domain = percent_domain(
        [
            share
            for entries in shown.values()
            for one in entries
            for share in (one.mean, one.published, *one.per_run, *(one.interval or ()))
        ]
    )
    for full, entries in shown.items():
        evaluation = entries[0].evaluation
        rows, words = [], []
        for entry in entries:
            arm = titles[entry.arm]
            published = published or entry.published is not None
            rows.append(
                Row(
                    arm,
                    colours[entry.arm],
                    value=scaled(entry.mean, "points"),
                    published=scaled(entry.published, "points"),
                    interval=pair(entry.interval, "points"),
                    runs=runs(entry.per_run, "points"),
                    text=percent(entry.mean),
                    tooltip={
                        "arm": arm,
                        "evaluation": evaluation,
                        **accuracy_words(entry),
                        "SD over runs": percent(entry.sd),
                        **({"paper": f"{percent(entry.published, 2)}%"} if entry.published else {}),
                    },
                )
            )
            words.append(f"{arm} {percent(entry.mean)}%")
        panels.append(
            row_panel(
                f"accuracy-{len(panels)}-{evaluation}",
                full,
                rows,
                axis="Accuracy, percent",
                domain=domain,
                summary=f"{full}: {', '.join(words)}.",
            )
        )
    if not panels:
        return None
    marks = "Dot: mean over training runs. Line: 95% interval. Small dots: single runs." + (
        " Diamond: the paper's value." if published else ""
    )
    return Figure("accuracy", "Accuracy by arm and evaluation", panels, marks, columns=2)


def accuracy_wide(results: Results, name: str, caption: str, entries: Mapping[str, Sequence[Accuracy]]) -> Table:
    """Return each arm's accuracy with the evaluations side by side, with the paper's values.

    `entries` maps a column's heading to one accuracy per arm.
    """
    titles = arm_titles(results)
    columns = [Column("Arm")]
    cells: dict[str, list[Cell]] = {entry.arm: [] for found in entries.values() for entry in found}
    for heading, found in entries.items():
        of_arm = {entry.arm: entry for entry in found}
        has_paper = any(entry.published is not None for entry in found)
        columns += [Column(heading, percent), Column("SD", percent, key=f"{heading}, SD")]
        columns += [Column("paper", two_decimals, key=f"{heading}, paper")] if has_paper else []
        for arm, row in cells.items():
            entry = of_arm.get(arm)
            row += [entry.mean, entry.sd] if entry else [None, None]
            row += [entry.published if entry else None] if has_paper else []
    rows = [[titles[arm], *row] for arm, row in cells.items()]
    return Table(name, caption, tuple(columns), rows, compact=True)
