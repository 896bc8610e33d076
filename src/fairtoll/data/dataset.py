"""`Dataset`: rows with their labels, protected attributes and feature schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import as_array, check_same_rows
from fairtoll.inputs.features import Feature, Schema
from fairtoll.inputs.labels import as_labels
from fairtoll.inputs.names import as_attribute_names, as_names, partition_rows
from fairtoll.inputs.rows import own_rows


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
        The C classes; numbers are read as their text.
    groups : mapping of str to ndarray, each (N,)
        Protected attributes by name; their values are labels, kept as the labels' names (`fairtoll.inputs.labels`).
    features : tuple of Feature
        One per column of a table; empty for images.
    name : str
        Short name of the data.

    Raises
    ------
    FairtollError
        Where lengths or pandas indexes differ, a label is out of range, an input is not finite, a class is named
        twice, or an attribute has missing values or one of the names "class", "row" and "label".

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
        if not isinstance(self.groups, Mapping):
            raise FairtollError(
                f"groups is of type {type(self.groups).__name__}; expected attributes by name; give {{name: values}}"
            )
        check_same_rows(x=self.x, y=self.y, **{f"attribute '{name}'": one for name, one in self.groups.items()})
        x, y = own_rows(self.x), as_array(self.y, name="y")
        class_names = as_names(self.class_names, what="a class")
        if x.ndim < 2 or y.ndim != 1 or len(y) != len(x) or not len(y):
            raise FairtollError(
                f"x has shape {x.shape} and y {y.shape}; expected (rows, ...) and (rows,), and at least one row"
            )
        if not np.isfinite(x).all():
            row = int(np.argwhere(~np.isfinite(x))[0][0])
            raise FairtollError(f"row {row} of x holds NaN or infinity; drop or fill such rows first")
        if not np.issubdtype(y.dtype, np.integer):
            raise FairtollError(f"labels are of type {y.dtype}; expected integers that index class_names")
        if y.min() < 0 or y.max() >= len(class_names):
            raise FairtollError(
                f"labels run from {y.min()} to {y.max()}; expected integers 0 to {len(class_names) - 1}, "
                f"one per class name {class_names}"
            )
        if self.features and x.shape[1:] != (len(self.features),):
            raise FairtollError(f"{len(self.features)} features for rows of shape {x.shape[1:]}; expected one a column")
        names = as_attribute_names(list(self.groups))
        groups = {
            name: _attribute(name, one, rows=len(y)) for name, one in zip(names, self.groups.values(), strict=True)
        }
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y.astype(np.int64))
        object.__setattr__(self, "class_names", class_names)
        object.__setattr__(self, "groups", groups)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def schema(self) -> Schema:
        """What the numbers of a row and of a class mean."""
        return Schema(self.features, self.class_names)

    def partition(self, name: str) -> tuple[tuple[str, ...], NDArray[np.intp]]:
        """The groups of a partition and the position among them of each row's, (N,).

        By "class", by an attribute, or by several joined by " & ".

        Raises
        ------
        FairtollError
            For an unknown attribute, or groups that would share a name.
        """
        known = ["class", *self.groups]
        return partition_rows(name, known=known, column=self._column)

    def _column(self, name: str) -> NDArray[np.str_]:
        return np.array(self.class_names)[self.y] if name == "class" else self.groups[name]

    def take(self, rows: ArrayLike) -> Dataset:
        """The rows at positions `rows`, (n,) of integers, in that order."""
        at = as_array(rows, name="rows")
        if at.ndim != 1 or (at.dtype.kind not in "iu" and at.size):
            raise FairtollError(
                f"rows is of type {at.dtype} and shape {at.shape}; expected row numbers (n,); "
                "turn a mask into them with numpy.flatnonzero"
            )
        at = at.astype(np.int64)
        if at.size and not -len(self) <= at.min() <= at.max() < len(self):
            raise FairtollError(
                f"rows run from {at.min()} to {at.max()}; expected positions in {len(self)} rows; take fewer"
            )
        groups = {name: values[at] for name, values in self.groups.items()}
        return Dataset(self.x[at], self.y[at], self.class_names, groups, self.features, self.name)


def _attribute(name: str, values: ArrayLike, *, rows: int) -> NDArray[np.str_]:
    """The name of each row's group, (N,)."""
    what = f"attribute '{name}'"
    labels = as_labels(values, name=what, remedy="give one value per row")
    if len(labels.codes) != rows:
        raise FairtollError(f"{what} has {len(labels.codes)} values for {rows} rows; expected one value per row")
    return labels.of_rows


@dataclass(frozen=True, eq=False)
class TrainTest:
    """A data set's official split.

    Attributes
    ----------
    train, test : Dataset
        The two splits, of the same schema.
    title, note : str
        The title of the data in a report, and where it comes from.
    unofficial : str, optional
        How the data differ from the official ones of that name; every figure of them says so.

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
    unofficial: str | None = None

    @property
    def spread(self) -> NDArray[np.float32]:
        """Standard deviation of each feature over the training rows, in its own units."""
        spread: NDArray[np.float32] = self.train.x.std(axis=0, dtype=np.float64).astype(np.float32)
        return spread
