"""The style shared by all charts: readable on white, on black, on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import altair as alt

from fairtoll.report.numbers import Json

#: Ends the key of a figure that shows what the paper printed.
PAPER_MARK = " Diamond: the paper's value."
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")

# The page's own ink: dark mode changes it with no second rendering.
INK = "currentColor"
INK_ON_WHITE = "#1b1f24"
# As `alt.value("width")`, which Altair would look up again for every mark.
RIGHT_EDGE: Any = cast(Any, alt.XValue)("width")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"

CONFIG: Json = {
    "background": "transparent",
    # The page labels each chart as one image; axes and marks repeated to a screen reader are noise.
    "aria": False,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.13,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelOverlap": True,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "symbolStrokeColor": INK,
        "symbolFillColor": INK,
        "symbolOpacity": 1,
        "orient": "top",
        "titleOrient": "left",
        "offset": 4,
        "labelLimit": 150,
    },
    "title": {
        "color": INK,
        "anchor": "start",
        "frame": "bounds",
        "fontSize": 13,
        "fontWeight": 600,
        "offset": 8,
    },
    "text": {"color": INK, "fontSize": 12},
}


@dataclass(frozen=True)
class Panel:
    """One chart without a width, so that the page and the files can each give it theirs."""

    name: str
    title: str
    spec: Json
    summary: str
    cut: bool = False  # an interval extends past the axis


@dataclass(frozen=True)
class Key:
    """One entry of a figure's key: an arm's title and its colour; controls are hollow."""

    label: str
    colour: str
    hollow: bool = False


@dataclass(frozen=True)
class Figure:
    """Panels under one caption: `marks` says what each mark means, `key` which colour is whose."""

    name: str
    caption: str
    panels: list[Panel]
    marks: str = ""
    columns: int = 2  # panels side by side in a wide window
    key: tuple[Key, ...] = ()
    source: str = ""  # said under the figure wherever it goes, where the data are not what their name says

    @property
    def cut(self) -> bool:
        """Whether an interval runs past an axis."""
        return any(panel.cut for panel in self.panels)

    @property
    def summary(self) -> str:
        """Every panel in words, for those who cannot see it."""
        return " ".join(panel.summary for panel in self.panels)


def layered(charts: Sequence[Any], datasets: Json, *, title: str, height: int) -> Json:
    """Return charts over named data, one on top of the other, as a Vega-Lite specification with the shared look.

    Joined here, as `altair.layer` would join them: it copies all it holds at every step, and a report has
    hundreds of layers.
    """
    parts = [chart.to_dict(validate=False) for chart in charts]
    return {
        "$schema": parts[0]["$schema"],
        "title": title,
        "height": height,
        "layer": [{key: part[key] for key in ("data", "mark", "encoding")} for part in parts],
        "datasets": datasets,
        "config": CONFIG,
    }


def at_width(panel: Panel, width: int) -> Json:
    """Return a panel's specification at a fixed width."""
    return {**panel.spec, "width": width}


def page_spec(panel: Panel) -> Json:
    """Return a panel's specification that fills the width it is given."""
    fit = {"type": "fit-x", "contains": "padding", "resize": True}
    return {**panel.spec, "width": "container", "autosize": fit}
