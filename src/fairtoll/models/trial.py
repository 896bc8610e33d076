"""Rows on which a model of tables is tried before any work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtoll.errors import FairtollError, warn
from fairtoll.inputs.features import Feature
from fairtoll.models.tables import Decoder, TableModel

#: Random rows beside those with every category.
RANDOM = 64


def trial_rows(features: Sequence[Feature], *, missing: bool = True) -> NDArray[np.float32]:
    """A few rows with every category of every feature, both ends of each range, and each missing value, (n, D).

    Examples
    --------
    >>> job = Feature("job", "categorical", True, 0, 1, "code", ("clerk", "nurse"), missing=2)
    >>> trial_rows([job]).tolist()
    [[0.0], [1.0], [2.0]]
    """
    columns = []
    for feature in features:
        values = [float(code) for code in range(len(feature.categories))] or [feature.low, feature.high]
        if feature.missing is not None and missing:
            values.append(feature.missing)
        columns.append(values)
    longest = max(2, *map(len, columns)) if columns else 2
    return np.array([[values[row % len(values)] for values in columns] for row in range(longest)], dtype=np.float32)


def compared_rows(features: Sequence[Feature]) -> tuple[Tensor, Tensor]:
    """Rows with every category and random numbers, and the same in float64 as a `Decoder` reads them: as decimals."""
    x = np.concatenate([trial_rows(features), _random_rows(features)])
    plain = Decoder(features, form="array")(x)
    return torch.from_numpy(x), torch.from_numpy(np.where(np.isnan(plain), x, plain))


def plain_features(names: Sequence[str]) -> tuple[Feature, ...]:
    """Features of rows that are no table, such as images: numbers of which nothing else is known.

    Examples
    --------
    >>> [feature.name for feature in plain_features(["0", "1"])]
    ['0', '1']
    """
    return tuple(Feature(name, "continuous", integer=False, low=0.0, high=1.0, unit="") for name in names)


def answers(model: TableModel, features: Sequence[Feature]) -> NDArray[np.float64]:
    """Scores of such rows, to six decimals, as sums of many trees differ by rounding from call to call.

    Warns
    -----
    FairtollWarning
        If the model fails on random rows and not on those with every category.

    Examples
    --------
    >>> age = Feature("age", "continuous", integer=True, low=17, high=90, unit="years")
    >>> answers(TableModel(lambda rows: rows / 3), [age])[:2].tolist()
    [[5.666667], [30.0]]
    """
    try:
        scores = model(compared_rows(features)[0])
    except FairtollError as error:
        warn(
            f"within the ranges of the table {error}; an attack that meets such a row stops: let that feature not move"
        )
        scores = model(torch.from_numpy(trial_rows(features)))
    found: NDArray[np.float64] = np.round(scores.cpu().numpy(), 6)
    return found


def _random_rows(features: Sequence[Feature]) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    columns = []
    for feature in features:
        values = random.uniform(feature.low, feature.high, RANDOM)
        columns.append(np.rint(values) if feature.integer else values)
    return np.stack(columns, axis=1).astype(np.float32)
