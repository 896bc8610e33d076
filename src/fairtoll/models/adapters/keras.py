"""Keras models: on torch with gradients, on another backend by their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.fitted import Rows
from fairtoll.models.forms import table_model
from fairtoll.models.images import arranged
from fairtoll.models.keras_files import read_keras
from fairtoll.models.outputs import Declared
from fairtoll.models.remarks import Remark
from fairtoll.models.tables import TableModel

OTHER_BACKEND = Remark(
    "keras-by-scores",
    "The Keras model is run by its scores",
    "the Keras model does not run on torch, so that it has no gradients here and is attacked by its scores only; set "
    "KERAS_BACKEND=torch before keras is imported, or convert it to ONNX, for gradients",
    kind="note",
)


def _accepts(given: Any) -> bool:
    return any(
        base.__name__ == "Model" and base.__module__.partition(".")[0] in ("keras", "tf_keras")
        for base in type(given).__mro__
    )


def _modules(given: Any, schema: Schema | None) -> list[nn.Module]:
    _require_one_input(given)
    if isinstance(given, nn.Module):
        return [KerasModel(given)]
    shape = _input_shape(given)

    def scores(rows: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(given(np.asarray(arranged(rows, shape), dtype=np.float32), training=False))

    declared = Declared(None, (OTHER_BACKEND,))
    if schema is None or not schema.features:
        return [TableModel(scores, np.copy, declared=declared)]
    return [table_model(scores, schema, rows=Rows(("array",)), declared=declared)]


class KerasModel(nn.Module):
    """A Keras model on torch, run without dropout; a softmax or sigmoid that ends it is left out.

    Parameters
    ----------
    model : keras.Model
        Not changed: its last layer has its activation again after each call.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.config = _config(model)
        self.shape = _input_shape(model)
        last, ends = _last(model)
        self.declared = None if not ends else Declared("one logit" if ends == "sigmoid" else "logits")

        # Its layers hold more than torch's modules do, so that it is no part of this one; its weights are.
        def run(rows: Tensor) -> Any:
            if not ends:
                return model(rows, training=False)
            activation, last.activation = last.activation, _unchanged
            try:
                return model(rows, training=False)
            finally:
                last.activation = activation

        self._run = run
        for number, variable in enumerate(model.variables):
            # The state of dropout's generator is another one each time that a file is read.
            if isinstance(variable.value, nn.Parameter) and not variable.path.endswith("seed_generator_state"):
                self.register_parameter(f"weight_{number}", variable.value)

    def forward(self, x: Tensor) -> Any:
        """What the model returns for the rows."""
        return self._run(arranged(x, self.shape))


def _unchanged(x: Tensor) -> Tensor:
    return x


def _config(model: Any) -> str:
    try:
        return str(model.to_json())
    except Exception:  # a class of the caller's own need not have one
        return type(model).__qualname__


def _input_shape(model: Any) -> tuple[int | None, ...]:
    inputs = getattr(model, "inputs", None)
    return tuple(inputs[0].shape) if inputs else ()


def _require_one_input(model: Any) -> None:
    names = [str(one.name) for one in getattr(model, "inputs", None) or ()]
    if len(names) > 1:
        raise FairtollError(
            f"the Keras model takes {len(names)} inputs: {', '.join(names)}; expected one, of rows; give a function of "
            "rows that hands them on as its inputs"
        )


def _last(model: Any) -> tuple[Any, str]:
    """The layer that gives the outputs, and "softmax" or "sigmoid" if that is its activation and it is used once."""
    outputs: list[Any] = list(getattr(model, "outputs", None) or ())
    if len(outputs) != 1 or len(outputs[0].shape) != 2:
        return None, ""
    layer = getattr(getattr(outputs[0], "_keras_history", None), "operation", None)
    name = str(getattr(getattr(layer, "activation", None), "__name__", ""))
    wanted = "sigmoid" if outputs[0].shape[1] == 1 else "softmax"
    once = len(getattr(layer, "_inbound_nodes", ())) == 1
    return layer, name if once and name == wanted else ""


KERAS = Kind(
    "a Keras model", _accepts, _modules, suffixes=(".keras", ".h5", ".hdf5", ".tflite", ".pb"), read=read_keras
)
