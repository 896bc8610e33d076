"""The section on the frontier: average against worst class and worst group, a line for each recipe."""

from fairtoll.findings.attacked_rows import attacked_words
from fairtoll.findings.results import Recipe, Results
from fairtoll.report.charts.frontier import LABEL_LENGTH, MOST, NAMED, Place, Track, frontier_panel
from fairtoll.report.charts.style import Figure, Key, Panel
from fairtoll.report.families import Family, families, partitions_of, reached, worst
from fairtoll.report.numbers import interval, percent
from fairtoll.report.section import Section
from fairtoll.report.select import epsilon_text, evaluation_name
from fairtoll.report.tables.recipes import interval_table, over, recipe_table

MARKS = (
    "A line joins the strengths of one recipe, evaluated alike; the large mark is its own strength, and leads to its "
    "{label}. Circle: defence. Square: baseline. Triangle: repair. Diamond: standard training. Hollow grey: control. "
    "Bars: 95% intervals{of}, {over}. Dotted: average and worst are equal."
)
LEAD = (
    "Right is more accurate, up is better for the {worst}. Further below the dotted line is a wider gap. Each run has "
    "its own worst {group}, chosen with one half of the rows and measured with the other, but none is better than the "
    "average: on the dotted line the groups are alike within the noise of the rows."
)


def frontier(results: Results) -> Section:
    """Return average against worst accuracy, clean and robust, by class and by each attribute."""
    section = Section("frontier", "Average against worst, clean and robust", "Frontier")
    partitions = partitions_of(results)
    if not partitions:
        return section
    groups = "class or group" if len(partitions) > 1 else "class"
    section.lead = " ".join(
        part
        for part in (LEAD.format(worst=f"worst {groups}", group=groups), attacked_words(results.dataset.rows))
        if part
    )
    for partition in partitions:
        for part, of, shown in _parts(families(results), partition):
            many = sum(family.compared for family in shown) > NAMED
            numbered = many or any(len(family.title) > LABEL_LENGTH for family in shown if family.role != "control")
            name = f"{partition}-{part}" if part else partition
            panels = [
                panel
                for clean in (True, False)
                if (panel := _panel(results, shown, partition, name=name, clean=clean, many=many, numbered=numbered))
                is not None
            ]
            if panels:
                section.figures.append(
                    Figure(
                        f"frontier-{name}",
                        f"Average accuracy against that of the worst {_one_of(partition)}{of}",
                        panels,
                        MARKS.format(
                            label="number" if numbered else "name",
                            of=" of own strengths" if many else "",
                            over=over(results),
                        ),
                        key=tuple(_key(family, numbered=numbered) for family in shown if family.role != "control"),
                    )
                )
    section.tables += [recipe_table(results), interval_table(results)]
    return section


def _parts(shown: list[Family], partition: str) -> list[tuple[str, str, list[Family]]]:
    """Name, words and families of each figure: all in one, or, of more than fit, defences and then repairs.

    Repairs are those of what the figure shows, beside the standard arm and the baseline; tables have the others.
    """
    if sum(family.compared for family in shown) <= MOST:
        return [("", "", shown)]
    beside = [family for family in shown if family.role in ("standard", "baseline")]
    defences = [family for family in shown if family.role != "repair"]
    of_repairs = f": repairs of {'classes' if partition == 'class' else f'groups by {partition}'}"
    repairs = [family for family in shown if family.role == "repair" and family.own.partition == partition]
    return [
        ("defences", ": defences", defences),
        *([("repairs", of_repairs, [*beside, *repairs])] if repairs else []),
    ]


def _one_of(partition: str) -> str:
    return "class" if partition == "class" else f"group by {partition}"


def _key(family: Family, *, numbered: bool) -> Key:
    number = f"{family.number} " if numbered else ""
    return Key(f"{number}{family.title}", family.colour)


def _panel(
    results: Results, shown: list[Family], partition: str, *, name: str, clean: bool, many: bool, numbered: bool
) -> Panel | None:
    tracks = [
        Track(
            family.title,
            "" if family.role == "control" else str(family.number),
            family.colour,
            family.shape,
            places,
        )
        for family in shown
        if (places := [place for arm in family.arms if (place := _place(arm, partition, clean=clean))])
    ]
    if not tracks:
        return None
    attacked = next((found for one in results.recipes if (found := reached(one, clean=False))), None)
    heading = "Clean rows"
    if not clean and attacked is not None:
        how = ", ".join(part for part in (attacked.attack, epsilon_text(attacked.epsilon)) if part)
        heading = f"{evaluation_name(attacked.evaluation).capitalize()}, {how}"
    words = "; ".join(
        f"{track.label} " + ", ".join(f"{place.x:.1f}% and {place.y:.1f}%" for place in track.places)
        for track in tracks
    )
    return frontier_panel(
        f"frontier-{name}-{'clean' if clean else 'robust'}",
        heading,
        tracks,
        axes=("Average accuracy, percent", f"Worst {_one_of(partition)}, percent"),
        summary=f"{heading}, average and worst {_one_of(partition)}: {words}.",
        many=many,
        numbered=numbered,
    )


def _place(arm: Recipe, partition: str, *, clean: bool) -> Place | None:
    found = reached(arm, clean=clean)
    lowest = worst(found, partition)
    if found is None or lowest is None:
        return None
    strength = "" if arm.strength is None else f", {arm.strength_name} {arm.strength:g}"
    return Place(
        100 * found.value,
        100 * lowest.value,
        {
            "recipe": f"{arm.family_title}{strength}",
            "average": f"{percent(found.value)}% ({interval(found.interval, 'points')})",
            "worst": f"{lowest.group}, {percent(lowest.value)}% ({interval(lowest.interval, 'points')})",
        },
        None if found.interval is None else (100 * found.interval[0], 100 * found.interval[1]),
        (100 * lowest.interval[0], 100 * lowest.interval[1]),
        own=arm.own_strength,
    )
