"""Both classes and where rules divide them; gaps over the radius of training."""

from fairtoll.findings.results import ExactCurve, Line, Theory
from fairtoll.report.arms import Colours, Titles
from fairtoll.report.charts.densities import Bell, Divide, density_panel
from fairtoll.report.charts.formula import Dot, Drawn, formula_panel
from fairtoll.report.charts.gaps import pair, scaled
from fairtoll.report.charts.style import Figure, Key, Panel
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, interval, number, percent, unit_name
from fairtoll.report.sections.closed_form.words import BELOW_ZERO, name_of


def line_figure(line: Line, titles: Titles, colours: Colours) -> Figure:
    """Return both classes and the arms' thresholds, as rows are drawn and as the adversary moves them."""
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
            f"{titles[one.arm]} at {number(sum(one.per_run) / len(one.per_run))}, wrong "
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


def curve_figure(theory: Theory, titles: Titles, colours: Colours) -> Figure:
    """Return each gap over the radius of training, by formula and measured."""
    arms = {point.arm: point.radius for curve in theory.curves for point in curve.points}
    exact = {value.arm for value in theory.values if value.exact is not None}
    # By what was trained; the network is in the shape.
    leads = [next((arm for arm, radius in arms.items() if bool(radius) is attacked), "") for attacked in (False, True)]
    shared = Colours({arm: colours[leads[bool(radius)]] for arm, radius in arms.items()})
    panels = [_curve_panel(curve, titles, shared, exact) for curve in theory.curves]
    return Figure(
        "toll-by-radius",
        "The gap between the classes over the radius of training",
        panels,
        marks="Solid: by formula, at the linear rule with the least robust loss of the whole population; training "
        "minimises that of its own rows, so that its rule, and a dot's interval, may lie beside the curve. Dashed: at "
        "the rule with the least robust error. Circle: measured on linear models. Hollow square: on the small network. "
        f"{BELOW_ZERO}",
        columns=3,
        key=tuple(Key(titles[arm], colours[arm]) for arm in leads if arm),
    )


def _curve_panel(curve: ExactCurve, titles: Titles, colours: Colours, exact: set[str]) -> Panel:
    unit = metric_of(curve.metric).unit
    title = name_of(curve)
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
