"""A smaller set of rows in which classes and groups keep their shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.dataset import Dataset
from fairtoll.errors import FairtollError


def stratified_sample(rows: Dataset, count: int, *, seed: int = 0) -> Dataset:
    """So many rows, drawn without replacement from each class and, within it, each combination of groups in proportion.

    It is a systematic sample of the rows in the order of their classes and groups, at random within these: every class
    and every combination gets its share of `count`, rounded up or down.

    Parameters
    ----------
    rows : Dataset
    count : int
        If it is as many as there are, or more, all are returned.
    seed : int
        Of the draw.

    Raises
    ------
    FairtollError
        For a count below 1.

    Examples
    --------
    >>> rows = Dataset(np.zeros((80, 1)), np.arange(80) % 2, ("no", "yes"), groups={"sex": ["f"] * 60 + ["m"] * 20})
    >>> few = stratified_sample(rows, 8)
    >>> few.y.tolist().count(1), few.groups["sex"].tolist().count("m")
    (4, 2)
    """
    if count < 1:
        raise FairtollError(f"{count} rows to draw; expected 1 or more")
    return rows if count >= len(rows) else rows.take(drawn_rows(rows, count, seed=seed))


def drawn_rows(rows: Dataset, count: int, *, seed: int = 0) -> NDArray[np.int64]:
    """The positions of such rows, ascending; `count` is below the number of rows.

    Examples
    --------
    >>> drawn_rows(Dataset(np.zeros((4, 1)), [0, 0, 1, 1], ("no", "yes")), 2).shape
    (2,)
    """
    names = ["class", *rows.groups]
    cells = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        labels, codes = rows.partition(name)
        cells = np.unique(cells * len(labels) + codes, return_inverse=True)[1]
    generator = np.random.default_rng(seed)
    order = np.lexsort((generator.permutation(len(rows)), cells))
    places = np.floor((generator.random() + np.arange(count)) * (len(rows) / count)).astype(np.int64)
    return np.sort(order[np.minimum(places, len(rows) - 1)])
