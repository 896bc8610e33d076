"""Figures of leave-one-out: flips against their floors, over the number of rows left out, by class and group."""

from collections.abc import Sequence

import pandas as pd

from fairtoll.findings.results import LeaveOneOut, Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.classes import MANY
from fairtoll.report.charts.gaps import pair, runs
from fairtoll.report.charts.groups import Series, group_marks_panel
from fairtoll.report.charts.growth import Growth, growth_panel
from fairtoll.report.charts.log import LogAxis, log_axis
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import PAPER_MARK, Figure, Panel
from fairtoll.report.families import families
from fairtoll.report.numbers import MINUS, count, finite, percent
from fairtoll.report.sections.leave_one_out.words import (
    PAPER,
    PAPER_MEMBERS,
    between,
    by_arm,
    design_title,
    flips,
    luf,
    of_design,
    printed,
    printed_rate,
    rate,
)
from fairtoll.report.select import class_order, in_order

FLIPS_AXIS = "Predictions flipped, percent"
SMALLEST = 1e-3  # percent, below which the axis is straight
RATE_MARKS = (
    "Dot: the share of predictions that differ from the full model's, mean over members. Line: its interval. "
    "Small dots: single members. Hollow: floors, where no row is left out. The axis is logarithmic, with a place for 0."
)
GROWTH_MARKS = (
    "Solid: one row left out of each member. Dashed and hollow: floors, where no row is left out. The mean over all "
    "choices of so many of the members trained; both axes are logarithmic, with a place for 0."
)


def rate_figure(results: Results, entries: Sequence[LeaveOneOut]) -> Figure:
    """Return the share of predictions flipped by every design and floor, one panel an arm, on one axis."""
    arms = by_arm(entries)
    seen = [100 * value for entry in entries for value in (*entry.per_member, *(entry.flip_rate_interval or ()))]
    seen += [100 * share for of_arm in arms.values() if (share := printed_rate(of_arm)) is not None]
    axis = log_axis(seen, (100 * entry.flip_rate for entry in entries), smallest=SMALLEST, limit=100.0)
    panels = [
        rate_panel(results, f"leave-one-out-flips-{index + 1}", of_arm, axis)
        for index, of_arm in enumerate(arms.values())
    ]
    marks = RATE_MARKS + (PAPER_MARK if any(map(printed, arms.values())) else "")
    return Figure("leave-one-out-flips", "Predictions changed by one row, and by chance", panels, marks)


def rate_panel(results: Results, name: str, entries: Sequence[LeaveOneOut], axis: LogAxis) -> Panel:
    """Return one arm's designs, then its floors, then the paper."""
    arm = entries[0].arm
    # A recipe has the colour that it has in the charts of recipes.
    own = next((family.colour for family in families(results) if family.own.arm == arm), None)
    colour, title = own or arm_colours(results)[arm], arm_titles(results)[arm]
    rows, words = [], []
    for heading, floor in (("One row left out", False), ("Floors", True)):
        found = [entry for entry in entries if bool(entry.floor) is floor]
        rows += [Row(heading)] if found else []
        for entry in found:
            label, share = design_title(entry.design), rate(entry.flip_rate)
            rows.append(
                Row(
                    label,
                    colour,
                    value=100 * entry.flip_rate,
                    interval=pair(entry.flip_rate_interval, "points") if spread(entry) else None,
                    # Members that are all alike are the mean itself.
                    runs=runs(entry.per_member, "points") if len(set(entry.per_member)) > 1 else (),
                    text=share,
                    hollow=floor,
                    tooltip={
                        "design": entry.title,
                        "flipped": f"{share}%",
                        "interval": between(entry.flip_rate_interval).removeprefix("95% interval ") or "–",
                        "members": count(entry.members),
                        "LUF": luf(entry.luf),
                    },
                )
            )
            words.append(f"{label} {share}{' (floor)' if floor else ''}")
    share_of_paper = printed_rate(entries)
    if share_of_paper is not None:
        rows.append(Row("The paper"))
        label = f"CIFAR-10, {PAPER_MEMBERS} rows"
        rows.append(Row(label, colour, published=100 * share_of_paper, text=rate(share_of_paper)))
        words.append(f"{PAPER} {rate(share_of_paper)}")
    summary = f"{title}, predictions flipped in percent: {', '.join(words)}."
    return row_panel(name, title, rows, axis=FLIPS_AXIS, summary=summary, log=axis)


def spread(entry: LeaveOneOut) -> bool:
    """Return whether an interval has a length to draw."""
    low, high = entry.flip_rate_interval or (0.0, 0.0)
    return bool(low < high)


def growth_figure(results: Results, entries: Sequence[LeaveOneOut]) -> Figure | None:
    """Return LUF and LUF_t against the number of left-out rows, an arm below the other."""
    if not any(len(entry.curve) > 1 for entry in entries):
        return None
    arms, panels = by_arm(entries), []
    for key, paper_key, name, smallest in (
        ("luf", "luf", "LUF", 1e-5),
        ("flips_per_row", "luf_t", "LUF_t", 1e-4),
    ):
        values = [float(getattr(point, key)) for entry in entries for point in entry.curve]
        paper = [getattr(found, paper_key) for of_arm in arms.values() if (found := printed(of_arm)) is not None]
        axis = log_axis([*values, *paper], values, smallest=smallest, limit=1.0 if key == "luf" else None)
        panels.append(
            [
                growth_of_arm(results, f"leave-one-out-{name.replace('_', '-').lower()}-{place + 1}", of_arm, key, axis)
                for place, of_arm in enumerate(arms.values())
            ]
        )
    marks = GROWTH_MARKS + (PAPER_MARK if any(map(printed, arms.values())) else "")
    ordered = [panel for abreast in zip(*panels, strict=True) for panel in abreast]
    return Figure("leave-one-out-growth", "What a study with fewer left-out rows would find", ordered, marks)


def growth_of_arm(results: Results, name: str, entries: Sequence[LeaveOneOut], key: str, axis: LogAxis) -> Panel:
    """Return one arm's LUF or LUF_t against the number of left-out rows."""
    arm = entries[0].arm
    symbol, show = ("LUF", luf) if key == "luf" else ("LUF_t", flips)
    lines = [
        Growth(
            design_title(entry.design),
            [
                (
                    point.members,
                    float(getattr(point, key)),
                    {
                        "design": entry.title,
                        "members": count(point.members),
                        "LUF": luf(point.luf),
                        "LUF_t": flips(point.flips_per_row),
                        "LUF_l": flips(point.flips_per_model),
                        "ever flipped": f"{rate(point.ever_flipped)}% of test rows",
                    },
                )
                for point in entry.curve
            ],
            hollow=bool(entry.floor),
        )
        for entry in entries
        if entry.curve
    ]
    published = printed(entries)
    paper = None if published is None else published.luf if key == "luf" else published.luf_t
    title = f"{symbol}, {arm_titles(results)[arm]}"
    words = "; ".join(
        f"{line.label} {', '.join(f'{show(value)} at {size}' for size, value, _ in line.points)}" for line in lines
    )
    return growth_panel(
        name,
        title,
        lines,
        colour=arm_colours(results)[arm],
        axis=axis,
        axes=("Rows left out", "LUF" if key == "luf" else "Flips of a test row"),
        summary=f"{title} by the number of rows left out: {words}.",
        published=None if paper is None else (PAPER_MEMBERS, paper, show(paper)),
    )


def group_figures(results: Results, entries: Sequence[LeaveOneOut]) -> list[Figure]:
    """Return, for each partition, the flips of each class or group with the full model's error there."""
    arms = by_arm(entries)
    pairs = [found for of_arm in arms.values() if (found := shown_designs(of_arm))]
    if not pairs:
        return []
    figures = []
    partitions = dict.fromkeys(group.partition for first, _ in pairs for group in first.groups)
    for index, partition in enumerate(partitions):
        name = f"leave-one-out-groups-{index + 1}"
        rates = [
            100 * group.flip_rate
            for found in pairs
            for entry in found
            if entry
            for group in entry.groups
            if group.partition == partition
        ]
        axis = log_axis(rates, rates, smallest=SMALLEST, limit=100.0)
        order = group_order(results, pairs[0][0], partition)
        panels = [
            groups_panel(results, f"{name}-{place + 1}", partition, order, found, axis)
            for place, found in enumerate(pairs)
        ]
        marks = " ".join([group_marks(pairs), *ranks_alike(results, pairs, partition)])
        figures.append(Figure(name, f"Flips by {partition}, hardest first", panels, marks))
    return figures


def shown_designs(entries: Sequence[LeaveOneOut]) -> tuple[LeaveOneOut, LeaveOneOut | None] | None:
    """Return the design whose flips are split by group, and its floor: the largest effect of chance alone."""
    designs = [entry for entry in entries if not entry.floor]
    first = of_design(designs, "masked") or (designs[0] if designs else None)
    floors = [entry for entry in entries if entry.floor and entry.flip_rate]
    largest = max(floors, key=lambda entry: float(entry.flip_rate), default=None)
    return (first, of_design(floors, "new-seed") or largest) if first else None


def group_order(results: Results, entry: LeaveOneOut, partition: str) -> list[str]:
    """Return groups from hardest to easiest: classes as everywhere in the report, others by this model's error."""
    groups = [group for group in entry.groups if group.partition == partition]
    by_error = [str(group.group) for group in sorted(groups, key=lambda group: -float(group.error))]
    return in_order(by_error, class_order(results)) if partition == "class" else by_error


def ranks_alike(results: Results, pairs: Sequence[tuple[LeaveOneOut, LeaveOneOut | None]], partition: str) -> list[str]:
    """Return whether flips lie in the hard groups, as a rank correlation; nothing where there are few groups."""
    titles, said = arm_titles(results), []
    for first, _ in pairs:
        groups = [group for group in first.groups if group.partition == partition and group.sufficient]
        found = rank_correlation([group.error for group in groups], [group.flip_rate for group in groups])
        if len(groups) >= MANY and found is not None:
            said.append(f"{titles[first.arm]} {found:.2f}".replace("-", MINUS))
    design = design_title(pairs[0][0].design).lower()
    return [f"Rank correlation of {design} flips with error: {', '.join(said)}."] if said else []


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's correlation, ties at their mean rank; None where either is all one value.

    Examples
    --------
    >>> round(rank_correlation([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 40.0, 30.0]), 3)
    0.8
    """
    return finite(pd.Series(first, dtype=float).rank().corr(pd.Series(second, dtype=float).rank()))


def groups_panel(
    results: Results,
    name: str,
    partition: str,
    order: Sequence[str],
    found: tuple[LeaveOneOut, LeaveOneOut | None],
    axis: LogAxis,
) -> Panel:
    """Return one arm's flips by group, with the error of its full model at the right."""
    arm = found[0].arm
    colour, title = arm_colours(results)[arm], arm_titles(results)[arm]
    few = {group.group for group in found[0].groups if not group.sufficient}
    labels = {group: f"{group} (too few rows)" if group in few else group for group in order}
    series, words = [], []
    errors = {group.group: group.error for group in found[0].groups if group.partition == partition}
    for entry in found:
        if entry is None:
            continue
        rows = {
            labels[group.group]: Row(
                group.group,
                colour,
                value=100 * group.flip_rate,
                tooltip={
                    partition: group.group,
                    "design": entry.title,
                    "flipped": f"{rate(group.flip_rate)}%",
                    "flips": f"{count(group.flip_rate * group.rows * trained(entry))} of "
                    f"{count(group.rows)} rows by {count(trained(entry))} members",
                    "LUF": luf(group.luf),
                    "error": f"{percent(group.error)}%",
                },
            )
            for group in entry.groups
            if group.partition == partition
        }
        label = design_title(entry.design)
        series.append(Series(label, colour, rows, bool(entry.floor)))
        words.append(f"{label}: " + ", ".join(f"{group} {row.tooltip['flipped']}" for group, row in rows.items()))
    return group_marks_panel(
        name,
        title,
        list(labels.values()),
        series,
        axis=FLIPS_AXIS,
        summary=f"{title}, predictions flipped by {partition}. {'; '.join(words)}.",
        domain=axis.domain,
        texts={labels[group]: percent(error) for group, error in errors.items()},
        log=axis,
    )


def trained(entry: LeaveOneOut) -> int:
    """Return how many members there are, of all reference models together."""
    return int(entry.members) * int(entry.references or 1)


def group_marks(pairs: Sequence[tuple[LeaveOneOut, LeaveOneOut | None]]) -> str:
    """Return what the marks of the panels by group mean."""
    floors = [floor for _, floor in pairs if floor]
    hollow = f" Hollow: {design_title(floors[0].design).lower()}, no row left out." if floors else ""
    return (
        f"Filled: {design_title(pairs[0][0].design).lower()}, one row left out.{hollow} "
        "Right: the full model's error there, in percent."
    )
