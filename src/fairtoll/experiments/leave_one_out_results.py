"""From member files to the `leave_one_out` section of `results.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.experiments.leave_one_out import LeaveOneOutOptions
from fairtoll.experiments.leave_one_out_files import FULL, read_left_out, read_members
from fairtoll.experiments.leave_one_out_numbers import (
    CURVE,
    Changes,
    changes_of,
    difference_interval,
    ever_flipped_curve,
    luf_curve,
    luf_interval,
    t_interval,
)
from fairtoll.experiments.published import load_published
from fairtoll.results import (
    LeaveOneOut,
    LeaveOneOutContrast,
    LeaveOneOutGroup,
    LeaveOneOutPoint,
    LeaveOneOutRow,
)
from fairtoll.training.leave_one_out import FLOORS, Design

TITLES: dict[Design, str] = {
    "masked": "Row masked: weights, schedule and noise shared",
    "independent-seeds": "Row masked, a seed of its own for each member",
    "re-permuted": "Row deleted: same seed, schedule drawn anew",
    "rerun": "Floor: the same training again",
    "one-ulp": "Floor: one initial weight moved to the next float",
    "new-seed": "Floor: all rows, a new seed",
}
#: What a design is held against: the floor that has its randomness without the row. Members of the second pair
#: share their seeds.
FLOOR_OF: dict[Design, tuple[Design, bool]] = {"masked": ("one-ulp", False), "independent-seeds": ("new-seed", True)}
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
#: Test rows below which a group's numbers say nothing.
MINIMUM_ROWS = 10
#: Left-out rows that are listed.
MOST = 10


def leave_one_out_results(
    folder: Path,
    options: LeaveOneOutOptions,
    rows: Mapping[str, NDArray[np.str_]],
    *,
    class_names: Sequence[str],
    published_note: str | None,
) -> list[LeaveOneOut]:
    """Every arm and design of a run, from its member files alone.

    Parameters
    ----------
    folder : Path
        The run's.
    options : LeaveOneOutOptions
        What was asked.
    rows : mapping
        Groups of the test rows by partition, each `(N,)`; "class" is the true class.
    class_names : sequence of str
        In the order of the models' classes.
    published_note : str, optional
        How the paper's values (of CIFAR-10) relate to these; with none they are not shown.

    Raises
    ------
    FairtollError
        If a member file is missing, truncated or from another configuration.
    """
    left_out = read_left_out(folder)
    found: dict[tuple[str, Design], tuple[Changes, LeaveOneOut]] = {}
    for arm in options.arms:
        full = read_members(folder, arm=arm, design=FULL, firsts=[0])[0]
        wrong: NDArray[np.bool_] = np.asarray(class_names)[full.argmax(axis=1)] != rows["class"]
        for design in options.designs:
            members = read_members(folder, arm=arm, design=design, firsts=options.firsts)
            changes = changes_of(full, members)
            entry = summarise(
                changes, arm=arm, design=design, options=options, left_out=left_out, rows=rows, wrong=wrong
            )
            found[arm, design] = changes, entry
    return [
        entry.model_copy(
            update={
                "above_floor": _above_floor(found, arm, design),
                "above_standard": _contrast(found, (arm, design), ("standard", design), paired=True)
                if arm != "standard"
                else None,
                **_published(arm, published_note),
            }
        )
        for (arm, design), (_, entry) in found.items()
    ]


def leave_one_out_notes(entries: Sequence[LeaveOneOut]) -> list[str]:
    """What the designs say together, a sentence for each arm that has the masked one.

    Parameters
    ----------
    entries : sequence of LeaveOneOut
        As `leave_one_out_results` gives them.
    """
    notes = []
    for masked in entries:
        if masked.design != "masked":
            continue
        said = f"leaving one training row out, all else held, flips {_percent(masked)} of test predictions"
        floors = {entry.design: entry for entry in entries if entry.arm == masked.arm}
        phrases = [
            f"{what} flips {_percent(floors[design])}"
            for design, what in (("one-ulp", "rounding alone"), ("new-seed", "a new seed on all rows"))
            if design in floors
        ]
        notes.append(f"Leave-one-out, {masked.arm} arm, {masked.members} rows: {'; '.join([said, *phrases])}.")
    return notes


def _percent(entry: LeaveOneOut) -> str:
    interval = entry.flip_rate_interval
    between = "" if interval is None else f" ({100 * interval[0]:.3f}% to {100 * interval[1]:.3f}%)"
    return f"{100 * entry.flip_rate:.3f}%{between}"


def summarise(
    changes: Changes,
    *,
    arm: str,
    design: Design,
    options: LeaveOneOutOptions,
    left_out: pd.DataFrame,
    rows: Mapping[str, NDArray[np.str_]],
    wrong: NDArray[np.bool_],
) -> LeaveOneOut:
    """One arm and design, without what it is compared with.

    Parameters
    ----------
    changes : Changes
        Of L members on N test rows.
    left_out : DataFrame
        Training row, class and groups of each left-out row, in order.
    rows : mapping
        Groups of the test rows by partition.
    wrong : ndarray of bool, (N,)
        Which test rows the full model gets wrong.
    """
    members, count = changes.flips.shape
    per_member = changes.flips.mean(axis=1)
    rate, largest = float(per_member.mean()), changes.change.max(axis=0)
    sizes = sorted({size for size in CURVE if size < members} | {members})
    return LeaveOneOut(
        arm=arm,
        design=design,
        title=TITLES[design],
        floor=design in FLOORS,
        members=members,
        rows=count,
        precision=options.dtype,
        twins=None if arm == "standard" else "shared" if options.shared_twins else "own",
        luf=float(largest.mean()),
        luf_interval=luf_interval(changes.change),
        luf_quantiles=[float(value) for value in np.quantile(largest, QUANTILES)],
        flips_per_row=float(changes.flips.sum() / count),
        flips_per_model=float(changes.flips.sum() / members),
        flip_rate=rate,
        flip_rate_interval=t_interval(per_member, low=0.0, high=1.0),
        per_member=[float(value) for value in per_member],
        curve=[
            LeaveOneOutPoint(
                members=size, luf=luf, flips_per_row=rate * size, flips_per_model=rate * count, ever_flipped=ever
            )
            for size, luf, ever in zip(
                sizes, luf_curve(changes.change, sizes), ever_flipped_curve(changes.flips, sizes), strict=True
            )
        ],
        above_floor=None,
        above_standard=None,
        groups=[
            _group(changes, partition, group, values == group, largest, wrong)
            for partition, values in rows.items()
            for group in np.unique(values)
        ],
        most_felt=_most_felt(changes, None if design in FLOORS else left_out),
        published={},
        published_note=None,
    )


def _group(
    changes: Changes,
    partition: str,
    group: str,
    inside: NDArray[np.bool_],
    largest: NDArray[np.float64],
    wrong: NDArray[np.bool_],
) -> LeaveOneOutGroup:
    return LeaveOneOutGroup(
        partition=partition,
        group=str(group),
        rows=int(inside.sum()),
        flip_rate=float(changes.flips[:, inside].mean()),
        luf=float(largest[inside].mean()),
        error=float(wrong[inside].mean()),
        sufficient=int(inside.sum()) >= MINIMUM_ROWS,
    )


def _most_felt(changes: Changes, left_out: pd.DataFrame | None) -> list[LeaveOneOutRow]:
    flips, largest = changes.flips.sum(axis=1), changes.change.max(axis=1)
    order = np.lexsort((-largest, -flips))[:MOST]
    felt = []
    for member in order:
        about = {} if left_out is None else {str(key): value for key, value in left_out.iloc[int(member)].items()}
        row = about.pop("row", None)
        name = about.pop("class", None)
        felt.append(
            LeaveOneOutRow(
                row=None if row is None else int(row),
                class_name=None if name is None else str(name),
                groups={key: str(value) for key, value in about.items()},
                flips=int(flips[member]),
                largest_change=float(largest[member]),
            )
        )
    return felt


def _above_floor(
    found: Mapping[tuple[str, Design], tuple[Changes, LeaveOneOut]], arm: str, design: Design
) -> LeaveOneOutContrast | None:
    if design not in FLOOR_OF:
        return None
    floor, paired = FLOOR_OF[design]
    return _contrast(found, (arm, design), (arm, floor), paired=paired)


def _contrast(
    found: Mapping[tuple[str, Design], tuple[Changes, LeaveOneOut]],
    one: tuple[str, Design],
    other: tuple[str, Design],
    *,
    paired: bool,
) -> LeaveOneOutContrast | None:
    if other not in found:
        return None
    (_, mine), (_, theirs) = found[one], found[other]
    first, second = np.array(mine.per_member), np.array(theirs.per_member)
    return LeaveOneOutContrast(
        arm=theirs.arm,
        design=theirs.design,
        flip_rate=mine.flip_rate - theirs.flip_rate,
        interval=difference_interval(first, second, paired=paired),
        paired=paired,
        luf=mine.luf - theirs.luf,
    )


def _published(arm: str, note: str | None) -> dict[str, Any]:
    if note is None:
        return {}
    printed = load_published()["cifar10"]["leave_one_out"]["standard" if arm == "standard" else "robust"]
    return {"published": {key: float(value) for key, value in printed.items()}, "published_note": note}
