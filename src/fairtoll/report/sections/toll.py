"""The section on the toll: how much larger the robust arm's gaps are than the standard arm's and the control's."""

from collections.abc import Sequence

from fairtoll.findings.results import ArmValue, Finding, Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.domain import reach
from fairtoll.report.charts.gaps import (
    in_axis,
    pair,
    scaled,
)
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure, Panel
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import (
    MINUS,
    in_unit,
    interval,
    own_value,
    unit_name,
)
from fairtoll.report.section import Section
from fairtoll.report.select import (
    describe,
    headline,
    protocol_title,
    protocols,
    verdict_words,
)
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import end, ends, plainly, signed
from fairtoll.report.words import CORRECTED_NOTE


def toll(results: Results) -> Section:
    """Return the toll: differences from the standard arm and from the compute-matched control."""
    control = any(finding.difference_from_control for finding in results.findings)
    section = Section(
        "toll",
        "The toll, against the standard model and against the control" if control else "The toll",
        "Toll",
        "Each line is how much larger the robust model's gap is. Right of the shaded margin is less fair, left is "
        "fairer."
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
        for index, arm in enumerate(dict.fromkeys(finding.robust.arm for finding in found)):
            of_arm = [finding for finding in found if finding.robust.arm == arm]
            name = f"toll-{protocol}" if index == 0 else f"toll-{protocol}-{index + 1}"
            where = protocol_title(protocol)
            section.tables += toll_tables(results, name, f"The toll of {titles[arm]}, {where}", of_arm)
            units = dict.fromkeys(metric_of(finding.metric).unit for finding in of_arm)
            for place, unit in enumerate(units):
                of_unit = [finding for finding in of_arm if metric_of(finding.metric).unit == unit]
                slug = name if place == 0 else f"{name}-{unit}"
                panel = toll_panel(results, slug, f"{titles[arm]}, {where}", of_unit)
                panels += [(place, panel)] if panel else []
    if panels:
        marks = "Line: interval. Shaded: margin."
        caption = "Difference of gaps, robust minus standard"
        if control:
            marks = f"Filled: against the standard arm. Hollow: against the control. {marks}"
            caption += " and robust minus control"
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


def toll_panel(results: Results, name: str, title: str, findings: Sequence[Finding]) -> Panel | None:
    """Return differences of one unit against the standard arm and against the control, with margin and verdict."""
    unit = metric_of(findings[0].metric).unit
    colours, titles = arm_colours(results), arm_titles(results)
    rows, words = [], []
    for finding in findings:
        colour = colours[finding.robust.arm]
        margin = scaled(finding.margin, unit) or 0.0
        rows.append(Row(describe(results, finding)))
        for numbers, against, verdict in (
            (finding.difference, finding.standard, finding.verdict),
            (finding.difference_from_control, finding.control, finding.verdict_from_control),
        ):
            if numbers is None or against is None:
                continue
            arm = titles[against.arm]
            rows.append(
                Row(
                    f"{MINUS} {arm}",
                    colour,
                    value=scaled(numbers.value, unit),
                    interval=pair(numbers.interval, unit),
                    band=(-margin, margin),
                    text=verdict or "",
                    hollow=against is not finding.standard,
                    tooltip={
                        "difference": f"{titles[finding.robust.arm]} − {arm}",
                        unit_name(unit): in_unit(numbers.value, unit, sign=True),
                        "interval": interval(numbers.interval, unit, sign=True),
                        "margin": f"± {in_unit(finding.margin, unit)}",
                        "verdict": verdict or "–",
                    },
                )
            )
            words.append(f"{describe(results, finding)} against {arm}: {verdict}")
    if not words:
        return None
    return row_panel(
        name,
        title,
        rows,
        axis=f"Difference of gaps, {unit_name(unit)}",
        summary=f"{title}. {'; '.join(words)}.",
        zero_line=True,
        domain=difference_domain(findings),
    )


def toll_tables(results: Results, name: str, caption: str, findings: Sequence[Finding]) -> list[Table]:
    """Return one table per unit of these findings' gaps, corrected and plain, and differences."""
    units = dict.fromkeys(metric_of(finding.metric).unit for finding in findings)
    return [
        toll_table(
            results,
            f"{name}-{unit}" if len(units) > 1 else name,
            f"{caption}, {unit_name(unit)}",
            [finding for finding in findings if metric_of(finding.metric).unit == unit],
        )
        for unit in units
    ]


def toll_table(results: Results, name: str, caption: str, findings: Sequence[Finding]) -> Table:
    """Return each finding's gaps in both arms, corrected and plain, their difference and the worst groups."""
    unit = metric_of(findings[0].metric).unit
    plain = plainly(unit)
    columns = (
        Column("Finding"),
        Column("Gap standard", plain, key="standard"),
        Column("Gap robust", plain, key="robust"),
        Column("Plain standard", plain, key="standard_plain"),
        Column("Plain robust", plain, key="robust_plain"),
        Column("Difference", signed(unit)),
        Column("Low", end(unit)),
        Column("High", end(unit)),
        Column("Verdict"),
        Column("Worst group, standard"),
        Column("Worst group, robust"),
    )
    rows: list[list[Cell]] = []
    for finding in findings:
        found, sides = finding.difference, (finding.standard, finding.robust)
        verdict = verdict_words(finding)
        levelled = finding.levelling_down is not None and verdict == "fairer"
        rows.append(
            [
                describe(results, finding),
                *(side.value for side in sides),
                *(side.plain for side in sides),
                found.value if found else None,
                *ends(found.interval if found else None),
                f"{verdict}, levelling down" if levelled else verdict,
                *(worst(side, unit) for side in sides),
            ]
        )
    return Table(name, caption, columns, rows, CORRECTED_NOTE, compact=True)


def worst(value: ArmValue, unit: str) -> str | None:
    """Return an arm's worst group with its own value."""
    if value.worst_group is None:
        return None
    return f"{value.worst_group} {own_value(value.worst_value, unit)}{'%' if unit == 'points' else ''}"
