"""Reading predictions that were made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.checks import column_labels, read_seeds
from fairtoll.evidence.repeats import warn_of_repeats
from fairtoll.inputs.columns import check_columns
from fairtoll.inputs.labels import Labels, as_label, name_of, spelling
from fairtoll.inputs.names import as_attribute_names, as_names


def read_predictions(
    frame: pd.DataFrame,
    *,
    label: Any,
    probabilities: Mapping[Any, Any],
    groups: Sequence[Any] = (),
    arm: Any = None,
    seed: Any = None,
    row: Any = None,
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
    if not isinstance(frame, pd.DataFrame) or not isinstance(probabilities, Mapping):
        raise FairtollError(
            f"the frame is of type {type(frame).__name__} and probabilities of type {type(probabilities).__name__}; "
            "expected a DataFrame and {class: its column}; read files with pandas"
        )
    attributes = as_attribute_names(groups)
    keys = [column for column in (arm, seed, row) if column is not None]
    check_columns(frame.columns, [label, *groups, *keys, *probabilities.values()])
    if not len(frame):
        raise FairtollError("the frame has no rows; expected one for each prediction; check the filter before")
    truth = _labels(frame, label, fractions=False)
    class_names, matrix = _class_probabilities(frame, truth, probabilities)
    groups_of = {name: _labels(frame, column) for name, column in zip(attributes, groups, strict=True)}
    arms = _labels(frame, arm) if arm is not None else Labels(("model",), np.zeros(len(frame), dtype=np.intp))
    runs: NDArray[Any] = read_seeds(frame[seed]) if seed is not None else np.zeros(len(frame), dtype=np.int64)
    models = pd.DataFrame({"arm": arms.codes, "seed": runs}).groupby(["arm", "seed"], sort=False)
    described = [truth, *groups_of.values()]
    if row is not None:
        codes: NDArray[Any] = _labels(frame, row).codes
    else:
        codes = models.cumcount().to_numpy()
        if seed is None:
            for place, name in enumerate(arms.texts):
                warn_of_repeats([one.codes[arms.codes == place] for one in described], arm=name)
    first = _first_places(codes)
    if not all(np.array_equal(one.codes[first][codes], one.codes) for one in described):
        raise FairtollError(
            "a row has different labels or groups in different models; give a `row` column that distinguishes test "
            "rows, or list the same rows in the same order for each model and run"
        )
    rows = pd.DataFrame({"row": np.arange(len(first)), "label": _places(truth, class_names)[first]})
    for attribute, labels in groups_of.items():
        rows[attribute] = _texts(labels, labels.codes[first])
    for (one, run), places in cast("dict[tuple[int, Any], NDArray[np.intp]]", models.indices).items():
        found = codes[places]
        if len(found) != len(first) or np.bincount(found, minlength=len(first)).max() > 1:
            raise FairtollError(
                f"arm '{arms.texts[one]}', run {run}, predicts {len(np.unique(found))} of {len(first)} rows in "
                f"{len(found)} entries; expected one prediction for each row; name the column of models with arm=, of "
                "training runs with seed= (seed)"
            )
    predictions = pd.DataFrame({"arm": _texts(arms, arms.codes), "seed": runs}).assign(
        evaluation="clean", threat="", epsilon=0.0, row=codes
    )
    for index in range(len(class_names)):
        predictions[f"probability_{index}"] = matrix[:, index].astype(np.float32)
    return rows, predictions, class_names


def _texts(labels: Labels, codes: NDArray[np.intp]) -> NDArray[np.object_]:
    """The names of labels by code; the same text is one object, which takes little memory."""
    return np.array(labels.texts, dtype=object)[codes]


def _first_places(codes: NDArray[Any]) -> NDArray[np.intp]:
    """Where each of the codes 0 to K - 1 stands first, (K,)."""
    first = np.empty(codes.max() + 1, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first


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


def _labels(frame: pd.DataFrame, column: Any, *, fractions: bool = True) -> Labels:
    return column_labels(frame[column], name=f"column '{column}'", fractions=fractions)


def _places(truth: Labels, class_names: Sequence[str]) -> NDArray[np.int64]:
    """The position of each row's class in `class_names`, (N,)."""
    return np.array([class_names.index(text) for text in truth.texts], dtype=np.int64)[truth.codes]


def _class_probabilities(
    frame: pd.DataFrame, truth: Labels, columns: Mapping[Any, Any]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The class names in order, and the probabilities `(N, C)`."""
    values = {}
    for name, column in zip(_class_names(truth, list(columns)), columns.values(), strict=True):
        try:
            values[name] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise FairtollError(
                f"column '{column}' holds something that is not a number ({error}); expected probabilities; convert it"
            ) from error
    if len(values) == 1:
        given, chance = next(iter(values.items()))
        others = [text for text in truth.texts if text != given]
        if len(others) > 1:
            raise FairtollError(
                f"one probability column, for class '{given}', and the labels {list(truth.texts)}; expected two "
                "classes; with more give a probability column for each"
            )
        # Rows of only one class do not give the name of the other.
        values[others[0] if others else f"not {given}"] = 1.0 - chance
    names: tuple[str, ...] = tuple(sorted(values))
    unknown = [text for text in truth.texts if text not in values]
    if unknown:
        raise FairtollError(
            f"labels {unknown} have no probability column; expected one for each of the classes; given: "
            f"{', '.join(names)}"
        )
    return names, check_probabilities(np.stack([values[one] for one in names], axis=1))


def _class_names(truth: Labels, given: Sequence[Any]) -> tuple[str, ...]:
    """The names of the classes of the probability columns: as the equal labels, `True` for 1.

    Raises
    ------
    FairtollError
        For two columns of one class, and for a name that differs from a label in case, spaces or type alone.
    """
    # Read first as they are: 1 and "1" are one name.
    as_names(given, what="a class of `probabilities`")
    called = [name_of(next((label for label in truth.names if label == name), name)) for name in map(as_label, given)]
    names = as_names(called, what="a class of `probabilities`")
    spelled = {spelling(label): label for label in truth.names}
    for name in names:
        like = spelled.get(spelling(name))
        if like is not None and name not in truth.texts:
            raise FairtollError(
                f"the class '{name}' of `probabilities` is {like!r} among the labels; expected one spelling; "
                "name it as the labels do"
            )
    return names
