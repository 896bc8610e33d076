"""Any table as a `Dataset`: a DataFrame, a CSV or a Parquet file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.data._columns import class_codes, column_with_missing
from fairtoll.data.dataset import Dataset
from fairtoll.data.table_file import read_table, suffix_of, texts_read_as_missing
from fairtoll.errors import FairtollError, warn
from fairtoll.inputs.columns import check_columns
from fairtoll.inputs.features import Feature

#: What pandas calls the column of an index that was written as one.
INDEX = re.compile(r"Unnamed: \d+(\.\d+)?|index|level_0|__index_level_0__|")


def load_frame(
    source: pd.DataFrame | str | os.PathLike[str],
    *,
    label: str,
    groups: Sequence[str] = (),
    features: Sequence[str] | None = None,
    like: Dataset | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    class_names: Sequence[str] | None = None,
    keep_na: Sequence[str] = (),
    missing: Literal["refuse", "keep"] = "refuse",
    name: str | None = None,
) -> Dataset:
    """One table of rows as a `Dataset`; numbers stay in their own units, nothing is scaled.

    Columns of text, category or bool become codes: the position of a value among the sorted values
    of its column. Another table of the same data, such as a test split, is coded alike with `like`, the first table.

    Parameters
    ----------
    source : DataFrame or path
        A path ends in .csv, .csv.gz, .parquet or .pq. Pickle is never read.
    label : str
        Column of the true class, of any type.
    groups : sequence of str
        Columns of protected attributes; their values are read as strings.
    features : sequence of str, optional
        Columns of the inputs, in order. Default: those of `like`, else all but the label, the groups and the row
        numbers that pandas writes as a first column without a name.
    like : Dataset, optional
        The training rows, as this function has loaded them: features, categories, classes, ranges and which columns
        hold whole numbers are taken from there.
    categories : mapping of str to sequence of str, optional
        For a column, all its values in the order of their codes; comes before `like`.
    class_names : sequence of str, optional
        All values of the label in the order of the classes. Default: those of `like`, else its values, sorted.
    keep_na : sequence of str
        Columns of a CSV file in which texts such as NA, None and null are values, not missing.
    missing : {"refuse", "keep"}
        Whether features may have missing values, for models that take them: a number outside the range, or a code
        after the last category, stands for one (`Feature.missing`), and such models are given NaN. Labels and groups
        have none.
    name : str, optional
        Short name of the data. Default: the file's.

    Returns
    -------
    Dataset
        `x` is `(N, D)` float32; `features` holds each column's kind, range and categories.

    Raises
    ------
    FairtollError
        For a file that is missing, of another kind or damaged, or with rows longer or shorter than its header; columns
        that are missing, without a name, empty in some rows, neither numbers nor categories, or of whole numbers that
        float32 would change; values that are not among the categories; no rows; a label with one class.

    Warns
    -----
    FairtollWarning
        If a column of row numbers is left out.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [30, 40, 50], "job": ["b", "a", "b"], "pay": ["low", "high", "low"]})
    >>> rows = load_frame(frame, label="pay")
    >>> rows.x.tolist(), rows.y.tolist(), rows.class_names
    ([[30.0, 1.0], [40.0, 0.0], [50.0, 1.0]], [1, 0, 1], ('high', 'low'))
    >>> rows.features[1].categories
    ('a', 'b')
    >>> test = pd.DataFrame({"age": [35, 36], "job": ["b", "b"], "pay": ["low", "high"]})
    >>> load_frame(test, label="pay", like=rows).x[:, 1].tolist()
    [1.0, 1.0]
    """
    if any(isinstance(given, str) for given in (groups, features, keep_na)):
        raise FairtollError("groups, features and keep_na are lists of columns; expected ['sex'], not 'sex'")
    if isinstance(source, pd.DataFrame):
        if keep_na:
            raise FairtollError("keep_na is given for a DataFrame, which holds its values; it is for CSV files alone")
        frame, found = source, "data"
    else:
        path = Path(source)
        frame, found = read_table(path, keep_na=keep_na), path.name.removesuffix(suffix_of(path))
    if missing not in ("refuse", "keep"):
        raise FairtollError(f"missing is {missing!r}; expected 'refuse' or 'keep'; correct it")
    check_columns(frame.columns, [])
    chosen = list(features) if features is not None else _default_features(frame, label, groups, like)
    known = {feature.name: feature for feature in like.features} if like is not None else {}
    _check(frame, label=label, groups=groups, features=chosen, categories=categories)
    must_be_there = [label, *groups, *(chosen if missing == "refuse" else [])]
    _check_missing(frame, list(dict.fromkeys(must_be_there)), source, features=chosen)
    y, classes = class_codes(frame[label], class_names if class_names is not None or like is None else like.class_names)
    read = [_feature(frame[column], known.get(column), (categories or {}).get(column), like) for column in chosen]
    x: NDArray[np.float32] = np.stack([values for values, _ in read], axis=1)
    protected = {attribute: frame[attribute].to_numpy() for attribute in groups}
    return Dataset(x, y, classes, protected, tuple(feature for _, feature in read), name or found)


def _feature(
    column: pd.Series[Any], known: Feature | None, categories: Sequence[str] | None, like: Dataset | None
) -> tuple[NDArray[np.float32], Feature]:
    if categories is not None or like is None:
        return column_with_missing(column, None, categories)
    if known is None:
        there = ", ".join(feature.name for feature in like.features)
        raise FairtollError(
            f"column '{column.name}' is not a feature of the training rows, which have: {there}; load both with the "
            "same features"
        )
    return column_with_missing(column, known, None)


def _default_features(frame: pd.DataFrame, label: str, groups: Sequence[str], like: Dataset | None) -> list[str]:
    if like is not None:
        return [feature.name for feature in like.features]
    chosen = [column for column in frame.columns if column != label and column not in groups]
    if chosen and _numbers_rows(frame, chosen[0]):
        warn(
            f"column '{chosen[0]}' numbers the rows and is left out of the features; write tables without their index "
            "(to_csv(..., index=False)), or name the features"
        )
        chosen = chosen[1:]
    nameless = [column for column in chosen if str(column).startswith("Unnamed: ") or not str(column).strip()]
    if nameless:
        raise FairtollError(
            f"column {list(frame.columns).index(nameless[0]) + 1} of the table has no name; expected a name for each "
            "column; name it, drop it, or name the features"
        )
    return chosen


def _numbers_rows(frame: pd.DataFrame, column: str) -> bool:
    """Whether it is an index that was written as the first column: distinct whole numbers."""
    values = frame[column]
    return bool(
        column == frame.columns[0]
        and INDEX.fullmatch(str(column).strip())
        and values.ndim == 1
        and pd.api.types.is_integer_dtype(values)
        and values.is_unique
    )


def _check(
    frame: pd.DataFrame,
    *,
    label: str,
    groups: Sequence[str],
    features: Sequence[str],
    categories: Mapping[str, Sequence[str]] | None,
) -> None:
    used = list(dict.fromkeys([label, *groups, *features]))
    there = ", ".join(map(str, frame.columns)) or "none"
    missing = [column for column in dict.fromkeys([*used, *(categories or {})]) if column not in frame.columns]
    if missing:
        close = get_close_matches(missing[0], [str(column) for column in frame.columns], n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise FairtollError(f"no column {_quoted(missing)}; {hint}the table has: {there}; correct the names")
    twice = [column for column in used if (frame.columns == column).sum() > 1 or features.count(column) > 1]
    if twice:
        raise FairtollError(f"column {_quoted(twice)} appears twice; expected each once; rename or drop one")
    if not len(frame):
        raise FairtollError(f"the table has no rows, only the columns {there}; expected one row or more")
    if not features:
        raise FairtollError(
            f"no column is left as a feature besides the label '{label}' and the groups; the table has: {there}; name "
            "the features if groups are among them"
        )
    if label in features:
        raise FairtollError(
            f"the label '{label}' is among the features; a model would read the label itself; drop it there"
        )


def _check_missing(
    frame: pd.DataFrame, used: Sequence[str], source: pd.DataFrame | str | os.PathLike[str], *, features: Sequence[str]
) -> None:
    empty = frame[list(used)].isna()
    if not empty.to_numpy().any():
        return
    columns = [column for column in used if empty[column].any()]
    said = (
        f"{int(empty.any(axis=1).sum())} of {len(frame)} rows have a missing value, in {_quoted(columns)}; "
        "expected none; drop or fill them first"
    )
    if all(column in features for column in columns):
        said += ", or keep them with missing='keep' (--missing keep) if the models take them"
    texts = [] if isinstance(source, pd.DataFrame) else texts_read_as_missing(Path(source), columns)
    if texts:
        said += (
            f"; the text {' and '.join(map(repr, texts))} was read as missing: where it is a value, name the column "
            "with keep_na (--keep-na)"
        )
    raise FairtollError(said)


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f"'{column}'" for column in columns)
