"""Tables of leave-one-out: the paper's Table III, contrasts, groups, and the rows that matter most."""

from collections.abc import Sequence

from fairtoll.findings.results import LeaveOneOut, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.numbers import count, finite, percent
from fairtoll.report.sections.leave_one_out.words import (
    PAPER,
    PAPER_MEMBERS,
    PAPER_TEST_ROWS,
    by_arm,
    design_title,
    flips,
    luf,
    printed,
    printed_rate,
    rate,
    signed_rate,
)
from fairtoll.report.select import class_order, in_order
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.words import sentence

COUNTS_NOTE = "LUF grows with the members, LUF_t with them and LUF_l with the test rows: only the share does neither."
SHARED = "Adversarial examples of static training were crafted once, on the full model: an approximation."
DECIDED = (
    "Where members differ by a row or by rounding alone, a few rows decide LUF, a maximum: no interval of it has "
    "its nominal coverage, and none is given."
)
MOST = 5


def summary_table(results: Results, entries: Sequence[LeaveOneOut]) -> Table:
    """Return LUF, LUF_t, LUF_l and the share of flips by arm and design, the paper's below each arm's."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Design"),
        Column("Members", count),
        Column("Test rows", count),
        Column("LUF", luf),
        Column("Low", luf, key="luf_low"),
        Column("High", luf, key="luf_high"),
        Column("LUF_t", flips),
        Column("LUF_l", flips),
        Column("Flipped, %", rate),
        Column("Low, %", rate, key="flipped_low"),
        Column("High, %", rate, key="flipped_high"),
    )
    rows: list[list[Cell]] = []
    for arm, of_arm in by_arm(entries).items():
        for entry in of_arm:
            luf_ends = entry.luf_interval or (None, None)
            ends = entry.flip_rate_interval or (None, None)
            design = f"Floor: {design_title(entry.design)}" if entry.floor else design_title(entry.design)
            rows.append(
                [
                    *(titles[arm], design, entry.members, entry.rows),
                    *(finite(entry.luf), *map(finite, luf_ends)),
                    *(finite(entry.flips_per_row), finite(entry.flips_per_model)),
                    *(finite(entry.flip_rate), *map(finite, ends)),
                ]
            )
        paper = printed(of_arm)
        if paper:
            rows.append(
                [
                    *(titles[arm], PAPER, PAPER_MEMBERS, PAPER_TEST_ROWS, paper.luf, None, None),
                    *(paper.luf_t, paper.luf_l, printed_rate(of_arm), None, None),
                ]
            )
    return Table(
        "leave-one-out",
        "Leave-one-out unfairness, the paper's Table III",
        columns,
        rows,
        " ".join([COUNTS_NOTE, *remarks(entries)]),
        compact=True,
    )


def growth_table(results: Results, entries: Sequence[LeaveOneOut]) -> Table:
    """Return every number against the rows left out."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Design"),
        Column("Members", count),
        Column("LUF", luf),
        Column("LUF_t", flips),
        Column("LUF_l", flips),
        Column("Test rows ever flipped, %", rate, key="ever_flipped"),
    )
    rows: list[list[Cell]] = [
        [
            *(titles[entry.arm], design_title(entry.design), point.members, finite(point.luf)),
            *(finite(point.flips_per_row), finite(point.flips_per_model), finite(point.ever_flipped)),
        ]
        for entry in entries
        for point in entry.curve
    ]
    caption = "What a study with fewer left-out rows would find"
    return Table("leave-one-out-growth", caption, columns, rows)


def remarks(entries: Sequence[LeaveOneOut]) -> list[str]:
    """Return notes on the numbers: precision, approximations, how the paper's values relate."""
    precisions = dict.fromkeys(str(entry.precision) for entry in entries)
    notes = dict.fromkeys(sentence(entry.published_note) for entry in entries if entry.published_note)
    shared = [SHARED] if any(entry.adversarial_examples == "shared" for entry in entries) else []
    references = dict.fromkeys(int(entry.references or 1) for entry in entries)
    decided = [DECIDED] if any(not entry.luf_interval and entry.luf for entry in entries) else []
    return [f"Trained in {' and '.join(precisions)}.", *map(compared, references), *decided, *shared, *notes]


def compared(references: int) -> str:
    """Return what members are compared with, and so what intervals cover.

    Examples
    --------
    >>> compared(3)
    'Means over 3 full models, each with its own seed: intervals are over left-out rows and full models.'
    """
    if references == 1:
        return "Members are compared with one full model: intervals are over left-out rows, not over its seed."
    return (
        f"Means over {references} full models, each with its own seed: "
        "intervals are over left-out rows and full models."
    )


def contrast_table(results: Results, entries: Sequence[LeaveOneOut]) -> Table | None:
    """Return how much more flips there are than in a floor and than in the standard arm."""
    titles = arm_titles(results)
    columns = (
        Column("Arm"),
        Column("Design"),
        Column("Compared with"),
        Column("Flipped, points", signed_rate),
        Column("Low", signed_rate),
        Column("High", signed_rate),
        Column("Paired"),
        Column("LUF", lambda value: f"+{luf(value)}" if value > 0 else luf(value)),
    )
    rows: list[list[Cell]] = []
    for of_floor in (True, False):
        for entry in entries:
            contrast = entry.above_floor if of_floor else entry.above_standard
            if contrast is None:
                continue
            low, high = contrast.interval or (None, None)
            # Two floors that never flip anything have nothing to compare.
            if not (contrast.flip_rate or low or high or contrast.luf):
                continue
            other = design_title(contrast.design) if of_floor else titles[contrast.arm]
            rows.append(
                [
                    *(titles[entry.arm], design_title(entry.design), other),
                    *(finite(contrast.flip_rate), finite(low), finite(high)),
                    *("member by member" if contrast.paired else "no", finite(contrast.luf)),
                ]
            )
    caption = "Flips minus those of the floor, and of the standard arm"
    return Table("leave-one-out-contrasts", caption, columns, rows, compact=True) if rows else None


def groups_table(results: Results, entries: Sequence[LeaveOneOut]) -> Table:
    """Return flips and LUF by class and group, with the full model's error."""
    titles, order = arm_titles(results), class_order(results)
    columns = (
        Column("Arm"),
        Column("Design"),
        Column("By"),
        Column("Group"),
        Column("Test rows", count),
        Column("Flipped, %", rate),
        Column("LUF", luf),
        Column("Full model's error, %", percent, key="error"),
        Column("Enough rows"),
    )
    rows: list[list[Cell]] = []
    for entry in entries:
        groups = {(group.partition, group.group): group for group in entry.groups}
        for partition in dict.fromkeys(partition for partition, _ in groups):
            for name in in_order((name for of, name in groups if of == partition), order):
                group = groups[partition, name]
                rows.append(
                    [
                        *(titles[entry.arm], design_title(entry.design), partition, name, group.rows),
                        *(finite(group.flip_rate), finite(group.luf), finite(group.error)),
                        "yes" if group.sufficient else "no",
                    ]
                )
    return Table("leave-one-out-groups", "Flips by class and group, all designs", columns, rows)


def influence_table(
    results: Results, entries: Sequence[LeaveOneOut], name: str, caption: str, *, compact: bool = False
) -> Table:
    """Return the left-out rows that change most predictions, with their class and groups."""
    titles = arm_titles(results)
    keys = list(dict.fromkeys(key for entry in entries for row in entry.most_influential for key in row.groups))
    named = len({entry.design for entry in entries}) > 1
    columns = (
        Column("Arm"),
        *((Column("Design"),) if named else ()),
        Column("Training row", str),
        Column("Class"),
        *(Column(key.capitalize()) for key in keys),
        Column("Predictions flipped", lambda value: count(value) if value == int(value) else flips(value)),
        Column("Share, %", rate),
        Column("Largest change of confidence", luf),
    )
    rows: list[list[Cell]] = []
    for entry in entries:
        for row in entry.most_influential:
            if row.row is None:
                continue
            rows.append(
                [
                    titles[entry.arm],
                    *((design_title(entry.design),) if named else ()),
                    *(row.row, row.class_name),
                    *(row.groups.get(key) for key in keys),
                    *(whole(row.flips), row.flips / entry.rows, finite(row.largest_change)),
                ]
            )
    note = " ".join(said for entry in entries if (said := share_of_most(entry.per_member, titles[entry.arm])))
    return Table(name, caption, columns, rows, note if compact else "", compact=compact)


def whole(value: float) -> float | int:
    """Return a number as an integer where it is one.

    Examples
    --------
    >>> whole(3.0), whole(0.5)
    (3, 0.5)
    """
    return int(value) if value == int(value) else value


def share_of_most(per_member: Sequence[float], title: str) -> str:
    """Return how many of all flips the most influential rows make; nothing without flips or with few members.

    Examples
    --------
    >>> share_of_most([0.03, 0.0, 0.01, 0.0, 0.0, 0.0], "Standard")
    'Standard: 2 of 6 rows make every flip.'
    """
    rates, members = sorted(per_member, reverse=True), len(per_member)
    total, flipping = sum(rates), sum(value > 0 for value in rates)
    if not total or members <= MOST:
        return ""
    if flipping <= MOST:
        return f"{title}: {flipping} of {members} rows make every flip."
    return f"{title}: {MOST} of {members} rows make {percent(sum(rates[:MOST]) / total, 0)}% of all flips."
