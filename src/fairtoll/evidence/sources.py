"""Where a table of evidence comes from: a table in memory, or parts in files, which are read one at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from fairtoll.storage.files import read_parquet, read_parts
from fairtoll.storage.records import verifying_records


class Source(Protocol):
    """A table of evidence."""

    def parts(self) -> Iterator[pd.DataFrame]:
        """Its parts, one after the other."""

    def whole(self) -> pd.DataFrame:
        """All of it."""


class Given:
    """A table in memory.

    Examples
    --------
    >>> len(Given(pd.DataFrame({"row": [0, 1]})).whole())
    2
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def parts(self) -> Iterator[pd.DataFrame]:
        """It is one part."""
        yield self._frame

    def whole(self) -> pd.DataFrame:
        """As it was given."""
        return self._frame


class Files:
    """Parts in files of one folder.

    Parameters
    ----------
    paths : sequence of Path
        The files, in order.
    empty : DataFrame
        The table where there are none.
    without : collection of str
        Columns that parts are read without.

    Examples
    --------
    >>> list(Files([], pd.DataFrame({"row": []})).whole())
    ['row']
    """

    def __init__(self, paths: Sequence[Path], empty: pd.DataFrame, *, without: Collection[str] = ()) -> None:
        self._paths, self._empty, self._without = list(paths), empty, without

    def parts(self) -> Iterator[pd.DataFrame]:
        """Each file, only while it is looked at.

        Raises
        ------
        FairtollError
            As `read_parts`.
        """
        yield from read_parts(self._paths, without=self._without)

    def whole(self) -> pd.DataFrame:
        """All files as one table, read again.

        Raises
        ------
        FairtollError
            If a file is missing, damaged or not as it was recorded.
        """
        if not self._paths:
            return self._empty
        with verifying_records(self._paths[0].parent, names=[path.name for path in self._paths]):
            frame = read_parquet(*self._paths)
        return frame if len(frame) else self._empty
