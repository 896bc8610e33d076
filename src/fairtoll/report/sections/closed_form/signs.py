"""Where robust training makes gaps rise, over spreads and radius, and where real classes lie."""

from collections import Counter
from collections.abc import Callable

from fairtoll.findings.results import Place, SignCells, SignMap, Signs
from fairtoll.report.charts.cells import Spot, cells_panel
from fairtoll.report.charts.style import Figure, Key, Panel
from fairtoll.report.numbers import number, percent
from fairtoll.report.tables.table import Cell, Column, Table

#: By whether CRU_s and CRU_epsilon rise; hues that no arm has.
SIGNS = {
    (True, True): ("CRU_s and CRU_ε rise", "#A65628"),
    (True, False): ("CRU_s rises, CRU_ε falls", "#D4A72C"),
    (False, True): ("CRU_s falls, CRU_ε rises", "#6E6E6E"),
    (False, False): ("CRU_s and CRU_ε fall", "#BDBDBD"),
}
#: So many places of a map have large marks.
FEW = 5
TICKS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0)
MAP_MARKS = (
    "By formula, from the best standard to the best robust linear rule: left of rules with the least error, which most "
    "theorems are about, right of those with the least logistic loss, which training minimises. The distance is that "
    "of the means from the middle, in spreads of the narrower class; the radius that of training and of the attack. "
    "Dots: places of real classes, or of these rows; small ones are pairs of classes, each with its own distance, and "
    "the table says what holds at it."
)


def map_figures(maps: list[SignMap]) -> list[Figure]:
    """Return a figure for each map, of both kinds of rules side by side."""
    return [
        Figure(
            "signs",
            f"Where robust training makes the gaps rise: {one.title}, distance {number(one.distance)}",
            _map_panels(one, place),
            marks=MAP_MARKS,
            key=tuple(Key(words, colour) for words, colour in SIGNS.values()),
        )
        for place, one in enumerate(maps)
    ]


def _map_panels(one: SignMap, order: int) -> list[Panel]:
    """Return the map of rules with the least error and that of rules with the least loss."""
    return [
        _map_panel(one, f"signs-{order + 1}", "Rules with the least error", one.least_error, _of_error),
        _map_panel(one, f"signs-{order + 1}-loss", "Rules with the least loss", one.least_loss, _of_loss),
    ]


def _of_error(place: Place) -> str:
    return sign_words(place.least_error)


def _of_loss(place: Place) -> str:
    return sign_words(place.least_loss)


def _map_panel(one: SignMap, name: str, rule: str, cells: SignCells, words_of: Callable[[Place], str]) -> Panel:
    colours = [
        [None if s is None or e is None else SIGNS[s, e][1] for s, e in zip(*lines, strict=True)]
        for lines in zip(cells.cru_s, cells.cru_epsilon, strict=True)
    ]
    shown = [place for place in one.places if place.radius < one.radii[-1] and place.ratio < one.ratios[-1]]
    spots = [
        Spot(
            place.ratio,
            place.radius,
            len(one.places) <= FEW,
            {
                "place": place.title,
                "ratio of spreads": number(place.ratio),
                "distance": number(place.distance),
                "radius": number(place.radius),
                "formula": words_of(place),
            },
        )
        for place in shown
    ]
    counts = Counter(colour for line in colours for colour in line)
    total = sum(counts.values())
    words = ", ".join(
        f"{said.lower()} in {percent(counts[colour] / total, 0)}%" for said, colour in SIGNS.values() if counts[colour]
    )
    return cells_panel(
        name,
        rule,
        one.ratios,
        one.radii,
        colours,
        spots,
        axes=("Ratio of the spreads, K", "Radius, share of the distance"),
        ticks=[tick for tick in TICKS if tick <= one.ratios[-1]],
        summary=f"{one.title}, {rule.lower()}. Of the map, {words}. Places: "
        + ("; ".join(f"{place.title}, {words_of(place)}" for place in shown[:FEW]) or "none")
        + ".",
    )


def sign_words(signs: Signs | None) -> str:
    """Return what robust training does to the gaps at a place.

    Examples
    --------
    >>> sign_words(None)
    'no robust rule'
    """
    return "no robust rule" if signs is None else SIGNS[signs.cru_s, signs.cru_epsilon][0]


def places_table(maps: list[SignMap]) -> Table:
    """Return every place of every map, with what formulas say at its own distance."""
    columns = (
        Column("Data"),
        Column("Place"),
        Column("Ratio of spreads", number),
        Column("Distance", number),
        Column("Radius, share", number),
        Column("Least error"),
        Column("Least loss"),
    )
    rows: list[list[Cell]] = [
        [one.title, place.title, place.ratio, place.distance, place.radius, _of_error(place), _of_loss(place)]
        for one in maps
        for place in one.places
    ]
    note = " ".join(f"{one.title}: {one.how}." for one in maps if one.places)
    return Table("places", "Where pairs of classes lie, and what formulas say there", columns, rows, note=note)
