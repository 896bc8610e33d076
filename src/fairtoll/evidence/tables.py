"""The parts of the tables of `Evidence`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fairtoll.data.dataset import Dataset
from fairtoll.errors import FairtollError
from fairtoll.storage.files import write_text


def describe_rows(data: Dataset) -> pd.DataFrame:
    """The table `rows` of a data set.

    Examples
    --------
    >>> rows = Dataset(np.zeros((1, 2)), np.array([1]), ("no", "yes"), groups={"sex": ["f"]})
    >>> describe_rows(rows).to_dict("list")
    {'row': [0], 'label': [1], 'sex': ['f']}
    """
    return pd.DataFrame({"row": np.arange(len(data)), "label": data.y, **dict(data.groups)})


def describe_predictions(
    probabilities: ArrayLike,
    *,
    arm: str,
    seed: int,
    evaluation: str = "clean",
    threat: str = "",
    epsilon: float = 0.0,
    rows: ArrayLike | None = None,
) -> pd.DataFrame:
    """A part of the table `predictions`: one model's probabilities `(n, C)` of all rows in order, or of `rows`.

    Examples
    --------
    >>> describe_predictions([[0.25, 0.75]], arm="plain", seed=0, rows=[7])[["row", "probability_1"]].values.tolist()
    [[7.0, 0.75]]
    """
    matrix = np.asarray(probabilities, dtype=np.float32)
    frame = pd.DataFrame({f"probability_{index}": matrix[:, index] for index in range(matrix.shape[1])})
    keys = {"arm": arm, "seed": seed, "evaluation": evaluation, "threat": threat, "epsilon": float(epsilon)}
    return pd.DataFrame({**keys, "row": _row_numbers(rows, len(matrix))}).join(frame)


def describe_attack(
    success: ArrayLike,
    *,
    arm: str,
    seed: int,
    evaluation: str,
    threat: str,
    attack: str,
    epsilon: float,
    source_arm: str = "",
    loss: str = "cross_entropy",
    steps: int = 0,
    restarts: int = 1,
    rows: ArrayLike | None = None,
    broken_by: Iterable[str] | None = None,
    inferred: ArrayLike | bool = False,
    proved: ArrayLike | None = None,
    within_rounding: ArrayLike | None = None,
) -> pd.DataFrame:
    """A part of the table `attacks`: one attack on one model, `(n,)` rows.

    Parameters
    ----------
    success : array-like of bool, (n,)
        Which rows are broken.
    proved : array-like, (n,), optional
        The radius within which each row is proved robust; 0 where nothing is. Leave it out where no proof was tried.
    within_rounding : array-like of bool, (n,), optional
        Rows that are neither broken nor proved only because of the rounding of the model's own arithmetic.

    Examples
    --------
    >>> part = describe_attack([True, False], arm="plain", seed=0, evaluation="white-box", threat="paper",
    ...                        attack="pgd-20", epsilon=0.1, rows=[4, 9])
    >>> part[["row", "success", "epsilon"]].values.tolist()
    [[4, True, 0.1], [9, False, 0.1]]
    """
    values = np.asarray(success, dtype=np.bool_)
    proofs: dict[str, Any] = {}
    if proved is not None:
        proofs = {"proved": np.asarray(proved, dtype=np.float64), "within_rounding": np.zeros(len(values), np.bool_)}
    if within_rounding is not None:
        proofs["within_rounding"] = np.asarray(within_rounding, dtype=np.bool_)
    keys = {"arm": arm, "seed": seed, "source_arm": source_arm or arm, "evaluation": evaluation, "threat": threat}
    settings = {"attack": attack, "loss": loss, "steps": steps, "restarts": restarts, "epsilon": float(epsilon)}
    return pd.DataFrame(
        {
            **keys,
            **settings,
            "row": _row_numbers(rows, len(values)),
            "success": values,
            "inferred": inferred,
            "broken_by": "" if broken_by is None else list(broken_by),
            "least_epsilon": np.nan,
            "censored": False,
            **proofs,
        }
    )


def describe_least_epsilon(
    values: ArrayLike,
    censored: ArrayLike,
    *,
    arm: str,
    seed: int,
    threat: str,
    epsilon: float,
    attack: str = "least-epsilon",
    evaluation: str = "white-box",
    loss: str = "cross_entropy",
    steps: int = 0,
    rows: ArrayLike | None = None,
    proved: ArrayLike | None = None,
    within_rounding: ArrayLike | None = None,
) -> pd.DataFrame:
    """A part of the table `attacks`: the least radius at which each of `(n,)` rows of one model breaks.

    Parameters
    ----------
    values : array-like, (n,)
        Least epsilon in the threat's units: 0 for a misclassified row, `epsilon` for a censored one.
    censored : array-like of bool, (n,)
        Which rows no attack broke at the largest radius; the others count as a success at it.
    epsilon : float
        The largest radius tried.
    proved, within_rounding : array-like, (n,), optional
        As in `describe_attack`: the lower end of each row's bracket.

    Raises
    ------
    FairtollError
        If the two differ in length, or a value is NaN, outside 0 to `epsilon`, censored below it, or proved above it.

    Examples
    --------
    >>> part = describe_least_epsilon([0.0, 0.5], [False, True], arm="plain", seed=0, threat="paper", epsilon=0.5)
    >>> part[["least_epsilon", "censored", "success"]].values.tolist()
    [[0.0, False, True], [0.5, True, False]]
    """
    least, limit = np.asarray(values, dtype=np.float64), np.asarray(censored)
    if least.ndim != 1 or limit.shape != least.shape or limit.dtype != np.bool_:
        raise FairtollError(
            f"values of shape {least.shape} and censored of shape {limit.shape} and type {limit.dtype}; expected one "
            "number and one boolean for each row"
        )
    # A radius that float32 has rounded may lie just above the one it was searched up to.
    if not ((least >= 0) & (least <= epsilon * (1 + 1e-5))).all():
        wrong = least[~((least >= 0) & (least <= epsilon * (1 + 1e-5)))][0]
        raise FairtollError(f"a least epsilon is {wrong:g}; expected 0 to {epsilon:g}, the largest radius tried")
    if (least[limit] < epsilon * (1 - 1e-5)).any():
        raise FairtollError(
            f"a censored row has least epsilon {least[limit].min():g}; expected {epsilon:g}, the largest radius tried"
        )
    part = describe_attack(
        ~limit,
        arm=arm,
        seed=seed,
        evaluation=evaluation,
        threat=threat,
        attack=attack,
        epsilon=epsilon,
        loss=loss,
        steps=steps,
        rows=rows,
        proved=proved,
        within_rounding=within_rounding,
    )
    if proved is not None and (np.asarray(proved) > least * (1 + 1e-6)).any():
        place = int(np.argmax(np.asarray(proved) > least * (1 + 1e-6)))
        raise FairtollError(
            f"entry {place} is proved robust within {np.asarray(proved)[place]:g} and broken at {least[place]:g}; "
            "expected a proved radius of at most the least epsilon"
        )
    return part.assign(least_epsilon=np.where(limit, epsilon, np.minimum(least, epsilon)), censored=limit)


def write_about(folder: Path, class_names: Sequence[str], about: Mapping[str, Any]) -> None:
    """Write `about.json`, which describes the tables."""
    write_text(json.dumps({"class_names": list(class_names), **about}, indent=1) + "\n", folder / "about.json")


def _row_numbers(rows: ArrayLike | None, count: int) -> NDArray[np.int32]:
    numbers = np.arange(count) if rows is None else np.asarray(rows)
    if numbers.shape != (count,):
        raise FairtollError(f"rows has shape {numbers.shape} for {count} outcomes; expected one number for each")
    return numbers.astype(np.int32)
