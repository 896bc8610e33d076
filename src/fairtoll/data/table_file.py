"""A CSV or Parquet file as a table, read strictly: no field shifts, and nothing is dropped silently."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pandas as pd

from fairtoll.errors import FairtollError

#: What a field of a CSV file may hold in place of a value, as pandas reads it.
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
PARQUET, CSV = (".parquet", ".pq"), (".csv", ".csv.gz")


def read_table(path: Path, *, keep_na: Sequence[str] = ()) -> pd.DataFrame:
    """The table in a file.

    Parameters
    ----------
    path : Path
        Ends in .csv, .csv.gz, .parquet or .pq.
    keep_na : sequence of str
        Columns of a CSV file in which texts such as NA and None are values; an empty field is missing there too.

    Raises
    ------
    FairtollError
        If the file is missing, of another kind or damaged, a row has more or fewer fields than the header, or `keep_na`
        names no column of a CSV file.
    """
    suffix = suffix_of(path)
    if not path.is_file():
        other = suffix and suffix.lower() not in PARQUET + CSV and not path.exists()
        also = f", and a file with the suffix '{suffix}' would not be read" if other else ""
        raise FairtollError(f"{path} is not a file{also}; expected a table in CSV or Parquet; check the path")
    if suffix.lower() not in PARQUET + CSV:
        raise FairtollError(
            f"{path} has the suffix '{suffix}'; expected .csv, .csv.gz, .parquet or .pq; convert it first"
        )
    if keep_na and suffix.lower() in PARQUET:
        raise FairtollError(f"keep_na is given for {path}; text in Parquet is read as it is; leave the option out")
    try:
        return pd.read_parquet(path) if suffix.lower() in PARQUET else _read_csv(path, keep_na)
    except FairtollError:
        raise
    # Damaged files raise half a dozen kinds of error, ArrowInvalid and UnicodeDecodeError among them.
    except (OSError, ValueError, EOFError, csv.Error) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise FairtollError(f"{path} cannot be read as {suffix} ({reason}); write the file again") from error


def suffix_of(path: Path) -> str:
    """The suffix of a file's name, `.gz` with the suffix before it.

    Examples
    --------
    >>> suffix_of(Path("my.rows.csv.gz"))
    '.csv.gz'
    """
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def texts_read_as_missing(path: Path, columns: Sequence[str]) -> list[str]:
    """The distinct texts in some columns of a CSV file that were read as missing; empty fields are not text."""
    if suffix_of(path).lower() not in CSV:
        return []
    as_written = pd.read_csv(path, usecols=list(columns), dtype=str, keep_default_na=False, index_col=False)
    found = {text for column in columns for text in as_written[column].unique()}
    return sorted(found.intersection(MISSING) - {""})


def _read_csv(path: Path, keep_na: Sequence[str]) -> pd.DataFrame:
    _check_fields(path)
    columns = list(pd.read_csv(path, nrows=0, index_col=False).columns)  # pandas names columns without a name here
    unknown = [column for column in keep_na if column not in columns]
    if unknown:
        raise FairtollError(
            f"keep_na names {', '.join(map(repr, unknown))}; the table has: {', '.join(columns)}; correct the names"
        )
    # Without index_col=False pandas takes a surplus field for an index and shifts all others.
    return pd.read_csv(
        path,
        index_col=False,
        keep_default_na=False,
        na_values={column: [""] if column in keep_na else list(MISSING) for column in columns},
    )


def _check_fields(path: Path) -> None:
    """An error if the header names a column twice, or a row has another number of fields."""
    with _opened(path) as handle:
        rows = csv.reader(handle)
        header = next((row for row in rows if not _is_blank(row)), [])
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise FairtollError(
                f"the header of {path} names {', '.join(map(repr, twice))} twice; expected each column once; rename one"
            )
        for row in rows:
            if len(row) != len(header) and not _is_blank(row):
                raise FairtollError(
                    f"line {rows.line_num} of {path} has {len(row)} fields and the header has {len(header)} "
                    f"({', '.join(header)}); expected the same number in every row; correct the file"
                )


def _is_blank(row: Sequence[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _opened(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")
