"""Average against worst group: a line for each recipe through its strengths, each named or numbered at the edge."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from fairtoll.report.arms import GREY
from fairtoll.report.charts.lines import spread_labels
from fairtoll.report.charts.row import shorten
from fairtoll.report.charts.rows import tooltips
from fairtoll.report.charts.style import INK, RIGHT_EDGE, Panel, layered
from fairtoll.report.numbers import Json

HEIGHT = 340
LINE = 15  # pixels of a label's line
LABEL_LENGTH = 20
#: So many lines have their titles at the edge, if none is longer than that; others their numbers.
NAMED = 6
#: As many labels as the plot has lines for.
MOST = HEIGHT // LINE
#: What an axis keeps free around its points, of their spread, and at least in points.
MARGIN, LEAST = 0.07, 1.0

Range = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """One arm: percent on average and of the worst group, each with its interval."""

    x: float
    y: float
    tooltip: Json
    x_interval: Range | None = None
    y_interval: Range | None = None
    own: bool = True


@dataclass(frozen=True)
class Track:
    """One recipe through its strengths, from weak to strong. Without a label it is background."""

    label: str
    mark: str
    colour: str
    shape: str
    places: Sequence[Place]


def frontier_panel(
    name: str,
    title: str,
    tracks: Sequence[Track],
    *,
    axes: tuple[str, str],
    summary: str,
    many: bool,
    numbered: bool | None = None,
) -> Panel:
    """Return a panel of worst group over average.

    `many` shows the intervals of own strengths alone; `numbered`, by default the same, marks lines by number instead
    of by title.
    """
    places = [(track, place) for track in tracks for place in track.places]
    across = _domain([(place.x, place.x_interval, place.own) for _, place in places])
    up = _domain([(place.y, place.y_interval, place.own) for _, place in places])
    x = alt.X(
        field="x",
        type="quantitative",
        scale=alt.Scale(domain=list(across), nice=False),
        axis=alt.Axis(title=axes[0], tickCount=5, grid=True, format=".2~f"),
    )
    y = alt.Y(
        field="y",
        type="quantitative",
        scale=alt.Scale(domain=list(up), nice=False),
        axis=alt.Axis(title=axes[1], tickCount=6, domain=False, ticks=False, format=".2~f"),
    )
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    datasets: Json = {}
    layers = []

    def chart(key: str, entries: list[Json]) -> alt.Chart:
        datasets[key] = entries
        return alt.Chart(alt.NamedData(name=key))

    equal = (max(across[0], up[0]), min(across[1], up[1]))
    if equal[0] < equal[1]:
        line = chart("equal", [{"x": end, "y": end} for end in equal])
        layers.append(line.mark_line(color=INK, strokeWidth=1, strokeDash=[2, 3], opacity=0.5).encode(x=x, y=y))
    faint = alt.Opacity(field="opacity", type="quantitative", scale=None, legend=None)
    heads: dict[str, list[Json]] = {}
    for along, domain in (("x", across), ("y", up)):
        shown = [(track, place) for track, place in places if not many or (place.own and track.mark)]
        bars = [bar for track, place in shown if (bar := _bar(track, place, along, domain, many=many))]
        if bars:
            rules = chart(f"{along}-intervals", bars).mark_rule(strokeWidth=1.25)
            layers.append(rules.encode(x=x, y=y, **{f"{along}2": f"{along}2"}, color=colour, opacity=faint))
        for track, place in shown:
            for head, entry in _cut_ends(track, place, along, domain, many=many):
                heads.setdefault(head, []).append(entry)
    for head, entries in heads.items():
        marks = chart(f"cut-{head}", entries).mark_point(shape=head, filled=True, size=24, strokeWidth=0)
        layers.append(marks.encode(x=x, y=y, color=colour, opacity=faint))
    strengths = [
        {"x": place.x, "y": place.y, "line": track.label, "order": order, "colour": track.colour}
        for track in tracks
        if len(track.places) > 1
        for order, place in enumerate(track.places)
    ]
    if strengths:
        lines = chart("lines", strengths).mark_line(strokeWidth=1.75, opacity=0.9)
        order = alt.Order(field="order", type="quantitative")
        layers.append(lines.encode(x=x, y=y, color=colour, detail="line:N", order=order))
    named = [track for track in tracks if track.mark]
    labels = _labels(named, across, up, numbered=many if numbered is None else numbered)
    if labels:
        leads = chart("leads", [end for one in labels for end in one["lead"]])
        line = leads.mark_line(strokeWidth=0.75, opacity=0.5)
        layers.append(line.encode(x=x, y=y, color=colour, detail="line:N"))
    for shape, own in itertools.product(dict.fromkeys(track.shape for track in tracks), (False, True)):
        for hollow in (False, True):
            entries = [
                {"x": place.x, "y": place.y, "colour": track.colour}
                | {f"tip {key}": text for key, text in place.tooltip.items()}
                for track, place in places
                if track.shape == shape and place.own is own and (track.colour == GREY) is hollow
            ]
            if entries:
                points = chart(f"{shape}-{own}-{hollow}", entries).mark_point(
                    shape=shape, filled=not hollow, size=70 if own else 26, opacity=1, strokeWidth=1.5
                )
                layers.append(points.encode(x=x, y=y, color=colour, tooltip=tooltips(entries)))
    if labels:
        text = chart("labels", [{key: one[key] for key in ("y", "text", "colour")} for one in labels])
        dots = text.mark_point(filled=True, size=30, opacity=1, xOffset=7)
        layers.append(dots.encode(x=RIGHT_EDGE, y=y, color=colour))
        words = text.mark_text(align="left", dx=14, fontSize=12, color=INK)
        layers.append(words.encode(x=RIGHT_EDGE, y=y, text="text:N"))
    return Panel(name, title, layered(layers, datasets, title=title, height=HEIGHT), summary, cut=bool(heads))


def _domain(values: Sequence[tuple[float, Range | None, bool]]) -> Range:
    """Return an axis that holds every point, and three in four of the intervals of own strengths."""
    points = [value for value, _, _ in values]
    low, high = min(points, default=0.0), max(points, default=100.0)
    ends = [interval for _, interval, own in values if interval and own]
    if ends:
        kept = int(0.75 * (len(ends) - 1))
        low = min(low, sorted((end for end, _ in ends), reverse=True)[kept])
        high = max(high, sorted(end for _, end in ends)[kept])
    room = max(MARGIN * (high - low), LEAST)
    return max(low - room, 0.0), min(high + room, 100.0)


def _bar(track: Track, place: Place, along: str, domain: Range, *, many: bool) -> Json | None:
    """Return one interval, cut at the axis; fainter among many, and where the strength is not the recipe's own."""
    interval = place.x_interval if along == "x" else place.y_interval
    if interval is None:
        return None
    low, high = (min(max(end, domain[0]), domain[1]) for end in interval)
    look = _look(track, place, many=many)
    if along == "x":
        return {"x": low, "x2": high, "y": place.y, **look}
    return {"x": place.x, "y": low, "y2": high, **look}


def _look(track: Track, place: Place, *, many: bool) -> Json:
    return {"colour": track.colour, "opacity": (0.4 if many else 0.75) if place.own and track.mark else 0.22}


def _cut_ends(track: Track, place: Place, along: str, domain: Range, *, many: bool) -> list[tuple[str, Json]]:
    """Return an arrowhead for each end of an interval that lies beyond the axis, and where it stands."""
    interval = place.x_interval if along == "x" else place.y_interval
    if interval is None:
        return []
    low, high = ("triangle-left", "triangle-right") if along == "x" else ("triangle-down", "triangle-up")
    heads = [(low, domain[0])] if interval[0] < domain[0] - 1e-9 else []
    heads += [(high, domain[1])] if interval[1] > domain[1] + 1e-9 else []
    at = {"x": place.x, "y": place.y} | _look(track, place, many=many)
    return [(head, at | {along: end}) for head, end in heads]


def _labels(tracks: Sequence[Track], across: Range, up: Range, *, numbered: bool) -> list[Json]:
    """Return each line's label at the right edge, as near to its own strength as others allow, and what leads there."""
    if not tracks:
        return []
    step = (up[1] - up[0]) * LINE / HEIGHT
    ends = [next((place for place in track.places if place.own), track.places[-1]) for track in tracks]
    heights = spread_labels([end.y for end in ends], step)
    # None leaves the plot above: those that would move down, and push others.
    ceiling = up[1]
    for place in sorted(range(len(heights)), key=lambda index: -heights[index]):
        heights[place] = min(heights[place], ceiling)
        ceiling = heights[place] - step
    return [
        {
            "y": height,
            "text": track.mark if numbered else shorten(track.label, LABEL_LENGTH),
            "colour": track.colour,
            "lead": [
                {"x": end.x, "y": end.y, "line": track.label, "colour": track.colour},
                {"x": across[1], "y": height, "line": track.label, "colour": track.colour},
            ],
        }
        for track, end, height in zip(tracks, ends, heights, strict=True)
    ]
