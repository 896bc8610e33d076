"""The section that shows images: what the figures of attack success look like to the eye."""

from fairtoll.report._format import Json
from fairtoll.report._section import Section
from fairtoll.report._strip import strip_of, strip_table


def examples(results: Json) -> Section:
    """Return test images with their adversarial twins."""
    section = Section(
        "examples",
        "What an attack looks like",
        "Images",
        "Test images and their adversarial twins, for a class that is easy and for one that is hard.",
    )
    strip = strip_of(results)
    if strip:
        section.strips.append(strip)
        section.tables.append(strip_table(results))
    return section
