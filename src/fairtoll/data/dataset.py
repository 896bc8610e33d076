"""`Dataset`: rows with their labels, protected attributes and feature schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.rows import own_rows


@dataclass(frozen=True)
class Feature:
    """One column of `Dataset.x`.

    Attributes
    ----------
    name : str
        The attribute's name in the source.
    kind : {"continuous", "categorical"}
        A categorical attribute is coded by its position in `categories`.
    integer : bool
        Whether only whole numbers are meaningful.
    low, high : float
        Smallest and largest value among the training rows, in `unit`.
    unit : str
        What one step of the value means.
    categories : tuple of str
        The names behind the codes; empty for a continuous attribute.

    Examples
    --------
    >>> Feature("age", "continuous", integer=True, low=17, high=90, unit="years").categories
    ()
    """

    name: str
    kind: str
    integer: bool
    low: float
    high: float
    unit: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of one split.

    Attributes
    ----------
    x : ndarray of float32, (N, ...)
        Inputs in the data's own units.
    y : ndarray of int64, (N,)
        True class, an index into `class_names`.
    class_names : tuple of str
        The C classes.
    groups : mapping of str to ndarray, each (N,)
        Protected attributes by name, as strings.
    features : tuple of Feature
        One per column of a table; empty for images.
    name : str
        Short name of the data.

    Raises
    ------
    FairtollError
        Where lengths differ, a label is out of range or an input is not finite.

    Examples
    --------
    >>> rows = Dataset(np.zeros((2, 3)), np.array([0, 1]), ("no", "yes"), groups={"sex": ["f", "m"]})
    >>> len(rows), rows.groups["sex"].tolist()
    (2, ['f', 'm'])
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    class_names: tuple[str, ...]
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    features: tuple[Feature, ...] = ()
    name: str = "data"

    def __post_init__(self) -> None:
        x = own_rows(self.x)
        y = np.asarray(self.y)
        groups = {name: np.asarray(values, dtype=np.str_) for name, values in self.groups.items()}
        if x.ndim < 2 or y.ndim != 1 or len(y) != len(x) or not len(y):
            raise FairtollError(
                f"x has shape {x.shape} and y {y.shape}; expected (rows, ...) and (rows,), and at least one row"
            )
        if not np.isfinite(x).all():
            row = int(np.argwhere(~np.isfinite(x))[0][0])
            raise FairtollError(f"row {row} of x holds NaN or infinity; drop or fill such rows first")
        if not np.issubdtype(y.dtype, np.integer):
            raise FairtollError(f"labels are of type {y.dtype}; expected integers that index class_names")
        if y.min() < 0 or y.max() >= len(self.class_names):
            raise FairtollError(
                f"labels run from {y.min()} to {y.max()}; expected integers 0 to {len(self.class_names) - 1}, "
                f"one per class name {self.class_names}"
            )
        if self.features and x.shape[1:] != (len(self.features),):
            raise FairtollError(f"{len(self.features)} features for rows of shape {x.shape[1:]}; expected one a column")
        for attribute, values in groups.items():
            if values.shape != y.shape:
                raise FairtollError(
                    f"attribute '{attribute}' has shape {values.shape} for {len(y)} rows; expected one value per row"
                )
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y.astype(np.int64))
        object.__setattr__(self, "groups", groups)

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: ArrayLike) -> Dataset:
        """The rows at positions `rows`, in that order."""
        at = np.asarray(rows, dtype=np.int64)
        groups = {name: values[at] for name, values in self.groups.items()}
        return Dataset(self.x[at], self.y[at], self.class_names, groups, self.features, self.name)


@dataclass(frozen=True, eq=False)
class TrainTest:
    """A data set's official split.

    Attributes
    ----------
    train, test : Dataset
        The two splits, of the same schema.
    title, note : str
        What to call the data in a report, and where it comes from.

    Examples
    --------
    >>> rows = Dataset(np.array([[0.0], [2.0]]), np.array([0, 1]), ("no", "yes"))
    >>> TrainTest(rows, rows, title="Two rows", note="made here").spread
    array([1.], dtype=float32)
    """

    train: Dataset
    test: Dataset
    title: str
    note: str

    @property
    def spread(self) -> NDArray[np.float32]:
        """Standard deviation of each feature over the training rows, in its own units."""
        spread: NDArray[np.float32] = self.train.x.std(axis=0, dtype=np.float64).astype(np.float32)
        return spread
