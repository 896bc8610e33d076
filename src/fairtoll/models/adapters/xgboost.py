"""XGBoost: a Booster, an XGBClassifier, and files of `save_model`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.boosters import booster_model
from fairtoll.models.first_read import require_readable
from fairtoll.models.outputs import Declared
from fairtoll.models.tables import Decoder, TableModel, first_line
from fairtoll.models.thresholds import booster_thresholds, xgboost_splits
from fairtoll.models.trial import trial_rows
from fairtoll.models.xgboost_counts import require_possible_counts

#: Objectives whose margins are logits of classes: of the second of two, or of each.
OBJECTIVES = ("binary:logistic", "binary:logitraw", "reg:logistic", "multi:softprob", "multi:softmax")

#: Probabilities in float32 may differ by this.
SAME = 1e-4


def _accepts(given: Any) -> bool:
    classifiers = ("Booster", "XGBClassifier", "XGBRFClassifier")
    return type(given).__module__.startswith("xgboost.") and type(given).__name__ in classifiers


def _modules(given: Any, schema: Schema | None) -> list[nn.Module]:
    classifier = type(given).__name__ != "Booster"
    if classifier and not hasattr(given, "n_classes_"):
        raise FairtollError(
            f"the {type(given).__name__} is not fitted; expected a fitted classifier; call its fit first"
        )
    booster = given.get_booster() if classifier else given
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    if objective not in OBJECTIVES:
        raise FairtollError(
            f"the XGBoost model has the objective {objective}; expected one of classes: {', '.join(OBJECTIVES)}; give "
            "a function of scores for another"
        )
    trees = _trees(booster, classifier)
    # A classifier may take another number than NaN for a missing value, such as 0.
    missing = getattr(given, "missing", np.nan)

    def margins(rows: Any) -> Any:
        found = np.asarray(
            booster.inplace_predict(
                rows, predict_type="margin", iteration_range=trees, validate_features=False, missing=missing
            )
        )
        return np.stack([np.zeros_like(found), found], axis=1) if found.ndim == 1 else found

    count = max(2, int(learner["learner_model_param"]["num_class"]))
    model = booster_model(
        margins,
        schema,
        columns=booster.feature_names,
        width=booster.num_features(),
        categories=_categories(booster, schema),
        classes=list(np.asarray(given.classes_).tolist()) if classifier else list(range(count)),
        declared=Declared("logits"),
        # Where a number stands for missing, scores jump at it too, of which no threshold tells.
        thresholds=lambda decoder: booster_thresholds(xgboost_splits(booster), decoder) if np.isnan(missing) else {},
    )
    # Of logitraw the classifier's own probabilities are margins.
    if classifier and objective != "binary:logitraw":
        _compare_probabilities(given, model)
    return [model]


def _compare_probabilities(given: Any, model: TableModel) -> None:
    """Raise if margins give other probabilities than `predict_proba`, which may know of a setting of its own."""
    assert isinstance(model.decoder, Decoder)
    rows = model.decoder(trial_rows(model.decoder.all_features))
    margins = torch.from_numpy(np.asarray(model.scores(rows), dtype=np.float64))
    apart = np.abs(margins.softmax(dim=1).numpy() - given.predict_proba(rows, validate_features=False)).max()
    if not apart < SAME:
        raise FairtollError(
            f"predict_proba of the {type(given).__name__} differs from its booster's scores by {apart:.2g}; expected "
            "the same; give a function that returns predict_proba"
        )


def _trees(booster: Any, classifier: bool) -> tuple[int, int]:
    """The rounds that count: with early stopping an XGBClassifier predicts with the best, a Booster with all."""
    best = booster.attributes().get("best_iteration")
    if best is None or not (classifier or "scikit_learn" in booster.attributes()):
        return (0, 0)
    return (0, int(best) + 1)


def _categories(booster: Any, schema: Schema | None) -> dict[int, Any]:
    """The values behind the codes of each column that is split by category.

    Raises
    ------
    FairtollError
        If the model does not store those of a column that it splits: another order would give wrong scores.
    """
    types = booster.feature_types or []
    places = [place for place, kind in enumerate(types) if kind == "c"]
    if not places or schema is None or not schema.features:
        return {}
    splits = xgboost_splits(booster)
    used = splits.by_category.union(splits.columns.tolist())
    stored = _stored(booster)
    found = {place: values.to_pylist() for place in places if (values := stored.get(place)) is not None}
    if unknown := [place for place in places if place in used and place not in found]:
        names = booster.feature_names or list(map(str, range(len(types))))
        raise FairtollError(
            f"the XGBoost model splits {', '.join(repr(names[place]) for place in unknown)} by category and does not "
            "store which values its codes mean (a version before 3.1 wrote it, or it was trained on codes); "
            "expected one that stores them; train it again on a table with XGBoost 3.1 or later, or give a function "
            "of its scores"
        )
    return found


def _stored(booster: Any) -> dict[int, Any]:
    """By column, the values of its categories as an Arrow array; None where a model has none."""
    if not hasattr(booster, "get_categories"):  # before version 3.1
        return {}
    return {place: values for place, (_, values) in enumerate(booster.get_categories(export_to_arrow=True).to_arrow())}


def _read(path: Path) -> Any:
    try:
        import xgboost
    except ModuleNotFoundError as error:
        raise FairtollError(
            f"{path} needs XGBoost, which is not installed; "
            "install it with fairtoll's extra: pip install -e '.[xgboost]' in its folder"
        ) from error
    require_possible_counts(path)
    require_readable(path, "xgboost", what="an XGBoost model")
    try:
        booster = xgboost.Booster()
        booster.load_model(path)
        xgboost_splits(booster)
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as an XGBoost model ({_reason(error)}); expected one written by its save_model; "
            "write it again"
        ) from error
    return booster


def _reason(error: Exception) -> str:
    """The first line, without the place in its own code."""
    return first_line(error).rpartition(": ")[2]


XGBOOST = Kind("an XGBoost classifier", _accepts, _modules, suffixes=(".json", ".ubj"), read=_read)
