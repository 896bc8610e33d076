"""Tables of recipes: what each arm is and reaches, and what it takes."""

from fairtoll.findings.results import Reached, Results
from fairtoll.report.families import partitions_of, reached, standard, worst
from fairtoll.report.numbers import number, percent
from fairtoll.report.select import evaluation_name
from fairtoll.report.tables.table import Cell, Column, Table


def recipe_table(results: Results) -> Table:
    """Return every arm with its accuracies, average and worst, how it was attacked, and its cost."""
    partitions = partitions_of(results)
    columns = [Column("Recipe"), Column("Strength"), Column("Role")]
    for what in ("clean", "robust"):
        columns.append(Column(f"Average {what}, %", percent))
        columns += [Column(f"Worst {partition} {what}, %", percent) for partition in partitions]
    columns += [
        Column("Robustness"),
        Column("Alarms"),
        Column("Seconds a run", number, key="seconds"),
        Column("Times standard", number, key="times_standard"),
    ]
    plain = standard(results)
    base = None if plain is None else plain.own.seconds
    rows: list[list[Cell]] = []
    for one in results.recipes:
        row: list[Cell] = [one.family_title, strength_of(one.strength_name, one.strength), one.role]
        for clean in (True, False):
            found = reached(one, clean=clean)
            row.append(None if found is None else found.value)
            lowest = [worst(found, partition) for partition in partitions]
            row += [None if value is None else value.value for value in lowest]
        fired = [alarm.title.lower() for alarm in results.alarms if alarm.fired and alarm.arm == one.arm]
        row += [how_attacked(reached(one, clean=False)), "; ".join(fired) or None, one.seconds]
        rows.append([*row, one.seconds / base if one.seconds and base else None])
    return Table(
        "recipes",
        "What each recipe reaches, and what it takes",
        tuple(columns),
        rows,
        "Means over training runs; the next table has the intervals. An alarm: the robust accuracy may be lower than "
        "what was measured. Seconds: of training, one run.",
    )


def interval_table(results: Results) -> Table:
    """Return every accuracy of every arm with its interval, one a line."""
    columns = [Column("Recipe"), Column("Strength"), Column("Arm"), Column("Evaluation"), Column("Accuracy of")]
    columns += [Column("Most often"), *(Column(f"{name}, %", percent) for name in ("Accuracy", "Low", "High"))]
    columns += [Column("As measured, %", percent)]
    rows: list[list[Cell]] = []
    for one in results.recipes:
        for found in one.reached:
            low, high = found.interval or (None, None)
            head: list[Cell] = [one.family_title, strength_of(one.strength_name, one.strength), one.arm]
            head.append(how_attacked(found))
            rows.append([*head, "all rows", None, found.value, low, high, found.value])
            for lowest in found.worst:
                who = "the worst class" if lowest.partition == "class" else f"the worst group by {lowest.partition}"
                rows.append([*head, who, lowest.group, lowest.value, *lowest.interval, lowest.plain])
    return Table(
        "recipes-intervals",
        "Every accuracy with its interval",
        tuple(columns),
        rows,
        f"95%, {over(results)}. Worst: without what the noise of the rows takes off, at most the average.",
    )


def over(results: Results) -> str:
    """Return what intervals of accuracies are over: one training run says nothing of the next."""
    runs = {len(found.per_run) for one in results.recipes for found in one.reached}
    if max(runs, default=1) > 1:
        return "over training runs and rows" + (", of one training run over rows alone" if 1 in runs else "")
    return "over rows alone: one training run does not say how far another may differ"


def strength_of(name: str | None, value: float | None) -> str | None:
    """Return a strength in words; None where nothing makes the recipe stronger.

    Examples
    --------
    >>> strength_of("radius", 0.25)
    'radius 0.25'
    """
    return None if name is None or value is None else f"{name} {value:g}"


def how_attacked(found: Reached | None) -> str | None:
    """Return an evaluation and its attack: what a robust accuracy is worth."""
    if found is None:
        return None
    return ", ".join(part for part in (evaluation_name(found.evaluation), found.attack) if part)
