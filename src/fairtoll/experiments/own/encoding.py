"""From codes of categories and of missing values to the numbers that networks read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from fairtoll.data import Dataset
from fairtoll.inputs.features import Feature
from fairtoll.models.encode import Coded, Encode


def encoder(train: Dataset) -> Encode:
    """The layer from coded rows to those that networks read; missing numbers become the mean of the training rows.

    Examples
    --------
    >>> age = Feature("age", "continuous", integer=True, low=20, high=40, unit="years")
    >>> job = Feature("job", "categorical", True, 0, 1, "code", categories=("a", "b"))
    >>> rows = Dataset([[20, 0], [40, 1]], [0, 1], ("no", "yes"), features=(age, job))
    >>> encoder(rows)(torch.tensor([[30.0, 1.0]])).tolist()
    [[30.0, 0.0, 1.0]]
    """
    return Encode([_coded(feature, train.x[:, place]) for place, feature in enumerate(train.features)])


def encoded(rows: Dataset, layer: Encode) -> Dataset:
    """The same rows through that layer, with a feature for each of its columns.

    Examples
    --------
    >>> job = Feature("job", "categorical", True, 0, 1, "code", categories=("a", "b"))
    >>> rows = Dataset([[0], [1]], [0, 1], ("no", "yes"), features=(job,))
    >>> [feature.name for feature in encoded(rows, encoder(rows)).features]
    ['job=a', 'job=b']
    """
    x = layer(torch.from_numpy(rows.x)).numpy()
    features = [one for feature in rows.features for one in _columns(feature)]
    return replace(rows, x=x, features=tuple(features))


def indicators_of_missing(features: Sequence[Feature]) -> dict[int, int]:
    """Of encoded rows, the position of each number with missing values, and of the column that says where they are.

    Examples
    --------
    >>> age = Feature("age", "continuous", integer=True, low=20, high=40, unit="years", missing=-1)
    >>> rows = Dataset([[20], [-1]], [0, 1], ("no", "yes"), features=(age,))
    >>> indicators_of_missing(encoded(rows, encoder(rows)).features)
    {0: 1}
    """
    return {
        place: place + 1
        for place, (one, following) in enumerate(itertools.pairwise(features))
        if one.kind == "continuous" and following == _indicator(_says_missing(one))
    }


def _says_missing(feature: Feature) -> str:
    return f"{feature.name} is missing"


def _coded(feature: Feature, values: np.ndarray) -> Coded:
    if feature.kind == "categorical":
        return Coded(codes=len(feature.categories) + (feature.missing is not None))
    if feature.missing is None:
        return Coded()
    there = values[values != np.float32(feature.missing)]
    return Coded(missing=feature.missing, filled=float(np.float32(there.mean(dtype=np.float64))) if len(there) else 0.0)


def _columns(feature: Feature) -> list[Feature]:
    """The features of what `Encode` makes of one."""
    if feature.kind == "categorical":
        values = [*feature.categories, *(["missing"] if feature.missing is not None else [])]
        return [_indicator(f"{feature.name}={value}") for value in values]
    number = replace(feature, missing=None)
    return [number] if feature.missing is None else [number, _indicator(_says_missing(feature))]


def _indicator(name: str) -> Feature:
    return Feature(name, "categorical", True, 0.0, 1.0, "0 or 1", ("no", "yes"))
