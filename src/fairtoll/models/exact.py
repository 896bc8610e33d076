"""Linear models and multilayer perceptrons of scikit-learn as torch modules, equal to them to rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fairtoll.inputs.features import Feature
from fairtoll.models.columnwise import Column, Columnwise, columns_after
from fairtoll.models.tables import Decoder, TableModel
from fairtoll.models.trial import compared_rows

#: How far the probabilities of both may be apart in double precision.
TOLERANCE = 1e-9
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


def exact_module(fitted: Any, model: TableModel, features: Sequence[Feature]) -> nn.Module | None:
    """A fitted classifier as a torch module of logits in double precision, with a gradient in the table's numbers.

    Parameters
    ----------
    fitted : estimator
        A linear classifier, one-vs-rest of those, or an MLPClassifier; alone, behind preprocessors that
        `fairtoll.models.columnwise` knows, or as the best of a search.
    model : TableModel
        The same by its own scores, which must agree on a few rows.
    features : sequence of Feature
        Of the table.

    Returns
    -------
    Module or None
        None where it is another model, or does not agree. For a table of numbers it is a plain chain of dense layers,
        which the faster passes and the proofs of `fairtoll.bounds` know.
    """
    if not isinstance(model.decoder, Decoder):
        return None
    steps, last = unwrapped(fitted)
    columns = columns_after(steps, model.decoder)
    if columns is None or any(c.table is not None and c.table.dtype == object for c in columns):
        return None
    missing = [feature.missing for feature in features]
    for layers in _networks(last, model.order):
        if layers[0].in_features != len(columns):
            return None
        found = _behind(columns, layers, missing, len(features)).double()
        if _agree(found, model, features):
            return found.eval()
    return None


def unwrapped(fitted: Any) -> tuple[Any, Any]:
    """The preprocessor of a classifier (None for none) and the classifier behind it.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> steps, last = unwrapped(make_pipeline(StandardScaler(), LogisticRegression()))
    >>> type(steps).__name__, type(last).__name__
    ('Pipeline', 'LogisticRegression')
    """
    before: list[Any] = []
    while True:
        if hasattr(fitted, "best_estimator_") and hasattr(fitted, "cv_results_"):
            fitted = fitted.best_estimator_
        elif type(fitted).__name__ == "FrozenEstimator":
            fitted = fitted.estimator
        elif type(fitted).__name__ == "Pipeline" and type(fitted).__module__.startswith("sklearn."):
            before += [step for _, step in fitted.steps[:-1]]
            fitted = fitted.steps[-1][1]
        else:
            break
    if not before:
        return None, fitted
    from sklearn.pipeline import Pipeline

    return Pipeline([(str(place), step) for place, step in enumerate(before)]), fitted


def _networks(last: Any, order: NDArray[np.intp] | None) -> Iterator[list[Any]]:
    """What the layers behind the preprocessor may be; for each way that scikit-learn makes probabilities of scores."""
    dense = _dense_layers(last)
    if dense is None:
        return
    *hidden, (weight, bias) = dense
    layers: list[Any] = []
    for own_weight, own_bias in hidden:
        layers += [_linear(own_weight, own_bias), ACTIVATIONS[last.activation]()]
    if len(weight) == 1:
        # One score is the second class's: softmax of (0, z) is its sigmoid; in some versions of (-z, z).
        for first in (0.0, -1.0):
            both = np.concatenate([first * weight, weight]), np.concatenate([first * bias, bias])
            yield [*layers, _linear(*_ordered(both, order))]
    else:
        plain = _ordered((weight, bias), order)
        yield [*layers, _linear(*plain)]
        # One-vs-rest: sigmoids divided by their sum, which is the softmax of their logarithms.
        yield [*layers, _linear(*plain), nn.LogSigmoid()]


def _dense_layers(last: Any) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]] | None:
    """Weights (out, in) and biases (out,) of each layer."""
    if not type(last).__module__.startswith("sklearn."):
        return None
    if type(last).__name__ == "MLPClassifier":
        if last.activation not in ACTIVATIONS or last.out_activation_ not in ("softmax", "logistic"):
            return None
        return [(weight.T, bias) for weight, bias in zip(last.coefs_, last.intercepts_, strict=True)]
    if type(last).__name__ == "OneVsRestClassifier":
        parts = [_dense_layers(one) for one in last.estimators_]
        if any(part is None or len(part) != 1 or len(part[0][0]) != 1 for part in parts):
            return None
        single = [part[0] for part in parts if part is not None]
        return [(np.concatenate([weight for weight, _ in single]), np.concatenate([bias for _, bias in single]))]
    weight, bias = getattr(last, "coef_", None), getattr(last, "intercept_", None)
    if weight is None or bias is None or not isinstance(weight, np.ndarray) or not hasattr(last, "classes_"):
        return None
    weight = np.atleast_2d(weight).astype(np.float64)
    return [(weight, np.broadcast_to(np.asarray(bias, dtype=np.float64), len(weight)))]


def _ordered(
    layer: tuple[NDArray[np.float64], NDArray[np.float64]], order: NDArray[np.intp] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return layer if order is None else (layer[0][order], layer[1][order])


def _linear(weight: NDArray[np.float64], bias: NDArray[np.float64]) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    return layer


def _behind(
    columns: Sequence[Column], layers: Sequence[Any], missing: Sequence[float | None], width: int
) -> nn.Sequential:
    kept = [layer for layer in layers if not isinstance(layer, nn.Identity)]
    if any(one.table is not None for one in columns) or any(code is not None for code in missing):
        return nn.Sequential(Columnwise(columns, missing), *kept)
    # Scale and shift of each column belong to the first layer, so that a chain of dense layers is left.
    first = layers[0]
    weight = np.zeros((first.out_features, width))
    own = first.weight.detach().numpy()
    np.add.at(weight.T, [one.source for one in columns], (own * [one.scale for one in columns]).T)
    bias = first.bias.detach().numpy() + own @ np.array([one.shift for one in columns])
    return nn.Sequential(_linear(weight, bias), *kept[1:])


def _agree(found: nn.Module, model: TableModel, features: Sequence[Feature]) -> bool:
    x, as_read = compared_rows(features)
    expected = model(x)
    if model.declared.output == "probabilities":
        expected = expected.clamp_min(torch.finfo(torch.float64).tiny).log()
    else:
        # Decision values count up to a constant for each row.
        expected = expected - expected[:, :1]
    with torch.no_grad():
        own = found(as_read)
    own = own.log_softmax(dim=1) if model.declared.output == "probabilities" else own - own[:, :1]
    apart = (own.softmax(dim=1) - expected.softmax(dim=1)).abs().max()
    return bool(own.shape == expected.shape and apart <= TOLERANCE)
