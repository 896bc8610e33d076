"""What the columns of an unknown table may be: guesses, for a person to correct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pandas as pd
from pandas.api import types

from fairtoll.data._columns import class_codes
from fairtoll.data.frame import load_frame
from fairtoll.errors import FairtollError

#: Usual names of the true class, the likeliest first.
LABELS = (
    "label", "target", "class", "y", "outcome", "income", "credit", "credit_risk", "risk", "default", "recid",
    "two_year_recid", "is_recid", "churn", "approved", "status", "result", "diagnosis",
)  # fmt: skip
#: Words in the usual names of protected attributes.
PROTECTED = (
    "sex", "gender", "race", "racial", "ethnicity", "ethnic", "age", "religion", "nationality", "native-country",
    "country", "disability", "marital", "citizenship", "foreign",
)  # fmt: skip
#: A label or a group has so many values at most.
FEW = 20
#: Text with more values than this, in more than half of the rows, and whole numbers, in all of them, say which row it
#: is.
MANY = 50
#: A column of which so few values are no numbers, as a share, is one of numbers with faults; so many are named.
FEW_TEXTS, SHOWN = 0.1, 3
NO_ROWS = "the table has no rows, only the columns {columns}; expected one row or more; give a table with rows"


@dataclass(frozen=True)
class Guess:
    """What the columns of a table may be.

    Attributes
    ----------
    label : str
        The true class.
    groups : tuple of str
        Protected attributes: few values, and a usual name.
    finer : tuple of str
        Columns of such a name with too many values to be groups, such as an age in years.
    features : tuple of str
        Inputs, in the order of the table.
    left_out : mapping of str to str
        Columns that are no inputs, and why.
    unreadable : tuple of str
        Of these, the ones that can be none: no number, and no category either.
    missing : tuple of str
        Features with missing values.
    """

    label: str
    groups: tuple[str, ...]
    finer: tuple[str, ...]
    features: tuple[str, ...]
    left_out: dict[str, str]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


def guess_columns(frame: pd.DataFrame, *, label: str | None = None, groups: Sequence[str] | None = None) -> Guess:
    """Guess the label, the protected attributes and the features of a table.

    Parameters
    ----------
    frame : DataFrame
        The table.
    label : str, optional
        The label, where it is known.
    groups : sequence of str, optional
        The protected attributes, where they are known.

    Raises
    ------
    FairtollError
        If no column may be a label, or one that is named does not exist.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": range(30), "sex": ["f", "m"] * 15, "paid": [0, 1] * 15, "income": ["l", "h"] * 15})
    >>> found = guess_columns(frame)
    >>> found.label, found.groups, found.finer, found.features
    ('income', ('sex',), ('age',), ('age', 'paid'))
    """
    columns = [str(column) for column in frame.columns]
    for name in (*([] if label is None else [label]), *(groups or [])):
        if name not in columns:
            close = get_close_matches(name, columns, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise FairtollError(f"no column '{name}'; {hint}the table has: {', '.join(columns)}; correct the name")
    if not len(frame):
        raise FairtollError(NO_ROWS.format(columns=", ".join(columns)))
    if label is not None:
        class_codes(frame[label].dropna(), None)  # raises where it is none
    values = {name: int(frame[name].nunique(dropna=True)) for name in columns}
    chosen = label if label is not None else _label(columns, values)
    named = [name for name in columns if name != chosen and _is_protected(name)]
    few = tuple(groups) if groups is not None else tuple(name for name in named if 2 <= values[name] <= FEW)
    rest = [name for name in columns if name != chosen and name not in few]
    reasons = {name: _no_feature(frame, name, values[name], chosen) for name in rest}
    left_out = {name: why for name, (why, _) in reasons.items() if why}
    features = tuple(name for name in rest if name not in left_out)
    return Guess(
        label=chosen,
        groups=few,
        finer=tuple(name for name in named if name not in few and values[name] > FEW and name in features),
        features=features,
        left_out=left_out,
        missing=tuple(name for name in features if frame[name].isna().any()),
        unreadable=tuple(name for name in left_out if not reasons[name][1]),
    )


def numbers_with_texts(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, str]:
    """Columns of text that are numbers but for a few values, and which those are.

    Parameters
    ----------
    frame : DataFrame
    names : sequence of str
        Of its columns.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [*map(str, range(20, 50)), "n/a?"], "job": ["clerk", "nurse", "7"] * 10 + ["7"]})
    >>> numbers_with_texts(frame, ["age", "job"])
    {'age': "1 of its 31 values is no number ('n/a?')"}
    """
    found = {}
    for name in names:
        there = frame[name].dropna()
        if types.is_numeric_dtype(there) or isinstance(there.dtype, pd.CategoricalDtype):
            continue
        odd = there[pd.to_numeric(there, errors="coerce").isna()]
        if 0 < len(odd) <= FEW_TEXTS * len(there):
            few = ", ".join(repr(str(one)) for one in odd.unique()[:SHOWN])
            found[name] = f"{len(odd)} of its {len(there)} values {'is' if len(odd) == 1 else 'are'} no number ({few})"
    return found


def _label(columns: Sequence[str], values: dict[str, int]) -> str:
    possible = [name for name in columns if 2 <= values[name] <= FEW]
    if not possible:
        raise FairtollError(
            f"no column of the table has from 2 to {FEW} values, as a label has; it has: {', '.join(columns)}; name "
            "the label with --label"
        )
    spelled = {_plain(name): name for name in reversed(possible)}
    usual = next((spelled[word] for word in LABELS if word in spelled), None)
    return usual or next((name for name in reversed(possible) if not _is_protected(name)), possible[-1])


def _is_protected(name: str) -> bool:
    plain = _plain(name)
    return plain in {_plain(word) for word in PROTECTED} or not set(plain.split("_")).isdisjoint(PROTECTED)


def _plain(name: str) -> str:
    return "_".join(name.strip().lower().replace("-", " ").replace("_", " ").replace(".", " ").split())


def _no_feature(frame: pd.DataFrame, name: str, values: int, label: str) -> tuple[str, bool]:
    """Why a column is no input, nothing where it is one; and whether it can be one."""
    column = frame[name]
    if values == 0:
        return "it has no value", False
    if name.startswith("Unnamed: ") or not name.strip():
        return "it has no name", False
    if types.is_integer_dtype(column) and column.is_unique and _plain(name) in ("id", "index", "row"):
        return "it numbers the rows", True
    if values > MANY and _numbers_rows(column):
        return "every row has another whole number, as an id has", True
    if not types.is_numeric_dtype(column) and values > max(MANY, len(frame) / 2):
        return f"nearly every row has its own of {values} values", True
    try:
        load_frame(frame[[name, label]].dropna(subset=[label]), label=label, features=[name], missing="keep")
    except FairtollError as error:
        return str(error).partition(";")[0], False
    return "", True


def _numbers_rows(column: pd.Series[Any]) -> bool:
    """Whether all values are whole numbers, and no two the same; a column with missing values is one of floats."""
    there = column.dropna()
    if not types.is_numeric_dtype(column) or types.is_bool_dtype(column) or not there.is_unique:
        return False
    return bool(types.is_integer_dtype(column) or (there % 1 == 0).all())
