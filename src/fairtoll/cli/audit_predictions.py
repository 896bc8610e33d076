"""Predictions that were made elsewhere, from a table."""

from __future__ import annotations

from pathlib import Path

from fairtoll.cli.settings import DataSettings
from fairtoll.data.table_file import read_table
from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence


def load_predictions(data: DataSettings) -> Evidence:
    """The evidence that a table of predictions is.

    Raises
    ------
    FairtollError
        For a file, a column or a value that is not there; see `Evidence.from_frame`.
    """
    assert data.predictions is not None
    path = Path(data.predictions)
    if data.label is None:
        raise FairtollError("no label; expected the column of the true class; give --label COLUMN, or label in [data]")
    if not data.probabilities:
        raise FairtollError(
            "no probabilities; expected the column of each class's probability, one where there are two classes; give "
            "--probability CLASS=COLUMN"
        )
    return Evidence.from_frame(
        read_table(path, keep_na=data.keep_na),
        label=data.label,
        probabilities=data.probabilities,
        groups=data.groups,
        arm=data.model_column,
        seed=data.run_column,
        row=data.row_column,
        name=path.name.partition(".")[0],
    )
