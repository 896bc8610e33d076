"""Images in rows of up to three, on the page and as files: test images beside what an attack made of them."""

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from fairtoll.report._chart_style import FONT, INK_ON_WHITE
from fairtoll.report._format import Json, percent
from fairtoll.report._select import arm_titles
from fairtoll.report._table import Cell, Column, Table

IMAGE = 96  # pixels of one side in the file
GAP = 8
CARD = 3 * IMAGE + 2 * GAP
MARGIN = 16
PNG_URI = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")
LEVELS = 255


@dataclass(frozen=True)
class Shown:
    """One picture: what it is, and what is said of it, such as by a model."""

    uri: str
    heading: str
    words: str
    alt: str
    wrong: bool = False


@dataclass(frozen=True)
class Card:
    """Up to three pictures under one heading, such as a test image, its adversarial twin and their difference."""

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


def picture(uri: object) -> str:
    """Return a PNG data URI, or nothing for any other address: the page loads nothing and runs nothing."""
    return uri if isinstance(uri, str) and PNG_URI.fullmatch(uri) else ""


def card(results: Json, example: Json) -> Card:
    """Return one example as it is shown."""
    arm, name = arm_titles(results)[example["arm"]], example["class_name"]
    role = str(example["role"])
    radius = f"ε = {example['epsilon']:g}"
    pictures = []
    for key, heading in (("clean", "Test image"), ("adversarial", "Adversarial twin")):
        prediction, sure = example[f"{key}_prediction"], percent(example[f"{key}_confidence"], 0)
        alt = f"{heading}, class {name}: the {arm} model says {prediction} with {sure}% confidence"
        pictures.append(Shown(picture(example[key]), heading, f"{prediction}, {sure}%", alt, prediction != name))
    times = f"{example['magnification']:g}"
    alt = f"Difference of the two, magnified {times} times around middle grey"
    pictures.append(Shown(picture(example["difference"]), "Difference", f"× {times}", alt))
    return Card(f"{role[:1].upper()}{role[1:]}: {name}", f"{arm}, {radius}, test row {example['row']:,}", pictures)


def radius_words(examples: list[Json]) -> str:
    """Return how far a pixel may move, in the units of the model and in grey levels."""
    radii = sorted({float(example["epsilon"]) for example in examples})
    listed = [f"{radius:g} of the pixel range ({LEVELS * radius:.3g} of {LEVELS} levels)" for radius in radii]
    return " or ".join(listed)


def strip_of(results: Json) -> Strip | None:
    """Return all examples as one strip; None where there are none."""
    examples = results.get("examples") or []
    if not examples:
        return None
    times = sorted({float(example["magnification"]) for example in examples})
    marks = (
        f"Real test images. No pixel moves by more than {radius_words(examples)}. Below each: what the model says, "
        "with its confidence; a wrong class is marked with a cross. Right: adversarial less clean, magnified "
        f"{' or '.join(f'{value:g}' for value in times)} times around middle grey."
    )
    caption = "Test images and what an attack makes of them"
    return Strip("examples", caption, marks, [card(results, example) for example in examples])


def strip_table(results: Json) -> Table:
    """Return what the models say of the examples."""
    titles = arm_titles(results)
    columns = (
        Column("Shown as"),
        Column("Class"),
        Column("Arm"),
        Column("Test row", lambda value: f"{value:,}"),
        Column("Epsilon", lambda value: f"{value:g}"),
        Column("Clean prediction"),
        Column("Confidence, %", lambda value: percent(value), key="clean_confidence"),
        Column("Adversarial prediction"),
        Column("Confidence, %", lambda value: percent(value), key="adversarial_confidence"),
    )
    rows: list[list[Cell]] = [
        [
            example["role"],
            example["class_name"],
            titles[example["arm"]],
            example["row"],
            float(example["epsilon"]),
            example["clean_prediction"],
            float(example["clean_confidence"]),
            example["adversarial_prediction"],
            float(example["adversarial_confidence"]),
        ]
        for example in results.get("examples") or []
    ]
    return Table("examples", "Test images and what the models say of them", columns, rows)


def strip_svg(strip: Strip) -> str:
    """Return the strip as an SVG file of its own, two examples a line, black ink on white."""
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
