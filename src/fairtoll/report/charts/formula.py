"""Curves by formula with what was measured on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import altair as alt

from fairtoll.report.charts.rows import tooltips
from fairtoll.report.charts.style import INK, Panel, layered
from fairtoll.report.numbers import Json

HEIGHT = 240
DASH = [5, 3]


@dataclass(frozen=True)
class Drawn:
    """One curve: dashed, or solid."""

    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """One measurement with its interval."""

    x: float
    y: float
    colour: str
    interval: tuple[float, float] | None = None
    hollow: bool = False
    tooltip: Json = field(default_factory=dict)


def formula_panel(
    name: str, title: str, curves: Sequence[Drawn], dots: Sequence[Dot], *, axes: tuple[str, str], summary: str
) -> Panel:
    """Return a panel of curves in the page's ink, from 0, and of dots in colour."""
    ends = [end for dot in dots for end in (dot.interval or (dot.y, dot.y))]
    values = [*ends, *(dot.y for dot in dots), *(y for curve in curves for _, y in curve.points)]
    right = max([x for curve in curves for x, _ in curve.points] + [dot.x for dot in dots], default=1.0)
    x = alt.X(
        field="x",
        type="quantitative",
        scale=alt.Scale(domain=[-0.04 * right, 1.02 * right], nice=False),
        axis=alt.Axis(title=axes[0], grid=False, tickCount=5, format="~g"),
    )
    y = alt.Y(
        field="y",
        type="quantitative",
        scale=alt.Scale(domain=[min(0.0, *values), 1.04 * max(values)], nice=False),
        axis=alt.Axis(title=axes[1], tickCount=5, domain=False, ticks=False, format=".2~f"),
    )
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    datasets: Json = {}
    layers = []

    def chart(key: str, entries: list[Json]) -> alt.Chart:
        datasets[key] = entries
        return alt.Chart(alt.NamedData(name=key))

    for place, curve in enumerate(curves):
        line = chart(f"curve{place}", [{"x": one, "y": value} for one, value in curve.points])
        style: Json = {"strokeDash": DASH, "strokeWidth": 1.5, "opacity": 0.7} if curve.dashed else {"strokeWidth": 2}
        layers.append(line.mark_line(color=INK, **style).encode(x=x, y=y))
    bars = [
        {"x": dot.x, "y": dot.interval[0], "high": dot.interval[1], "colour": dot.colour}
        for dot in dots
        if dot.interval
    ]
    if bars:
        layers.append(chart("bars", bars).mark_rule(strokeWidth=1.5).encode(x=x, y=y, y2="high", color=colour))
    for hollow in (False, True):
        entries = [
            {"x": dot.x, "y": dot.y, "colour": dot.colour} | {f"tip {key}": text for key, text in dot.tooltip.items()}
            for dot in dots
            if dot.hollow is hollow
        ]
        if entries:
            points = chart(f"dots-{hollow}", entries).mark_point(
                filled=not hollow, size=60, opacity=1, strokeWidth=2, shape="square" if hollow else "circle"
            )
            layers.append(points.encode(x=x, y=y, color=colour, tooltip=tooltips(entries)))
    return Panel(name, title, layered(layers, datasets, title=title, height=HEIGHT), summary)
