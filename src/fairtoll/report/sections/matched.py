"""The section on tolls at equal robust accuracy."""

from collections.abc import Sequence

from fairtoll.findings.results import Matched, Results
from fairtoll.report.charts.domain import reach
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure, Panel
from fairtoll.report.families import compared, family_titles, standard
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import count, in_unit, interval, percent, sure, unit_name
from fairtoll.report.section import Section
from fairtoll.report.select import epsilon_text, evaluation_name
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import end, plainly, signed

LEAD = (
    "At one strength each, how much a defence costs is mixed up with how robust it makes a model. Here every recipe is "
    "read at the same average robust accuracy{how}, between its own strengths, run by run, never beyond them; the "
    "levels are those that the most recipes reach. Right of the shaded margin is less fair than standard training. "
    "The line between two strengths is an assumption that no interval covers."
)
LEVEL_NOTE = (
    "Of a recipe: the average robust accuracies that every training run reaches between its strengths. A recipe that "
    "reaches no level is compared with none."
)


def matched(results: Results) -> Section:
    """Return the tolls between the classes at equal robust accuracy, and tables of all of them."""
    section = Section("matched", "The toll at equal robust accuracy", "Equal robustness")
    if results.reach:
        section.tables.append(_reach_table(results))
    plain = standard(results)
    if not results.matched or plain is None:
        return section
    first = results.matched[0]
    attacked = ", ".join(
        part for part in (evaluation_name(first.evaluation), first.attack, epsilon_text(first.epsilon)) if part
    )
    section.lead = LEAD.format(how=f" ({attacked})")
    tolls = [one for one in results.matched if one.against == plain.name]
    of_class = [one for one in tolls if one.parameters.partition == "class"]
    panels = [
        _panel(results, metric, [one for one in of_class if one.metric == metric])
        for metric in dict.fromkeys(one.metric for one in of_class)
    ]
    if panels:
        marks = "Line: interval. Shaded: margin. Right: the verdict."
        section.figures.append(
            Figure("matched", "The toll between the classes at equal robust accuracy", panels, marks)
        )
    section.tables.insert(0, _toll_table(results, tolls))
    if between := [one for one in results.matched if one.against != plain.name]:
        section.tables.insert(1, _least_table(results, between))
    return section


def _panel(results: Results, metric: str, found: Sequence[Matched]) -> Panel:
    unit, families = metric_of(metric).unit, {family.name: family for family in compared(results)}
    factor = 100.0 if unit == "points" else 1.0
    rows, words = [], []
    for level in sorted({one.level for one in found}):
        rows.append(Row(f"At {percent(level)}% robust accuracy"))
        at = [one for one in found if one.level == level]
        for one in sorted(at, key=lambda one: one.value):
            family = families[one.family]
            rows.append(
                Row(
                    family.title,
                    family.colour,
                    value=factor * one.value,
                    interval=(factor * one.interval[0], factor * one.interval[1]),
                    band=(-factor * one.margin, factor * one.margin),
                    text=one.verdict,
                    tooltip={
                        "recipe": family.title,
                        "toll": in_unit(one.value, unit, sign=True),
                        "interval": interval(one.interval, unit, sign=True),
                        "gap": f"{in_unit(one.gap, unit)}, standard {in_unit(one.other, unit)}",
                        "verdict": one.verdict,
                    },
                )
            )
            words.append(f"{family.title} at {percent(level)}%: {in_unit(one.value, unit, sign=True)}, {one.verdict}")
    points = [factor * value for one in found for value in (one.value, 3 * one.margin)]
    far = reach(points, [factor * one for toll in found for one in toll.interval])
    return row_panel(
        f"matched-{metric}",
        f"{metric_of(metric).symbol} by class",
        rows,
        axis=f"Gap above standard training's, {unit_name(unit)}",
        summary=f"Toll in {metric_of(metric).symbol} by class: {'; '.join(words)}.",
        zero_line=True,
        domain=(-far, far),
    )


def _what(one: Matched) -> str:
    label = "" if one.parameters.label is None else f", true {one.parameters.label}"
    return f"{metric_of(one.metric).symbol} by {one.parameters.partition}{label}"


def _toll_table(results: Results, tolls: Sequence[Matched]) -> Table:
    titles, unit = family_titles(results), metric_of(tolls[0].metric).unit
    columns = [
        Column("Measure"),
        Column("Robust accuracy, %", percent, key="level"),
        Column("Recipe"),
        Column("Verdict"),
    ]
    columns += [Column("Gap there", plainly(unit), key="gap"), Column("Gap standard", plainly(unit), key="standard")]
    columns += [Column("Toll", signed(unit)), Column("Low", end(unit)), Column("High", end(unit))]
    columns += [Column("Confidence, %", sure, key="confidence"), Column("Runs", count), Column("To decide")]
    rows: list[list[Cell]] = [
        [
            *(_what(one), one.level, titles[one.family], one.verdict, one.gap, one.other, one.value, *one.interval),
            *(one.confidence, one.runs, None if one.needed is None else one.needed.sentence),
        ]
        for one in sorted(tolls, key=lambda one: one.level)
    ]
    order = list(dict.fromkeys(_what(one) for one in tolls))
    rows.sort(key=lambda row: order.index(str(row[0])))
    return Table("matched", "Tolls at equal robust accuracy, against standard training", tuple(columns), rows)


def _least_table(results: Results, between: Sequence[Matched]) -> Table:
    titles, unit = family_titles(results), metric_of(between[0].metric).unit
    columns = [
        Column("Gap"),
        Column("Robust accuracy, %", percent, key="level"),
        Column("Least toll"),
        Column("Recipe"),
    ]
    columns += [Column("Larger by", signed(unit)), Column("Low", end(unit)), Column("High", end(unit))]
    columns += [Column("Told apart"), Column("Confidence, %", sure, key="confidence")]
    rows: list[list[Cell]] = [
        [
            *(_what(one), one.level, titles[one.against], titles[one.family], one.value, *one.interval),
            *("yes" if one.interval[0] > 0 else "no", one.confidence),
        ]
        for one in between
    ]
    note = "Which recipe has the least toll was not fixed before: every pair at a level shares the error."
    return Table("matched-least", "Which recipes can be told from the one that costs least", tuple(columns), rows, note)


def _reach_table(results: Results) -> Table:
    titles = family_titles(results)
    columns = [Column("Recipe"), Column("Strengths", count), Column("From, %", percent), Column("To, %", percent)]
    columns += [Column("Compared at")]
    rows: list[list[Cell]] = [
        [
            *(titles[one.family], len(one.strengths), one.low, one.high),
            ", ".join(f"{percent(level)}%" for level in one.levels) or "no level: outside its range",
        ]
        for one in results.reach
    ]
    return Table("reach", "Robust accuracies that recipes reach", tuple(columns), rows, LEVEL_NOTE)
