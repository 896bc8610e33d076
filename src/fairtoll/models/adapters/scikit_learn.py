"""Classifiers with scikit-learn's interface: `predict_proba` or `decision_function`, and `classes_`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fairtoll.errors import FairtollError, warn
from fairtoll.inputs.features import Schema
from fairtoll.inputs.labels import name_of
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.class_order import GIVE_ORDER, are_positions, by_position, class_order
from fairtoll.models.exact import exact_module
from fairtoll.models.fitted import columns_of, parts_of, rows_of
from fairtoll.models.forms import table_model
from fairtoll.models.outputs import Declared
from fairtoll.models.remarks import Remark
from fairtoll.models.skops_files import read_skops
from fairtoll.models.tables import Decoder, TableModel
from fairtoll.models.thresholds import estimator_thresholds
from fairtoll.models.trial import answers, plain_features, trial_rows

DECISION_VALUES = Remark(
    "model-without-probabilities",
    "The model gives no probabilities",
    "the model gives decision values and no probabilities: its confidence is that of their softmax",
    kind="note",
)


def _accepts(given: Any) -> bool:
    if isinstance(given, type | nn.Module):
        return False
    return hasattr(given, "classes_") or (hasattr(given, "get_params") and hasattr(given, "fit"))


def _modules(given: Any, schema: Schema | None) -> list[nn.Module]:
    classes = _classes(given)
    order = None if schema is None else class_order(classes, schema.class_names)
    scores, declared = _scores(given, len(classes))
    if schema is not None and are_positions(classes, schema.class_names):
        numbered = by_position(schema.class_names, order="the order of the data", remedy=GIVE_ORDER)
        declared = replace(declared, remarks=(*declared.remarks, numbered))
    if schema is None or not schema.features:
        return [_of_plain_rows(given, scores, order, declared)]
    model = table_model(
        scores,
        schema,
        rows=rows_of(given, schema),
        order=order,
        declared=declared,
        thresholds=lambda decoder: estimator_thresholds(given, decoder),
    )
    _compare_predictions(given, model, schema)
    _look_for_unknown_categories(given, schema)
    exact = exact_module(given, model, schema.features)
    return [model if exact is None else _remarked(exact, declared)]


def _remarked(exact: nn.Module, declared: Declared) -> nn.Module:
    """A model in torch, with what is said of the one that it was made from; its own outputs are logits."""
    if declared.remarks:
        exact.declared = Declared(remarks=declared.remarks, of_outputs=False)  # type: ignore[assignment]
    return exact


def _classes(given: Any) -> list[Any]:
    """The classes of a fitted classifier."""
    what = type(given).__name__
    classes = getattr(given, "classes_", None)
    if classes is None:
        if getattr(given, "_estimator_type", None) == "classifier" or _is_classifier(given):
            raise FairtollError(f"the {what} is not fitted; expected a fitted classifier; call its fit first")
        raise FairtollError(
            f"the {what} is no classifier (it has no classes_); expected one with predict_proba; give a function of "
            "scores if it decides between classes in another way"
        )
    if isinstance(classes, list) and classes and isinstance(classes[0], np.ndarray):
        raise FairtollError(
            f"the {what} predicts {len(classes)} outputs; expected one class a row; give a model of one of them"
        )
    return list(np.asarray(classes).tolist())


def _is_classifier(given: Any) -> bool:
    try:
        from sklearn.base import is_classifier
    except ModuleNotFoundError:
        return False
    return bool(is_classifier(given))


def _scores(given: Any, classes: int) -> tuple[Callable[[Any], Any], Declared]:
    what = type(given).__name__
    if hasattr(given, "predict_proba"):
        return given.predict_proba, Declared("probabilities")
    if not hasattr(given, "decision_function"):
        raise FairtollError(
            f"the {what} gives labels alone; expected predict_proba or decision_function; calibrate it "
            "(CalibratedClassifierCV), or give a function of scores"
        )

    def decide(rows: Any) -> Any:
        found = np.asarray(given.decision_function(rows), dtype=np.float64)
        found = np.stack([np.zeros_like(found), found], axis=1) if found.ndim == 1 else found
        if found.shape[1] != classes:
            raise FairtollError(
                f"the decision_function of the {what} has {found.shape[1]} values for {classes} classes; expected one "
                "a class; set decision_function_shape='ovr'"
            )
        return found

    if any(getattr(part, "decision_function_shape", None) == "ovo" for part in parts_of(given)) and classes > 2:
        raise FairtollError(
            f"the decision_function of the {what} compares pairs of classes (ovo); expected one value a class; set "
            "decision_function_shape='ovr'"
        )
    return decide, Declared("logits", (DECISION_VALUES,))


def _of_plain_rows(
    given: Any, scores: Callable[[Any], Any], order: NDArray[np.intp] | None, declared: Declared
) -> nn.Module:
    """Of rows that are no table, such as images: each is taken flat, by position."""
    width, columns = getattr(given, "n_features_in_", None), columns_of(given)
    if width is None:
        return TableModel(scores, order=order, declared=declared)
    features = plain_features(columns or [str(place) for place in range(width)])
    decoder = Decoder(features, form="array" if columns is None else "codes")
    model = TableModel(
        scores, decoder, order=order, declared=declared, thresholds=lambda: estimator_thresholds(given, decoder)
    )
    try:
        model.answers = answers(model, features)
        exact = exact_module(given, model, features)
    except FairtollError:  # Nothing is known of its values: it may not take these.
        exact = None
    return model if exact is None else _remarked(nn.Sequential(nn.Flatten(), *exact.children()), declared)


def _compare_predictions(given: Any, model: TableModel, schema: Schema) -> None:
    """A warning if `predict` is not the largest score: with a tuned threshold, or an SVC with its own probabilities."""
    x = trial_rows(schema.features, missing=False)
    scores = model(torch.from_numpy(x))
    if scores.shape[1] != len(schema.class_names):
        raise FairtollError(
            f"the {type(given).__name__} gives {scores.shape[1]} scores for {len(schema.class_names)} classes; "
            "expected one a class; fit it again, and write it again"
        )
    largest = [schema.class_names[place] for place in scores.argmax(dim=1).tolist()]
    names = {str(name): place for place, name in enumerate(map(name_of, given.classes_))}
    own = np.asarray(given.predict(model.decoder(x)))
    order = model.order if model.order is not None else np.arange(len(names))
    told = [schema.class_names[int(np.flatnonzero(order == names[name_of(one)])[0])] for one in own]
    top = scores.topk(2, dim=1).values
    differ = sum(a != b for a, b, tie in zip(largest, told, (top[:, 0] == top[:, 1]).tolist(), strict=True) if not tie)
    if differ:
        warn(
            f"predict of the {type(given).__name__} is not the class of its largest score in {differ} of {len(x)} rows "
            "(a tuned threshold, or probabilities fitted apart); the largest score is what is audited"
        )


def _look_for_unknown_categories(given: Any, schema: Schema) -> None:
    """A warning where an encoder takes a category of the table for none, as it was told to."""
    by_name = {feature.name: feature for feature in schema.features}
    for part in parts_of(given):
        known, names = getattr(part, "categories_", None), columns_of(part)
        if not isinstance(known, list) or names is None or getattr(part, "handle_unknown", "ignore") == "error":
            continue
        for name, values in zip(names, known, strict=True):
            feature = by_name.get(name)
            there = set(map(name_of, values))
            unknown = [one for one in (feature.categories if feature else ()) if one not in there]
            if unknown:
                warn(
                    f"the {type(part).__name__} does not know {', '.join(map(repr, unknown[:5]))} of column '{name}' "
                    "and takes it for no category"
                )


SCIKIT_LEARN = Kind(
    "a fitted classifier of scikit-learn",
    _accepts,
    _modules,
    suffixes=(".skops",),
    read=read_skops,
)
