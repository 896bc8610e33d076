"""Any table as a `Dataset`: a DataFrame, a CSV or a Parquet file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.columns import check_columns
from fairtoll.data._columns import class_codes, feature_column
from fairtoll.data.dataset import Dataset
from fairtoll.errors import FairtollError


def load_frame(
    source: pd.DataFrame | str | os.PathLike[str],
    *,
    label: str,
    groups: Sequence[str] = (),
    features: Sequence[str] | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    class_names: Sequence[str] | None = None,
    name: str | None = None,
) -> Dataset:
    """One table of rows as a `Dataset`; numbers stay in their own units, nothing is scaled.

    Columns of text, category or bool become codes: the position of a value among the sorted values
    of its column. To code two files alike (a training and a test split), give `categories`, or take
    the split after loading.

    Parameters
    ----------
    source : DataFrame or path
        A path ends in .csv, .csv.gz, .parquet or .pq. Pickle is never read.
    label : str
        Column of the true class, of any type.
    groups : sequence of str
        Columns of protected attributes; their values are read as strings.
    features : sequence of str, optional
        Columns of the inputs, in order. Default: all but the label, protected ones included (as in Adult).
    categories : mapping of str to sequence of str, optional
        For a column, all its values in the order of their codes.
    class_names : sequence of str, optional
        All values of the label in the order of the classes. Default: its values, sorted.
    name : str, optional
        Short name of the data. Default: the file's.

    Returns
    -------
    Dataset
        `x` is `(N, D)` float32; `features` holds each column's kind, range and categories.

    Raises
    ------
    FairtollError
        For a file that is missing, of another kind or damaged; columns that are missing, empty in
        some rows, or neither numbers nor categories; no rows; a label with one class.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [30, 40, 50], "job": ["b", "a", "b"], "pay": ["low", "high", "low"]})
    >>> rows = load_frame(frame, label="pay", groups=["job"])
    >>> rows.x.tolist(), rows.y.tolist(), rows.class_names
    ([[30.0, 1.0], [40.0, 0.0], [50.0, 1.0]], [1, 0, 1], ('high', 'low'))
    >>> rows.features[1].categories
    ('a', 'b')
    """
    frame, found = (source, "data") if isinstance(source, pd.DataFrame) else _read(Path(source))
    if isinstance(groups, str) or isinstance(features, str):
        raise FairtollError("groups and features are lists of columns; expected ['sex'], not 'sex'")
    chosen = [column for column in frame.columns if column != label] if features is None else list(features)
    _check(frame, label=label, groups=groups, features=chosen, categories=categories)
    y, classes = class_codes(frame[label], class_names)
    columns, schema = [], []
    for column in chosen:
        values, feature = feature_column(frame[column], (categories or {}).get(column))
        columns.append(values)
        schema.append(feature)
    x: NDArray[np.float32] = np.stack(columns, axis=1)
    protected = {attribute: frame[attribute].to_numpy() for attribute in groups}
    return Dataset(x, y, classes, protected, tuple(schema), name or found)


def _read(path: Path) -> tuple[pd.DataFrame, str]:
    """The table at `path`, and the file's name without its suffixes."""
    if not path.is_file():
        raise FairtollError(f"{path} is not a file; expected a table in CSV or Parquet; check the path")
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    name = path.name.removesuffix(suffix)
    try:
        if suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(path), name
        if suffix.lower() in (".csv", ".csv.gz"):
            return pd.read_csv(path), name
    # Damaged files raise half a dozen kinds of error, ArrowInvalid and UnicodeDecodeError among them.
    except (OSError, ValueError, EOFError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise FairtollError(f"{path} cannot be read as {suffix} ({reason}); write the file again") from error
    raise FairtollError(f"{path} has the suffix '{suffix}'; expected .csv, .csv.gz, .parquet or .pq; convert it first")


def _check(
    frame: pd.DataFrame,
    *,
    label: str,
    groups: Sequence[str],
    features: Sequence[str],
    categories: Mapping[str, Sequence[str]] | None,
) -> None:
    check_columns(frame.columns, [])
    used = list(dict.fromkeys([label, *groups, *features]))
    there = ", ".join(map(str, frame.columns)) or "none"
    missing = [column for column in dict.fromkeys([*used, *(categories or {})]) if column not in frame.columns]
    if missing:
        raise FairtollError(f"no column {_quoted(missing)}; the table has: {there}; correct the names")
    twice = [column for column in used if (frame.columns == column).sum() > 1 or features.count(column) > 1]
    if twice:
        raise FairtollError(f"column {_quoted(twice)} stands twice; expected each once; rename or drop one")
    if not len(frame):
        raise FairtollError(f"the table has no rows, only the columns {there}; expected one row or more")
    if not features:
        raise FairtollError(f"no column is left as a feature beside the label '{label}'; the table has: {there}")
    if label in features:
        raise FairtollError(f"the label '{label}' is among the features; a model would read the answer; drop it there")
    empty = frame[used].isna()
    if empty.to_numpy().any():
        columns = [column for column in used if empty[column].any()]
        raise FairtollError(
            f"{int(empty.any(axis=1).sum())} of {len(frame)} rows have a missing value, in {_quoted(columns)}; "
            "expected none; drop or fill them first"
        )


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f"'{column}'" for column in columns)
