"""In which form a model of tables takes its rows: found by trying every category of the table, before any work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature, Schema
from fairtoll.models.fitted import Rows
from fairtoll.models.outputs import Declared
from fairtoll.models.tables import Decoder, TableModel
from fairtoll.models.trial import answers, trial_rows


def table_model(
    scores: Callable[[Any], Any],
    schema: Schema,
    *,
    rows: Rows,
    order: NDArray[np.intp] | None = None,
    declared: Declared,
    thresholds: Callable[[Decoder], dict[int, NDArray[np.float32]]] | None = None,
) -> TableModel:
    """The model in the first of some forms that it takes.

    Parameters
    ----------
    scores : callable
        As `TableModel` takes it.
    schema : Schema
        Of the table.
    rows : Rows
        Its forms, tried in order.
    order, declared
        As `TableModel` takes them.
    thresholds : callable, optional
        As `TableModel` takes it; it is given the decoder.

    Raises
    ------
    FairtollError
        If the table lacks a column, or the model fails on rows of the table in every form, on a category or on missing
        values.
    """
    require_columns(rows.columns, schema.features)
    first: FairtollError | None = None
    for form in rows.forms:
        decoder = Decoder(schema.features, form=form, columns=rows.columns, gap=rows.gap)
        model = TableModel(
            scores,
            decoder,
            order=order,
            declared=declared,
            thresholds=None if thresholds is None else lambda made=decoder: thresholds(made),  # type: ignore[misc]
        )
        try:
            require_missing_taken(model, schema.features)
        except FairtollError as error:
            first = first or error
        else:
            model.answers = answers(model, schema.features)
            return model
    assert first is not None
    raise first


def require_columns(columns: Sequence[str] | None, features: Sequence[Feature]) -> None:
    """Raise if a model reads columns that are no features of the table.

    Examples
    --------
    >>> require_columns(["age"], [])
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: the model reads the columns 'age', which are no features of the table, which has: \
none; expected every column that it was fitted on; name them as features
    """
    there = [feature.name for feature in features]
    lacking = [name for name in columns or () if name not in there]
    if lacking:
        raise FairtollError(
            f"the model reads the columns {', '.join(map(repr, lacking))}, which are no features of the table, which "
            f"has: {', '.join(there) or 'none'}; expected every column that it was fitted on; name them as features"
        )


def require_missing_taken(model: TableModel, features: Sequence[Feature]) -> None:
    """Raise if a model fails on rows of a table, or on those with missing values where it has some.

    Examples
    --------
    >>> require_missing_taken(TableModel(lambda rows: rows), [Feature("a", "continuous", False, 0, 1, "")])
    """
    model(torch.from_numpy(trial_rows(features, missing=False)))
    gaps = [feature.name for feature in features if feature.missing is not None]
    if gaps:
        try:
            found = model(torch.from_numpy(trial_rows(features)))
        except FairtollError as error:
            raise FairtollError(
                f"the model takes no missing values, and the table has some in {', '.join(map(repr, gaps))} ({error}); "
                "expected a model that takes them; add an imputer to its pipeline, or drop these rows"
            ) from error
        if not found.isfinite().all():
            raise FairtollError(
                f"the model answers missing values with NaN, and the table has some in {', '.join(map(repr, gaps))}; "
                "expected a model that takes them; add an imputer to its pipeline, or drop these rows"
            )
