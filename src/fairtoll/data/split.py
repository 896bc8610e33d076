"""One set of rows in two, for training and for testing, in which classes and groups keep their shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.dataset import Dataset
from fairtoll.data.sample import drawn_rows
from fairtoll.errors import FairtollError

SHARE = "the share of test rows is {share}; expected a number above 0 and below 1; give 0.25 for a quarter"
TOO_FEW = (
    "class '{name}' has {train} training rows and {test} test rows; expected {least} or more of each; give more rows "
    "of it, or leave the class out"
)
#: Rows of each class that either part has at least: fewer decide nothing about it.
LEAST = 10


def split_rows(rows: Dataset, share: float, *, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of training and of test rows: each class, and each combination of groups within it, by its share.

    Parameters
    ----------
    rows : Dataset
        The whole.
    share : float
        Of the test rows, above 0 and below 1.
    seed : int
        Of the draw: the same rows, share and seed give the same split.

    Returns
    -------
    train, test : ndarray of int64
        Ascending; together every row once.

    Raises
    ------
    FairtollError
        If the share is no share, or a class would have fewer than 10 rows in one of the parts.

    Examples
    --------
    >>> rows = Dataset(np.zeros((80, 1)), np.arange(80) % 2, ("no", "yes"), groups={"sex": ["f"] * 60 + ["m"] * 20})
    >>> train, test = split_rows(rows, 0.3)
    >>> len(train), len(test), rows.take(test).groups["sex"].tolist().count("m")
    (56, 24, 6)
    """
    if not 0 < share < 1:
        raise FairtollError(SHARE.format(share=share))
    count = min(max(1, round(share * len(rows))), len(rows) - 1)
    test = drawn_rows(rows, count, seed=seed)
    train = np.setdiff1d(np.arange(len(rows)), test)
    require_classes(rows.take(train), rows.take(test))
    return train, test


def require_classes(train: Dataset, test: Dataset) -> None:
    """Raise where a class has too few rows in a part, naming the first."""
    count = len(train.class_names)
    trained, tested = (np.bincount(rows.y, minlength=count).tolist() for rows in (train, test))
    for name, of_train, of_test in zip(train.class_names, trained, tested, strict=True):
        if min(of_train, of_test) < LEAST:
            raise FairtollError(TOO_FEW.format(name=name, train=of_train, test=of_test, least=LEAST))
