"""How each group's own mean changes from one arm to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from fairtoll.errors import FairtollError
from fairtoll.statistics._freedom import combined_freedom
from fairtoll.statistics._groups import check_confidence, read_arms
from fairtoll.statistics.interval import Interval


@dataclass(frozen=True)
class Change:
    """One group's means in both arms and their difference, robust minus standard, in the unit of the outcomes."""

    standard: float
    robust: float
    value: float
    interval: Interval
    standard_error: float


def group_changes(
    standard: ArrayLike,
    robust: ArrayLike,
    groups: ArrayLike,
    *,
    paired: bool = False,
    standard_included: ArrayLike | None = None,
    robust_included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
) -> dict[Any, Change]:
    """The change of every group's mean, with its interval over new training runs and rows.

    The variance is that of the runs plus that of the rows, which are the same in both arms. With one run the interval
    is over rows alone.

    Parameters
    ----------
    standard, robust, groups, paired, standard_included, robust_included, confidence, minimum_rows, rates
        As of `difference`.

    Returns
    -------
    dict
        Group name to Change, of the groups with enough rows in both arms.

    Raises
    ------
    FairtollError
        For malformed input, or paired arms of different numbers of runs; its subclass InsufficientDataError when no
        group has enough rows.

    Examples
    --------
    >>> right = np.tile([1, 1, 1, 0], 20)
    >>> round(group_changes(right, 1 - right, np.repeat("a", 80))["a"].value, 2)
    -0.5
    """
    check_confidence(confidence)
    first, second = read_arms(
        groups,
        (("standard", standard, standard_included), ("robust", robust, robust_included)),
        minimum_rows=minimum_rows,
        fewest_groups=1,
        rates=rates,
    )
    if paired and len(first.runs) != len(second.runs):
        raise FairtollError(
            f"standard has {len(first.runs)} runs and robust has {len(second.runs)}; expected as many where they are "
            "paired; leave out the runs that one arm lacks, or give paired=False"
        )
    rows = first.partition.rows.astype(np.float64)
    shared = first.partition.total(first.influence * second.influence) / (rows * (rows - 1))
    parts = [np.maximum(first.row_variance + second.row_variance - 2 * shared, 0.0)]
    freedom = [rows - 1]
    for runs in [second.runs - first.runs] if paired else [first.runs, second.runs]:
        if len(runs) > 1:
            parts.append(runs.var(axis=0, ddof=1) / len(runs))
            freedom.append(np.full_like(rows, len(runs) - 1))
    errors = np.sqrt(sum(parts))
    reach = stdtrit(combined_freedom(np.stack(parts), np.stack(freedom)), (1 + confidence) / 2) * errors
    before, after = first.means, second.means
    return {
        name: Change(
            standard=float(before[place]),
            robust=float(after[place]),
            value=float(after[place] - before[place]),
            interval=Interval(
                float(after[place] - before[place] - reach[place]),
                float(after[place] - before[place] + reach[place]),
                confidence,
            ),
            standard_error=float(errors[place]),
        )
        for place, name in enumerate(first.partition.names)
    }
