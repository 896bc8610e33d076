"""Predictions that were made elsewhere, from a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fairtoll.cli.settings import DataSettings
from fairtoll.data.table_file import read_table
from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence


def load_predictions(data: DataSettings, *, ordered: bool = False) -> Evidence:
    """The evidence that a table of predictions is.

    The arm that others are compared with is the reference, or the one whose rows come first.

    Parameters
    ----------
    data : DataSettings
        Where they are.
    ordered : bool
        Whether the order of several models decides something, so that it must not hang on the order of rows.

    Raises
    ------
    FairtollError
        For a file, a column or a value that is not there; see `Evidence.from_frame`. For several models without a
        reference, where their order decides.
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
        _reference_first(read_table(path, keep_na=data.keep_na), data, ordered=ordered),
        label=data.label,
        probabilities=data.probabilities,
        groups=data.groups,
        arm=data.model_column,
        seed=data.run_column,
        row=data.row_column,
        name=path.name.partition(".")[0],
    )


def _reference_first(frame: pd.DataFrame, data: DataSettings, *, ordered: bool) -> pd.DataFrame:
    if data.model_column is None or data.model_column not in frame.columns:
        return frame
    models = frame[data.model_column].astype(str)
    names = list(models.unique())
    if data.reference is None:
        if ordered and len(names) > 1:
            raise FairtollError(
                f"the table has the models {', '.join(names)}, and none is named as the one that others are compared "
                "with; expected a name, since the order of rows must not decide; give --reference NAME"
            )
        return frame
    if data.reference not in names:
        raise FairtollError(
            f"--reference names '{data.reference}'; expected a model of column '{data.model_column}': "
            f"{', '.join(names)}; correct the name"
        )
    first = (models == data.reference).to_numpy()
    return pd.concat([frame[first], frame[~first]], ignore_index=True)
