"""The table of accuracies."""

from collections.abc import Sequence

from fairtoll.findings.results import Accuracy, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.numbers import (
    count,
    percent,
)
from fairtoll.report.select import (
    evaluation_name,
)
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import ends, plain, two_decimals


def accuracy_table(
    results: Results, name: str, caption: str, entries: Sequence[Accuracy], *, with_threat: bool = False
) -> Table:
    """Return accuracies, each labelled by the evaluation that gave it."""
    titles = arm_titles(results)
    published = any(entry.published is not None for entry in entries)
    columns = [Column("Arm"), Column("Evaluation")]
    columns += [Column("Threat")] if with_threat else []
    columns += [
        Column("Attack"),
        Column("Epsilon", plain),
        Column("Accuracy, %", percent),
        Column("Low, %", percent),
        Column("High, %", percent),
        Column("SD over runs, %", percent),
    ]
    columns += [Column("Paper, %", two_decimals)] if published else []
    columns += [Column("Training runs", count)]
    rows: list[list[Cell]] = []
    for entry in entries:
        source = entry.source_arm
        evaluation = evaluation_name(entry.evaluation)
        if source:
            evaluation += f" from {titles[source]}"
        row: list[Cell] = [titles[entry.arm], evaluation]
        row += [entry.threat] if with_threat else []
        row += [entry.attack, entry.epsilon, entry.mean, *ends(entry.interval), entry.sd]
        row += [entry.published] if published else []
        row += [len(entry.per_run)]
        rows.append(row)
    return Table(name, caption, tuple(columns), rows)
