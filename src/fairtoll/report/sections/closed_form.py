"""The section on a known model: why the toll arises, how it grows, and what was measured beside what formulas give."""

from collections import Counter

from fairtoll.findings.results import ExactCurve, ExactValue, Line, Place, Results, SignMap, Theory
from fairtoll.report.arms import Colours, Titles, arm_colours, arm_titles
from fairtoll.report.charts.cells import Spot, cells_panel
from fairtoll.report.charts.densities import Bell, Divide, density_panel
from fairtoll.report.charts.formula import Dot, Drawn, formula_panel
from fairtoll.report.charts.gaps import pair, scaled
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure, Key, Panel
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, interval, percent, unit_name
from fairtoll.report.numbers import number as number_text
from fairtoll.report.section import Section
from fairtoll.report.select import epsilon_text
from fairtoll.report.tables.table import Cell, Column, Table

#: By whether CRU_s and CRU_epsilon rise.
SIGNS = {
    (True, True): ("CRU_s and CRU_ε rise", "#D55E00"),
    (True, False): ("CRU_s rises, CRU_ε falls", "#56B4E9"),
    (False, True): ("CRU_s falls, CRU_ε rises", "#A9699F"),
    (False, False): ("CRU_s and CRU_ε fall", "#009E73"),
}
#: So many places of a map have large marks.
FEW = 5
TICKS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0)
MAP_MARKS = (
    "By formula, from the best standard to the best robust linear rule. A panel is one distance of the means from the "
    "middle, in spreads of the narrower class. Dots: places of real classes, or of these rows; small ones are pairs of "
    "classes, each with its own distance, and the table says what holds at it. The radius is that of training and of "
    "the attack."
)
LEAD = (
    "Rows are drawn from two Gaussian classes, so that every measure of a linear model is a formula: it needs no test "
    "rows and no attack. Adversarial training moves the threshold towards the class that is spread more: near the "
    "threshold an attack costs the narrow class, whose rows lie closely together, more of them."
)


def closed_form(results: Results) -> Section:
    """Return what formulas say beside the measurements; nothing where no model is known."""
    section = Section("formulas", "The toll by formula", "By formula", LEAD)
    theory = results.theory
    if theory is None:
        return section
    titles, colours = arm_titles(results), arm_colours(results)
    if theory.line is not None:
        section.figures.append(_line_figure(theory.line, titles, colours))
    section.figures.append(_curve_figure(theory, titles, colours))
    if theory.maps:
        section.figures += _map_figures(theory.maps)
        section.tables.append(_places_table(theory.maps))
    section.figures.append(_values_figure(theory, titles, colours))
    section.headlines.append(_agreement(theory))
    section.tables.append(_values_table(theory, titles))
    return section


def _agreement(theory: Theory) -> str:
    judged = [value.inside for value in theory.values if value.inside is not None]
    return (
        f"{sum(judged)} of {len(judged)} 95% intervals of the linear models hold what the formula gives at the rules "
        "that were trained."
    )


def _line_figure(line: Line, titles: Titles, colours: Colours) -> Figure:
    reach = line.means[1] + 2.2 * max(line.spreads)
    panels = []
    for attacked in (False, True):
        moved = line.epsilon if attacked else 0.0
        bells = [
            Bell(name, mean + (moved if mean < 0 else -moved), spread)
            for name, mean, spread in zip(line.classes, line.means, line.spreads, strict=True)
        ]
        divides = [
            Divide(titles[one.arm], sum(one.per_run) / len(one.per_run), colours[one.arm])
            for one in line.thresholds
            if one.per_run
        ]
        words = "; ".join(
            f"{titles[one.arm]} at {number_text(sum(one.per_run) / len(one.per_run))}, wrong "
            + " and ".join(
                f"{percent(share)}% of {name}"
                for name, share in zip(line.classes, one.attacked if attacked else one.errors, strict=True)
            )
            for one in line.thresholds
            if one.per_run
        )
        heading = f"Every row moved by {line.epsilon:g} against its class" if attacked else "Rows as they are"
        panels.append(
            density_panel(
                f"two-classes-{'attacked' if attacked else 'clean'}",
                heading,
                bells,
                divides,
                axis=f"Mean of the {line.features} features that a robust rule uses",
                summary=f"{heading}: {words}.",
                reach=reach,
            )
        )
    return Figure(
        "two-classes",
        "Two classes, and where each rule divides them",
        panels,
        marks="Shaded: the two classes. Vertical: the threshold of trained models, mean over runs; what lies right of "
        f"it is taken for {line.classes[1]}.",
    )


def _curve_figure(theory: Theory, titles: Titles, colours: Colours) -> Figure:
    arms = list(dict.fromkeys(point.arm for curve in theory.curves for point in curve.points))
    exact = {value.arm for value in theory.values if value.exact is not None}
    panels = [_curve_panel(curve, titles, colours, exact) for curve in theory.curves]
    return Figure(
        "toll-by-radius",
        "The gap between the classes over the radius of training",
        panels,
        marks="Solid: by formula, at the linear rule with the least robust loss, which is what training minimises. "
        "Dashed: at the rule with the least robust error. Circle: measured on linear models. Hollow square: on the "
        "small network.",
        columns=3,
        key=tuple(Key(titles[arm], colours[arm], arm not in exact) for arm in arms),
    )


def _curve_panel(curve: ExactCurve, titles: Titles, colours: Colours, exact: set[str]) -> Panel:
    unit = metric_of(curve.metric).unit
    title = _name(curve)
    dots = [
        Dot(
            point.radius,
            float(scaled(point.value, unit) or 0.0),
            colours[point.arm],
            pair(point.interval, unit),
            hollow=point.arm not in exact,
            tooltip={
                "arm": titles[point.arm],
                "measured": f"{in_unit(point.value, unit)} ({interval(point.interval, unit)})",
            },
        )
        for point in curve.points
    ]
    drawn = [
        Drawn([(x, float(scaled(y, unit) or 0.0)) for x, y in zip(curve.radii, values, strict=True)], dashed)
        for values, dashed in ((curve.least_error, True), (curve.least_loss, False))
    ]
    first, last = curve.least_loss[0], curve.least_loss[-1]
    return formula_panel(
        f"toll-by-radius-{curve.metric}",
        title,
        drawn,
        dots,
        axes=("Radius of the adversary in training", unit_name(unit).capitalize()),
        summary=f"{title} goes from {in_unit(first, unit)} to {in_unit(last, unit)} as the radius of training goes "
        f"from 0 to {curve.radii[-1]:g}.",
    )


def _values_figure(theory: Theory, titles: Titles, colours: Colours) -> Figure:
    panels: list[Panel] = []
    for question in dict.fromkeys(value.question for value in theory.values):
        shown = [
            value
            for value in theory.values
            if value.question == question and value.group is None and value.exact is not None
        ]
        if not shown:
            continue
        unit = metric_of(shown[0].metric).unit
        rows = [
            Row(
                titles[value.arm],
                colours[value.arm],
                value=scaled(value.measured, unit),
                interval=pair(value.interval, unit),
                tick=scaled(value.exact, unit),
                tooltip={"exact": in_unit(value.exact, unit), "measured": in_unit(value.measured, unit)},
            )
            for value in shown
        ]
        words = "; ".join(
            f"{titles[value.arm]} {in_unit(value.measured, unit)}, exact {in_unit(value.exact, unit)}"
            for value in shown
        )
        title = _name(shown[0])
        panels.append(
            row_panel(
                f"measured-and-exact-{len(panels) + 1}",
                title,
                rows,
                axis=unit_name(unit).capitalize(),
                summary=f"{title}: {words}.",
            )
        )
    return Figure(
        "measured-and-exact",
        "Measured and exact gaps of the linear models",
        panels,
        marks="Dot: measured, mean over training runs; line, its interval. Tick: by formula at the rules that were "
        "trained, with no noise of rows and no attack.",
        columns=2,
    )


def _values_table(theory: Theory, titles: Titles) -> Table:
    columns = (
        Column("Measure"),
        Column("Of"),
        Column("Arm"),
        Column("Measured", str),
        Column("Interval", str),
        Column("Exact", str),
        Column("Least loss", str),
        Column("Least error", str),
    )
    rows: list[list[Cell]] = []
    for value in theory.values:
        unit = metric_of(value.metric).unit
        rows.append(
            [
                _name(value),
                "gap" if value.group is None else value.group,
                titles[value.arm],
                *(in_unit(one, unit) for one in (value.measured,)),
                interval(value.interval, unit),
                *(in_unit(one, unit) for one in (value.exact, value.least_loss, value.least_error)),
            ]
        )
    return Table(
        "measured-and-exact",
        "Measured beside exact",
        columns,
        rows,
        note="Exact: the formula at each run's own rule, mean over runs. Least loss and least error: at the linear "
        "that minimises it, for arms that minimise a loss of one radius.",
    )


def _map_figures(maps: list[SignMap]) -> list[Figure]:
    """Return two maps a figure, so that they are side by side."""
    found = []
    for first in range(0, len(maps), 2):
        shown = maps[first : first + 2]
        found.append(
            Figure(
                "signs",
                "Where robust training makes the gaps rise" + (", farther apart" if first else ""),
                [_map_panel(one, first + place) for place, one in enumerate(shown)],
                marks=MAP_MARKS,
                key=tuple(Key(words, colour) for words, colour in SIGNS.values()),
            )
        )
    return found


def _map_panel(one: SignMap, number: int) -> Panel:
    colours = [
        [None if s is None or e is None else SIGNS[s, e][1] for s, e in zip(*lines, strict=True)]
        for lines in zip(one.cru_s, one.cru_epsilon, strict=True)
    ]
    shown = [place for place in one.places if place.radius < one.radii[-1] and place.ratio < one.ratios[-1]]
    spots = [
        Spot(
            place.ratio,
            place.radius,
            len(one.places) <= FEW,
            {
                "place": place.title,
                "ratio of spreads": number_text(place.ratio),
                "distance": number_text(place.distance),
                "radius": number_text(place.radius),
                "formula": sign_words(place),
            },
        )
        for place in shown
    ]
    heading = f"{one.title}: distance {number_text(one.distance)}"
    counts = Counter(colour for line in colours for colour in line)
    total = sum(counts.values())
    words = ", ".join(
        f"{said.lower()} in {percent(counts[colour] / total, 0)}%" for said, colour in SIGNS.values() if counts[colour]
    )
    return cells_panel(
        f"signs-{number + 1}",
        heading,
        one.ratios,
        one.radii,
        colours,
        spots,
        axes=("Ratio of the spreads, K", "Radius, share of the distance"),
        ticks=[tick for tick in TICKS if tick <= one.ratios[-1]],
        summary=f"{heading}. Of the map, {words}. Places: "
        + ("; ".join(f"{place.title}, {sign_words(place)}" for place in shown[:FEW]) or "none")
        + ".",
    )


def sign_words(place: Place) -> str:
    """Return what robust training does to the gaps at a place.

    Examples
    --------
    >>> sign_words(Place(title="", ratio=2, distance=1, radius=2, cru_s=None, cru_epsilon=None))
    'no robust rule'
    """
    if place.cru_s is None or place.cru_epsilon is None:
        return "no robust rule"
    return SIGNS[place.cru_s, place.cru_epsilon][0]


def _places_table(maps: list[SignMap]) -> Table:
    columns = (
        Column("Data"),
        Column("Place"),
        Column("Ratio of spreads", number_text),
        Column("Distance", number_text),
        Column("Radius, share", number_text),
        Column("By formula"),
    )
    rows: list[list[Cell]] = [
        [one.title, place.title, place.ratio, place.distance, place.radius, sign_words(place)]
        for one in maps
        for place in one.places
    ]
    note = " ".join(f"{one.title}: {one.how}." for one in maps if one.places)
    return Table("places", "Where pairs of classes lie, and what formulas say there", columns, rows, note=note)


def _name(one: ExactCurve | ExactValue) -> str:
    """Return which gap it is, in words."""
    symbol = metric_of(one.metric).symbol
    parts = [f"{symbol} by {one.partition}"]
    parts += [f"{one.label} rows"] if one.label is not None else []
    epsilon = epsilon_text(one.epsilon)
    if one.metric.startswith("cru_epsilon"):
        epsilon = epsilon.replace("=", "to")
    return ", ".join([*parts, *([epsilon] if epsilon else [])])
