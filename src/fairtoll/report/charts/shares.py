"""A chart of shares that add up to one, a stacked bar for each line; the figure's key names the colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from fairtoll.report.charts.row import shorten
from fairtoll.report.charts.style import Panel, layered
from fairtoll.report.numbers import percent

BAR = 20
LONGEST = 30


@dataclass(frozen=True)
class Bar:
    """One line: its label, and its shares by part."""

    label: str
    shares: Mapping[str, float]


def share_panel(name: str, title: str, bars: Sequence[Bar], *, colours: Mapping[str, str], summary: str) -> Panel:
    """Return a panel with one stacked bar per line.

    Parameters
    ----------
    name, title, summary
        File name, heading, the chart in words.
    bars
        From top to bottom.
    colours
        Of every part, in the order of the bars' parts.
    """
    data = [
        {
            "line": f"{place:03d}|{shorten(bar.label, LONGEST)}",
            "part": part,
            "order": order,
            "share": bar.shares[part] * 100,
            "tip share": f"{percent(bar.shares[part], 2)}%",
        }
        for place, bar in enumerate(bars)
        for order, part in enumerate(colours)
        if bar.shares[part] > 0
    ]
    key = f"shares-{name}"
    chart = (
        alt.Chart(alt.NamedData(name=key))
        .mark_bar(height=BAR - 6)
        .encode(
            x=alt.X(
                field="share", type="quantitative", title="rows, %", scale=alt.Scale(domain=[0, 100]), stack="zero"
            ),
            y=alt.Y(
                field="line",
                type="nominal",
                title=None,
                axis=alt.Axis(labelExpr="split(datum.label, '|')[1]", domain=False, ticks=False, labelLimit=230),
            ),
            color=alt.Color(
                field="part",
                type="nominal",
                title=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=None,
            ),
            order=alt.Order(field="order", type="quantitative"),
            tooltip=[
                alt.Tooltip(field="part", type="nominal"),
                alt.Tooltip(field="tip share", type="nominal", title="rows"),
            ],
        )
    )
    return Panel(name, title, layered([chart], {key: data}, title=title, height=BAR * len(bars)), summary)
