"""LightGBM: a Booster, an LGBMClassifier, and files of `save_model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature, Schema
from fairtoll.inputs.labels import name_of
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.boosters import booster_model
from fairtoll.models.first_read import require_readable
from fairtoll.models.lightgbm_text import sound_text
from fairtoll.models.outputs import Declared
from fairtoll.models.tables import first_line
from fairtoll.models.thresholds import booster_thresholds, lightgbm_splits

#: Objectives whose predictions are probabilities of classes.
OBJECTIVES = ("binary", "multiclass", "multiclassova", "cross_entropy")


def _accepts(given: Any) -> bool:
    return type(given).__module__.startswith("lightgbm.") and type(given).__name__ in ("Booster", "LGBMClassifier")


def _modules(given: Any, schema: Schema | None) -> list[nn.Module]:
    classifier = type(given).__name__ == "LGBMClassifier"
    if classifier and not hasattr(given, "classes_"):
        raise FairtollError("the LGBMClassifier is not fitted; expected a fitted classifier; call its fit first")
    booster = given.booster_ if classifier else given
    about = booster.dump_model(num_iteration=1)
    objective = str(about.get("objective", "none")).split(" ")[0]
    if objective not in OBJECTIVES:
        raise FairtollError(
            f"the LightGBM model has the objective {objective}; expected one of classes: {', '.join(OBJECTIVES)}; give "
            "a function of scores for another"
        )
    names = booster.feature_name()
    infos = [about["feature_infos"].get(name, {}) for name in names]
    count = max(2, about["num_class"])
    return [
        booster_model(
            lambda rows: _both(np.asarray(booster.predict(rows, num_threads=1 if len(rows) < 64 else 0))),
            schema,
            columns=_columns(names, schema),
            width=len(names),
            categories=_categories(booster, infos, names, schema),
            classes=list(np.asarray(given.classes_).tolist()) if classifier else list(range(count)),
            declared=Declared("probabilities"),
            thresholds=lambda decoder: booster_thresholds(lightgbm_splits(booster), decoder),
        )
    ]


def _both(found: Any) -> Any:
    """Probabilities `(N, C)`; those of one-vs-rest do not sum to one by themselves."""
    if found.ndim == 1:
        return np.stack([1 - found, found], axis=1)
    return found / found.sum(axis=1, keepdims=True)


def _columns(names: list[str], schema: Schema | None) -> list[str] | None:
    """The table's names of its columns: LightGBM writes underscores for spaces."""
    if names == [f"Column_{place}" for place in range(len(names))]:
        return None
    there = {feature.name.replace(" ", "_"): feature.name for feature in (schema.features if schema else ())}
    return [there.get(name, name) for name in names]


def _categories(booster: Any, infos: list[dict[str, Any]], names: list[str], schema: Schema | None) -> dict[int, Any]:
    """The values behind the codes of each column that is split by category.

    They are stored in the order of the columns that were categories, without their names. One that no tree could use
    is stored too, and is no longer marked: what the table has in each column must tell which lists are whose.
    """
    marked = [place for place, info in enumerate(infos) if info.get("values")]
    stored = booster.pandas_categorical or []
    if not stored or schema is None or not schema.features:
        return dict.fromkeys(marked)
    by_name = {feature.name: feature for feature in schema.features}
    columns = _columns(names, schema) or [feature.name for feature in schema.features]
    if len(columns) != len(names) or any(name not in by_name for name in columns):
        return dict.fromkeys(marked)

    def may_have(place: int, k: int) -> bool:
        info = infos[place]
        if info and not info.get("values"):
            return False
        return max(info.get("values", [-1])) < len(stored[k]) and _alike(stored[k], by_name[columns[place]])

    # How many lists may have been handed out before each column, from the left and from the right.
    before: list[set[int]] = [{0}]
    for place in range(len(columns)):
        skipped = set() if place in marked else before[-1]
        before.append(skipped | {k + 1 for k in before[-1] if k < len(stored) and may_have(place, k)})
    after: list[set[int]] = [{len(stored)}]
    for place in reversed(range(len(columns))):
        skipped = set() if place in marked else after[0]
        after.insert(0, skipped | {k - 1 for k in after[0] if k > 0 and may_have(place, k - 1)})
    found = {}
    for place in marked:
        fitting = [stored[k] for k in sorted(before[place]) if k + 1 in after[place + 1] and may_have(place, k)]
        if not fitting or any(one != fitting[0] for one in fitting):
            raise FairtollError(
                f"the LightGBM model stores {len(stored)} lists of categories, and "
                f"{'several' if fitting else 'none'} may be those of '{columns[place]}'; expected one whose values the "
                "table has; give columns of categories the values that the model was trained on (--categories)"
            )
        found[place] = fitting[0]
    return found


def _alike(values: list[Any], feature: Feature) -> bool:
    """Whether a column of the table may hold the values of a stored list."""
    if feature.kind == "categorical":
        return not set(map(name_of, values)).isdisjoint(feature.categories)
    return all(isinstance(value, int | float) for value in values)


def _read(path: Path) -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        raise FairtollError(
            f"{path} needs LightGBM, which is not installed; "
            "install it with fairtoll's extra: pip install -e '.[tables]' in its folder"
        ) from error
    text = sound_text(path)
    require_readable(path, "lightgbm", what="a LightGBM model")
    try:
        return lightgbm.Booster(model_str=text)
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as a LightGBM model ({first_line(error)}); expected one written by "
            "Booster.save_model; write it again"
        ) from error


LIGHTGBM = Kind("a LightGBM classifier", _accepts, _modules, suffixes=(".txt",), read=_read)
