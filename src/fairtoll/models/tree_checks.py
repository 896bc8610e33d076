"""Fitted trees of scikit-learn and boosters from a file: their nodes index memory that nothing else checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.models.lightgbm_text import require_sound
from fairtoll.models.thresholds import xgboost_splits


def require_sound_trees(found: Any, *, path: Path) -> None:
    """Raise if a tree anywhere inside an object has a node outside of it, a column that rows lack, or a cycle.

    scikit-learn follows nodes without looking, so that a damaged or forged file could read beyond the tree. In a sound
    tree every child comes after its parent.

    Raises
    ------
    FairtollError
        For such a tree.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> require_sound_trees(DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1]), path=Path("model.skops"))
    """
    for tree, owner in _trees(found, None, set()):
        if not SOUND[type(tree).__name__](tree, owner):
            raise FairtollError(
                f"{path} holds a damaged tree, whose nodes point outside of it; expected trees as their library fits "
                "them; write the file again from the fitted model"
            )


def _trees(one: Any, owner: Any, seen: set[int]) -> Iterator[tuple[Any, Any]]:
    """Each tree inside an object, with the estimator that checks how many columns its rows have."""
    if id(one) in seen or isinstance(one, str | bytes | int | float | bool | type | None):
        return
    seen.add(id(one))
    if type(one).__name__ in SOUND:
        yield one, owner
    elif isinstance(one, np.ndarray):
        for inner in one.ravel() if one.dtype == object else ():
            yield from _trees(inner, owner, seen)
    elif isinstance(one, dict):
        for inner in one.values():
            yield from _trees(inner, owner, seen)
    elif isinstance(one, list | tuple | set):
        for inner in one:
            yield from _trees(inner, owner, seen)
    elif hasattr(one, "__dict__"):
        # Forests and boosting give rows to their trees unchecked.
        if not type(owner).__module__.startswith(("sklearn.ensemble._forest", "sklearn.ensemble._gb")):
            owner = one if "n_features_in_" in vars(one) else owner
        for inner in vars(one).values():
            yield from _trees(inner, owner, seen)


def _sound_tree(tree: Any, owner: Any) -> bool:
    # The count first: arrays of as many entries would reach beyond the memory that there is.
    if not 0 < tree.node_count == tree.capacity or tree.n_features != getattr(owner, "n_features_in_", None):
        return False
    inner = tree.children_left != -1
    return bool((tree.children_right[~inner] == -1).all()) and _follow(
        inner, tree.children_left, tree.children_right, tree.feature, tree.n_features
    )


def _sound_predictor(predictor: Any, owner: Any) -> bool:
    nodes, width = predictor.nodes, getattr(owner, "n_features_in_", 0)
    categorical = np.asarray(getattr(getattr(owner, "_bin_mapper", None), "is_categorical_", ()))
    if not len(nodes) or len(categorical) != width:
        return False
    inner = nodes["is_leaf"] == 0
    if not _follow(inner, nodes["left"], nodes["right"], nodes["feature_idx"], width):
        return False
    split = nodes[inner & (nodes["is_categorical"] != 0)]
    bits = predictor.raw_left_cat_bitsets
    return bool(
        bits.ndim == 2
        and (not len(split) or bits.shape[1] == 8)
        and (split["bitset_idx"] < len(bits)).all()
        and categorical[split["feature_idx"].astype(np.intp)].all()
    )


def _sound_booster(booster: Any, _owner: Any) -> bool:
    try:
        if type(booster).__module__.startswith("lightgbm."):
            require_sound(booster.model_to_string(num_iteration=-1))
        else:
            xgboost_splits(booster)
    except (ValueError, KeyError, IndexError):
        return False
    return True


#: How each kind of tree, or of model made of trees, is checked.
SOUND = {"Tree": _sound_tree, "TreePredictor": _sound_predictor, "Booster": _sound_booster}


def _follow(
    inner: NDArray[np.bool_], left: NDArray[Any], right: NDArray[Any], feature: NDArray[Any], width: int
) -> bool:
    """Whether every inner node has two children after it, and a column that rows have."""
    parents = np.flatnonzero(inner)
    children = [side[inner].astype(np.int64) for side in (left, right)]
    columns = feature[inner].astype(np.int64)
    inside = all(((side > parents) & (side < len(inner))).all() for side in children)
    return bool(inside and ((columns >= 0) & (columns < width)).all())
