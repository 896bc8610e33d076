"""Reading predictions that someone made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.errors import FairtollError


def read_predictions(
    frame: pd.DataFrame,
    *,
    label: str,
    probabilities: Mapping[str, str],
    groups: Sequence[str] = (),
    arm: str | None = None,
    seed: str | None = None,
    row: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """The tables `rows` and `predictions` of `Evidence`, and the C class names; see `Evidence.from_frame`.

    Raises
    ------
    FairtollError
        As `Evidence.from_frame` does.

    Examples
    --------
    >>> rows, predictions, names = read_predictions(
    ...     pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]}), label="y", probabilities={"a": "p"})
    >>> rows["label"].tolist(), names
    ([0, 1], ('a', 'b'))
    """
    keys = [column for column in (arm, seed, row) if column]
    _check_columns(frame, [label, *groups, *keys], list(probabilities.values()))
    labels = frame[label].astype(str).to_numpy()
    class_names, matrix = _class_probabilities(frame, labels, probabilities)
    model = pd.DataFrame(
        {
            "arm": frame[arm].astype(str).to_numpy() if arm else "model",
            "seed": frame[seed].to_numpy() if seed else 0,
        },
        index=pd.RangeIndex(len(frame)),
    )
    numbers = frame[row].to_numpy() if row else model.groupby(["arm", "seed"]).cumcount().to_numpy()
    names, codes = np.unique(numbers, return_inverse=True)
    rows = pd.DataFrame({"row": codes, "label": np.searchsorted(class_names, labels)})
    for column in groups:
        rows[column] = frame[column].astype(str).to_numpy()
    distinct = rows.drop_duplicates().sort_values("row", ignore_index=True)
    if len(distinct) != len(names):
        raise FairtollError(
            "a row has different labels or groups in different models; give a `row` column that tells test rows "
            "apart, or list the same rows in the same order for each model and run"
        )
    predictions = model.assign(evaluation="clean", threat="", epsilon=0.0, row=codes)
    for (one, run), found in predictions.groupby(["arm", "seed"], sort=False)["row"]:
        if len(found) != len(names) or found.nunique() != len(names):
            raise FairtollError(
                f"arm '{one}', run {run}, predicts {found.nunique()} of {len(names)} rows in {len(found)} entries; "
                "expected one prediction for each row"
            )
    for index in range(len(class_names)):
        predictions[f"probability_{index}"] = matrix[:, index].astype(np.float32)
    return distinct, predictions, class_names


def check_probabilities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same array, or an error if it does not hold probabilities of the classes, `(N, C)`.

    Raises
    ------
    FairtollError
        For NaN, infinity, values outside 0 to 1, or rows that do not sum to one.

    Examples
    --------
    >>> check_probabilities(np.array([[0.5, 0.5]])).shape
    (1, 2)
    """
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise FairtollError(f"prediction {row} holds NaN or infinity; expected probabilities")
    if values.size and (values.min() < -1e-6 or values.max() > 1 + 1e-6):
        raise FairtollError(f"probabilities run from {values.min():.3g} to {values.max():.3g}; expected 0 to 1")
    off = np.abs(values.sum(axis=1) - 1)
    if values.size and off.max() > 1e-3:
        row = int(off.argmax())
        raise FairtollError(
            f"the probabilities of prediction {row} sum to {values[row].sum():.4g}; expected 1: give one column for "
            "each class, after the softmax"
        )
    return values


def _check_columns(frame: pd.DataFrame, names: Sequence[str], numbers: Sequence[str]) -> None:
    missing = [column for column in [*names, *numbers] if column not in frame]
    if missing:
        raise FairtollError(f"no column {', '.join(missing)}; the frame has: {', '.join(map(str, frame.columns))}")
    if not len(frame):
        raise FairtollError("the frame has no rows; expected one for each prediction")
    for column in names:
        empty = int(frame[column].isna().sum())
        if empty:
            raise FairtollError(f"column '{column}' is empty in {empty} of {len(frame)} rows; drop or fill them first")


def _class_probabilities(
    frame: pd.DataFrame, labels: NDArray[np.object_], columns: Mapping[str, str]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The class names in order, and the probabilities `(N, C)`."""
    values = {}
    for name, column in columns.items():
        try:
            values[str(name)] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise FairtollError(
                f"column '{column}' holds something that is no number ({error}); expected probabilities"
            ) from error
    if len(values) == 1:
        given, chance = next(iter(values.items()))
        others = sorted(set(labels) - {given})
        if len(others) != 1:
            raise FairtollError(
                f"one probability column, for class '{given}', and the labels {sorted(set(labels))}; with more "
                "than two classes give a probability column for each"
            )
        values[others[0]] = 1.0 - chance
    names: tuple[str, ...] = tuple(sorted(values))
    unknown = sorted(set(labels) - set(names))
    if unknown:
        raise FairtollError(f"labels {unknown} have no probability column; given: {', '.join(names)}")
    return names, check_probabilities(np.stack([values[one] for one in names], axis=1))
