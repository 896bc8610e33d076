"""One arm under one leave-one-out design, from what its members change: the numbers of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.experiments.leave_one_out.files import PICTURE
from fairtoll.experiments.leave_one_out.numbers import CURVE, Changes, Floats, ever_flipped_curve, luf_curve
from fairtoll.experiments.leave_one_out.options import STATIC, LeaveOneOut
from fairtoll.findings.results import LeaveOneOut as Entry
from fairtoll.findings.results import LeaveOneOutGroup, LeaveOneOutPoint, LeaveOneOutRow
from fairtoll.statistics.leave_one_out import luf_interval, mean_interval
from fairtoll.training.leave_one_out import FLOORS, Design

TITLES: dict[Design, str] = {
    "masked": "Row masked: weights, schedule and noise shared",
    "independent-seeds": "Row masked, a separate seed for each member",
    "re-permuted": "Row deleted: same seed, schedule redrawn",
    "rerun": "Floor: the same training again",
    "one-ulp": "Floor: one initial weight moved to the next float",
    "new-seed": "Floor: all rows, a new seed",
}
#: Designs in which every member moves many rows: only there does an interval of a maximum have its coverage.
SPREAD: tuple[Design, ...] = ("independent-seeds", "re-permuted", "new-seed")
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
#: Test rows below which a group's numbers are uninformative.
MINIMUM_ROWS = 10
#: Left-out rows that are listed.
MOST = 10


def rates_of(changes: Sequence[Changes]) -> Floats:
    """Flip rate of every member of every reference, `(R, L)`.

    Examples
    --------
    >>> rates_of([Changes(np.array([[True, False]]), np.zeros((1, 2)))]).tolist()
    [[0.5]]
    """
    return np.array([one.flips.mean(axis=1) for one in changes])


def summarise(
    changes: Sequence[Changes],
    *,
    arm: str,
    design: Design,
    options: LeaveOneOut,
    left_out: pd.DataFrame,
    rows: Mapping[str, NDArray[np.str_]],
    wrong: NDArray[np.bool_],
) -> Entry:
    """One arm and design, without its comparisons.

    Parameters
    ----------
    changes : sequence of Changes, length R
        Of L members on N test rows, for each reference model.
    left_out : DataFrame
        Training row, class and groups of each left-out row, in order.
    rows : mapping
        Groups of the test rows by partition.
    wrong : ndarray of bool, (R, N)
        Which test rows each full model gets wrong.
    """
    members, count = changes[0].flips.shape
    rates = rates_of(changes)
    rate, largest = float(rates.mean()), np.mean([one.luf for one in changes], axis=0)
    sizes = sorted({size for size in CURVE if size < members} | {members})
    lufs = np.mean([luf_curve(one.change, sizes) for one in changes], axis=0)
    ever = np.mean([ever_flipped_curve(one.flips, sizes) for one in changes], axis=0)
    return Entry(
        arm=arm,
        design=design,
        title=TITLES[design],
        floor=design in FLOORS,
        members=members,
        references=len(changes),
        rows=count,
        precision=options.dtype,
        adversarial_examples=None if arm != STATIC else "shared" if options.shared_examples else "own",
        luf=float(largest.mean()),
        luf_interval=luf_interval([one.change for one in changes]) if design in SPREAD else None,
        luf_quantiles=[float(value) for value in np.quantile(largest, QUANTILES)],
        flips_per_row=rate * members,
        flips_per_model=rate * count,
        flip_rate=rate,
        flip_rate_interval=mean_interval(rates, low=0.0, high=1.0),
        per_member=[float(value) for value in rates.mean(axis=0)],
        per_reference=[float(value) for value in rates.mean(axis=1)],
        curve=[
            LeaveOneOutPoint(
                members=size,
                luf=float(lufs[place]),
                flips_per_row=rate * size,
                flips_per_model=rate * count,
                ever_flipped=float(ever[place]),
            )
            for place, size in enumerate(sizes)
        ],
        above_floor=None,
        above_standard=None,
        groups=[
            _group(changes, partition, group, values == group, largest, wrong)
            for partition, values in rows.items()
            for group in np.unique(values)
        ],
        most_influential=_most_influential(changes, None if design in FLOORS else left_out),
        published=None,
        published_note=None,
    )


def _group(
    changes: Sequence[Changes],
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
        flip_rate=float(np.mean([one.flips[:, inside].mean() for one in changes])),
        luf=float(largest[inside].mean()),
        error=float(wrong[:, inside].mean()),
        sufficient=int(inside.sum()) >= MINIMUM_ROWS,
    )


def _most_influential(changes: Sequence[Changes], left_out: pd.DataFrame | None) -> list[LeaveOneOutRow]:
    flips = np.mean([one.flips.sum(axis=1) for one in changes], axis=0)
    largest = np.max([one.change.max(axis=1) for one in changes], axis=0)
    order = np.lexsort((-largest, -flips))[:MOST]
    found = []
    for member in order:
        about = {} if left_out is None else {str(key): value for key, value in left_out.iloc[int(member)].items()}
        row = about.pop("row", None)
        name, picture = about.pop("class", None), about.pop(PICTURE, None)
        found.append(
            LeaveOneOutRow(
                row=None if row is None else int(row),
                class_name=None if name is None else str(name),
                picture=None if picture is None else str(picture),
                groups={key: str(value) for key, value in about.items()},
                flips=float(flips[member]),
                largest_change=float(largest[member]),
            )
        )
    return found
