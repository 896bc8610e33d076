"""Tables laid out as the paper prints them: the radii, or the groups, side by side."""

from collections.abc import Mapping, Sequence

from fairtoll.report._format import Json, finite, metric_of, percent
from fairtoll.report._section import protocol_title
from fairtoll.report._select import arm_titles, arm_values, epsilons, evaluation_name
from fairtoll.report._table import Cell, Column, Table
from fairtoll.report._tables import shower_of_groups


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


def radius_tables(results: Json, name: str, caption: str, findings: Sequence[Json]) -> list[Table]:
    """Return, per protocol, the gaps with the radii side by side, the paper's rows first.

    Source: the paper's Tables I and II. `Off by` is the mean, over radii and both arms, of the absolute
    difference from the printed values: which evaluation and which denominator come nearest.
    """
    return [
        radius_table(
            results,
            f"{name}-{protocol}",
            f"{caption}, percentage points, {protocol_title(protocol)}",
            [finding for finding in findings if finding["protocol"] == protocol],
        )
        for protocol in dict.fromkeys(finding["protocol"] for finding in findings)
    ]


def radius_table(results: Json, name: str, caption: str, findings: Sequence[Json]) -> Table:
    """Return one protocol's gaps with the radii side by side."""
    titles, radii = arm_titles(results), epsilons(findings)
    cases: dict[tuple[str, str, str], list[Json]] = {}
    for finding in findings:
        parameters = finding["parameters"]
        share = "correct rows" if parameters.get("denominator") == "correct" else "all rows"
        cases.setdefault((str(parameters.get("evaluation")), share, finding["robust"]["arm"]), []).append(finding)
    printed = {role: row_of(findings, radii, published=role) for role in ("standard", "robust")}
    has_paper = any(value is not None for row in printed.values() for value in row)
    columns = [Column("Evaluation, share of"), Column("Arm")]
    columns += [Column(f"ε = {radius:g}", two_decimals) for radius in radii]
    columns += [Column("Off by", two_decimals)] if has_paper else []
    rows: list[list[Cell]] = []
    if has_paper:
        rows += [["the paper", role, *printed[role], None] for role in printed]
    for (evaluation, share, _), found in cases.items():
        measured = [row_of(found, radii, role=role) for role in ("standard", "robust")]
        apart = distance(measured, list(printed.values()))
        for role in ("standard", "robust", "control"):
            if not found[0].get(role):
                continue
            row: list[Cell] = [f"{evaluation_name(evaluation)}, {share}", titles[found[0][role]["arm"]]]
            row += row_of(found, radii, role=role)
            row += [apart if role == "robust" else None] if has_paper else []
            rows.append(row)
    note = "Off by: mean distance of both arms from the printed values." if has_paper else ""
    return Table(name, caption, tuple(columns), rows, note, compact=True)


def row_of(findings: Sequence[Json], radii: Sequence[float], *, role: str = "", published: str = "") -> list[Cell]:
    """Return one arm's gap, or the published one, at each radius."""
    cells: list[Cell] = []
    for radius in radii:
        at_radius = [f for f in findings if finite(f["parameters"].get("epsilon")) == radius]
        sources = [(f.get("published") or {}).get(published) if published else f[role].get("value") for f in at_radius]
        cells.append(next((finite(value) for value in sources if finite(value) is not None), None))
    return cells


def wide_table(results: Json, name: str, caption: str, finding: Json, *, compact: bool = True) -> Table:
    """Return each arm's value with the groups side by side, the paper's rows under them.

    Source: the paper's Tables IV and V.
    """
    titles, metric = arm_titles(results), metric_of(finding["metric"])
    show = shower_of_groups(metric.unit)
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
    return Table(name, caption, tuple(columns), rows, compact=compact)


def odds_table(results: Json, name: str, caption: str, pairs: Sequence[tuple[str, Json, Json]]) -> Table:
    """Return EOU beside the prediction rate gap, each with its null; `pairs` are (heading, EOU, rate gap).

    Source: the paper's EOU; Hardt et al. for the rate.
    """
    titles = arm_titles(results)
    columns = (
        Column("Rows"),
        Column("Arm"),
        Column("EOU, points", two_decimals),
        Column("Null 95%", two_decimals, key="eou_null_95"),
        Column("Prediction rate gap, points", two_decimals),
        Column("Null 95%", two_decimals, key="rate_null_95"),
    )
    rows: list[list[Cell]] = []
    for heading, eou, rate in pairs:
        rates = {value["arm"]: value for value in arm_values(rate)}
        for value in arm_values(eou):
            of_rate = rates.get(value["arm"], {})
            numbers = [finite(one.get(key)) for one in (value, of_rate) for key in ("value", "null_95")]
            rows.append([heading, titles[value["arm"]], *numbers])
    return Table(name, caption, columns, rows, compact=True)


def threat_table(results: Json, name: str, caption: str, accuracies: Mapping[float, Sequence[Json]]) -> Table:
    """Return each arm's accuracy with the radii side by side; `accuracies` has one entry per arm for each radius."""
    titles = arm_titles(results)
    columns = [Column("Arm"), *(Column(f"ε = {radius:g}, %", percent) for radius in accuracies)]
    of_arm = {radius: {entry["arm"]: entry for entry in found} for radius, found in accuracies.items()}
    arms = [arm for arm in titles if any(arm in found for found in of_arm.values())]
    rows: list[list[Cell]] = [
        [titles[arm], *(finite(found.get(arm, {}).get("mean")) for found in of_arm.values())] for arm in arms
    ]
    return Table(name, caption, tuple(columns), rows, compact=True)


def accuracy_wide(results: Json, name: str, caption: str, entries: Mapping[str, Sequence[Json]]) -> Table:
    """Return each arm's accuracy with the evaluations side by side, the paper's beside each.

    `entries` maps a column's heading to one accuracy per arm.
    """
    titles = arm_titles(results)
    columns = [Column("Arm")]
    cells: dict[str, list[Cell]] = {entry["arm"]: [] for found in entries.values() for entry in found}
    for heading, found in entries.items():
        of_arm = {entry["arm"]: entry for entry in found}
        has_paper = any(entry.get("published") is not None for entry in found)
        columns += [Column(heading, percent), Column("SD", percent, key=f"{heading}, SD")]
        columns += [Column("paper", two_decimals, key=f"{heading}, paper")] if has_paper else []
        for arm, row in cells.items():
            entry = of_arm.get(arm, {})
            row += [finite(entry.get("mean")), finite(entry.get("sd"))]
            row += [finite(entry.get("published"))] if has_paper else []
    rows = [[titles[arm], *row] for arm, row in cells.items()]
    return Table(name, caption, tuple(columns), rows, compact=True)
