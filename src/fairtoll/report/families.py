"""Families of recipes as a report shows them: in their order, each with a colour, a mark and a number of its own."""

from dataclasses import dataclass

from fairtoll.findings.results import Reached, Recipe, Results, Shift, WorstGroup
from fairtoll.report.arms import GREY
from fairtoll.report.charts.style import INK

#: Hues of Okabe and Ito and others, at least 3:1 contrast on white and near-black; after the last the first again.
HUES = ("#D55E00", "#009E73", "#0072B2", "#A9699F", "#8C6D1F", "#3C8DA8", "#5E5EB0", "#B5485D")
SHAPES = {"standard": "diamond", "baseline": "square", "repair": "triangle-up", "control": "circle"}
ROLES = {"standard": "standard", "control": "control", "baseline": "baseline", "defence": "defence", "repair": "repair"}


@dataclass(frozen=True)
class Family:
    """One recipe at its strengths, from weak to strong.

    `number` tells it apart from the others where there is no room for its title; 0 for the standard arm and controls.
    """

    name: str
    title: str
    role: str
    arms: tuple[Recipe, ...]
    number: int
    colour: str
    shape: str

    @property
    def own(self) -> Recipe:
        """The arm at the recipe's own strength; the strongest where that was not trained."""
        return next((arm for arm in self.arms if arm.own_strength), self.arms[-1])

    @property
    def compared(self) -> bool:
        """Whether it is a defence, a repair or the baseline."""
        return self.role not in ("standard", "control")


def families(results: Results) -> list[Family]:
    """Return every family, in the order of the results."""
    found: dict[str, list[Recipe]] = {}
    for recipe in results.recipes:
        found.setdefault(recipe.family, []).append(recipe)
    made, number = [], 0
    for name, arms in found.items():
        first = arms[0]
        plain = first.role in ("standard", "control")
        number += 0 if plain else 1
        colour = HUES[(number - 1) % len(HUES)]
        if plain:
            colour = INK if first.role == "standard" else GREY
        made.append(
            Family(
                name,
                first.family_title,
                first.role,
                tuple(arms),
                0 if plain else number,
                colour,
                SHAPES.get(first.role, "circle"),
            )
        )
    return made


def compared(results: Results) -> list[Family]:
    """Return the families that are defences, repairs or the baseline."""
    return [family for family in families(results) if family.compared]


def family_titles(results: Results) -> dict[str, str]:
    """Return each family's title by its name, and the standard arm's."""
    return {family.name: family.title for family in families(results)}


def reached(recipe: Recipe, *, clean: bool) -> Reached | None:
    """Return an arm's accuracy, clean or under attack."""
    return next((one for one in recipe.reached if (one.evaluation == "clean") is clean), None)


def worst(found: Reached | None, partition: str) -> WorstGroup | None:
    """Return its worst class, or group of an attribute."""
    return next((one for one in found.worst if one.partition == partition), None) if found else None


def shift(recipe: Recipe, against: str, *, clean: bool, partition: str | None = None) -> Shift | None:
    """Return how much an arm's accuracy differs from another arm's: of all rows, or of the worst group."""
    return next(
        (
            one
            for one in recipe.shifts
            if one.against == against and (one.evaluation == "clean") is clean and one.partition == partition
        ),
        None,
    )


def partitions_of(results: Results) -> list[str]:
    """Return "class" and the attributes whose worst groups are known, in order."""
    return list(dict.fromkeys(one.partition for r in results.recipes for found in r.reached for one in found.worst))


def baseline(results: Results) -> Family | None:
    """Return the baseline, such as weight averaging."""
    return next((family for family in families(results) if family.role == "baseline"), None)


def standard(results: Results) -> Family | None:
    """Return the arm without any defence."""
    return next((family for family in families(results) if family.role == "standard"), None)
