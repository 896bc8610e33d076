"""A map of cells in a few colours, with places on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import altair as alt

from fairtoll.report.charts.rows import tooltips
from fairtoll.report.charts.style import INK, Panel, layered
from fairtoll.report.numbers import Json

HEIGHT = 240
#: So that places are seen on every colour.
OPACITY = 0.55


@dataclass(frozen=True)
class Spot:
    """One place: large where it is alone, small among many."""

    x: float
    y: float
    large: bool
    tooltip: Json = field(default_factory=dict)


def cells_panel(
    name: str,
    title: str,
    columns: Sequence[float],
    rows: Sequence[float],
    colours: Sequence[Sequence[str | None]],
    spots: Sequence[Spot],
    *,
    axes: tuple[str, str],
    ticks: Sequence[float],
    summary: str,
) -> Panel:
    """Return a panel of cells between the edges of `columns`, on a logarithmic axis, and those of `rows`.

    `colours` are by row, then by column; None for no colour. Neighbours of one colour in a row are one mark.
    """
    x = alt.X(
        field="x",
        type="quantitative",
        scale=alt.Scale(type="log", domain=[columns[0], columns[-1]], nice=False),
        axis=alt.Axis(title=axes[0], values=list(ticks), grid=False, format="~g", labelOverlap=False),
    )
    y = alt.Y(
        field="y",
        type="quantitative",
        scale=alt.Scale(domain=[rows[0], rows[-1]], nice=False),
        axis=alt.Axis(title=axes[1], tickCount=5, grid=False, domain=False, ticks=False, format=".2~f"),
    )
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    datasets: Json = {"cells": _bars(columns, rows, colours)}
    cells = alt.Chart(alt.NamedData(name="cells")).mark_rect(opacity=OPACITY, strokeWidth=0)
    layers = [cells.encode(x=x, y=y, x2="x2", y2="y2", color=colour)]
    for large in (False, True):
        entries = [
            {"x": spot.x, "y": spot.y} | {f"tip {key}": text for key, text in spot.tooltip.items()}
            for spot in spots
            if spot.large is large
        ]
        if entries:
            key = "large" if large else "small"
            datasets[key] = entries
            marks = alt.Chart(alt.NamedData(name=key)).mark_point(
                filled=large, size=75 if large else 26, color=INK, opacity=1, strokeWidth=1.25
            )
            layers.append(marks.encode(x=x, y=y, tooltip=tooltips(entries)))
    return Panel(name, title, layered(layers, datasets, title=title, height=HEIGHT), summary)


def _bars(columns: Sequence[float], rows: Sequence[float], colours: Sequence[Sequence[str | None]]) -> list[Json]:
    bars: list[Json] = []
    for low, high, line in zip(rows, rows[1:], colours, strict=False):
        for left, right, colour in zip(columns, columns[1:], line, strict=False):
            before = bars[-1] if bars else {}
            if colour is not None and (before.get("y"), before.get("x2"), before.get("colour")) == (low, left, colour):
                before["x2"] = right
            elif colour is not None:
                bars.append({"x": left, "x2": right, "y": low, "y2": high, "colour": colour})
    return bars
