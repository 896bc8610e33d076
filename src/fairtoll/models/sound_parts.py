"""Fitted models of scikit-learn and boosters from a file: compiled code indexes memory by numbers that none checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.models.lightgbm_text import require_sound
from fairtoll.models.thresholds import xgboost_splits


def require_sound_parts(found: Any, *, path: Path) -> None:
    """Raise if a part of a model anywhere inside an object would make compiled code reach beyond its arrays.

    scikit-learn follows the nodes of trees, adds up the trees of gradient boosting and reads support vectors without
    looking, so that a damaged or forged file could read, or write, memory that is not its own. In a sound tree every
    child comes after its parent, and has a column that rows have.

    Raises
    ------
    FairtollError
        For such a part.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> require_sound_parts(DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1]), path=Path("model.skops"))
    """
    parts = list(_parts(found, None, set()))
    for part, owner in parts:
        name = type(part).__name__
        if name in SOUND and not SOUND[name](part, owner):
            raise FairtollError(
                f"{path} holds a damaged {WORDS.get(name, 'tree, whose nodes point outside of it')}; expected models "
                "as their library fits them; write the file again from the fitted model"
            )
    # Last, and those inside others first: the model that boosting starts from is asked for a row.
    for part, _ in reversed(parts):
        if type(part).__name__ in BOOSTING and not _sound_boosting(part):
            raise FairtollError(
                f"{path} holds a damaged {type(part).__name__}, which has other trees than classes; expected models as "
                "their library fits them; write the file again from the fitted model"
            )


def _parts(one: Any, owner: Any, seen: set[int]) -> Iterator[tuple[Any, Any]]:
    """Each part inside an object that is checked, with the estimator that checks how many columns its rows have."""
    if id(one) in seen or isinstance(one, str | bytes | int | float | bool | type | None):
        return
    seen.add(id(one))
    if type(one).__name__ in (*SOUND, *BOOSTING):
        yield one, owner
    if type(one).__name__ in SOUND:
        return
    if isinstance(one, np.ndarray):
        for inner in one.ravel() if one.dtype == object else ():
            yield from _parts(inner, owner, seen)
    elif isinstance(one, dict):
        for inner in one.values():
            yield from _parts(inner, owner, seen)
    elif isinstance(one, list | tuple | set):
        for inner in one:
            yield from _parts(inner, owner, seen)
    elif hasattr(one, "__dict__"):
        # Forests and boosting give rows to their trees unchecked.
        if not type(owner).__module__.startswith(("sklearn.ensemble._forest", "sklearn.ensemble._gb")):
            owner = one if "n_features_in_" in vars(one) else owner
        for inner in vars(one).values():
            yield from _parts(inner, owner, seen)


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


def _sound_machine(machine: Any, _owner: Any) -> bool:
    """Whether a support vector machine of libsvm has as many of everything as its support vectors and classes."""
    own = vars(machine)
    if "_n_support" not in own:
        return True  # not fitted
    try:
        counts, support, vectors = (np.asarray(own[name]) for name in ("_n_support", "support_", "support_vectors_"))
        classifies = type(machine).__name__ in ("SVC", "NuSVC")
        classes = len(counts) if classifies else 2
        total, pairs = int(counts.sum() if classifies else counts[0]), classes * (classes - 1) // 2
        kernel = own["kernel"]
        return bool(
            not own["_sparse"]
            and "_impl" not in own
            and (counts >= 0).all()
            and len(support) == total
            and (len(vectors) == total or kernel == "precomputed" or callable(kernel))
            and ((support >= 0) & (support < own["shape_fit_"][0])).all()
            and own["_dual_coef_"].shape == (classes - 1, total)
            and len(own["_intercept_"]) == pairs
            and all(len(own[name]) in (0, pairs) for name in ("_probA", "_probB"))
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        return False


def _sound_boosting(boosting: Any) -> bool:
    """Whether gradient boosting has as many trees a step as numbers to add them to."""
    try:
        start = boosting._raw_predict_init(np.zeros((1, boosting.n_features_in_)))
        return bool(boosting.estimators_.ndim == 2 and start.shape == (1, boosting.estimators_.shape[1]))
    except Exception:  # nor would it answer a row
        return not hasattr(boosting, "estimators_")


MACHINES = ("SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM")
#: How each kind of part is checked by itself.
SOUND = {
    "Tree": _sound_tree,
    "TreePredictor": _sound_predictor,
    "Booster": _sound_booster,
    **dict.fromkeys(MACHINES, _sound_machine),
}
#: What one that is not sound is called, where it is no tree.
WORDS = dict.fromkeys(MACHINES, "support vector machine, whose numbers do not fit each other")
BOOSTING = ("GradientBoostingClassifier", "GradientBoostingRegressor")


def _follow(
    inner: NDArray[np.bool_], left: NDArray[Any], right: NDArray[Any], feature: NDArray[Any], width: int
) -> bool:
    """Whether every inner node has two children after it, and a column that rows have."""
    parents = np.flatnonzero(inner)
    children = [side[inner].astype(np.int64) for side in (left, right)]
    columns = feature[inner].astype(np.int64)
    inside = all(((side > parents) & (side < len(inner))).all() for side in children)
    return bool(inside and ((columns >= 0) & (columns < width)).all())
