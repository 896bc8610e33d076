"""Adult (Census Income), bundled with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np
import pandas as pd

from fairtoll.data.dataset import Dataset, TrainTest
from fairtoll.inputs.features import Feature

#: Official order of the fourteen attributes; the six continuous ones with their units.
CONTINUOUS = {
    "age": "years",
    "fnlwgt": "people represented",
    "education-num": "level, 1 to 16",
    "capital-gain": "US dollars a year",
    "capital-loss": "US dollars a year",
    "hours-per-week": "hours a week",
}
ATTRIBUTES = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
)
CLASS_NAMES = ("<=50K", ">50K")
#: Attributes reported as groups.
PROTECTED = ("sex", "race")
NOTE = (
    "UCI Adult (Census Income), Becker & Kohavi 1996, CC BY 4.0: the official split, rows with a missing value dropped."
)


def load_adult() -> TrainTest:
    """Adult with its official split: 30,162 training and 15,060 test rows, 14 attributes.

    Categories are coded by their alphabetical position over both splits, numbers are left in their
    own units; nothing is scaled (models standardise their own inputs).

    Source: UCI Machine Learning Repository, data set 2, Becker & Kohavi 1996, CC BY 4.0.

    Returns
    -------
    TrainTest
        `x` is `(N, 14)` float32, `y` is 1 for an income over $50K, `groups` has "sex" and "race".

    Raises
    ------
    FileNotFoundError
        If the package was installed without its data.

    Examples
    --------
    >>> data = load_adult()
    >>> len(data.train), len(data.test), data.test.class_names
    (30162, 15060, ('<=50K', '>50K'))
    """
    with as_file(files("fairtoll.data") / "adult.parquet") as path:
        frame = pd.read_parquet(path)
    in_train = (frame["split"] == "train").to_numpy()
    columns, features = [], []
    for name in ATTRIBUTES:
        if name in CONTINUOUS:
            values = frame[name].to_numpy(dtype=np.float32)
            categories: tuple[str, ...] = ()
        else:
            categories = tuple(sorted(frame[name].unique()))
            values = pd.Categorical(frame[name], categories=categories).codes.astype(np.float32)
        columns.append(values)
        features.append(
            Feature(
                name,
                "categorical" if categories else "continuous",
                integer=True,
                low=float(values[in_train].min()),
                high=float(values[in_train].max()),
                unit=CONTINUOUS.get(name, "code of a category"),
                categories=categories,
            )
        )
    x = np.stack(columns, axis=1)
    y = (frame["income"] == CLASS_NAMES[1]).to_numpy().astype(np.int64)
    groups = {name: frame[name].to_numpy(dtype=np.str_) for name in PROTECTED}
    everyone = Dataset(x, y, CLASS_NAMES, groups, tuple(features), name="adult")
    return TrainTest(
        everyone.take(np.flatnonzero(in_train)),
        everyone.take(np.flatnonzero(~in_train)),
        title="Adult (Census Income)",
        note=NOTE,
    )
