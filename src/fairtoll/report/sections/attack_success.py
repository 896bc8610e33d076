"""The section on CRU_s by class over the radii."""

from collections.abc import Sequence

from fairtoll.findings.results import Finding, Results
from fairtoll.report.accuracies import (
    EVALUATION_TITLES,
)
from fairtoll.report.arms import arm_titles
from fairtoll.report.charts.classes import (
    arm_keys,
    class_figure,
    class_marks,
    class_panel,
    many_groups,
    per_class,
    shared_domain,
)
from fairtoll.report.charts.gaps import (
    gap_domain,
    gap_figure,
    gap_panel,
    headings_of,
    spread_panel,
)
from fairtoll.report.charts.style import Figure
from fairtoll.report.compared import Compared, together
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import (
    percent,
)
from fairtoll.report.section import Section
from fairtoll.report.select import (
    OWN,
    epsilons,
    evaluation_name,
    protocol_title,
    protocols,
    select,
    with_place,
)
from fairtoll.report.tables.findings import gap_table, group_table
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.units import two_decimals


def attack_success(results: Results) -> Section:
    """Return CRU_s by class over the radii: Table II and Figure 4."""
    section = Section(
        "attack-success",
        with_place(results, "Attack success by class", "cru_s", "class"),
        "Attack success",
        metric_of("cru_s").lead,
    )
    everything = together(select(results, "cru_s", partition="class"))
    for protocol in protocols(results):
        where = protocol_title(protocol)
        spreads, gaps = [], []
        used: list[Compared] = []
        of_evaluation: dict[str, list[Compared]] = {}
        for evaluation in ("proved", *OWN, "static-transfer"):
            chosen = select(
                results,
                "cru_s",
                protocol=protocol,
                partition="class",
                evaluation=evaluation,
                denominator="all",
            ) or select(results, "cru_s", protocol=protocol, partition="class", evaluation=evaluation)
            if not chosen:
                continue
            found = together(chosen)
            of_evaluation[evaluation] = found
            used += found
        for evaluation, found in of_evaluation.items():
            title = EVALUATION_TITLES[evaluation].split(" (")[0]
            headings, name = headings_of(found), f"{protocol}-{evaluation}"
            if many_groups(found[0]):
                section.figures.append(success_figure(results, name, f"{title}, {where}", found, headings))
            else:
                spreads.append(spread_panel(results, f"success-{name}", title, found, headings))
            gaps.append(gap_panel(results, f"cru-s-{name}", title, found, headings, gap_domain(used)))
        if spreads:
            section.figures.append(
                Figure(
                    f"attack-success-{protocol}",
                    f"Attack success per class, {where}",
                    spreads,
                    "A line joins the classes of one arm: its length is CRU_s.",
                )
            )
        if used:
            section.figures.append(
                gap_figure(results, f"cru-s-class-{protocol}", f"CRU_s by class, {where}", gaps, used)
            )
    section.figures += matched_figures(results)
    if everything:
        section.tables += radius_tables(results, "cru-s", "CRU_s by class over epsilon", everything)
        section.tables.append(gap_table(results, "cru-s-class", "CRU_s by class", everything))
        section.tables.append(group_table(results, "attack-success-class", "Attack success per class", everything))
    matched = together(select(results, "cru_s_matched", partition="class"))
    if matched:
        caption = "CRU_s by class at matched mean success"
        section.tables.append(gap_table(results, "cru-s-matched-class", caption, matched))
    return section


def success_figure(
    results: Results, name: str, caption: str, findings: Sequence[Compared], headings: Sequence[str]
) -> Figure:
    """Return the success rate of each of many classes, one panel a radius, on one axis."""
    domain = shared_domain(findings)
    panels = [
        class_panel(results, f"success-{name}-{index + 1}", heading, finding, domain=domain)
        for index, (heading, finding) in enumerate(zip(headings, findings, strict=True))
    ]
    return Figure(
        f"attack-success-{name}",
        f"Attack success per class, {caption[0].lower()}{caption[1:]}",
        panels,
        class_marks(results, findings[0]),
        columns=3,
        key=arm_keys(results, findings),
    )


def matched_figures(results: Results) -> list[Figure]:
    """Return CRU_s where each arm is attacked at the radius that breaks the same share of it."""
    made = []
    for protocol in protocols(results):
        found = together(select(results, "cru_s_matched", protocol=protocol, partition="class"))
        if not found:
            continue
        rates = [f"{percent(finding.parameters.matched_rate, 0)}% mean success" for finding in found]
        panels = [
            *(
                per_class(results, f"success-matched-{protocol}-{index + 1}", rate, finding)
                for index, (rate, finding) in enumerate(zip(rates, found, strict=True))
            ),
            gap_panel(results, f"cru-s-matched-{protocol}", "CRU_s at matched success", found, rates),
        ]
        caption = f"Attack success per class at matched mean success, {protocol_title(protocol)}"
        made.append(class_figure(results, f"cru-s-matched-class-{protocol}", caption, panels, found))
    return made


def radius_tables(results: Results, name: str, caption: str, findings: Sequence[Compared]) -> list[Table]:
    """Return, per protocol, the gaps with the radii side by side, the paper's rows first.

    Source: the paper's Tables I and II. `Off by` is the mean, over radii and both arms, of the absolute
    difference from the printed values: which evaluation and which denominator come nearest.
    """
    return [
        radius_table(
            results,
            f"{name}-{protocol}",
            f"{caption}, percentage points, {protocol_title(protocol)}",
            [finding for finding in findings if finding.protocol == protocol],
        )
        for protocol in dict.fromkeys(finding.protocol for finding in findings)
    ]


def distance(rows: Sequence[Sequence[Cell]], published: Sequence[Sequence[Cell]]) -> float | None:
    """Return the mean absolute difference between measured and published numbers; None where none pair up."""
    pairs = [
        (measured, printed)
        for row, paper in zip(rows, published, strict=False)
        for measured, printed in zip(row, paper, strict=True)
    ]
    apart = [abs(float(a) - float(b)) for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
    return sum(apart) / len(apart) if apart else None


def radius_table(results: Results, name: str, caption: str, findings: Sequence[Compared]) -> Table:
    """Return one protocol's gaps with the radii side by side."""
    titles, radii = arm_titles(results), epsilons(findings)
    cases: dict[tuple[str, str], list[Compared]] = {}
    for finding in findings:
        parameters = finding.parameters
        share = "correct rows" if parameters.denominator == "correct" else "all rows"
        cases.setdefault((parameters.evaluation, share), []).append(finding)
    published = [one for finding in findings for one in finding.findings if one.published]
    printed = {
        "standard": at_each([(f, f.published.standard if f.published else None) for f in published], radii),
        "robust": at_each([(f, f.published.robust if f.published else None) for f in published], radii),
    }
    has_paper = any(value is not None for row in printed.values() for value in row)
    columns = [Column("Evaluation, share of"), Column("Arm")]
    columns += [Column(f"ε = {radius:g}", two_decimals) for radius in radii]
    columns += [Column("Off by", two_decimals)] if has_paper else []
    rows: list[list[Cell]] = []
    if has_paper:
        rows += [["the paper", role, *printed[role], None] for role in printed]
    for (evaluation, share), found in cases.items():
        cells = {
            arm: at_each([(f, next((v.value for v in f.arms() if v.arm == arm), None)) for f in found], radii)
            for arm in dict.fromkeys(value.arm for finding in found for value in finding.arms())
        }
        standard, paper = found[0].standard.arm, {one.robust.arm for one in published}
        for arm, gaps in cells.items():
            off = distance([cells[standard], gaps], list(printed.values())) if arm in paper else None
            row: list[Cell] = [f"{evaluation_name(evaluation)}, {share}", titles[arm], *gaps]
            rows.append([*row, off] if has_paper else row)
    note = "Off by: mean distance of both arms from the printed values." if has_paper else ""
    return Table(name, caption, tuple(columns), rows, note, compact=True)


def at_each(found: Sequence[tuple[Finding | Compared, float | None]], radii: Sequence[float]) -> list[Cell]:
    """Return the first value at each radius; None where there is none."""
    cells: list[Cell] = []
    for radius in radii:
        known = (value for finding, value in found if finding.parameters.epsilon == radius and value is not None)
        cells.append(next(known, None))
    return cells
