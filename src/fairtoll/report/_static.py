"""Charts as SVG and PNG with no browser."""

import re
from functools import lru_cache
from xml.sax.saxutils import escape

import vl_convert

from fairtoll.report._chart_style import FONT, INK, INK_ON_WHITE, Figure, Panel, at_width
from fairtoll.report._format import Json

PLOT_WIDTH = 260
PNG_SCALE = 1.25
MARGIN = 16
TITLE = 26  # height of the line that names the figure


def to_svg(spec: Json) -> str:
    """Return a Vega-Lite specification as SVG, its ink still the page's own."""
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg


def page_svg(panel: Panel) -> str:
    """Return a panel as SVG for the page: it scales, takes the page's ink, and is no image of its own."""
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
    """Return a figure as an SVG file of its own: its panels side by side, black ink on white."""
    parts, left, tallest = [], float(MARGIN), 0.0
    for panel in figure.panels:
        svg = svgs[panel.name].replace(INK, INK_ON_WHITE)
        width, height = length(svg, "width"), length(svg, "height")
        parts.append(svg.replace("<svg ", f'<svg x="{left:g}" y="{MARGIN + TITLE}" ', 1))
        left, tallest = left + width + MARGIN, max(tallest, height)
    total, height = left, tallest + TITLE + 2 * MARGIN
    title = (
        f'<text x="{MARGIN}" y="{MARGIN + 12}" font-family="{FONT}" font-size="14" font-weight="600" '
        f'fill="{INK_ON_WHITE}">{escape(figure.caption)}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total:g}" height="{height:g}" '
        f'viewBox="0 0 {total:g} {height:g}" role="img"><title>{escape(figure.caption)}</title>'
        f"<desc>{escape(figure.summary)}</desc>"
        f'<rect width="100%" height="100%" fill="#ffffff"/>{title}{"".join(parts)}</svg>\n'
    )


def to_png(svg: str) -> bytes:
    """Return SVG as PNG."""
    png: bytes = vl_convert.svg_to_png(svg, scale=PNG_SCALE)
    return png


@lru_cache(maxsize=1)
def javascript() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, from the installed package."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle
