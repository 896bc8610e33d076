"""Many groups with the arms side by side: one band a group, in it one mark an arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from fairtoll.report.charts.domain import cut_ends, within
from fairtoll.report.charts.log import LogAxis
from fairtoll.report.charts.row import Row, shorten, tips
from fairtoll.report.charts.rows import LABEL_LENGTH, SEPARATOR, tooltips
from fairtoll.report.charts.style import INK, RIGHT_EDGE, Panel, layered
from fairtoll.report.numbers import Json

APART = 7  # pixels between two arms of a group
ROOM = 9


@dataclass(frozen=True)
class Series:
    """One arm: a mark for each group it has, by the group's name; controls are hollow and smaller."""

    label: str
    colour: str
    rows: Mapping[str, Row]
    control: bool = False


def group_marks_panel(
    name: str,
    title: str,
    groups: Sequence[str],
    series: Sequence[Series],
    *,
    axis: str,
    summary: str,
    domain: tuple[float, float],
    texts: Mapping[str, str] | None = None,
    log: LogAxis | None = None,
) -> Panel:
    """Return a panel with one band per group and the arms side by side in it.

    Parameters
    ----------
    name, title, axis, summary
        File name, heading, axis title with its unit, the chart in words.
    groups
        From top to bottom.
    series
        The arms, from top to bottom within a band.
    domain
        Ends of the axis; an interval beyond them is clipped and ends in an arrowhead.
    texts
        What is written at the right of a group's band.
    log
        A logarithmic axis of this domain.
    """
    scale = log.scale if log else alt.Scale(domain=list(domain), nice=False)
    ticks: Json = log.labels if log else {"tickCount": 5}
    keys = {group: SEPARATOR.join((f"{index:03d}", shorten(group, LABEL_LENGTH))) for index, group in enumerate(groups)}
    layers: list[Any] = []
    datasets: Json = {}
    y = alt.Y(field="key", type="nominal", title=None)
    named_y = alt.Y(
        field="key",
        type="nominal",
        title=None,
        scale=alt.Scale(type="band", domain=list(keys.values()), padding=0),
        axis=alt.Axis(
            labelExpr=f"split(datum.label, '{SEPARATOR}')[1]",
            labelLimit=200,
            labelPadding=8,
            labelOverlap=False,
            domain=False,
            ticks=False,
            grid=False,
        ),
    )

    def x(field_name: str) -> Any:
        return alt.X(
            field=field_name,
            type="quantitative",
            scale=scale,
            axis=alt.Axis(title=axis, domain=True, labelFlush=False, labelSeparation=6, **ticks),
        )

    def add(entries: list[Json], mark: str, style: Json, encoding: Json) -> None:
        if entries:
            name_of_data = f"rows{len(datasets)}"
            datasets[name_of_data] = entries
            chart = alt.Chart(alt.NamedData(name=name_of_data))
            layers.append(getattr(chart, f"mark_{mark}")(**style).encode(**encoding))

    # Every group's key once, so that a group keeps its place where no mark is drawn.
    add([{"key": key} for key in keys.values()], "point", {"opacity": 0}, {"y": named_y})
    stripes = [{"key": key} for index, key in enumerate(keys.values()) if index % 2 == 0]
    add(stripes, "rect", {"color": INK, "opacity": 0.05}, {"x": alt.value(0), "x2": alt.value("width"), "y": y})
    cut = False
    for index, one in enumerate(series):
        offset = (index - (len(series) - 1) / 2) * APART
        whole = [(keys[group], one.rows[group]) for group in groups if group in one.rows]
        rows = [(key, within(row, domain)) for key, row in whole]
        style = {"yOffset": offset, "color": one.colour}
        add(
            [{"key": key, "low": row.interval[0], "high": row.interval[1]} for key, row in rows if row.interval],
            "rule",
            {**style, "strokeWidth": 1 if one.control else 2, "strokeCap": "round"},
            {"x": x("low"), "x2": "high", "y": y},
        )
        for shape in ("triangle-left", "triangle-right"):
            ends = [
                {"key": key, "x": end} for key, row in whole for end, head in cut_ends(row, domain) if head == shape
            ]
            cut = cut or bool(ends)
            add(ends, "point", {**style, "shape": shape, "size": 25, "filled": True}, {"x": x("x"), "y": y})
        values = [{"key": key, "x": row.value, **tips(row)} for key, row in rows if row.value is not None]
        add(
            values,
            "point",
            {
                **style,
                "filled": not one.control,
                "size": 26 if one.control else 48,
                "strokeWidth": 1.5,
                "opacity": 1,
            },
            {"x": x("x"), "y": y, "tooltip": tooltips(values)},
        )
    add(
        [{"key": keys[group], "text": text} for group, text in (texts or {}).items() if group in keys],
        "text",
        {"align": "left", "dx": 8, "fontSize": 12},
        {"x": RIGHT_EDGE, "y": y, "text": alt.Text(field="text", type="nominal")},
    )
    spec = layered(layers, datasets, title=title, height=(APART * len(series) + ROOM) * len(groups))
    return Panel(name, title, spec, summary, cut=cut)
