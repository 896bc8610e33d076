"""What attacked rows that were drawn with as many of each class say of all rows: every class by its share of these."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.store import Evidence

ATTACKED = (
    "Attacked: {attacked:,} of {rows:,} test rows, as many of each class (all of a smaller one). Robust accuracies "
    "weight each class by its share of all test rows; gaps by an attribute under attack are of the attacked "
    "rows as they are."
)


def class_weights(evidence: Evidence, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """How much each attacked row counts for all rows to be spoken of; None where all count alike.

    The share of a row's class among all rows over that among the attacked ones (post-stratification: Cochran, 1977,
    Sampling Techniques, section 5A.9). Only where the evidence says that a part of the rows was drawn to be attacked,
    and classes are not of one size.

    Parameters
    ----------
    evidence : Evidence
    rows : ndarray of int, (n,)
        Numbers of the attacked rows.

    Returns
    -------
    ndarray, (n,), or None
        With a mean of 1.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "a", "a", "b"], "p": [0.9, 0.4, 0.8, 0.1]})
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"a": "p"})
    >>> class_weights(evidence, np.array([0, 3])) is None
    True
    >>> evidence.about = {"rows": {"test": 4, "attacked": 2}}
    >>> class_weights(evidence, np.array([0, 3]))
    array([1.5, 0.5])
    """
    labels, classes = evidence.labels, len(evidence.class_names)
    if not _drawn(evidence) or len(rows) == len(labels):
        return None
    among, every = np.bincount(labels[rows], minlength=classes), np.bincount(labels, minlength=classes)
    every = np.where(among > 0, every, 0)
    present = every[among > 0]
    if (present == present[0]).all() and (among[among > 0] == among.max()).all():
        return None
    shares = every / every.sum() * len(rows) / np.maximum(among, 1)
    return np.asarray(shares[labels[rows]], dtype=np.float64)


def run_means(
    values: NDArray[np.float64] | NDArray[np.bool_], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """The mean over rows of each training run, `(S,)`.

    Examples
    --------
    >>> run_means(np.array([[1.0, 0.0]]), None), run_means(np.array([[1.0, 0.0]]), np.array([1.5, 0.5]))
    (array([0.5]), array([0.75]))
    """
    found = values.mean(axis=1) if weights is None else np.average(values, axis=1, weights=weights)
    return np.asarray(found, dtype=np.float64)


def attacked_words(rows: Mapping[str, int]) -> str:
    """Say how many test rows were attacked and how they were drawn, where not all were; empty otherwise.

    Examples
    --------
    >>> attacked_words({"test": 4000, "attacked": 40})[:56]
    'Attacked: 40 of 4,000 test rows, as many of each class ('
    >>> attacked_words({"test": 4000})
    ''
    """
    attacked = rows.get("attacked", rows["test"])
    return ATTACKED.format(attacked=attacked, rows=rows["test"]) if attacked < rows["test"] else ""


def _drawn(evidence: Evidence) -> bool:
    counted = evidence.about.get("rows")
    return isinstance(counted, dict) and "attacked" in counted
