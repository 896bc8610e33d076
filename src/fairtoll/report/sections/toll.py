"""The section on the toll: how much larger the robust arm's gaps are than the standard arm's and the control's."""

from collections.abc import Sequence

from fairtoll.findings.results import ArmValue, Difference, Finding, Results
from fairtoll.report.arms import Titles, arm_colours, arm_titles
from fairtoll.report.charts.domain import reach
from fairtoll.report.charts.gaps import (
    in_axis,
    pair,
    scaled,
)
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure, Panel
from fairtoll.report.compared import Compared, most_telling, together
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import (
    MINUS,
    count,
    in_unit,
    interval,
    own_value,
    unit_name,
)
from fairtoll.report.section import Section
from fairtoll.report.select import (
    describe,
    headline,
    of_two_models,
    protocol_title,
    protocols,
    two_models,
    verdict_words,
)
from fairtoll.report.sides import sides
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import end, ends, plainly, signed
from fairtoll.report.words import GAP_NOTE

#: A chart shows so many questions at most.
MOST = 30
#: So many arms are named in a title at most.
NAMED = 4


def toll(results: Results) -> Section:
    """Return the toll: differences from the standard arm and from the compute-matched control."""
    control, named = any(finding.difference_from_control for finding in results.findings), sides(results)
    section = Section(
        "toll",
        f"The toll, against {named.first_model} and against the control" if control else "The toll",
        "Toll",
        f"Each line is how much larger the gap of {named.second_model} is than that of {named.first_model}. Right of "
        "the shaded margin is less fair, left is fairer."
        + (" With one training run of each, only these two models are judged." if two_models(results) else "")
        + (
            " Adversarial training also trains for longer: the hollow line takes that out, by comparing with a "
            "control with as many updates and no adversary."
            if control
            else ""
        ),
    )
    panels = []
    titles = arm_titles(results)
    for protocol in protocols(results):
        found = headline(results, protocol)
        hardened = [titles[arm] for arm in dict.fromkeys(finding.robust.arm for finding in found)]
        # A title that names many would be longer than its chart is wide.
        arms = ", ".join(hardened) if len(hardened) <= NAMED else f"{len(hardened)} arms"
        units = dict.fromkeys(metric_of(finding.metric).unit for finding in found)
        for place, unit in enumerate(units):
            of_unit = together(finding for finding in found if metric_of(finding.metric).unit == unit)
            name = f"toll-{protocol}" if place == 0 else f"toll-{protocol}-{unit}"
            caption = f"The toll of {arms}, {protocol_title(protocol)}, {unit_name(unit)}"
            section.tables.append(toll_table(results, f"toll-{protocol}-{unit}", caption, of_unit))
            panel = toll_panel(results, name, f"{arms}, {protocol_title(protocol)}", most_telling(of_unit, MOST))
            panels += [(place, panel)] if panel else []
    if panels:
        marks = "Line: interval. Shaded: margin."
        caption = f"Difference of gaps, {named.second} minus {named.first}"
        if control:
            marks = f"Filled: against {named.first_model}. Hollow: against the control. {marks}"
            caption += f" and {named.second} minus control"
        # Panels of one unit side by side, the shares first.
        ordered = [panel for _, panel in sorted(panels, key=lambda entry: entry[0])]
        section.figures.append(Figure("toll", caption, ordered, marks))
    return section


def difference_domain(findings: Sequence[Finding]) -> tuple[float, float]:
    """Return an axis as long on both sides of zero that holds every difference, the margins and the usual intervals."""
    unit = metric_of(findings[0].metric).unit
    numbers = [entry for f in findings for entry in (f.difference, f.difference_from_control) if entry]
    points = [entry.value for entry in numbers] + [3 * finding.margin for finding in findings]
    outer = [end for entry in numbers for end in entry.interval]
    far = reach(in_axis(points, unit), in_axis(outer, unit), limit=100.0 if unit == "points" else None)
    return -far, far


def toll_panel(results: Results, name: str, title: str, questions: Sequence[Compared]) -> Panel | None:
    """Return differences of one unit against the standard arm and against the control, with margin and verdict."""
    colours, titles = arm_colours(results), arm_titles(results)
    several = len({finding.robust.arm for question in questions for finding in question.findings}) > 1
    findings = [finding for question in questions for finding in question.findings]
    rows: list[Row] = []
    words = []
    for question in questions:
        rows.append(Row(describe(results, question)))
        for finding in question.findings:
            for numbers, against, judged in (
                (finding.difference, finding.standard, finding.verdict),
                (finding.difference_from_control, finding.control, finding.verdict_from_control),
            ):
                if numbers is None or against is None or judged is None:
                    continue
                label = f"{MINUS} {titles[against.arm]}"
                if several and against is finding.standard:
                    label = titles[finding.robust.arm]
                pair_of_models = of_two_models(finding) if against is finding.standard else None
                verdict = pair_of_models.verdict if pair_of_models else judged
                rows.append(toll_row(finding, numbers, verdict, label, colours[finding.robust.arm], titles, against))
                words.append(f"{describe(results, finding)} against {titles[against.arm]}: {verdict}")
    if not words:
        return None
    return row_panel(
        name,
        title,
        rows,
        axis=f"Difference of gaps, {unit_name(metric_of(findings[0].metric).unit)}",
        summary=f"{title}. {'; '.join(words)}.",
        zero_line=True,
        domain=difference_domain(findings),
    )


def toll_row(
    finding: Finding, numbers: Difference, verdict: str, label: str, colour: str, titles: Titles, against: ArmValue
) -> Row:
    """Return one difference as a line of the chart."""
    unit = metric_of(finding.metric).unit
    margin = scaled(finding.margin, unit) or 0.0
    return Row(
        label,
        colour,
        value=scaled(numbers.value, unit),
        interval=pair(numbers.interval, unit),
        band=(-margin, margin),
        text=verdict,
        hollow=against is not finding.standard,
        tooltip={
            "difference": f"{titles[finding.robust.arm]} {MINUS} {titles[against.arm]}",
            unit_name(unit): in_unit(numbers.value, unit, sign=True),
            "interval": interval(numbers.interval, unit, sign=True),
            "margin": f"± {in_unit(finding.margin, unit)}",
            "verdict": verdict,
        },
    )


def toll_table(results: Results, name: str, caption: str, questions: Sequence[Compared]) -> Table:
    """Return each question's gaps and their difference, with the hardened arms side by side."""
    unit, titles = metric_of(questions[0].metric).unit, arm_titles(results)
    plain = plainly(unit)
    arms = list(dict.fromkeys(finding.robust.arm for question in questions for finding in question.findings))
    columns, named = [Column("Finding")], sides(results)
    for arm in arms:
        # One hardened arm needs no name; several are told apart by theirs.
        of, slug = (f", {titles[arm]}", f"_{arm}") if len(arms) > 1 else ("", "")
        columns += [
            Column(f"Verdict{of}", key=f"verdict{slug}"),
            Column(f"Gap {named.first}{of}", plain, key=f"standard{slug}"),
            Column(f"Gap {named.second}{of}", plain, key=f"robust{slug}"),
            Column(f"Difference{of}", signed(unit), key=f"difference{slug}"),
            Column(f"Low{of}", end(unit), key=f"low{slug}"),
            Column(f"High{of}", end(unit), key=f"high{slug}"),
            Column(f"Runs{of}", count, key=f"runs{slug}"),
            Column(f"Worst group, {named.first}{of}", key=f"worst_group_standard{slug}"),
            Column(f"Worst group, {named.second}{of}", key=f"worst_group_robust{slug}"),
        ]
    rows: list[list[Cell]] = []
    for question in questions:
        row: list[Cell] = [describe(results, question)]
        of_arm = {finding.robust.arm: finding for finding in question.findings}
        for arm in arms:
            row += toll_cells(of_arm[arm], unit) if arm in of_arm else [None] * 9
        rows.append(row)
    return Table(name, caption, tuple(columns), rows, GAP_NOTE, compact=True)


def toll_cells(finding: Finding, unit: str) -> list[Cell]:
    """Return one hardened arm's cells: verdict, gaps, difference with its interval, runs, worst groups."""
    found, verdict = finding.difference, verdict_words(finding)
    pair_of_models = of_two_models(finding)
    verdict = f"these models: {pair_of_models.verdict}" if pair_of_models else verdict
    levelled = finding.levelling_down is not None and verdict == "fairer"
    return [
        f"{verdict}, levelling down" if levelled else verdict,
        # As of the look that judged them; later runs may have been trained for other comparisons.
        found.standard if found else finding.standard.value,
        found.robust if found else finding.robust.value,
        found.value if found else None,
        *ends(found.interval if found else None),
        found.runs if found else finding.runs,
        worst(finding.standard, unit),
        worst(finding.robust, unit),
    ]


def worst(value: ArmValue, unit: str) -> str | None:
    """Return an arm's worst group with its own value."""
    if value.worst_group is None:
        return None
    return f"{value.worst_group} {own_value(value.worst_value, unit)}{'%' if unit == 'points' else ''}"
