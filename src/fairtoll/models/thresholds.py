"""Where the scores of trees may jump, as values of a table's features."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.models.columnwise import Column, raw_columns, through
from fairtoll.models.exact import unwrapped
from fairtoll.models.tables import Decoder
from fairtoll.models.trial import trial_rows

#: How a tree compares a value with its threshold: as float32, up to and with it (scikit-learn); as float64, up to and
#: with it (HistGradientBoosting, LightGBM); as float32, below it (XGBoost).
Rule = Literal["float32 <=", "float64 <=", "float32 <"]
#: A threshold that a scaler moved is looked for within so many float32 of where its inverse puts it.
AROUND = 64


@dataclass(frozen=True, eq=False)
class Splits:
    """Splits of the columns that a tree, or several, are given: `thresholds[i]` of column `columns[i]`.

    `by_category` are columns that are split by sets of categories, of which no threshold tells.

    Examples
    --------
    >>> Splits(np.array([0]), np.array([2.5]), "float64 <=").rule
    'float64 <='
    """

    columns: NDArray[np.intp]
    thresholds: NDArray[np.float64]
    rule: Rule
    by_category: frozenset[int] = frozenset()


class _UnknownPart(Exception):
    """A part of a model whose scores may change anywhere."""


def estimator_thresholds(fitted: Any, decoder: Decoder) -> dict[int, NDArray[np.float32]]:
    """Of a fitted estimator of scikit-learn, by feature position: the last float32 of each interval, sorted.

    Known are trees, forests, bagging, boosting, and what averages, stacks, calibrates or searches such; behind
    preprocessors that `fairtoll.models.columnwise` knows. Of a feature that is not there nothing is known, and of none
    where a part of the model is not made of trees.
    """
    together: dict[Any, tuple[list[Any], Rule, list[Splits]]] = {}
    try:
        parts = list(_parts(fitted, []))
    except _UnknownPart:
        return {}
    for before, splits in parts:
        key = (*map(id, before), splits.rule)
        together.setdefault(key, (before, splits.rule, []))[2].append(splits)
    found: dict[int, list[NDArray[np.float32]]] = {}
    unknown: set[int] = set()
    for before, rule, alike in together.values():
        pairs = {pair for one in alike for pair in zip(one.columns.tolist(), one.thresholds.tolist(), strict=True)}
        by_category = frozenset(column for one in alike for column in one.by_category)
        moved = _in_raw_units(_splits(pairs, rule, by_category), before, decoder)
        if moved is None:
            return {}
        unknown |= moved[1]
        for place, values in moved[0].items():
            found.setdefault(place, []).append(values)
    return {place: np.unique(np.concatenate(found[place])) for place in sorted(set(found) - unknown)}


def booster_thresholds(splits: Splits, decoder: Decoder) -> dict[int, NDArray[np.float32]]:
    """The same of a booster, which is given what the decoder makes of a row."""
    moved, unknown = _in_raw_units(splits, [], decoder) or ({}, set())
    return {place: moved[place] for place in sorted(set(moved) - unknown)}


def lightgbm_splits(booster: Any) -> Splits:
    """Splits of a LightGBM Booster; none where its leaves are linear."""
    found: list[tuple[int, float]] = []
    by_category = set()
    waiting = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    while waiting:
        node = waiting.pop()
        if "leaf_coeff" in node:
            return _splits([], "float64 <=")
        if "split_feature" not in node:
            continue
        if node["decision_type"] == "<=":
            found.append((node["split_feature"], node["threshold"]))
        else:
            by_category.add(node["split_feature"])
        waiting += [node["left_child"], node["right_child"]]
    return _splits(found, "float64 <=", by_category)


def xgboost_splits(booster: Any) -> Splits:
    """Splits of an XGBoost Booster; none of a linear one.

    Raises
    ------
    FairtollError
        If a node points outside of its tree, a tree to a class that there is not, or a class has no tree.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    about, model = learner["learner_model_param"], learner["gradient_booster"]
    model = model.get("gbtree", model).get("model", {})
    width, by_category = booster.num_features(), set()
    groups = max(1, int(about["num_class"]), int(about.get("num_target", 1)))
    if any(not 0 <= group < groups for group in model.get("tree_info", [])):
        raise FairtollError("a tree is for a class that there is not")
    # A tree whose leaves are vectors is for all classes at once.
    outputs = max((int(tree["tree_param"]["size_leaf_vector"]) for tree in model.get("trees", [])), default=groups)
    if groups > max(outputs, len(set(model.get("tree_info", [])))):
        raise FairtollError(f"it says that it has {groups} classes, and has trees for fewer")
    found: list[tuple[int, float]] = []
    for tree in model.get("trees", []):
        left, right, features, conditions, kinds = (
            np.asarray(tree[name])
            for name in ("left_children", "right_children", "split_indices", "split_conditions", "split_type")
        )
        inner = np.flatnonzero(left != -1)
        sides = np.concatenate([left[inner], right[inner]])
        if ((sides < 0) | (sides >= len(left))).any() or ((features[inner] < 0) | (features[inner] >= width)).any():
            raise FairtollError("a tree points outside of itself")
        by_category |= set(features[inner[kinds[inner] != 0]].tolist())
        chosen = inner[kinds[inner] == 0]
        found += list(zip(features[chosen].tolist(), conditions[chosen].tolist(), strict=True))
    return _splits(found, "float32 <", by_category)


def _splits(found: Iterable[tuple[int, float]], rule: Rule, by_category: Iterable[int] = ()) -> Splits:
    pairs = sorted(set(found))
    columns = np.array([k for k, _ in pairs], dtype=np.intp)
    return Splits(columns, np.array([limit for _, limit in pairs], dtype=np.float64), rule, frozenset(by_category))


#: What is made of fitted members alone, each given the same columns, or its own of them.
MEMBERS = (
    "AdaBoostClassifier", "BaggingClassifier", "ExtraTreesClassifier", "GradientBoostingClassifier",
    "OneVsRestClassifier", "RandomForestClassifier", "StackingClassifier", "VotingClassifier",
)  # fmt: skip
#: What asks one fitted member for its scores.
ONE_MEMBER = ("FixedThresholdClassifier", "SelfTrainingClassifier", "TunedThresholdClassifierCV")
CONSTANT = ("DummyClassifier", "_ConstantPredictor")


def _parts(one: Any, before: list[Any]) -> Iterator[tuple[list[Any], Splits]]:
    """The splits of every tree inside an estimator, with the preprocessors in front of it."""
    steps, last = unwrapped(one)
    before = before + ([steps] if steps is not None else [])
    name, module = type(last).__name__, type(last).__module__
    if hasattr(last, "booster_") and module.startswith("lightgbm."):
        yield before, _some(lightgbm_splits(last.booster_))
    elif hasattr(last, "get_booster") and module.startswith("xgboost."):
        yield before, _some(xgboost_splits(last.get_booster()))
    elif not module.startswith("sklearn."):
        raise _UnknownPart
    elif hasattr(last, "tree_"):
        tree = last.tree_
        inner = tree.children_left != -1
        yield (
            before,
            _splits(zip(tree.feature[inner].tolist(), tree.threshold[inner].tolist(), strict=True), "float32 <="),
        )
    elif name == "HistGradientBoostingClassifier":
        yield _histogram_part(last, before)
    elif name == "CalibratedClassifierCV":
        for inner in last.calibrated_classifiers_:
            yield from _parts(inner.estimator, before)
    elif name in ONE_MEMBER:
        yield from _parts(last.estimator_, before)
    elif name in MEMBERS and not getattr(last, "passthrough", False) and _starts_constant(last):
        drawn = getattr(last, "estimators_features_", None)
        members = last.estimators_.ravel() if isinstance(last.estimators_, np.ndarray) else last.estimators_
        for place, inner in enumerate(members):
            yield from _parts(inner, before if drawn is None else [*before, _Taken(drawn[place])])
    elif name not in CONSTANT:
        raise _UnknownPart


def _some(splits: Splits) -> Splits:
    """A booster without a split is linear, or constant."""
    if not len(splits.columns) and not splits.by_category:
        raise _UnknownPart
    return splits


def _starts_constant(ensemble: Any) -> bool:
    """Whether boosting adds to a constant: it may start from another model."""
    start = getattr(ensemble, "init_", "zero")
    return isinstance(start, str) or type(start).__name__ in CONSTANT


@dataclass(frozen=True)
class _Taken:
    """The columns that bagging gives to one of its members."""

    columns: Any


def _histogram_part(last: Any, before: list[Any]) -> tuple[list[Any], Splits]:
    if last._preprocessor is not None:
        # It puts categorical columns first.
        order = last._preprocessor._transformer_to_input_indices
        before = [*before, _Taken([k for name in ("encoder", "numerical") for k in order.get(name, [])])]
    found: list[tuple[int, float]] = []
    by_category: set[int] = set()
    for predictor in (one for stage in last._predictors for one in stage):
        inner = predictor.nodes[predictor.nodes["is_leaf"] == 0]
        chosen = inner[inner["is_categorical"] == 0]
        by_category |= set(inner["feature_idx"][inner["is_categorical"] != 0].tolist())
        found += list(zip(chosen["feature_idx"].tolist(), chosen["num_threshold"].tolist(), strict=True))
    return before, _splits(found, "float64 <=", by_category)


def _in_raw_units(
    splits: Splits, before: list[Any], decoder: Decoder
) -> tuple[dict[int, NDArray[np.float32]], set[int]] | None:
    """Thresholds by feature, and the features of which there are others; None behind what is not known."""
    columns: list[Column] | None = raw_columns(decoder)
    for step in before:
        if columns is not None:
            columns = [columns[k] for k in step.columns] if isinstance(step, _Taken) else through(step, columns)
    if columns is None:
        return None
    unknown = {columns[k].source for k in splits.by_category if columns[k].table is None}
    movable = np.array([one.table is None and one.scale != 0 for one in columns])
    kept = movable[splits.columns]
    at, thresholds = splits.columns[kept], splits.thresholds[kept]
    if not len(at):
        return {}, unknown
    source, scale, shift = (
        np.array([getattr(one, name) for one in columns])[at] for name in ("source", "scale", "shift")
    )
    base = trial_rows(decoder.all_features, missing=False)[:1]

    def is_lower(keys: NDArray[np.int64], some: NDArray[np.bool_] | slice) -> NDArray[np.bool_]:
        """Whether the values are on the lower side of their thresholds, by the model's own arithmetic."""
        rows = np.repeat(base, len(keys), axis=0)
        rows[np.arange(len(keys)), source[some]] = _from_keys(keys)
        value = _value(decoder(rows), before, at[some])
        limit = thresholds[some]
        if splits.rule != "float64 <=":
            value = value.astype(np.float32).astype(np.float64)
        left = value < limit.astype(np.float32) if splits.rule == "float32 <" else value <= limit
        found: NDArray[np.bool_] = left == (scale[some] > 0)
        return found

    largest = float(np.finfo(np.float32).max)
    guess = _to_keys(np.clip((thresholds - shift) / scale, -largest, largest).astype(np.float32))
    ends = _to_keys(np.array([-largest, largest], dtype=np.float32))
    low, high = np.maximum(guess - AROUND, ends[0]), np.minimum(guess + AROUND, ends[1])
    outside = ~(is_lower(low, slice(None)) & ~is_lower(high, slice(None)))
    low[outside], high[outside] = ends
    found = ~outside
    if outside.any():
        found[outside] = is_lower(low[outside], outside) & ~is_lower(high[outside], outside)
    while (high - low > 1).any():
        middle = (low + high) // 2
        lower = is_lower(middle, slice(None))
        low, high = np.where(lower, middle, low), np.where(lower, high, middle)
    values = _from_keys(low)
    return {int(place): np.unique(values[found & (source == place)]) for place in np.unique(source)}, unknown


def _value(made: Any, before: Sequence[Any], at: NDArray[np.intp]) -> NDArray[np.float64]:
    """Of each row the value of one column, after the preprocessors."""
    for step in before:
        if isinstance(step, _Taken):
            made = (made.to_numpy() if hasattr(made, "to_numpy") else made)[:, step.columns]
        else:
            made = step.transform(made)
    made = made.toarray() if hasattr(made, "toarray") else made
    found = np.empty(len(at))
    for k in np.unique(at):
        column = made.iloc[:, k].to_numpy() if hasattr(made, "iloc") else made[:, k]
        found[at == k] = column[at == k]
    return found


def _to_keys(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Whole numbers in the order of float32: neighbours are one apart."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(2**31) - bits, bits)


def _from_keys(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    bits = np.where(keys < 0, -(2**31) - keys, keys)
    return bits.astype(np.int32).view(np.float32)
