"""Tables of the distribution of least epsilon."""

from collections.abc import Sequence

from fairtoll.report._format import Json, count, finite, percent, radius
from fairtoll.report._select import arm_titles, class_order, evaluation_name, in_order
from fairtoll.report._table import Cell, Column, Table

WHOLE = "all"
QUARTERS = (0.25, 0.75)


def quantile(epsilons: Sequence[float], broken: Sequence[float], share: float) -> float | None:
    """Return the smallest listed radius at which `share` of the rows is broken; None where it never is.

    Examples
    --------
    >>> quantile([0.0, 0.1, 0.2], [0.3, 0.5, 0.7], 0.5)
    0.1
    >>> quantile([0.0, 0.1, 0.2], [0.3, 0.5, 0.7], 0.75)
    """
    return next((radius for radius, found in zip(epsilons, broken, strict=False) if found >= share), None)


def epsilon_summary(results: Json, entries: Sequence[Json]) -> Table:
    """Return each arm's mean least epsilon over all rows, with the median and the share censored beside it."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Evaluation"),
        Column("Mean", radius),
        Column("SD over runs", radius),
        Column("Median", radius),
        Column("Stand at the largest radius, %", percent, key="censored"),
        Column("Largest radius", radius),
        Column("Rows", count),
    )
    rows: list[list[Cell]] = []
    for entry in entries:
        whole: Json = next((group for group in entry["groups"] if group["group"] == WHOLE), {})
        rows.append(
            [
                titles[entry["arm"]],
                evaluation_name(entry["evaluation"]),
                finite(entry["mean"]),
                finite(entry.get("sd")),
                finite(whole.get("median")),
                finite(whole.get("censored")),
                finite(entry["epsilon_max"]),
                entry["rows"],
            ]
        )
    note = "A row that stands counts with the largest radius: such a mean is a lower limit."
    return Table("least-epsilon", "Least epsilon of all rows, by arm", columns, rows, note, compact=True)


def epsilon_class_table(results: Json, entries: Sequence[Json]) -> Table:
    """Return the distribution class by class: mean, quarters, share wrong before any attack, share censored."""
    titles, order = arm_titles(results), class_order(results)
    columns = (
        Column("Arm"),
        Column("Class"),
        Column("Evaluation"),
        Column("Mean", radius),
        Column("Median", radius),
        Column("A quarter falls by", radius, key="quarter"),
        Column("Three quarters fall by", radius, key="three_quarters"),
        Column("Wrong at radius 0, %", percent, key="misclassified"),
        Column("Stand at the largest radius, %", percent, key="censored"),
    )
    rows: list[list[Cell]] = []
    for entry in entries:
        groups = {group["group"]: group for group in entry["groups"]}
        names = in_order((name for name in groups if name != WHOLE), order)
        at_zero = finite(entry["epsilons"][0]) == 0 if entry["epsilons"] else False
        for name in names:
            group = groups[name]
            quarters = [quantile(entry["epsilons"], group["broken"], share) for share in QUARTERS]
            rows.append(
                [
                    titles[entry["arm"]],
                    name,
                    evaluation_name(entry["evaluation"]),
                    finite(group["mean"]),
                    finite(group["median"]),
                    *(finite(quarter) for quarter in quarters),
                    finite(group["broken"][0]) if at_zero else None,
                    finite(group["censored"]),
                ]
            )
    note = "Quarters are the smallest radii of the list at which that share is broken; a dash: never broken."
    return Table("least-epsilon-class", "Least epsilon by arm and class", columns, rows, note)
