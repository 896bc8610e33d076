"""The section that shows images: the visible effect of attacks."""

from collections.abc import Sequence

from fairtoll.findings.results import Example, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.charts.strip import Card, Shown, Strip, picture
from fairtoll.report.numbers import percent
from fairtoll.report.section import Section
from fairtoll.report.tables.table import Cell, Column, Table

LEVELS = 255


def examples(results: Results) -> Section:
    """Return test images with their adversarial examples."""
    section = Section(
        "examples",
        "What an attack looks like",
        "Images",
        "Test images and their adversarial examples, for a class that is easy and for one that is hard.",
    )
    strip = strip_of(results)
    if strip:
        section.strips.append(strip)
        section.tables.append(strip_table(results))
    return section


def card(results: Results, example: Example) -> Card:
    """Return one example as it is shown."""
    arm, name = arm_titles(results)[example.arm], example.class_name
    role = example.role
    radius = f"ε = {example.epsilon:g}"
    pictures = []
    for uri, heading, prediction, confidence in (
        (example.clean, "Test image", example.clean_prediction, example.clean_confidence),
        (example.adversarial, "Adversarial example", example.adversarial_prediction, example.adversarial_confidence),
    ):
        sure = percent(confidence, 0)
        alt = f"{heading}, class {name}: the {arm} model says {prediction} with {sure}% confidence"
        pictures.append(Shown(picture(uri), heading, f"{prediction}, {sure}%", alt, prediction != name))
    times = f"{example.magnification:g}"
    alt = f"Difference of the two, magnified {times} times around middle grey"
    pictures.append(Shown(picture(example.difference), "Difference", f"× {times}", alt))
    return Card(f"{role[:1].upper()}{role[1:]}: {name}", f"{arm}, {radius}, test row {example.row:,}", pictures)


def radius_words(examples: Sequence[Example]) -> str:
    """Return how far a pixel may move, in the units of the model and in grey levels."""
    radii = sorted({example.epsilon for example in examples})
    listed = [f"{radius:g} of the pixel range ({LEVELS * radius:.3g} of {LEVELS} levels)" for radius in radii]
    return " or ".join(listed)


def strip_of(results: Results) -> Strip | None:
    """Return all examples as one strip; None where there are none."""
    examples = results.examples
    if not examples:
        return None
    times = sorted({example.magnification for example in examples})
    marks = (
        f"Real test images. No pixel moves by more than {radius_words(examples)}. Below each: the model's prediction, "
        "with its confidence; a wrong class is marked with a cross. Right: adversarial minus clean, magnified "
        f"{' or '.join(f'{value:g}' for value in times)} times around middle grey."
    )
    caption = "Test images and their adversarial examples"
    return Strip("examples", caption, marks, [card(results, example) for example in examples])


def strip_table(results: Results) -> Table:
    """Return the models' predictions on the examples."""
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
            example.role,
            example.class_name,
            titles[example.arm],
            example.row,
            example.epsilon,
            example.clean_prediction,
            example.clean_confidence,
            example.adversarial_prediction,
            example.adversarial_confidence,
        ]
        for example in results.examples
    ]
    return Table("examples", "Test images and the models' predictions", columns, rows)
