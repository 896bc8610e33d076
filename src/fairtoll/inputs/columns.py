"""Columns and rows as a caller has them, read as numpy arrays with matching rows.

A pandas object carries an index. Two of them whose indexes differ are sorted or filtered differently, and joined
by position they give a wrong number silently: only equal indexes or plain arrays are accepted. Nothing here
writes to its input, and neither pandas nor torch is imported.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError

UNREADABLE = (
    "{name} cannot be read as an array ({cause}); expected a list, numpy array, torch tensor or pandas "
    "column; give rows of equal length"
)
EMPTY = "{name} has shape {shape}, which is empty; expected at least one entry; check the filter before"
WRONG_DIMENSIONS = "{name} has shape {shape}; expected {expected}; {remedy}"
LENGTHS_DIFFER = "{name} has {given} rows; expected {expected}, as many as {reference}; give one entry per row"
MASKED = "{name} has {count} masked entries; expected a value in every entry; remove those rows or fill them"
INDEXES_DIFFER = (
    "{name} has another pandas index than {reference}, first in row {row} ({given} instead of {wanted}); expected "
    "equal indexes, or plain arrays; align one with .loc[...], or pass .to_numpy() where the order is right"
)
NO_COLUMN = "no column {missing}{hint}; expected columns of the table, which has: {known}; correct the name"
DOUBLED_COLUMN = "column {doubled} appears more than once; expected each column once; rename or drop one"
COLUMN_LEVELS = (
    "the table's columns have {levels} levels; expected one name for each column; flatten them, such as with "
    "table.columns = ['_'.join(map(str, name)) for name in table.columns]"
)


def as_array(values: ArrayLike, *, name: str) -> NDArray[Any]:
    """View or copy `values` as a numpy array, of any type.

    Raises
    ------
    FairtollError
        If they are no array, or masked in part.

    Examples
    --------
    >>> as_array([[1, 2], [3, 4]], name="x").shape
    (2, 2)
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise FairtollError(MASKED.format(name=name, count=int(np.ma.getmaskarray(values).sum())))
    try:
        return np.asarray(_off_device(values))
    except (TypeError, ValueError, RuntimeError) as error:
        cause = (str(error).splitlines() or [type(error).__name__])[0]
        raise FairtollError(UNREADABLE.format(name=name, cause=cause)) from error


def as_column(values: ArrayLike, *, name: str, remedy: str = "give one entry per row") -> NDArray[Any]:
    """Read `values` as (N,); a data frame of one column is accepted.

    Raises
    ------
    FairtollError
        If they have another shape, or no entry.

    Examples
    --------
    >>> as_column([[1], [2]], name="groups")
    array([1, 2])
    """
    return one_column(as_array(values, name=name), name=name, remedy=remedy)


def one_column(array: NDArray[Any], *, name: str, remedy: str = "give one entry per row") -> NDArray[Any]:
    """The (N,) entries of an array of shape (N,) or (N, 1), N at least 1.

    Examples
    --------
    >>> one_column(np.ones((2, 1)), name="groups")
    array([1., 1.])
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise FairtollError(WRONG_DIMENSIONS.format(name=name, shape=array.shape, expected="(N,)", remedy=remedy))
    if array.size == 0:
        raise FairtollError(EMPTY.format(name=name, shape=array.shape))
    return array


def check_length(array: NDArray[Any], *, name: str, like: NDArray[Any], reference: str = "y_true") -> None:
    """Refuse `array` unless it has as many rows as `like`.

    Examples
    --------
    >>> check_length(np.zeros(2), name="groups", like=np.ones(2))
    """
    if len(array) != len(like):
        raise FairtollError(LENGTHS_DIFFER.format(name=name, given=len(array), expected=len(like), reference=reference))


def check_same_rows(**given: Any) -> None:
    """Raise if pandas objects among the arguments, or in lists among them, have different indexes.

    Parameters
    ----------
    **given
        What the caller passed, by its name in errors; plain arrays and None have no index and are not compared.

    Raises
    ------
    FairtollError
        Naming the two, and the first row in which they differ.

    Examples
    --------
    >>> check_same_rows(y_true=[0, 1], groups=np.array(["a", "b"]))
    """
    check_same_index((name, index) for name, values in given.items() for name, index in _indexes(name, values))


def check_same_index(indexes: Iterable[tuple[str, Any]]) -> None:
    """As `check_same_rows`, for pandas indexes by name; None is not compared.

    Examples
    --------
    >>> check_same_index([("outcomes", None), ("groups", None)])
    """
    reference, first = "", None
    for name, index in indexes:
        if index is None:
            continue
        if first is None:
            reference, first = name, index
        elif len(index) == len(first) and not first.equals(index):  # different lengths raise their own error
            pairs = zip(index, first, strict=True)
            row, pair = next(
                ((row, pair) for row, pair in enumerate(pairs) if pair[0] != pair[1]), (0, (index[0], first[0]))
            )
            raise FairtollError(
                INDEXES_DIFFER.format(
                    name=name, reference=reference, row=row, given=repr(pair[0]), wanted=repr(pair[1])
                )
            )


def index_of(values: Any, *, axis: int = 0) -> Any:
    """The pandas index of the rows (the columns with axis 1) of `values`; None where it has none.

    Examples
    --------
    >>> index_of([1, 2]) is None
    True
    """
    # A list has a method `index`; an `iloc` only pandas has.
    return values.axes[axis] if hasattr(values, "iloc") and hasattr(values, "axes") else None


def check_columns(columns: Any, used: Sequence[Any]) -> None:
    """Raise unless the columns of a table (a pandas index) contain each name of `used` exactly once.

    Raises
    ------
    FairtollError
        For columns of several levels, and for a column that is missing or doubled.

    Examples
    --------
    >>> import pandas as pd
    >>> check_columns(pd.Index(["y", "p", "p"]), ["y"])
    """
    levels = getattr(columns, "nlevels", 1)
    if levels > 1:
        raise FairtollError(COLUMN_LEVELS.format(levels=levels))
    there = list(columns)
    unnamed = [name for name in used if not isinstance(name, Hashable)]
    if unnamed:
        raise FairtollError(NO_COLUMN.format(missing=unnamed[0], hint="", known=", ".join(map(str, there)) or "none"))
    missing = [name for name in dict.fromkeys(used) if name not in there]
    if missing:
        names = list(map(str, there))
        close = get_close_matches(str(missing[0]), names, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise FairtollError(
            NO_COLUMN.format(missing=", ".join(map(str, missing)), hint=hint, known=", ".join(names) or "none")
        )
    doubled = [name for name in dict.fromkeys(used) if there.count(name) > 1]
    if doubled:
        raise FairtollError(DOUBLED_COLUMN.format(doubled=", ".join(map(repr, doubled))))


def _indexes(name: str, values: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(values, list | tuple) and values and hasattr(values[0], "iloc"):
        for place, one in enumerate(values):
            yield f"{name}[{place}]", index_of(one)
    else:
        yield name, index_of(values)


def _off_device(values: Any) -> Any:
    """Torch tensors, alone or in a list, as numpy; everything else unchanged."""
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        tensor = values.detach().cpu()
        # numpy has no bfloat16
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    if isinstance(values, list | tuple) and values and hasattr(values[0], "detach"):
        return [_off_device(value) for value in values]
    return values
