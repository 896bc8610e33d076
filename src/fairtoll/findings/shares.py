"""Shares of rows, of all of them and of each class and group, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.store import Evidence
from fairtoll.statistics import InsufficientDataError, group_intervals

ALL = "all"


@dataclass(frozen=True)
class Share:
    """A share of the rows of one group.

    Attributes
    ----------
    rows : int
        That count, mean over training runs.
    value : float, optional
        Mean over the training runs in which some row counts; None where none does.
    interval : (float, float), optional
        95%, over new training runs and new rows; with one run, new rows alone. None where fewer than two rows count.

    Examples
    --------
    >>> Share(rows=0, value=None, interval=None).value
    """

    rows: int
    value: float | None
    interval: tuple[float, float] | None


def partitions(evidence: Evidence, rows: NDArray[np.int64]) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Partition, group and which of the rows are in it: all rows first, then each class and each group.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"a": "p"})
    >>> [(name, group) for name, group, _ in partitions(evidence, np.arange(2))]
    [('all', 'all'), ('class', 'a'), ('class', 'b')]
    """
    yield ALL, ALL, np.ones(len(rows), dtype=np.bool_)
    for partition in ("class", *evidence.attributes):
        names = evidence.partition(partition)[rows]
        for group in np.unique(names):
            yield partition, str(group), names == group


def share_of(what: NDArray[np.bool_], member: NDArray[np.bool_], *, counted: NDArray[np.bool_] | None = None) -> Share:
    """The share of a group's rows of which something is so.

    Parameters
    ----------
    what : ndarray of bool, (S, n)
        Of each row in each training run.
    member : ndarray of bool, (n,)
        The group.
    counted : ndarray of bool, (S, n), optional
        Rows that count in each run.

    Examples
    --------
    >>> share_of(np.array([[True, False, True]]), np.array([True, True, False])).value
    0.5
    """
    found = what[:, member]
    included = np.ones(found.shape, dtype=np.bool_) if counted is None else counted[:, member]
    sizes = included.sum(axis=1)
    if not sizes.any():
        return Share(0, None, None)
    means = (found & included).sum(axis=1)[sizes > 0] / sizes[sizes > 0]
    interval = None
    with suppress(InsufficientDataError):  # where fewer than two rows count in some run
        groups: Mapping[Any, Any] = group_intervals(
            found.astype(np.float64), np.zeros(found.shape[1], dtype=int), included=included, minimum_rows=2, rates=True
        )
        interval = next(((one.low, one.high) for one in groups.values()), None)
    return Share(round(float(sizes.mean())), float(means.mean()), interval)
