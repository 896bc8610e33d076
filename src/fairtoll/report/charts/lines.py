"""Lines over epsilon, each labelled at its end."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from fairtoll.report.charts.row import shorten
from fairtoll.report.charts.rows import tooltips
from fairtoll.report.charts.style import INK, RIGHT_EDGE, Panel, layered
from fairtoll.report.numbers import Json

HEIGHT = 250
LABEL_SHARE = 0.066


@dataclass(frozen=True)
class Point:
    """One value at one radius."""

    x: float
    y: float
    tooltip: Json
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """One arm over the radii, ascending."""

    label: str
    colour: str
    points: Sequence[Point]


def spread_labels(heights: Sequence[float], distance: float) -> list[float]:
    """Return label heights at least `distance` apart, as near to the given ones as pushing up allows.

    Examples
    --------
    >>> spread_labels([50.0, 10.0, 11.0], 5.0)
    [50.0, 10.0, 15.0]
    """
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed = list(heights)
    for before, after in itertools.pairwise(order):
        placed[after] = max(placed[after], placed[before] + distance)
    return placed


def line_panel(name: str, title: str, lines: Sequence[Line], *, axes: tuple[str, str], summary: str) -> Panel:
    """Return a panel of percent (0 to 100) over epsilon."""
    entries = [
        {
            "x": point.x,
            "y": point.y,
            "line": line.label,
            "colour": line.colour,
            **{f"tip {key}": text for key, text in point.tooltip.items()},
        }
        for line in lines
        for point in line.points
    ]
    intervals = [
        {"x": point.x, "low": point.interval[0], "high": point.interval[1], "colour": line.colour}
        for line in lines
        for point in line.points
        if point.interval
    ]
    x = alt.X(
        field="x",
        type="quantitative",
        scale=alt.Scale(zero=False, nice=False, padding=8),
        axis=alt.Axis(
            title=axes[0], values=sorted({entry["x"] for entry in entries}), grid=False, labelOverlap=True, format="~g"
        ),
    )
    y = alt.Y(
        field="y",
        type="quantitative",
        scale=alt.Scale(domain=[0, 100]),
        axis=alt.Axis(title=axes[1], tickCount=5, domain=False, ticks=False),
    )
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    base = alt.Chart(alt.NamedData(name="points"))
    ends = [line.points[-1] for line in lines]
    heights = spread_labels([end.y for end in ends], 100 * LABEL_SHARE)
    labels = [
        {"x": end.x, "y": height, "text": shorten(line.label, 26), "colour": line.colour}
        for line, end, height in zip(lines, ends, heights, strict=True)
    ]
    ends_of_lines = alt.Chart(alt.NamedData(name="labels"))
    bars = alt.Chart(alt.NamedData(name="intervals"))
    low = alt.Y(field="low", type="quantitative", scale=alt.Scale(domain=[0, 100]))
    # A layer without a mark has no extent to draw.
    rules = [bars.mark_rule(strokeWidth=1.5).encode(x=x, y=low, y2="high", color=colour)] if intervals else []
    layers = [
        *rules,
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, detail="line:N"),
        base.mark_point(filled=True, size=50, opacity=1).encode(x=x, y=y, color=colour, tooltip=tooltips(entries)),
        # Text in the page's ink, for contrast; the line's colour beside it.
        ends_of_lines.mark_point(filled=True, size=40, opacity=1, xOffset=13).encode(x=RIGHT_EDGE, y=y, color=colour),
        ends_of_lines.mark_text(align="left", dx=21, fontSize=12, color=INK).encode(x=RIGHT_EDGE, y=y, text="text:N"),
    ]
    spec = layered(layers, {"points": entries, "labels": labels, "intervals": intervals}, title=title, height=HEIGHT)
    return Panel(name, title, spec, summary)
