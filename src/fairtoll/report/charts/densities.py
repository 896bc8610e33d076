"""Two classes on a line, and the thresholds that divide it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from fairtoll.report.charts.lines import spread_labels
from fairtoll.report.charts.style import INK, Panel, layered
from fairtoll.report.numbers import Json

HEIGHT = 240
#: Points of a curve, and how many standard deviations of it are shown.
POINTS, REACH = 121, 2.6
#: Above the highest curve, for the thresholds' names; and how far apart these are, in shares of the height.
ROOM, APART = 0.5, 0.085
#: Where a class's name is drawn, in standard deviations from its mean.
OUTWARD = 0.8
DASHES = ([1, 0], [5, 3])


@dataclass(frozen=True)
class Bell:
    """One class: a normal density."""

    label: str
    mean: float
    spread: float


@dataclass(frozen=True)
class Divide:
    """One threshold, dashed where no arm has it; named where it has a label."""

    label: str
    at: float
    colour: str
    dashed: bool = False


def density_panel(
    name: str, title: str, bells: Sequence[Bell], divides: Sequence[Divide], *, axis: str, summary: str, reach: float
) -> Panel:
    """Return a panel of densities over `axis`, from -`reach` to `reach`, with a vertical line for each threshold."""
    top = max(_density(bell, bell.mean) for bell in bells)
    x = alt.X(
        field="x",
        type="quantitative",
        scale=alt.Scale(domain=[-reach, reach], nice=False),
        axis=alt.Axis(title=axis, grid=False, tickCount=5, format="~g"),
    )
    y = alt.Y(
        field="y",
        type="quantitative",
        scale=alt.Scale(domain=[0, top * (1 + ROOM)], nice=False),
        axis=None,
    )
    datasets: Json = {}
    layers = []

    def chart(key: str, entries: list[Json]) -> alt.Chart:
        datasets[key] = entries
        return alt.Chart(alt.NamedData(name=key))

    for place, bell in enumerate(bells):
        curve = chart(f"bell{place}", _curve(bell, reach))
        layers.append(curve.mark_area(color=INK, opacity=0.07 + 0.07 * place).encode(x=x, y=y))
        layers.append(curve.mark_line(color=INK, strokeWidth=1.5, opacity=0.75).encode(x=x, y=y))
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    for dashed in (True, False):
        ends = [
            {"x": one.at, "y": height, "line": f"{place}", "colour": one.colour}
            for place, one in enumerate(divides)
            if one.dashed is dashed
            for height in (0.0, top * (1.06 if dashed else 1 + ROOM - 0.03))
        ]
        if ends:
            lines = chart(f"divides-{dashed}", ends).mark_line(strokeWidth=2, strokeDash=DASHES[dashed])
            layers.append(lines.encode(x=x, y=y, color=colour, detail="line:N"))
    named = [one for one in divides if one.label]
    # On the side that is free: left of the left half, right of the right half.
    order = sorted(named, key=lambda one: one.at)
    half = len(order) // 2
    for side, some in (("right", order[:half]), ("left", order[half:])):
        heights = spread_labels([top * 1.25] * len(some), APART * top * (1 + ROOM))
        words = [{"x": one.at, "y": height, "text": one.label} for one, height in zip(some, heights, strict=True)]
        if words:
            style: Json = {"align": side, "dx": 5 if side == "left" else -5, "fontSize": 12, "color": INK}
            text = chart(f"names-{side}", words).mark_text(**style)
            layers.append(text.encode(x=x, y=y, text="text:N"))
    # On the outer slopes, away from the thresholds between the classes.
    for side, outward in (("right", -1), ("left", 1)):
        classes = [
            {"x": at, "y": _density(bell, at), "text": bell.label}
            for bell in bells
            if (bell.mean > 0) is (outward > 0)
            for at in [bell.mean + outward * OUTWARD * bell.spread]
        ]
        placed: Json = {"align": side, "baseline": "bottom", "dx": 6 * outward, "dy": -2, "fontSize": 12, "color": INK}
        beside = chart(f"classes-{side}", classes).mark_text(**placed)
        layers.append(beside.encode(x=x, y=y, text="text:N"))
    return Panel(name, title, layered(layers, datasets, title=title, height=HEIGHT), summary)


def _curve(bell: Bell, reach: float) -> list[Json]:
    places = [-reach + 2 * reach * place / (POINTS - 1) for place in range(POINTS)]
    return [{"x": round(place, 5), "y": round(_density(bell, place), 5)} for place in places]


def _density(bell: Bell, at: float) -> float:
    return math.exp(-(((at - bell.mean) / bell.spread) ** 2) / 2) / (bell.spread * math.sqrt(2 * math.pi))
