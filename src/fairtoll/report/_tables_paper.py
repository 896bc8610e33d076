"""What the paper printed beside what was measured here, with the null, the interval, the verdict and the control."""

from collections.abc import Sequence

from fairtoll.report._format import Json, finite, metric_of, unit_name
from fairtoll.report._select import describe, verdict_words
from fairtoll.report._table import Cell, Column, Table
from fairtoll.report._tables_toll import end, plainly, signed


def paper_tables(results: Json, findings: Sequence[Json]) -> list[Table]:
    """Return one table per unit of the gaps that the paper printed too."""
    printed = [finding for finding in findings if finding.get("published")]
    units = dict.fromkeys(metric_of(finding["metric"]).unit for finding in printed)
    return [
        paper_table(
            results,
            f"paper-{unit}" if len(units) > 1 else "paper",
            f"The paper's gaps and ours, {unit_name(unit)}",
            [finding for finding in printed if metric_of(finding["metric"]).unit == unit],
        )
        for unit in units
    ]


def paper_table(results: Json, name: str, caption: str, findings: Sequence[Json]) -> Table:
    """Return gaps of one unit: printed, measured, by chance, and how far apart the arms are."""
    unit = metric_of(findings[0]["metric"]).unit
    plain = plainly(unit)
    controlled = any(finding.get("control") for finding in findings)
    columns = [
        Column("Finding"),
        Column("Paper, standard", plain, key="paper_standard"),
        Column("Paper, robust", plain, key="paper_robust"),
        Column("Standard", plain),
        Column("Robust", plain),
    ]
    columns += [Column("Control", plain)] if controlled else []
    columns += [
        Column("Null 95%", plain, key="null_95"),
        Column("Difference", signed(unit)),
        Column("Low", end(unit)),
        Column("High", end(unit)),
        Column("Verdict"),
    ]
    columns += [Column("Verdict less control")] if controlled else []
    rows: list[list[Cell]] = []
    for finding in findings:
        difference = finding.get("difference") or {}
        low, high = difference.get("interval") or (None, None)
        printed = finding["published"]
        row: list[Cell] = [describe(results, finding)]
        row += [finite(printed.get(role)) for role in ("standard", "robust")]
        row += [finite(finding[role].get("value")) for role in ("standard", "robust")]
        row += [finite((finding.get("control") or {}).get("value"))] if controlled else []
        row += [finite(finding["robust"].get("null_95")), finite(difference.get("value")), finite(low), finite(high)]
        row += [verdict_words(finding)]
        row += [verdict_words(finding, "verdict_from_control") or None] if controlled else []
        rows.append(row)
    note = (
        "Null 95%: what the gap of equal groups exceeds 5 times in 100, in the robust arm. Difference: corrected "
        "robust less corrected standard, with its interval."
    )
    return Table(name, caption, tuple(columns), rows, note, compact=True)
