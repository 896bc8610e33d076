"""Evidence: what every model said about every row, as tables on disk.

Attacks are dear and metrics cheap: per-row outcomes are saved once, and any metric, group, interval or
figure is computed from them again, without the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fairtoll.data.dataset import Dataset
from fairtoll.errors import FairtollError
from fairtoll.files import make_folder, read_parquet, write_parquet, write_text
from fairtoll.predictions import check_probabilities, read_predictions

PREDICTION_KEYS = ("arm", "seed", "evaluation", "threat", "epsilon")
ATTACK_KEYS = ("arm", "seed", "evaluation", "threat", "attack", "epsilon")
NO_PREDICTIONS = pd.DataFrame(columns=[*PREDICTION_KEYS, "row"])
NO_ATTACKS = pd.DataFrame(columns=[*ATTACK_KEYS, "source_arm", "row", "success"])


@dataclass(frozen=True, eq=False)
class Evidence:
    """Long tables of per-row outcomes on one evaluation set of N rows and C classes.

    Attributes
    ----------
    rows : DataFrame, N rows
        `row` 0 to N - 1, `label` (class index), one text column per protected attribute.
    predictions : DataFrame
        `arm`, `seed`, `evaluation` ("clean", "static-transfer" or "white-box"), `threat`, `epsilon`, `row`,
        `probability_0` to `probability_{C-1}`.
    attacks : DataFrame
        `arm`, `seed`, `source_arm`, `evaluation`, `threat`, `attack`, `loss`, `steps`, `restarts`, `epsilon`,
        `row`, `success`, `inferred`, `broken_by`.
    class_names : tuple of str
        The C classes.
    about : mapping
        What a report says of the data and the arms: plain JSON values.

    Raises
    ------
    FairtollError
        If a table lacks a column, a row number is unknown or probabilities are not probabilities.

    Examples
    --------
    >>> frame = pd.DataFrame({"income": ["low", "high"], "probability_high": [0.2, 0.9], "sex": ["f", "m"]})
    >>> evidence = Evidence.from_frame(frame, label="income", probabilities={"high": "probability_high"},
    ...                                groups=["sex"])
    >>> evidence.class_names, evidence.probabilities("model").shape
    (('high', 'low'), (1, 2, 2))
    """

    rows: pd.DataFrame
    predictions: pd.DataFrame
    attacks: pd.DataFrame
    class_names: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = [f"probability_{index}" for index in range(len(self.class_names))]
        for table, needed in (
            ("rows", ["row", "label"]),
            ("predictions", [*PREDICTION_KEYS, "row", *columns]),
            ("attacks", [*ATTACK_KEYS, "source_arm", "row", "success"]),
        ):
            frame = getattr(self, table)
            missing = [column for column in needed if column not in frame]
            if missing and len(frame):
                raise FairtollError(f"the table of {table} has no column {', '.join(missing)}; it has {list(frame)}")
            numbers = frame["row"].to_numpy(dtype=np.int64) if len(frame) else np.arange(0)
            if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(self.rows)):
                unknown = int(numbers.max() if numbers.max() >= len(self.rows) else numbers.min())
                raise FairtollError(
                    f"the table of {table} has a row {unknown}; expected row numbers from 0 to {len(self.rows) - 1}"
                )

    @property
    def attributes(self) -> list[str]:
        """Names of the protected attributes."""
        return [str(column) for column in self.rows.columns if column not in ("row", "label")]

    @property
    def labels(self) -> NDArray[np.int64]:
        """True class of each row, `(N,)`."""
        return self.rows["label"].to_numpy(dtype=np.int64)

    def partition(self, name: str) -> NDArray[np.str_]:
        """The group of each row, `(N,)`: by "class" or by a protected attribute."""
        if name == "class":
            classes: NDArray[np.str_] = np.asarray(self.class_names)[self.labels]
            return classes
        if name not in self.attributes:
            raise FairtollError(f"unknown attribute '{name}'; the evidence has: class, {', '.join(self.attributes)}")
        return self.rows[name].to_numpy(dtype=np.str_)

    @property
    def arms(self) -> list[str]:
        """Names of the arms, in the order that `about` gives, else of appearance."""
        found = [str(arm) for arm in self.predictions["arm"].unique()]
        order = [str(arm["name"]) for arm in self.about.get("arms", [])]
        return sorted(found, key=lambda arm: order.index(arm) if arm in order else len(order))

    def probabilities(
        self, arm: str, *, evaluation: str = "clean", threat: str = "", epsilon: float = 0.0
    ) -> NDArray[np.float64]:
        """Class probabilities of every row in every training run of an arm, `(S, N, C)`."""
        wanted = {"evaluation": evaluation, "threat": threat, "epsilon": epsilon}
        blocks = _blocks(self._prediction_index, arm, wanted, PREDICTION_KEYS)
        columns = [f"probability_{index}" for index in range(len(self.class_names))]
        values = self._prediction_values
        found = [self._in_row_order(values[block], self._prediction_rows[block]) for block in blocks]
        if found[0].shape[-1] != len(columns):
            raise FairtollError(f"predictions have {found[0].shape[-1]} classes; expected {len(columns)}")
        return np.stack(found)

    def success(self, arm: str, *, evaluation: str, threat: str, attack: str, epsilon: float) -> NDArray[np.bool_]:
        """Whether the attack broke each row in each training run of an arm, `(S, N)`."""
        values, rows = self.success_of_rows(arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon)
        if len(rows) != len(self.rows):
            raise FairtollError(
                f"{attack} was run on {len(rows)} of {len(self.rows)} rows; expected all of them for a success rate"
            )
        return values

    def success_of_rows(
        self, arm: str, *, evaluation: str, threat: str, attack: str, epsilon: float
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """As `success`, for an attack that was run on some rows only: `(S, n)` and the n row numbers, ascending."""
        wanted = {"evaluation": evaluation, "threat": threat, "attack": attack, "epsilon": epsilon}
        blocks = _blocks(self._attack_index, arm, wanted, ATTACK_KEYS)
        orders = [block[np.argsort(self._attack_rows[block], kind="stable")] for block in blocks]
        rows = self._attack_rows[orders[0]]
        if (rows[1:] == rows[:-1]).any():
            raise FairtollError(f"{attack} has a row twice in one training run of '{arm}'; expected each row once")
        if any(not np.array_equal(self._attack_rows[order], rows) for order in orders):
            raise FairtollError(
                f"{attack} was run on different rows in different training runs of '{arm}'; expected the same rows"
            )
        return np.stack([self._attack_values[order] for order in orders]), rows

    def attack_names(self, arm: str) -> list[tuple[str, str, str, float]]:
        """Every (evaluation, threat, attack, epsilon) at hand for an arm."""
        return sorted({(key[2], key[3], key[4], key[5]) for key in self._attack_index if key[0] == arm})

    def source_arm(self, arm: str) -> str | None:
        """On which arm the examples of an arm's static transfer were crafted; None where there was none."""
        return self._source_arms.get(arm)

    @cached_property
    def _source_arms(self) -> dict[str, str]:
        transferred = self.attacks[self.attacks["evaluation"] == "static-transfer"]
        pairs = transferred[["arm", "source_arm"]].drop_duplicates()
        return {str(arm): str(source) for arm, source in pairs.itertuples(index=False)}

    @cached_property
    def _prediction_index(self) -> dict[tuple[Any, ...], NDArray[np.intp]]:
        return _index(self.predictions, PREDICTION_KEYS)

    @cached_property
    def _attack_index(self) -> dict[tuple[Any, ...], NDArray[np.intp]]:
        return _index(self.attacks, ATTACK_KEYS)

    @cached_property
    def _prediction_values(self) -> NDArray[np.float64]:
        columns = [f"probability_{index}" for index in range(len(self.class_names))]
        return check_probabilities(self.predictions[columns].to_numpy(dtype=np.float64))

    @cached_property
    def _prediction_rows(self) -> NDArray[np.int64]:
        return self.predictions["row"].to_numpy(dtype=np.int64)

    @cached_property
    def _attack_values(self) -> NDArray[np.bool_]:
        return self.attacks["success"].to_numpy(dtype=np.bool_)

    @cached_property
    def _attack_rows(self) -> NDArray[np.int64]:
        return self.attacks["row"].to_numpy(dtype=np.int64)

    def _in_row_order(self, values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        order = np.argsort(rows, kind="stable")
        if not np.array_equal(rows[order], np.arange(len(self.rows))):
            raise FairtollError(
                f"predictions of {len(np.unique(rows))} different rows ({len(rows)} entries) for {len(self.rows)} "
                "rows; expected one prediction for each row"
            )
        return values[order]

    def save(self, folder: Path) -> None:
        """Write the tables as Parquet and `about` as JSON, each file whole or not at all."""
        make_folder(folder)
        write_about(folder, self.class_names, self.about)
        for name in ("rows", "predictions", "attacks"):
            write_parquet(getattr(self, name), folder / f"{name}.parquet")

    @classmethod
    def load(cls, folder: Path) -> Evidence:
        """Read what `save`, or the stages of a run, have written: parts of a table are joined in name order.

        Raises
        ------
        FairtollError
            If the folder holds no evidence, or a file is truncated.
        """
        about = folder / "about.json"
        if not about.is_file() or not (folder / "rows.parquet").is_file():
            raise FairtollError(f"{folder} holds no evidence (about.json and rows.parquet); run the experiment first")
        try:
            description = dict(json.loads(about.read_text(encoding="utf-8")))
            class_names = tuple(map(str, description.pop("class_names")))
        except (OSError, ValueError, TypeError, KeyError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise FairtollError(f"{about} is not whole JSON ({reason}); run the experiment again") from error
        return cls(
            read_parquet(folder / "rows.parquet"),
            _join(sorted(folder.glob("predictions*.parquet")), NO_PREDICTIONS),
            _join(sorted(folder.glob("attacks*.parquet")), NO_ATTACKS),
            class_names,
            description,
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        label: str,
        probabilities: Mapping[str, str],
        groups: Sequence[str] = (),
        arm: str | None = None,
        seed: str | None = None,
        row: str | None = None,
        name: str = "predictions",
    ) -> Evidence:
        """Evidence from predictions that someone made elsewhere, with no model at hand.

        Parameters
        ----------
        frame : DataFrame
            One row for each prediction.
        label : str
            Column of the true class.
        probabilities : mapping
            Class name to its probability column. With two classes one is enough.
        groups : sequence of str
            Columns of protected attributes.
        arm, seed, row : str, optional
            Columns that tell models, training runs and test rows apart. Without `row` each
            (arm, seed) is taken to list the same rows in the same order.
        name : str
            What to call the data.

        Returns
        -------
        Evidence

        Raises
        ------
        FairtollError
            For a missing or empty column, a label without a probability column, NaN, probabilities that do
            not sum to one, or models that do not predict the same rows once each.

        Examples
        --------
        >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
        >>> Evidence.from_frame(frame, label="y", probabilities={"a": "p"}).labels
        array([0, 1])
        """
        rows, predictions, class_names = read_predictions(
            frame, label=label, probabilities=probabilities, groups=groups, arm=arm, seed=seed, row=row
        )
        return cls(rows, predictions, NO_ATTACKS, class_names, {"name": name, "title": name})


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
    probabilities: ArrayLike, *, arm: str, seed: int, evaluation: str = "clean", threat: str = "", epsilon: float = 0.0
) -> pd.DataFrame:
    """A part of the table `predictions`: one model's probabilities `(N, C)` in row order."""
    matrix = np.asarray(probabilities, dtype=np.float32)
    frame = pd.DataFrame({f"probability_{index}": matrix[:, index] for index in range(matrix.shape[1])})
    keys = {"arm": arm, "seed": seed, "evaluation": evaluation, "threat": threat, "epsilon": float(epsilon)}
    return pd.DataFrame({**keys, "row": np.arange(len(matrix), dtype=np.int32)}).join(frame)


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
) -> pd.DataFrame:
    """A part of the table `attacks`: one attack on one model, `(n,)` rows."""
    values = np.asarray(success, dtype=np.bool_)
    keys = {"arm": arm, "seed": seed, "source_arm": source_arm or arm, "evaluation": evaluation, "threat": threat}
    settings = {"attack": attack, "loss": loss, "steps": steps, "restarts": restarts, "epsilon": float(epsilon)}
    numbers = np.arange(len(values)) if rows is None else np.asarray(rows)
    return pd.DataFrame(
        {
            **keys,
            **settings,
            "row": numbers.astype(np.int32),
            "success": values,
            "inferred": inferred,
            "broken_by": "" if broken_by is None else list(broken_by),
        }
    )


def write_about(folder: Path, class_names: Sequence[str], about: Mapping[str, Any]) -> None:
    """Write `about.json`, which says what the tables are of."""
    write_text(json.dumps({"class_names": list(class_names), **about}, indent=1) + "\n", folder / "about.json")


def _index(frame: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[Any, ...], NDArray[np.intp]]:
    if not len(frame):
        return {}
    grouped = frame.groupby(list(keys), observed=True, sort=False).indices
    return {tuple(key): np.asarray(rows) for key, rows in cast("dict[tuple[Any, ...], Any]", grouped).items()}


def _blocks(
    index: Mapping[tuple[Any, ...], NDArray[np.intp]], arm: str, wanted: Mapping[str, Any], keys: Sequence[str]
) -> list[NDArray[np.intp]]:
    """Positions of one arm's blocks, in order of seed."""
    rest = tuple(wanted[key] for key in keys[2:])
    found = sorted((key[1], position) for position, key in enumerate(index) if key[0] == arm and key[2:] == rest)
    if not found:
        raise FairtollError(f"no evidence for arm '{arm}' with {dict(wanted)}; the arms are {_arms(index)}")
    blocks = list(index.values())
    return [blocks[position] for _, position in found]


def _arms(index: Mapping[tuple[Any, ...], Any]) -> str:
    return ", ".join(dict.fromkeys(str(key[0]) for key in index)) or "none"


def _join(paths: Sequence[Path], empty: pd.DataFrame) -> pd.DataFrame:
    frame = read_parquet(*paths) if paths else empty
    return frame if len(frame) else empty
