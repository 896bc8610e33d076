"""Figures of the distribution of least epsilon: who stands at the largest radius, and how a class falls."""

from collections.abc import Sequence

from fairtoll.report._chart_curves import Curve, curves_panel
from fairtoll.report._chart_groups import Series, group_marks_panel
from fairtoll.report._chart_row import Row
from fairtoll.report._chart_style import Figure, Panel, arm_colours
from fairtoll.report._figures_class import arms_of, is_control, ordered_groups
from fairtoll.report._format import Json, percent, radius
from fairtoll.report._select import arm_titles, evaluation_name, is_main_threat

WHOLE = "all"  # the name that the results give the whole set
CURVE_MARKS = (
    "The share of a class's rows with a least epsilon of at most the radius below: where a curve starts, the rows "
    "that were wrong already; what it lacks of 100 percent at the end, the rows that still stand. Solid: the class "
    "with the smallest mean, the hardest. Dashed: the class with the largest, the easiest. Dotted: all rows. "
    "Grey: the other classes."
)


def least_entries(results: Json, partition: str = "class") -> list[Json]:
    """Return the distributions over one partition under the threat that the report leads with."""
    return [
        entry
        for entry in results.get("least_epsilon") or []
        if entry["partition"] == partition and is_main_threat(results, entry.get("threat"))
    ]


def entry_of(entries: Sequence[Json], arm: str, evaluation: object) -> Json | None:
    """Return an arm's distribution under one evaluation."""
    return next((entry for entry in entries if entry["arm"] == arm and entry["evaluation"] == evaluation), None)


def own_groups(entry: Json) -> list[Json]:
    """Return the groups of a distribution, less the whole set."""
    return [group for group in entry["groups"] if group["group"] != WHOLE]


def censored_panel(results: Json, name: str, finding: Json) -> Panel | None:
    """Return the share of each class that stands at the largest radius, arms side by side; None if not measured."""
    entries = least_entries(results, finding["parameters"].get("partition") or "class")
    found = {arm: entry_of(entries, arm, finding["parameters"].get("evaluation")) for arm in arms_of(finding)}
    measured = {arm: entry for arm, entry in found.items() if entry}
    if not measured:
        return None
    colours, titles = arm_colours(results), arm_titles(results)
    groups = ordered_groups(results, finding)
    largest = max(entry["epsilon_max"] for entry in measured.values())
    series, words, shares = [], [], {}
    for arm, entry in measured.items():
        share = {group["group"]: float(group["censored"]) for group in own_groups(entry)}
        shares[arm] = share
        rows = {
            group: Row(
                group,
                colours[arm],
                value=100 * share[group],
                tooltip={"class": group, "arm": titles[arm], "stand": f"{percent(share[group])}%"},
            )
            for group in groups
            if group in share
        }
        series.append(Series(titles[arm], colours[arm], rows, is_control(finding, arm)))
        words.append(f"{titles[arm]}: " + ", ".join(f"{group} {percent(share.get(group))}" for group in groups))
    highest = max((value for share in shares.values() for value in share.values()), default=0.0)
    standard, robust = (shares.get(finding[role]["arm"], {}) for role in ("standard", "robust"))
    title = f"Stand at the largest radius, ε = {largest:g}"
    return group_marks_panel(
        name,
        title,
        groups,
        series,
        axis="Censored rows, percent of the class",
        summary=f"{title}, percent of rows. {'; '.join(words)}.",
        domain=(0.0, min(max(104 * highest, 5.0), 100.0)),
        texts={
            group: percent(robust[group] - standard[group], sign=True)
            for group in groups
            if group in standard and group in robust
        },
    )


def distribution_figures(results: Json, entries: Sequence[Json]) -> list[Figure]:
    """Return, per evaluation, how the share of rows broken grows with the radius, one panel an arm."""
    figures = []
    for index, evaluation in enumerate(dict.fromkeys(entry["evaluation"] for entry in entries)):
        of_evaluation = [entry for entry in entries if entry["evaluation"] == evaluation]
        name = "least-epsilon-distribution" + (f"-{index + 1}" if index else "")
        panels = [
            distribution_panel(results, f"{name}-{place + 1}", entry) for place, entry in enumerate(of_evaluation)
        ]
        caption = f"How each class falls as the radius grows, {evaluation_name(evaluation)}"
        figures.append(Figure(name, caption, panels, CURVE_MARKS, columns=3))
    return figures


def distribution_panel(results: Json, name: str, entry: Json) -> Panel:
    """Return the share of rows broken over the radius, a curve for each class of one arm."""
    colour, arm = arm_colours(results)[entry["arm"]], arm_titles(results)[entry["arm"]]
    groups = own_groups(entry)
    by_mean = sorted(groups, key=lambda group: float(group["mean"]))
    hardest, easiest = (by_mean[0]["group"], by_mean[-1]["group"]) if len(by_mean) > 1 else (None, None)
    styles = {hardest: "hardest", easiest: "easiest", WHOLE: "whole"}
    curves = [
        Curve(
            group["group"],
            list(zip(entry["epsilons"], (100 * share for share in group["broken"]), strict=False)),
            styles.get(group["group"], "other"),
            {
                "class": "all rows" if group["group"] == WHOLE else group["group"],
                "mean": radius(group["mean"]),
                "median": radius(group["median"]),
                "stand": f"{percent(group['censored'])}%",
            },
        )
        for group in entry["groups"]
    ]
    words = "; ".join(
        f"{group['group']} median {radius(group['median'])}, {percent(group['censored'])}% stand"
        for group in entry["groups"]
    )
    return curves_panel(
        name,
        arm,
        curves,
        colour=colour,
        axes=("epsilon", "Rows broken, percent"),
        summary=f"{arm}, share of rows broken up to epsilon {entry['epsilon_max']:g}: {words}.",
    )
