"""The section on least epsilon: the gap in its mean, the share censored, and the whole distribution."""

from collections.abc import Sequence
from dataclasses import replace

from fairtoll.findings.results import LeastEpsilon, LeastEpsilonGroup, Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.classes import (
    arm_keys,
    class_marks,
    class_panel,
    many_groups,
    ordered_groups,
)
from fairtoll.report.charts.curves import Curve, curves_panel
from fairtoll.report.charts.gaps import (
    gap_figure,
    gap_panel,
    group_panel,
)
from fairtoll.report.charts.groups import Series, group_marks_panel
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.style import Figure, Panel
from fairtoll.report.compared import Compared, together
from fairtoll.report.numbers import (
    count,
    finite,
    percent,
    radius,
)
from fairtoll.report.section import Section
from fairtoll.report.select import (
    class_order,
    describe,
    evaluation_name,
    in_order,
    is_main_threat,
    protocol_title,
    select,
    with_place,
)
from fairtoll.report.tables.findings import gap_table
from fairtoll.report.tables.table import Cell, Column, Table

WHOLE = "all"  # the name that the results give the whole set
CURVE_MARKS = (
    "The share of a class's rows with a least epsilon of at most the radius below: where a curve starts, the rows "
    "that were wrong already; the gap to 100 percent at the end, the rows that are never broken. Solid: the "
    "class with the smallest mean, the first to break. Dashed: the class with the largest, the last. Dotted: all rows. "
    "Grey: the other classes."
)
QUARTERS = (0.25, 0.75)
RELATIVE_LEAD = (
    " A robust model's least epsilons are larger throughout, so its raw gap grows by scale alone: CRU_ε / mean is the "
    "gap of each run's values divided by their mean."
)


def least_epsilon(results: Results) -> Section:
    """Return CRU_eps, the gap in mean least epsilon, and the distribution behind the mean."""
    found = together(select(results, "cru_epsilon", partition="class"))
    relative = together(select(results, "cru_epsilon_relative", partition="class"))
    entries = least_entries(results)
    section = Section(
        "least-epsilon",
        with_place(results, "Least epsilon by class", "cru_epsilon", "class"),
        "Least epsilon",
        "The least radius at which an attack finds an adversarial example, averaged over a class: an upper bound of "
        "the true one, which is known where it is bracketed by proof. A misclassified row has least epsilon 0; a row "
        "that no attack breaks counts with the largest radius tried, a lower limit."
        + (RELATIVE_LEAD if relative else ""),
    )
    several = {protocol for protocol in protocols_of(found) if protocols_of(found).count(protocol) > 1}
    for finding in found:
        scaled = [other for other in relative if alike(finding, other)]
        named = describe(results, finding) if finding.protocol in several else "Least epsilon by class"
        caption = f"{named}, {protocol_title(finding.protocol)}"
        section.figures.append(epsilon_figure(results, f"cru-epsilon-{finding.protocol}", caption, finding, scaled))
    section.figures += distribution_figures(results, entries)
    if entries:
        section.tables.append(epsilon_summary(results, entries))
    if found:
        section.tables.append(gap_table(results, "cru-epsilon-class", "CRU_ε by class", found))
    if relative:
        caption = "CRU_ε by class, over the mean"
        section.tables.append(gap_table(results, "cru-epsilon-relative-class", caption, relative))
    if entries:
        section.tables.append(epsilon_class_table(results, entries))
    return section


def protocols_of(findings: Sequence[Compared]) -> list[str]:
    """Return each finding's protocol."""
    return [finding.protocol for finding in findings]


def alike(one: Compared, other: Compared) -> bool:
    """Return whether two findings are of one protocol and the same attack."""
    keys = ("partition", "evaluation", "attack", "threat", "epsilon")
    return one.protocol == other.protocol and all(
        getattr(one.parameters, key) == getattr(other.parameters, key) for key in keys
    )


def epsilon_figure(
    results: Results, name: str, caption: str, finding: Compared, relative: Sequence[Compared]
) -> Figure:
    """Return the means by class with the share censored, and both gaps."""
    many = many_groups(finding)
    if many:
        panels = [class_panel(results, f"{name}-groups", "Mean least epsilon", finding)]
        censored = censored_panel(results, f"{name}-censored", finding)
        panels += [censored] if censored else []
    else:
        panels = [group_panel(results, f"{name}-groups", "Mean least epsilon", finding, controls=True)]
    panels.append(gap_panel(results, f"{name}-gap", "CRU_ε", [finding]))
    panels += [
        gap_panel(results, f"{name}-relative-{index + 1}", "CRU_ε over the mean", [other])
        for index, other in enumerate(relative)
    ]
    figure = gap_figure(results, name, caption, panels, [finding])
    if not many:
        return figure
    marks = f"{class_marks(results, finding)} {figure.marks}"
    return replace(figure, marks=marks, key=arm_keys(results, [finding]))


def least_entries(results: Results, partition: str = "class") -> list[LeastEpsilon]:
    """Return the distributions over one partition under the threat that the report leads with."""
    return [
        entry
        for entry in results.least_epsilon
        if entry.partition == partition and is_main_threat(results, entry.threat)
    ]


def entry_of(entries: Sequence[LeastEpsilon], arm: str, evaluation: str) -> LeastEpsilon | None:
    """Return an arm's distribution under one evaluation."""
    return next((entry for entry in entries if entry.arm == arm and entry.evaluation == evaluation), None)


def own_groups(entry: LeastEpsilon) -> list[LeastEpsilonGroup]:
    """Return the groups of a distribution, without the whole set."""
    return [group for group in entry.groups if group.group != WHOLE]


def censored_panel(results: Results, name: str, finding: Compared) -> Panel | None:
    """Return the share of each class not broken at the largest radius, arms side by side; None if not measured."""
    entries = least_entries(results, finding.parameters.partition)
    found = {
        arm: entry_of(entries, arm, finding.parameters.evaluation) for arm in (value.arm for value in finding.arms())
    }
    measured = {arm: entry for arm, entry in found.items() if entry}
    if not measured:
        return None
    colours, titles = arm_colours(results), arm_titles(results)
    groups = ordered_groups(results, finding)
    largest = max(entry.epsilon_max for entry in measured.values())
    series, words, shares = [], [], {}
    for arm, entry in measured.items():
        share = {group.group: group.censored for group in own_groups(entry)}
        shares[arm] = share
        rows = {
            group: Row(
                group,
                colours[arm],
                value=100 * share[group],
                tooltip={"class": group, "arm": titles[arm], "not broken": f"{percent(share[group])}%"},
            )
            for group in groups
            if group in share
        }
        series.append(Series(titles[arm], colours[arm], rows, finding.is_control(arm)))
        words.append(f"{titles[arm]}: " + ", ".join(f"{group} {percent(share.get(group))}" for group in groups))
    highest = max((value for share in shares.values() for value in share.values()), default=0.0)
    standard = shares.get(finding.standard.arm, {})
    hardened = [shares.get(value.arm, {}) for value in finding.hardened]
    title = f"Not broken at the largest radius, ε = {largest:g}"
    return group_marks_panel(
        name,
        title,
        groups,
        series,
        axis="Censored rows, percent of the class",
        summary=f"{title}, percent of rows. {'; '.join(words)}.",
        domain=(0.0, min(max(104 * highest, 5.0), 100.0)),
        texts={
            group: " / ".join(percent(robust[group] - standard[group], sign=True) for robust in hardened)
            for group in groups
            if group in standard and all(group in robust for robust in hardened)
        },
    )


def distribution_figures(results: Results, entries: Sequence[LeastEpsilon]) -> list[Figure]:
    """Return, per evaluation, how the share of rows broken grows with the radius, one panel an arm."""
    figures = []
    for index, evaluation in enumerate(dict.fromkeys(entry.evaluation for entry in entries)):
        of_evaluation = [entry for entry in entries if entry.evaluation == evaluation]
        name = "least-epsilon-distribution" + (f"-{index + 1}" if index else "")
        panels = [
            distribution_panel(results, f"{name}-{place + 1}", entry) for place, entry in enumerate(of_evaluation)
        ]
        caption = f"How many rows of each class are broken as the radius grows, {evaluation_name(evaluation)}"
        figures.append(Figure(name, caption, panels, CURVE_MARKS, columns=3))
    return figures


def distribution_panel(results: Results, name: str, entry: LeastEpsilon) -> Panel:
    """Return the share of rows broken over the radius, a curve for each class of one arm."""
    colour, arm = arm_colours(results)[entry.arm], arm_titles(results)[entry.arm]
    groups = own_groups(entry)
    by_mean = sorted(groups, key=lambda group: group.mean)
    hardest, easiest = (by_mean[0].group, by_mean[-1].group) if len(by_mean) > 1 else (None, None)
    styles = {hardest: "hardest", easiest: "easiest", WHOLE: "whole"}
    curves = [
        Curve(
            group.group,
            list(zip(entry.epsilons, (100 * share for share in group.broken), strict=False)),
            styles.get(group.group, "other"),
            {
                "class": "all rows" if group.group == WHOLE else group.group,
                "mean": radius(group.mean),
                "median": radius(group.median),
                "not broken": f"{percent(group.censored)}%",
            },
        )
        for group in entry.groups
    ]
    words = "; ".join(
        f"{group.group} median {radius(group.median)}, {percent(group.censored)}% not broken" for group in entry.groups
    )
    return curves_panel(
        name,
        arm,
        curves,
        colour=colour,
        axes=("epsilon", "Rows broken, percent"),
        summary=f"{arm}, share of rows broken up to epsilon {entry.epsilon_max:g}: {words}.",
    )


def quantile(epsilons: Sequence[float], broken: Sequence[float], share: float) -> float | None:
    """Return the smallest listed radius at which `share` of the rows is broken; None where it never is.

    Examples
    --------
    >>> quantile([0.0, 0.1, 0.2], [0.3, 0.5, 0.7], 0.5)
    0.1
    >>> quantile([0.0, 0.1, 0.2], [0.3, 0.5, 0.7], 0.75)
    """
    return next((radius for radius, found in zip(epsilons, broken, strict=False) if found >= share), None)


def epsilon_summary(results: Results, entries: Sequence[LeastEpsilon]) -> Table:
    """Return each arm's mean least epsilon over all rows, with the median and the share censored."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Evaluation"),
        Column("Mean", radius),
        Column("SD over runs", radius),
        Column("Median", radius),
        Column("Not broken at the largest radius, %", percent, key="censored"),
        Column("Largest radius", radius),
        Column("Rows", count),
    )
    rows: list[list[Cell]] = []
    for entry in entries:
        whole = next((group for group in entry.groups if group.group == WHOLE), None)
        rows.append(
            [
                titles[entry.arm],
                evaluation_name(entry.evaluation),
                finite(entry.mean),
                finite(entry.sd),
                whole.median if whole else None,
                whole.censored if whole else None,
                finite(entry.epsilon_max),
                entry.rows,
            ]
        )
    note = "A row that is not broken counts with the largest radius: such a mean is a lower limit."
    return Table("least-epsilon", "Least epsilon of all rows, by arm", columns, rows, note, compact=True)


def epsilon_class_table(results: Results, entries: Sequence[LeastEpsilon]) -> Table:
    """Return the distribution class by class: mean, quarters, share wrong before any attack, share censored."""
    titles, order = arm_titles(results), class_order(results)
    columns = (
        Column("Arm"),
        Column("Class"),
        Column("Evaluation"),
        Column("Mean", radius),
        Column("Median", radius),
        Column("A quarter is broken by", radius, key="quarter"),
        Column("Three quarters are broken by", radius, key="three_quarters"),
        Column("Wrong at radius 0, %", percent, key="misclassified"),
        Column("Not broken at the largest radius, %", percent, key="censored"),
    )
    rows: list[list[Cell]] = []
    for entry in entries:
        groups = {group.group: group for group in entry.groups}
        names = in_order((name for name in groups if name != WHOLE), order)
        at_zero = finite(entry.epsilons[0]) == 0 if entry.epsilons else False
        for name in names:
            group = groups[name]
            quarters = [quantile(entry.epsilons, group.broken, share) for share in QUARTERS]
            rows.append(
                [
                    titles[entry.arm],
                    name,
                    evaluation_name(entry.evaluation),
                    finite(group.mean),
                    finite(group.median),
                    *(finite(quarter) for quarter in quarters),
                    finite(group.broken[0]) if at_zero else None,
                    finite(group.censored),
                ]
            )
    note = "Quarters are the smallest radii of the list at which that share is broken; a dash: never broken."
    return Table("least-epsilon-class", "Least epsilon by arm and class", columns, rows, note)
