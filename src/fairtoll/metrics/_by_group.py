"""One number per group, its gap, and the partitions it is taken over."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_length, check_same_rows
from fairtoll.inputs.labels import Labels, as_labels
from fairtoll.inputs.names import join_cells
from fairtoll.metrics import messages
from fairtoll.metrics._inputs import as_numbers, check_minimum_rows

_ONE_PARTITION = "give one column, or combine several with intersect(...)"


@dataclass(frozen=True, eq=False)
class ByGroup:
    """One value per group, how many rows it is the mean of, and whether they are enough.

    A group with too few rows keeps its value, for tables, and is excluded from the gap.

    Parameters
    ----------
    groups : tuple
        The G groups' names, sorted.
    values : numpy.ndarray
        Each group's mean, (G,), in the unit of what was averaged; NaN for a group with no row.
    rows : numpy.ndarray
        Rows of each value, (G,).
    sufficient : numpy.ndarray
        Whether each group has enough rows to be compared, (G,).
    censored : numpy.ndarray, optional
        Share of each group's rows whose own value is a lower limit, (G,); None where nothing can be.

    Raises
    ------
    FairtollError
        If the arrays do not have one entry per group.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtoll.metrics import ByGroup
    >>> accuracy = ByGroup(
    ...     groups=("cat", "dog", "emu"),
    ...     values=np.array([0.5, 0.75, 1.0]),
    ...     rows=np.array([900, 1000, 2]),
    ...     sufficient=np.array([True, True, False]),
    ... )
    >>> accuracy.gap, accuracy.highest, accuracy.lowest
    (0.25, 'dog', 'cat')
    """

    groups: tuple[Any, ...]
    values: NDArray[np.float64]
    rows: NDArray[np.intp]
    sufficient: NDArray[np.bool_]
    censored: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name in ("values", "rows", "sufficient", "censored"):
            array = getattr(self, name)
            if array is not None and np.shape(array) != (len(self.groups),):
                raise FairtollError(
                    messages.BY_GROUP_SHAPES.format(given=np.size(array), name=name, expected=len(self.groups))
                )

    @property
    def gap(self) -> float:
        """Largest minus smallest value over the sufficient groups; NaN if fewer than two are."""
        values = self.values[self.sufficient]
        return float(values.max() - values.min()) if values.size >= 2 else math.nan

    @property
    def highest(self) -> Any:
        """The sufficient group with the largest value, the first of equals; None if there is none."""
        return self._extreme(np.argmax)

    @property
    def lowest(self) -> Any:
        """The sufficient group with the smallest value, the first of equals; None if there is none."""
        return self._extreme(np.argmin)

    def _extreme(self, place: Any) -> Any:
        among = np.flatnonzero(self.sufficient)
        return self.groups[among[place(self.values[among])]] if among.size else None


def group_means(
    values: ArrayLike, groups: ArrayLike, *, weights: ArrayLike | None = None, minimum_rows: int = 10
) -> ByGroup:
    """Mean of `values` in each group.

    Every metric over a partition is this with other values: correctness for CAU, least epsilon or
    success for CRU, confidence for EOU.

    Parameters
    ----------
    values : array-like
        One finite number per row, (N,), in any unit.
    groups : array-like
        The group of each row, (N,): text, integers or any hashable.
    weights : array-like, optional
        Weight of each row, (N,), 0 or more. A row of weight 0 is not counted. Default: 1 for all.
    minimum_rows : int
        A group with fewer counted rows is flagged as insufficient.

    Returns
    -------
    ByGroup
        The G groups in sorted order, values in the unit of `values`.

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, numbers are not finite, a group is missing or a weight is negative.

    Examples
    --------
    >>> from fairtoll.metrics import group_means
    >>> group_means([1.0, 0.0, 1.0, 1.0], ["a", "a", "b", "b"], minimum_rows=1).values
    array([0.5, 1. ])
    """
    check_same_rows(values=values, groups=groups, weights=weights)
    numbers = as_numbers(values, name="values")
    partition = as_partition(groups, name="groups", like=numbers, reference="values")
    weighting = None
    if weights is not None:
        weighting = as_numbers(weights, name="weights", nonnegative=True)
        check_length(weighting, name="weights", like=numbers, reference="values")
    return means(numbers, partition, weights=weighting, minimum_rows=minimum_rows)


def intersect(*columns: ArrayLike) -> NDArray[np.object_]:
    """Name the cell of a cross-partition that each row is in: sex and race, class and group.

    Parameters
    ----------
    *columns : array-like
        One or more partitions of the same rows, each (N,).

    Returns
    -------
    numpy.ndarray
        Text such as "Female & Black", (N,), the columns in the order given. Cells with no row do
        not arise.

    Raises
    ------
    FairtollError
        If no column is given, lengths or pandas indexes differ, a value is missing, or two cells get the same name.

    Examples
    --------
    >>> from fairtoll.metrics import intersect
    >>> intersect(["Female", "Male", "Female"], [0, 1, 1])
    array(['Female & 0', 'Male & 1', 'Female & 1'], dtype=object)
    """
    if not columns:
        raise FairtollError(messages.NO_COLUMNS)
    check_same_rows(**{f"column {place}": column for place, column in enumerate(columns)})
    return join_cells(columns)


def as_partition(groups: ArrayLike, *, name: str, like: NDArray[Any], reference: str = "y_true") -> Labels:
    """Encode the group of each row, checking that there is one for each row of `like`."""
    partition = as_labels(groups, name=name, remedy=_ONE_PARTITION)
    check_length(partition.codes, name=name, like=like, reference=reference)
    return partition


def as_truth_and_partition(y_true: ArrayLike, groups: ArrayLike | None) -> tuple[Labels, Labels]:
    """Encode the true labels and the partition, which is the classes unless another is given."""
    truth = as_labels(y_true, name="y_true", fractions=False)
    return truth, truth if groups is None else as_partition(groups, name="groups", like=truth.codes)


def means(
    values: NDArray[Any],
    partition: Labels,
    *,
    weights: NDArray[np.bool_] | NDArray[np.float64] | None = None,
    minimum_rows: int,
) -> ByGroup:
    """Group means of arrays that are checked already."""
    check_minimum_rows(minimum_rows)
    size, codes = len(partition.names), partition.codes
    if weights is None:
        rows = np.bincount(codes, minlength=size)
        weight = rows.astype(np.float64)
        total = np.bincount(codes, weights=values, minlength=size)
    else:
        rows = np.bincount(codes[weights > 0], minlength=size)
        weight = np.bincount(codes, weights=weights, minlength=size).astype(np.float64, copy=False)
        total = np.bincount(codes, weights=values * weights, minlength=size)
    averages = np.divide(total, weight, out=np.full(size, np.nan), where=weight > 0)
    return ByGroup(
        groups=partition.names,
        values=averages,
        rows=rows,
        sufficient=(rows >= minimum_rows) & np.isfinite(averages),
    )
