"""Curves over the number of left-out rows, both axes logarithmic, each curve named at its end."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from fairtoll.report.charts.lines import spread_labels
from fairtoll.report.charts.log import LogAxis
from fairtoll.report.charts.row import shorten
from fairtoll.report.charts.rows import tooltips
from fairtoll.report.charts.style import INK, Panel, layered
from fairtoll.report.numbers import Json

HEIGHT = 230
LABEL_SHARE = 0.07
LABEL_LENGTH = 18
ABOVE_AXIS = 0.04  # so that the axis does not cross a name
DASH = [5, 3]


@dataclass(frozen=True)
class Growth:
    """One design: (left-out rows, value, tooltip) in ascending order; floors are hollow and dashed."""

    label: str
    points: Sequence[tuple[int, float, Json]]
    hollow: bool = False


def growth_panel(
    name: str,
    title: str,
    lines: Sequence[Growth],
    *,
    colour: str,
    axis: LogAxis,
    axes: tuple[str, str],
    summary: str,
    published: tuple[int, float, str] | None = None,
) -> Panel:
    """Return a panel of values over the number of left-out rows.

    Parameters
    ----------
    name, title, axes, summary
        File name, heading, titles of both axes, the chart in words.
    lines
        One curve each, in the arm's `colour`.
    axis
        Of the values.
    published
        Left-out rows, value and tooltip of the paper's diamond.
    """
    sizes = sorted({size for line in lines for size, _, _ in line.points} | ({published[0]} if published else set()))
    x = alt.X(
        field="x",
        type="quantitative",
        scale=alt.Scale(type="log", domain=[sizes[0] / 1.15, sizes[-1] * 1.15], nice=False),
        axis=alt.Axis(title=axes[0], values=sizes, grid=False, format="~d", labelOverlap=True),
    )
    y = alt.Y(
        field="y",
        type="quantitative",
        scale=axis.scale,
        axis=alt.Axis(title=axes[1], domain=False, ticks=False, **axis.labels),
    )
    datasets: Json = {}
    layers = []
    for hollow in (True, False):
        entries = [
            {"x": size, "y": value, "line": line.label, **{f"tip {key}": text for key, text in tooltip.items()}}
            for line in lines
            if line.hollow is hollow
            for size, value, tooltip in line.points
        ]
        if not entries:
            continue
        data = "floors" if hollow else "designs"
        datasets[data] = entries
        chart = alt.Chart(alt.NamedData(name=data))
        style: Json = {"strokeWidth": 1.5, "strokeDash": DASH} if hollow else {"strokeWidth": 2.25}
        layers.append(chart.mark_line(color=colour, **style).encode(x=x, y=y, detail="line:N"))
        marks = chart.mark_point(color=colour, filled=not hollow, size=42, strokeWidth=1.5, opacity=1)
        layers.append(marks.encode(x=x, y=y, tooltip=tooltips(entries[:1])))
    if published:
        datasets["paper"] = [{"x": published[0], "y": published[1], "tip the paper": published[2]}]
        diamond = alt.Chart(alt.NamedData(name="paper")).mark_point(
            shape="diamond", size=70, filled=False, color=INK, strokeWidth=1.5, opacity=0.9
        )
        layers.append(diamond.encode(x=x, y=y, tooltip=tooltips(datasets["paper"])))
    datasets["labels"] = end_labels(lines, axis)
    text = alt.Chart(alt.NamedData(name="labels")).mark_text(align="left", dx=9, fontSize=12, color=INK)
    layers.append(text.encode(x=x, y=y, text="text:N"))
    return Panel(name, title, layered(layers, datasets, title=title, height=HEIGHT), summary)


def end_labels(lines: Sequence[Growth], axis: LogAxis) -> list[Json]:
    """Return each curve's name right of its end, far enough apart to be read; short names at one end share a place."""
    ends: list[tuple[int, float, str]] = []
    for line in lines:
        size, value, _ = line.points[-1]
        alike = next((index for index, end in enumerate(ends) if end[:2] == (size, value)), None)
        joined = "" if alike is None else f"{ends[alike][2]}, {line.label}"
        if alike is not None and len(joined) <= LABEL_LENGTH:
            ends[alike] = (size, value, joined)
        else:
            ends.append((size, value, line.label))
    places = spread_labels([max(axis.place(value), ABOVE_AXIS) for _, value, _ in ends], LABEL_SHARE)
    # The uppermost may not leave the plot: it makes room below itself, no further than need be.
    ceiling = 1.0
    for index in sorted(range(len(places)), key=lambda index: -places[index]):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - LABEL_SHARE
    return [
        {"x": size, "y": axis.value(place), "text": shorten(name, LABEL_LENGTH)}
        for (size, _, name), place in zip(ends, places, strict=True)
    ]
