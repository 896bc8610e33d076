"""Curves of many groups over epsilon: the extremes in colour and with their names, the rest is background."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import altair as alt

from fairtoll.report.arms import GREY
from fairtoll.report.charts.lines import spread_labels
from fairtoll.report.charts.row import shorten
from fairtoll.report.charts.rows import tooltips
from fairtoll.report.charts.style import INK, RIGHT_EDGE, Panel, layered
from fairtoll.report.numbers import Json

HEIGHT = 190
LABEL_SHARE = 0.085
DASHES: dict[str, list[float]] = {"easiest": [6, 3], "whole": [1.5, 3]}


@dataclass(frozen=True)
class Curve:
    """One group's percentages over the radii, and how it is drawn."""

    label: str
    points: Sequence[tuple[float, float]]
    style: str
    tooltip: Json = field(default_factory=dict)


def curves_panel(
    name: str, title: str, curves: Sequence[Curve], *, colour: str, axes: tuple[str, str], summary: str
) -> Panel:
    """Return a panel of percent (0 to 100) over epsilon from 0, the extremes in `colour` and labelled at their ends."""
    x = alt.X(
        field="x",
        type="quantitative",
        scale=alt.Scale(zero=True, nice=False),
        axis=alt.Axis(title=axes[0], grid=False, tickCount=4, labelOverlap=True, format="~g"),
    )
    y = alt.Y(
        field="y",
        type="quantitative",
        scale=alt.Scale(domain=[0, 100]),
        axis=alt.Axis(title=axes[1], tickCount=5, domain=False, ticks=False),
    )
    datasets: Json = {}
    layers = []
    for style in ("other", "whole", "easiest", "hardest"):
        entries = [
            {
                "x": radius,
                "y": share,
                "line": curve.label,
                **{f"tip {key}": text for key, text in curve.tooltip.items()},
            }
            for curve in curves
            if curve.style == style
            for radius, share in curve.points
        ]
        if not entries:
            continue
        datasets[style] = entries
        mark: Json = {
            "color": {"other": GREY, "whole": INK}.get(style, colour),
            "strokeWidth": {"other": 1, "whole": 1.75}.get(style, 2.25),
            "opacity": 0.45 if style == "other" else 1,
            **({"strokeDash": DASHES[style]} if style in DASHES else {}),
        }
        chart = alt.Chart(alt.NamedData(name=style)).mark_line(**mark)
        layers.append(chart.encode(x=x, y=y, detail="line:N", tooltip=tooltips(entries[:1])))
    # The hardest class's curve lies above: where both end alike, its name does too.
    named = [curve for style in ("easiest", "hardest") for curve in curves if curve.style == style and curve.points]
    heights = spread_labels([min(curve.points[-1][1], 96.0) for curve in named], 100 * LABEL_SHARE)
    # Where both end near the top, the upper label may not leave the plot.
    shift = max(max(heights, default=0.0) - 100, 0.0)
    labels = [
        {"y": height - shift, "text": shorten(curve.label, 14)} for curve, height in zip(named, heights, strict=True)
    ]
    if labels:
        datasets["labels"] = labels
        text = alt.Chart(alt.NamedData(name="labels")).mark_text(align="left", dx=6, fontSize=12, color=INK)
        layers.append(text.encode(x=RIGHT_EDGE, y=y, text="text:N"))
    return Panel(name, title, layered(layers, datasets, title=title, height=HEIGHT), summary)
