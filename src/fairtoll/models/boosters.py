"""What models of boosted trees in other libraries share: categories as the codes that they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError, warn
from fairtoll.inputs.features import Feature, Schema
from fairtoll.inputs.labels import name_of
from fairtoll.models.class_order import are_positions, by_position, class_order
from fairtoll.models.forms import require_columns, require_missing_taken
from fairtoll.models.outputs import Declared
from fairtoll.models.remarks import Remark
from fairtoll.models.tables import Decoder, TableModel
from fairtoll.models.trial import answers, plain_features


def booster_model(
    scores: Callable[[NDArray[np.float64]], Any],
    schema: Schema | None,
    *,
    columns: Sequence[str] | None,
    width: int,
    categories: Mapping[int, Sequence[Any] | None],
    classes: Sequence[Any],
    declared: Declared,
    thresholds: Callable[[Decoder], dict[int, NDArray[np.float32]]],
) -> TableModel:
    """A booster as a module of the rows of a table.

    Parameters
    ----------
    scores : callable
        Takes an array of numbers `(N, M)`, NaN where one is missing.
    schema : Schema, optional
        Of the table.
    columns : sequence of str, optional
        Names of the M columns that it was trained on; None where it knows none.
    width : int
        M.
    categories : mapping of int to sequence
        For each of the columns that it splits by category, the values behind its codes; None where it was trained on
        the codes themselves.
    classes : sequence
        Its classes, in the order of the scores.
    declared, thresholds
        As `fairtoll.models.forms.table_model` takes them.

    Raises
    ------
    FairtollError
        If the table lacks a column, has another number of them, or other classes; or has numbers where the booster
        was trained on categories, or text where it was trained on codes; or classes that are text in another than
        alphabetical order, where the booster stores positions alone.

    Warns
    -----
    FairtollWarning
        If the table has categories that it was not trained on.
    """
    order = None if schema is None else class_order(classes, schema.class_names)
    if schema is not None and are_positions(classes, schema.class_names):
        declared = replace(declared, remarks=(*declared.remarks, _positions(schema.class_names)))
    features = schema.features if schema else ()
    if not features:
        features, columns = plain_features([str(place) for place in range(width)]), None
    if columns is None and width != len(features):
        raise FairtollError(
            f"the model was trained on {width} columns without names and the table has {len(features)}: "
            f"{', '.join(feature.name for feature in features)}; expected the same; name the features, in its order"
        )
    require_columns(columns, features)
    chosen = list(columns) if columns is not None else [feature.name for feature in features]
    by_name = {feature.name: feature for feature in features}
    for place, name in enumerate(chosen):
        _require_codes(by_name[name], categories.get(place))
    tables = {
        name: _codes(by_name[name], place, categories)
        for place, name in enumerate(chosen)
        if by_name[name].kind == "categorical"
    }
    decoder = Decoder(features, form="array", columns=chosen, tables=tables)
    model = TableModel(scores, decoder, order=order, declared=declared, thresholds=lambda: thresholds(decoder))
    require_missing_taken(model, features)
    model.answers = answers(model, features)
    return model


def _positions(class_names: Sequence[str]) -> Remark:
    """Which classes the positions are taken for: in alphabetical order, as LightGBM and encoders number text.

    Raises
    ------
    FairtollError
        If the data's classes are in another order: which of the two was meant cannot be known.
    """
    ordered = sorted(class_names)
    if list(class_names) != ordered:
        raise FairtollError(
            f"the model stores the positions 0 to {len(ordered) - 1} of its classes without names, and the data's are "
            f"in the order {_listed(class_names)}; expected the alphabetical order, in which LightGBM and encoders "
            f"number text: {_listed(ordered)}; give the label's values in it (--categories LABEL={','.join(ordered)}, "
            "or class_names of load_frame); if the model numbers them otherwise, give a function of its scores"
        )
    return by_position(ordered, order="alphabetical order", remedy="give a function of its scores")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _require_codes(feature: Feature, known: Sequence[Any] | None) -> None:
    """Raise if a booster expects codes of a column in which the table has numbers: it would take 5 for the sixth."""
    if feature.kind == "categorical" or known is None:  # numbers are the codes that it was trained on
        return
    names = list(map(name_of, known))
    if names != [str(code) for code in range(len(names))]:
        values = ",".join(names[:20]) + ("..." if len(names) > 20 else "")
        raise FairtollError(
            f"the model was trained on '{feature.name}' as a category, and the table has numbers in it; expected its "
            f"categories; name them: --categories {feature.name}={values} (categories={{...}} of load_frame)"
        )


def _codes(feature: Feature, place: int, categories: Mapping[int, Sequence[Any] | None]) -> NDArray[np.float64]:
    """The number that a booster has for each code of a feature."""
    known = categories.get(place)
    if known is not None:
        names = list(map(name_of, known))
        found = [float(names.index(one)) if one in names else np.nan for one in feature.categories]
        unknown = [one for one in feature.categories if one not in names]
        if unknown:
            warn(
                f"the model was trained without the categories {', '.join(map(repr, unknown[:5]))} of '{feature.name}' "
                "and takes them for missing values"
            )
    elif feature.values:
        # Booleans and numbers that it was trained on as such.
        found = list(map(float, feature.values))
    elif place in categories:
        raise FairtollError(
            f"the model was trained on codes of '{feature.name}' and does not store which values they mean, and "
            f"the table has text in it ({_listed(feature.categories[:3])}); expected the codes; give a table that has "
            "them, or a function of the model's scores"
        )
    else:
        found = [float(code) for code in range(len(feature.categories))]
    return np.array([*found, np.nan] if feature.missing is not None else found)
