"""The toll in numbers: each difference beside the gaps it is of, and the worst groups' own values."""

from collections.abc import Callable, Sequence
from typing import Any

from fairtoll.report._format import Json, finite, in_unit, metric_of, own_value, unit_name
from fairtoll.report._prose import CORRECTED_NOTE
from fairtoll.report._select import describe, verdict_words
from fairtoll.report._table import Cell, Column, Table

LEVELLING = "levelling down"


def signed(unit: str) -> Callable[[Any], str]:
    """Return how a difference in this unit is shown."""
    return lambda value: in_unit(value, unit, sign=True)


def plainly(unit: str) -> Callable[[Any], str]:
    """Return how a gap in this unit is shown."""
    return lambda value: in_unit(value, unit)


def end(unit: str) -> Callable[[Any], str]:
    """Return how an interval's end is shown: no difference of shares is past 100 points."""

    def show(value: Any) -> str:
        found = finite(value)
        if unit == "points" and found is not None and abs(found) > 1:
            return "> +100" if found > 0 else "< −100"
        return in_unit(value, unit, sign=True)

    return show


def toll_tables(results: Json, name: str, caption: str, findings: Sequence[Json]) -> list[Table]:
    """Return one table per unit of these findings' gaps, plain and corrected, and differences."""
    units = dict.fromkeys(metric_of(finding["metric"]).unit for finding in findings)
    return [
        toll_table(
            results,
            f"{name}-{unit}" if len(units) > 1 else name,
            f"{caption}, {unit_name(unit)}",
            [finding for finding in findings if metric_of(finding["metric"]).unit == unit],
        )
        for unit in units
    ]


def toll_table(results: Json, name: str, caption: str, findings: Sequence[Json]) -> Table:
    """Return each finding's gaps in both arms, plain and corrected, their difference and the worst groups."""
    unit = metric_of(findings[0]["metric"]).unit
    plain = plainly(unit)
    columns = (
        Column("Finding"),
        Column("Gap standard", plain, key="standard"),
        Column("Gap robust", plain, key="robust"),
        Column("Corrected standard", plain, key="standard_corrected"),
        Column("Corrected robust", plain, key="robust_corrected"),
        Column("Difference", signed(unit)),
        Column("Low", end(unit)),
        Column("High", end(unit)),
        Column("Verdict"),
        Column("Worst group, standard"),
        Column("Worst group, robust"),
    )
    rows: list[list[Cell]] = []
    for finding in findings:
        difference = finding.get("difference") or {}
        low, high = difference.get("interval") or (None, None)
        verdict = verdict_words(finding) or "–"
        levelled = finding.get("levelling_down") and verdict == "fairer"
        rows.append(
            [
                describe(results, finding),
                *(finite(finding[role].get("value")) for role in ("standard", "robust")),
                *(finite(finding[role].get("corrected")) for role in ("standard", "robust")),
                finite(difference.get("value")),
                finite(low),
                finite(high),
                f"{verdict}, {LEVELLING}" if levelled else verdict,
                *(worst(finding[role], unit) for role in ("standard", "robust")),
            ]
        )
    return Table(name, caption, columns, rows, CORRECTED_NOTE, compact=True)


def worst(value: Json, unit: str) -> str | None:
    """Return an arm's worst group with its own value."""
    if value.get("worst_group") is None:
        return None
    return f"{value['worst_group']} {own_value(value.get('worst_value'), unit)}{'%' if unit == 'points' else ''}"
