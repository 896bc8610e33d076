"""The section on the gaps of one model alone, each beside its margin and what chance gives."""

from collections.abc import Sequence

from fairtoll.findings.results import Gap, Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.domain import reach
from fairtoll.report.charts.gaps import below_zero, in_axis, pair, scaled
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure, Panel
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import count, in_unit, interval, own_value, unit_name
from fairtoll.report.section import Section
from fairtoll.report.select import describe
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import ends, plainly

#: A chart shows so many gaps at most, those furthest above their margin.
MOST = 30
LEAD = (
    "One model alone: each line is one gap between classes or groups. Right of the shaded margin the gap is larger "
    "than what does not matter; a gap whose interval ends within it does not matter."
)


def gaps(results: Results) -> Section:
    """Return every gap of a single arm with its verdict."""
    section = Section("gaps", "The gaps", "Gaps", LEAD)
    units = dict.fromkeys(metric_of(gap.metric).unit for gap in results.gaps)
    panels = []
    for unit in units:
        of_unit = [gap for gap in results.gaps if metric_of(gap.metric).unit == unit]
        panels.append(_panel(results, f"gaps-{unit}", of_unit))
        section.tables.append(_table(results, f"gaps-{unit}", of_unit))
    if panels:
        marks = "Dot: the gap. Line: its 95% interval. Shaded: margin."
        section.figures.append(Figure("gaps", "Every gap of this model", panels, marks))
    return section


def _panel(results: Results, name: str, found: Sequence[Gap]) -> Panel:
    colours, titles = arm_colours(results), arm_titles(results)
    unit, arm = metric_of(found[0].metric).unit, found[0].value.arm
    shown = _most_telling(found)
    rows, words = [], []
    for gap in shown:
        margin = scaled(gap.margin, unit) or 0.0
        rows.append(Row(describe(results, gap)))
        rows.append(
            Row(
                _extremes(gap),
                colours[arm],
                value=scaled(gap.value.value, unit),
                interval=pair(gap.value.interval, unit),
                band=(0.0, margin),
                text=gap.verdict,
                tooltip={
                    "gap": in_unit(gap.value.value, unit),
                    "interval": interval(gap.value.interval, unit),
                    "margin": in_unit(gap.margin, unit),
                    "null 95% point": in_unit(gap.value.null_95, unit),
                    "verdict": gap.verdict,
                },
            )
        )
        words.append(f"{describe(results, gap)} {in_unit(gap.value.value, unit)}: {gap.verdict}")
    points = [entry for gap in shown for entry in (gap.value.value, 3 * gap.margin)]
    outer = [gap.value.interval[1] for gap in shown if gap.value.interval]
    far = reach(in_axis(points, unit), in_axis(outer, unit), limit=100.0 if unit == "points" else None)
    return row_panel(
        name,
        f"{titles[arm]}, {'points' if unit == 'points' else unit_name(unit)}",
        rows,
        axis=f"Gap, {'points' if unit == 'points' else unit_name(unit)}",
        summary=f"Gaps of {titles[arm]}. {'; '.join(words)}.",
        domain=(below_zero(in_axis([gap.value.value for gap in shown], unit), far), far),
    )


def _extremes(gap: Gap) -> str:
    value = gap.value
    return "too few rows" if value.worst_group is None else f"worst: {value.worst_group}"


def _most_telling(found: Sequence[Gap]) -> list[Gap]:
    if len(found) <= MOST:
        return list(found)

    def rank(gap: Gap) -> tuple[bool, float]:
        low = gap.value.interval[0] if gap.value.interval else 0.0
        return gap.verdict != "above margin", -low

    chosen = sorted(found, key=rank)[:MOST]
    return [gap for gap in found if gap in chosen]


def _table(results: Results, name: str, found: Sequence[Gap]) -> Table:
    unit = metric_of(found[0].metric).unit
    plain = plainly(unit)
    columns = (
        Column("Gap"),
        Column("Verdict"),
        Column("Value", plain),
        Column("Low", plain),
        Column("High", plain),
        Column("Plain", plain),
        Column("Null 95%", plain, key="null_95"),
        Column("Margin", plain),
        Column("Worst group"),
        Column("Best group"),
        Column("Runs", count),
    )
    rows: list[list[Cell]] = [
        [
            describe(results, gap),
            gap.verdict,
            gap.value.value,
            *ends(gap.value.interval),
            gap.value.plain,
            gap.value.null_95,
            gap.margin,
            _own(gap.value.worst_group, gap.value.worst_value, unit),
            _own(gap.value.best_group, gap.value.best_value, unit),
            gap.runs,
        ]
        for gap in found
    ]
    caption = f"Every gap, {'percentage points' if unit == 'points' else unit_name(unit)}"
    return Table(name, caption, columns, rows, compact=True)


def _own(group: str | None, value: float | None, unit: str) -> str | None:
    return None if group is None else f"{group} {own_value(value, unit)}{'%' if unit == 'points' else ''}"
