"""Images in rows of up to three, on the page and as files: test images and their adversarial examples."""

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from fairtoll.report.charts.style import FONT, INK_ON_WHITE

IMAGE = 96  # pixels of one side in the file
GAP = 8
CARD = 3 * IMAGE + 2 * GAP
MARGIN = 16
PNG_URI = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class Shown:
    """One picture: its caption, such as a model's prediction."""

    uri: str
    heading: str
    words: str
    alt: str
    wrong: bool = False


@dataclass(frozen=True)
class Card:
    """Up to three pictures under one heading, such as a test image, its adversarial example and their difference."""

    heading: str
    under: str
    pictures: list[Shown]


@dataclass(frozen=True)
class Strip:
    """Examples of one kind of picture under one caption."""

    name: str
    caption: str
    marks: str
    cards: list[Card] = field(default_factory=list)
    source: str = ""


def picture(uri: str | None) -> str:
    """Return a PNG data URI, or nothing for any other address: the page loads nothing and runs nothing."""
    return uri if uri is not None and PNG_URI.fullmatch(uri) else ""


def strip_svg(strip: Strip) -> str:
    """Return the strip as a separate SVG file, two examples a line, black ink on white."""
    columns = min(len(strip.cards), 2)
    width = 2 * MARGIN + columns * CARD + (columns - 1) * 3 * GAP
    tall = 44 + IMAGE + 42
    top = MARGIN + 24
    lines = -(-len(strip.cards) // columns)
    height = top + lines * tall + (20 if strip.source else 0)
    parts = [text(MARGIN, MARGIN + 12, strip.caption, size=14, weight=600)]
    for index, one in enumerate(strip.cards):
        left, upper = MARGIN + (index % columns) * (CARD + 3 * GAP), top + (index // columns) * tall
        parts.append(text(left, upper + 16, one.heading, size=13, weight=600))
        parts.append(text(left, upper + 33, one.under, size=11))
        for place, shown in enumerate(one.pictures):
            x = left + place * (IMAGE + GAP)
            frame = f'x="{x}" y="{upper + 40}" width="{IMAGE}" height="{IMAGE}"'
            parts.append(
                f'<image {frame} href="{shown.uri}" style="image-rendering:pixelated" image-rendering="optimizeSpeed"/>'
                if shown.uri
                else f'<rect {frame} fill="none" stroke="{INK_ON_WHITE}"/>'
            )
            parts.append(text(x, upper + IMAGE + 54, shown.heading, size=11))
            parts.append(
                text(x, upper + IMAGE + 68, f"{'✗ ' if shown.wrong else ''}{shown.words}", size=11, weight=600)
            )
    if strip.source:
        parts.append(text(MARGIN, height - 12, strip.source, size=11))
    words = " ".join(shown.alt + "." for one in strip.cards for shown in one.pictures)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><title>{escape(strip.caption)}</title><desc>{escape(words)}</desc>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def text(x: float, y: float, words: str, *, size: int, weight: int = 400) -> str:
    """Return one line of text of an SVG file."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{FONT}" font-size="{size}" font-weight="{weight}" '
        f'fill="{INK_ON_WHITE}">{escape(words)}</text>'
    )
