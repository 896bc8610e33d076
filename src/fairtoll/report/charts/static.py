"""Charts as SVG and PNG without a browser."""

import re
from collections.abc import Sequence
from functools import lru_cache
from xml.sax.saxutils import escape

import vl_convert

from fairtoll.report.charts.strip import text
from fairtoll.report.charts.style import INK, INK_ON_WHITE, Figure, Key, Panel, at_width
from fairtoll.report.numbers import Json

PLOT_WIDTH = 260
PNG_SCALE = 1.25
MARGIN = 16
TITLE = 26  # height of the line that names the figure
ABREAST = 3  # panels that a line of a file holds at most
KEY = 20
LETTER = 6.6  # width of one in a key, on average


def to_svg(spec: Json) -> str:
    """Return a Vega-Lite specification as SVG, its ink still the page's own."""
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg


def page_svg(panel: Panel) -> str:
    """Return a panel as SVG for the page: it scales, takes the page's ink, and is not a separate image."""
    svg = to_svg(at_width(panel, PLOT_WIDTH))
    # The wrapper carries role and label.
    return re.sub(r"<svg ", '<svg aria-hidden="true" focusable="false" ', svg, count=1)


def length(svg: str, side: str) -> float:
    """Return the width or height an SVG states, in pixels."""
    found = re.search(rf'{side}="([0-9.]+)"', svg)
    if found is None:
        raise RuntimeError(f"the drawn chart states no {side}")
    return float(found[1])


def file_svg(figure: Figure, svgs: dict[str, str]) -> str:
    """Return a figure as a separate SVG file: its panels side by side, many of them in lines, black ink on white."""
    drawn = [svgs[panel.name].replace(INK, INK_ON_WHITE) for panel in figure.panels]
    sizes = [(length(svg, "width"), length(svg, "height")) for svg in drawn]
    columns = len(drawn) if len(drawn) <= ABREAST else figure.columns
    column = [max(width for width, _ in sizes[place::columns]) for place in range(columns)]
    parts, upper = [], float(MARGIN + TITLE)
    for start in range(0, len(drawn), columns):
        left = float(MARGIN)
        for place, svg in enumerate(drawn[start : start + columns]):
            # A panel would otherwise cut off what a reader's font makes wider than the one measured with.
            parts.append(svg.replace("<svg ", f'<svg x="{left:g}" y="{upper:g}" overflow="visible" ', 1))
            left += column[place] + MARGIN
        upper += max(height for _, height in sizes[start : start + columns]) + MARGIN
    left = MARGIN + sum(width + MARGIN for width in column)
    top, key = upper - MARGIN, []
    for line in key_lines(figure.key, left - 2 * MARGIN):
        top += KEY
        key += [key_mark(entry, MARGIN + x, top) for entry, x in line]
    source = ""
    if figure.source:
        top += KEY
        source = text(MARGIN, top, figure.source, size=11)
    total, height = left, top + MARGIN
    title = text(MARGIN, MARGIN + 12, figure.caption, size=14, weight=600)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total:g}" height="{height:g}" '
        f'viewBox="0 0 {total:g} {height:g}" role="img"><title>{escape(figure.caption)}</title>'
        f"<desc>{escape(figure.summary)}</desc>"
        f'<rect width="100%" height="100%" fill="#ffffff"/>{title}{"".join(parts)}{"".join(key)}{source}</svg>\n'
    )


def key_lines(entries: Sequence[Key], width: float) -> list[list[tuple[Key, float]]]:
    """Return a figure's key broken into lines, each entry with its distance from the left."""
    lines: list[list[tuple[Key, float]]] = []
    x = width + 1
    for entry in entries:
        wide = 22 + LETTER * len(entry.label) + 14
        if x + wide > width:
            lines.append([])
            x = 0.0
        lines[-1].append((entry, x))
        x += wide
    return lines


def key_mark(entry: Key, x: float, y: float) -> str:
    """Return one entry of a key: a dot, hollow for controls, and the arm's title."""
    fill = "none" if entry.hollow else entry.colour
    dot = f'<circle cx="{x + 5:g}" cy="{y - 4:g}" r="4" fill="{fill}" stroke="{entry.colour}" stroke-width="1.5"/>'
    return dot + text(x + 14, y, entry.label, size=12)


def to_png(svg: str) -> bytes:
    """Return SVG as PNG."""
    png: bytes = vl_convert.svg_to_png(svg, scale=PNG_SCALE)
    return png


@lru_cache(maxsize=1)
def javascript() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, from the installed package."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle
