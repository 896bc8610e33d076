"""LightGBM: a Booster, an LGBMClassifier, and files of `save_model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.boosters import booster_model
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
    split_by_category = [place for place, info in enumerate(infos) if info.get("values")]
    count = max(2, about["num_class"])
    return [
        booster_model(
            lambda rows: _both(np.asarray(booster.predict(rows, num_threads=1 if len(rows) < 64 else 0))),
            schema,
            columns=_columns(names, schema),
            width=len(names),
            categories=_categories(booster, split_by_category, names, schema),
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


def _categories(booster: Any, places: list[int], names: list[str], schema: Schema | None) -> dict[int, Any]:
    """The values behind the codes of each column that is split by category, in the order in which they are stored."""
    stored = booster.pandas_categorical or []
    if not stored or schema is None:
        return dict.fromkeys(places)
    # Columns that no tree could use are stored too, and are no longer marked: text tells them.
    columns = _columns(names, schema)
    by_name = {feature.name: feature for feature in schema.features}
    if columns is None or any(name not in by_name for name in columns):
        return dict.fromkeys(places)
    found, waiting = {}, list(stored)
    for place, name in enumerate(columns):
        feature = by_name[name]
        is_text = feature.kind == "categorical" and not feature.values
        if waiting and (place in places or is_text):
            found[place] = waiting.pop(0)
    return found


def _read(path: Path) -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        raise FairtollError(
            f"{path} needs LightGBM, which is not installed; "
            "install it with fairtoll's extra: pip install -e '.[tables]' in its folder"
        ) from error
    text = sound_text(path)
    try:
        return lightgbm.Booster(model_str=text)
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as a LightGBM model ({first_line(error)}); expected one written by "
            "Booster.save_model; write it again"
        ) from error


LIGHTGBM = Kind("a LightGBM classifier", _accepts, _modules, suffixes=(".txt",), read=_read)
