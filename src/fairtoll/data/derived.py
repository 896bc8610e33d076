"""Which features say what group of a protected attribute a row is in, such as an age beside its age groups."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.dataset import Dataset

#: A feature of equal groups would look as if it decided them less often than this.
CHANCE = np.log(1e-6)
#: So many rows are looked at first: most features are none after these.
FIRST = 2000


def deciding_features(rows: Dataset, features: Collection[str] | None = None) -> dict[str, list[str]]:
    """The attributes that each feature decides: every value of the feature has one group.

    Either the groups are ranges of the feature, or its values repeat so often that they would hardly each have one
    group by chance; a feature whose values are all different decides nothing else.

    Parameters
    ----------
    rows : Dataset
        Of a table, with its features.
    features : collection of str, optional
        Which features. Default: all.

    Returns
    -------
    dict of str to list of str
        By feature, in the order of the features; features that decide nothing are left out.

    Examples
    --------
    >>> from fairtoll.data import Feature
    >>> age = np.arange(20, 80)
    >>> groups = {"age_group": np.where(age < 40, "young", "old"), "site": np.where(age % 2, "north", "south")}
    >>> feature = Feature("age", "continuous", integer=True, low=20, high=80, unit="years")
    >>> deciding_features(Dataset(age[:, None], age % 3 % 2, ("no", "yes"), groups, features=(feature,)))
    {'age': ['age_group']}
    """
    found: dict[str, list[str]] = {}
    few = np.linspace(0, len(rows) - 1, min(FIRST, len(rows))).astype(int)
    for place, feature in enumerate(rows.features):
        if features is not None and feature.name not in features:
            continue
        values = rows.x[:, place]
        there = np.ones(len(values), bool) if feature.missing is None else values != np.float32(feature.missing)
        ordered = feature.kind == "continuous"
        for name, groups in rows.groups.items():
            if name == feature.name:
                continue
            own = np.asarray(groups)
            early = few[there[few]]
            if _decides(values[early], own[early], ordered) and _decides(values[there], own[there], ordered):
                found.setdefault(feature.name, []).append(name)
    return found


def _decides(values: NDArray[Any], groups: NDArray[Any], ordered: bool) -> bool:
    _, code = np.unique(groups, return_inverse=True)
    _, value, repeats = np.unique(values, return_inverse=True, return_counts=True)
    sizes = np.bincount(code)
    if len(sizes) < 2:
        return False
    order = np.lexsort((code, value))
    value, code = value[order], code[order]
    if bool(((np.diff(value) == 0) & (np.diff(code) != 0)).any()):
        return False  # a value with two groups
    shares = sizes / len(code)
    pure = sum(count * float(np.log((shares**size).sum())) for size, count in zip(*_counted(repeats), strict=True))
    if pure < CHANCE:
        return True
    return ordered and int((np.diff(code) != 0).sum()) == len(sizes) - 1 and _ranges_by_chance(sizes) < CHANCE


def _counted(repeats: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    sizes, counts = np.unique(repeats, return_counts=True)
    return sizes, counts


def _ranges_by_chance(sizes: NDArray[np.intp]) -> float:
    """The logarithm of the probability that rows in random order lie group by group: G! times n_g! each, over n!."""

    def log_factorial(number: int) -> float:
        return float(np.log(np.arange(1, number + 1)).sum())

    return log_factorial(len(sizes)) + sum(map(log_factorial, sizes.tolist())) - log_factorial(int(sizes.sum()))
