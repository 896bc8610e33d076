"""What was measured beside the exact values at the trained rules."""

from fairtoll.findings.results import Theory
from fairtoll.report.arms import Colours, Titles
from fairtoll.report.charts.gaps import pair, scaled
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure, Panel
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, interval, unit_name
from fairtoll.report.sections.closed_form.words import BELOW_ZERO, name_of
from fairtoll.report.tables.table import Cell, Column, Table


def values_figure(theory: Theory, titles: Titles, colours: Colours) -> Figure:
    """Return each gap of the linear arms, measured with its interval and exact."""
    panels: list[Panel] = []
    for question in dict.fromkeys(value.question for value in theory.values):
        shown = [
            value
            for value in theory.values
            if value.question == question
            and value.group is None
            and value.exact is not None
            and value.measured is not None
        ]
        if not shown:
            continue
        unit = metric_of(shown[0].metric).unit
        rows = [
            Row(
                titles[value.arm],
                colours[value.arm],
                value=scaled(value.measured, unit),
                interval=pair(value.interval, unit),
                tick=scaled(value.exact, unit),
                tooltip={"exact": in_unit(value.exact, unit), "measured": in_unit(value.measured, unit)},
            )
            for value in shown
        ]
        words = "; ".join(
            f"{titles[value.arm]} {in_unit(value.measured, unit)}, exact {in_unit(value.exact, unit)}"
            for value in shown
        )
        title = name_of(shown[0])
        panels.append(
            row_panel(
                f"measured-and-exact-{len(panels) + 1}",
                title,
                rows,
                axis=unit_name(unit).capitalize(),
                summary=f"{title}: {words}.",
            )
        )
    return Figure(
        "measured-and-exact",
        "Measured and exact gaps of the linear models",
        panels,
        marks="Dot: measured, mean over training runs; line, its interval. Tick: by formula at the rules that were "
        f"trained, with no noise of rows and no attack. {BELOW_ZERO}",
        columns=2,
    )


def values_table(theory: Theory, titles: Titles) -> Table:
    """Return every gap and every group's own value of every arm."""
    columns = (
        Column("Measure"),
        Column("Of"),
        Column("Arm"),
        Column("Measured", str),
        Column("Interval", str),
        Column("Exact", str),
        Column("Least loss", str),
        Column("Least error", str),
    )
    rows: list[list[Cell]] = []
    for value in theory.values:
        if value.measured is None:
            continue
        unit = metric_of(value.metric).unit
        rows.append(
            [
                name_of(value),
                "gap" if value.group is None else value.group,
                titles[value.arm],
                *(in_unit(one, unit) for one in (value.measured,)),
                interval(value.interval, unit),
                *(in_unit(one, unit) for one in (value.exact, value.least_loss, value.least_error)),
            ]
        )
    return Table(
        "measured-and-exact",
        "Measured beside exact",
        columns,
        rows,
        note="Exact: the formula at each run's own rule, mean over runs. Least loss and least error: at the linear "
        "rule that minimises it, for arms that minimise the loss of one radius. "
        f"{BELOW_ZERO}{_outside(theory, titles)}",
    )


def _outside(theory: Theory, titles: Titles) -> str:
    """Return which intervals do not hold their exact value: those of one measure and group miss together."""
    arms: dict[str, list[str]] = {}
    for value in theory.values:
        if value.inside is False:
            whose = name_of(value) if value.group is None else f"{name_of(value)}, {value.group}"
            arms.setdefault(whose, []).append(titles[value.arm])
    said = "; ".join(f"{whose} ({', '.join(names)})" for whose, names in arms.items())
    return f" Intervals that do not hold the exact value, on the same rows in every arm: {said}." if said else ""
