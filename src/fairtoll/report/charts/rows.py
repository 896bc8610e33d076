"""A chart of rows: one labelled line per arm, with its band, interval, runs and value."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from fairtoll.report.charts.domain import cut_ends, within
from fairtoll.report.charts.log import LogAxis
from fairtoll.report.charts.row import Row, shorten, tips
from fairtoll.report.charts.style import INK, RIGHT_EDGE, SHAPES, Panel, layered
from fairtoll.report.numbers import Json

SEPARATOR = "\N{INVISIBLE SEPARATOR}"
ROW_HEIGHT = 17
SPREAD = 7  # pixels between the first and the last group on one line
LABEL_LENGTH = 30
HEADING_LENGTH = 46
LETTER = 6.6  # width of one, on average


def tooltips(entries: Sequence[Json]) -> list[Any]:
    """Return the tooltip fields that any of these entries has."""
    names = dict.fromkeys(key for entry in entries for key in entry if key.startswith("tip "))
    return [alt.Tooltip(field=name, type="nominal", title=name.removeprefix("tip ")) for name in names]


def row_panel(
    name: str,
    title: str,
    rows: Sequence[Row],
    *,
    axis: str,
    summary: str,
    zero_line: bool = False,
    group_title: str = "",
    domain: tuple[float, float] | None = None,
    log: LogAxis | None = None,
) -> Panel:
    """Return a panel with one line per row.

    Parameters
    ----------
    name, title, axis, summary
        File name, heading, axis title with its unit, the chart in words.
    rows
        Lines and headings from top to bottom.
    zero_line
        Draw a line at zero (differences).
    group_title
        Legend title of the shapes when rows have `points`.
    domain
        Ends of the axis, where panels side by side must share them; an interval beyond them is clipped
        and ends in an arrowhead.
    log
        A logarithmic axis, ends and all.
    """
    domain = log.domain if log else domain
    keys = [
        SEPARATOR.join(
            (
                f"{index:03d}",
                shorten(row.label, HEADING_LENGTH if row.colour is None else LABEL_LENGTH),
                "h" if row.colour is None else "r",
            )
        )
        for index, row in enumerate(rows)
    ]
    longest = max((len(shorten(row.label, LABEL_LENGTH)) for row in rows if row.colour is not None), default=8)
    indented = any(row.colour is None for row in rows)
    named_y = alt.Y(
        field="key",
        type="nominal",
        title=None,
        scale=alt.Scale(type="band", domain=keys, padding=0),
        axis=alt.Axis(
            labelExpr=f"split(datum.label, '{SEPARATOR}')[1]",
            labelFontWeight=alt.ExprRef(f"split(datum.label, '{SEPARATOR}')[2] == 'h' ? 600 : 400"),
            labelAlign="left",
            labelPadding=int(longest * LETTER) + 8 + (8 if indented else 0),
            labelLimit=330,
            labelOverlap=False,
            domain=False,
            ticks=False,
            grid=False,
        ),
    )
    # Said once, in the first layer: Vega-Lite shares scale and axis among layers.
    y = alt.Y(field="key", type="nominal", title=None)
    linear = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=True, nice=True)
    scale = log.scale if log else linear
    ticks: Json = log.labels if log else {"tickCount": 5}

    def x(field_name: str) -> Any:
        return alt.X(
            field=field_name,
            type="quantitative",
            scale=scale,
            axis=alt.Axis(title=axis, domain=True, labelFlush=False, labelSeparation=6, **ticks),
        )

    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    layers: list[Any] = []
    datasets: Json = {}

    def add(entries: list[Json], mark: str, style: Json, encoding: Json) -> None:
        if entries:
            name_of_data = f"rows{len(datasets)}"
            datasets[name_of_data] = entries
            chart = alt.Chart(alt.NamedData(name=name_of_data))
            layers.append(getattr(chart, f"mark_{mark}")(**style).encode(**encoding))

    lines = [(key, row) for key, row in zip(keys, rows, strict=True) if row.colour is not None]
    arrows = [(key, row, *end) for key, row in lines if domain for end in cut_ends(row, domain)]
    if domain:
        lines = [(key, within(row, domain)) for key, row in lines]
    # Every line's key once, so that headings keep their place even where no mark is drawn.
    add([{"key": key, "x": 0} for key in keys], "point", {"opacity": 0}, {"y": named_y})
    add(
        [{"key": key, "low": row.band[0], "high": row.band[1], **tips(row)} for key, row in lines if row.band],
        "bar",
        {"color": INK, "opacity": 0.14, "height": ROW_HEIGHT - 3},
        {"x": x("low"), "x2": "high", "y": y},
    )
    add(
        [{"key": key, "x": row.tick} for key, row in lines if row.tick is not None],
        "tick",
        {"color": INK, "opacity": 0.55, "thickness": 1.5, "height": ROW_HEIGHT - 5, "orient": "vertical"},
        {"x": x("x"), "y": y},
    )
    if zero_line:
        # Line by line, so that no heading is crossed.
        add(
            [{"key": key, "x": 0} for key, _ in lines],
            "tick",
            {"color": INK, "opacity": 0.8, "thickness": 1, "height": ROW_HEIGHT, "orient": "vertical"},
            {"x": x("x"), "y": y},
        )
    add(
        [
            {"key": key, "low": row.interval[0], "high": row.interval[1], "colour": row.colour}
            for key, row in lines
            if row.interval
        ],
        "rule",
        {"strokeWidth": 2, "strokeCap": "round"},
        {"x": x("low"), "x2": "high", "y": y, "color": colour},
    )
    for shape in ("triangle-left", "triangle-right"):
        add(
            [{"key": key, "x": end, "colour": row.colour} for key, row, end, head in arrows if head == shape],
            "point",
            {"shape": shape, "size": 45, "filled": True, "opacity": 1},
            {"x": x("x"), "y": y, "color": colour},
        )
    add(
        [{"key": key, "x": run, "colour": row.colour} for key, row in lines for run in row.runs],
        "circle",
        {"size": 12, "opacity": 0.7, "yOffset": 6},
        {"x": x("x"), "y": y, "color": colour},
    )
    values = [
        {"key": key, "x": row.value, "colour": row.colour, **tips(row)}
        for key, row in lines
        if row.value is not None and not row.points
    ]
    hollow = {key for key, row in lines if row.hollow}
    for empty in (False, True):
        part = [entry for entry in values if (entry["key"] in hollow) is empty]
        add(
            part,
            "point",
            {"size": 62, "filled": not empty, "opacity": 1, "strokeWidth": 2},
            {"x": x("x"), "y": y, "color": colour, "tooltip": tooltips(part)},
        )
    add_points(add, lines, x, y, colour, group_title)
    add(
        [
            {"key": key, "x": row.published, "tip published": f"{row.published:.2f}"}
            for key, row in lines
            if row.published is not None
        ],
        "point",
        {"shape": "diamond", "size": 70, "filled": False, "color": INK, "strokeWidth": 1.5, "opacity": 0.9},
        {"x": x("x"), "y": y, "tooltip": [alt.Tooltip(field="tip published", type="nominal", title="paper")]},
    )
    add(
        [{"key": key, "text": row.text} for key, row in lines if row.text],
        "text",
        {"align": "left", "dx": 10, "fontSize": 12},
        {"x": RIGHT_EDGE, "y": y, "text": alt.Text(field="text", type="nominal")},
    )
    spec = layered(layers, datasets, title=title, height=ROW_HEIGHT * len(rows))
    spec["padding"] = {"left": 5, "top": 5, "bottom": 5, "right": 5 + spare([row.text for _, row in lines])}
    return Panel(name, title, spec, summary, cut=bool(arrows))


def spare(texts: Sequence[str | None]) -> int:
    """Return the pixels to keep free right of the texts: a reader's font may be wider than the one measured with.

    Examples
    --------
    >>> spare([]), spare(["1.5", None, "insufficient data"])
    (0, 17)
    """
    return round(0.15 * LETTER * max((len(text) for text in texts if text), default=0))


def add_points(add: Any, lines: list[tuple[str, Row]], x: Any, y: Any, colour: Any, group_title: str) -> None:
    """Add several groups on one line: a rule from the lowest to the highest, a shape and an interval per group."""
    spread = [(key, row) for key, row in lines if row.points]
    groups = list(dict.fromkeys(mark.group for _, row in spread for mark in row.points))
    add(
        [
            {
                "key": key,
                "low": min(mark.value for mark in row.points),
                "high": max(mark.value for mark in row.points),
                "colour": row.colour,
            }
            for key, row in spread
        ],
        "rule",
        {"strokeWidth": 3, "opacity": 0.45},
        {"x": x("low"), "x2": "high", "y": y, "color": colour},
    )
    shape: Json = {}
    if 1 < len(groups) <= len(SHAPES):
        shape["shape"] = alt.Shape(
            field="group",
            type="nominal",
            title=group_title or None,
            legend=alt.Legend(columns=2 if len(groups) > 2 else 0, labelLimit=110 if len(groups) > 2 else 150),
            scale=alt.Scale(domain=groups, range=list(SHAPES[: len(groups)])),
        )
    for place, group in enumerate(groups):
        # Side by side, so that intervals that overlap can be told apart.
        offset = (place - (len(groups) - 1) / 2) * SPREAD / max(len(groups) - 1, 1)
        marks = [(key, row, mark) for key, row in spread for mark in row.points if mark.group == group]
        add(
            [
                {"key": key, "low": mark.interval[0], "high": mark.interval[1], "colour": row.colour}
                for key, row, mark in marks
                if mark.interval
            ],
            "rule",
            {"strokeWidth": 1.5, "strokeCap": "round", "yOffset": offset},
            {"x": x("low"), "x2": "high", "y": y, "color": colour},
        )
        entries = [
            {
                "key": key,
                "x": mark.value,
                "group": mark.group,
                "colour": row.colour,
                **{f"tip {name}": text for name, text in mark.tooltip.items()},
            }
            for key, row, mark in marks
        ]
        encoding: Json = {"x": x("x"), "y": y, "color": colour, "tooltip": tooltips(entries), **shape}
        add(entries, "point", {"size": 52, "filled": True, "opacity": 1, "yOffset": offset}, encoding)
