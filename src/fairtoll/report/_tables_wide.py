"""Tables laid out as the paper prints them: the radii, or the groups, side by side."""

from collections.abc import Sequence

from fairtoll.report._format import Json, finite, metric_of, number, percent
from fairtoll.report._select import arm_titles, arm_values, epsilons
from fairtoll.report._table import Cell, Column, Table


def two_decimals(value: object) -> str:
    """Return percent, or points, with the two decimals the paper prints."""
    return percent(value, 2)


def distance(rows: Sequence[Sequence[Cell]], published: Sequence[Sequence[Cell]]) -> float | None:
    """Return the mean absolute difference between measured and published numbers; None where none pair up."""
    pairs = [
        (measured, printed)
        for row, paper in zip(rows, published, strict=False)
        for measured, printed in zip(row, paper, strict=True)
    ]
    apart = [abs(float(a) - float(b)) for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
    return sum(apart) / len(apart) if apart else None


def radius_table(results: Json, name: str, caption: str, findings: Sequence[Json]) -> Table:
    """Return gaps with the radii side by side, beside the paper's and how far each evaluation is from them.

    Source: the paper's Tables I and II. The distance is the mean over radii and over both arms of the
    absolute difference from the printed value.
    """
    titles, radii = arm_titles(results), epsilons(findings)
    cases: dict[tuple[str, str, str], list[Json]] = {}
    for finding in findings:
        parameters = finding["parameters"]
        key = (finding["protocol"], str(parameters.get("evaluation")), str(parameters.get("denominator") or "all"))
        cases.setdefault(key, []).append(finding)
    printed = {role: row_of(findings, radii, published=role) for role in ("standard", "robust")}
    has_paper = any(value is not None for row in printed.values() for value in row)
    columns = [Column("Protocol"), Column("Evaluation"), Column("Share of"), Column("Arm")]
    columns += [Column(f"ε = {radius:g}, points", two_decimals) for radius in radii]
    columns += [Column("From the paper, points", two_decimals)] if has_paper else []
    rows: list[list[Cell]] = []
    if has_paper:
        rows += [["as printed", "–", "–", f"the paper, {role}", *printed[role], None] for role in printed]
    for (protocol, evaluation, denominator), found in cases.items():
        measured = [row_of(found, radii, role=role) for role in ("standard", "robust")]
        apart = distance(measured, list(printed.values())) if protocol == "paper" else None
        share = "all rows" if denominator == "all" else "correct rows"
        for role in ("standard", "robust", "control"):
            if not found[0].get(role):
                continue
            row: list[Cell] = [protocol, evaluation, share, titles[found[0][role]["arm"]]]
            row += row_of(found, radii, role=role)
            row += [apart if role == "robust" else None] if has_paper else []
            rows.append(row)
    return Table(name, caption, tuple(columns), rows, compact=True)


def row_of(findings: Sequence[Json], radii: Sequence[float], *, role: str = "", published: str = "") -> list[Cell]:
    """Return one arm's gap, or the published one, at each radius."""
    cells: list[Cell] = []
    for radius in radii:
        at_radius = [f for f in findings if finite(f["parameters"].get("epsilon")) == radius]
        sources = [(f.get("published") or {}).get(published) if published else f[role].get("value") for f in at_radius]
        cells.append(next((finite(value) for value in sources if finite(value) is not None), None))
    return cells


def wide_table(results: Json, name: str, caption: str, finding: Json) -> Table:
    """Return each arm's value with the groups side by side, the paper's rows under them.

    Source: the paper's Tables IV and V.
    """
    titles, metric = arm_titles(results), metric_of(finding["metric"])
    show = percent if metric.unit == "points" else number
    groups = [group["group"] for group in finding["standard"]["groups"]]
    columns = [Column("Arm")]
    columns += [Column(f"{g['group']} (n = {g['rows']:,})", show) for g in finding["standard"]["groups"]]
    columns += [
        Column("Gap, points" if metric.unit == "points" else "Gap", two_decimals),
        Column("Null 95%", two_decimals),
    ]
    rows: list[list[Cell]] = []
    for value in arm_values(finding):
        of_group = {group["group"]: finite(group.get("value")) for group in value["groups"]}
        gaps: list[Cell] = [finite(value.get("value")), finite(value.get("null_95"))]
        rows.append([titles[value["arm"]], *(of_group.get(group) for group in groups), *gaps])
    for role in ("standard", "robust"):
        printed = {group["group"]: finite(group.get("published")) for group in finding[role]["groups"]}
        gap = finite((finding.get("published") or {}).get(role))
        if gap is not None or any(value is not None for value in printed.values()):
            rows.append([f"the paper, {role}", *(printed.get(group) for group in groups), gap, None])
    return Table(name, caption, tuple(columns), rows, compact=True)
