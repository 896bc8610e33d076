"""An ONNX model's scores by onnxruntime, of rows in whatever form it takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.fitted import Rows
from fairtoll.models.images import arranged
from fairtoll.models.onnx_graphs.read import Surface
from fairtoll.models.tables import first_line


def rows_for(surface: Surface, schema: Schema | None) -> Rows | None:
    """In which form a model takes the rows of a table; None for rows that are no table.

    Raises
    ------
    FairtollError
        If it has several inputs and the rows are no table, or its inputs are no columns of it.
    """
    kinds = {kind for kind, _ in surface.inputs.values()}
    features = () if schema is None else schema.features
    if len(surface.inputs) == 1 and (not features or kinds <= {"float32", "float64", "float16"}):
        return Rows(("array",)) if features else None
    there = [feature.name for feature in features]
    names = {name: _column(name, there) for name in surface.inputs}
    if len(surface.inputs) == 1 and not names[next(iter(names))]:
        return Rows(("objects" if "object" in kinds else "array",))
    lacking = [name for name, column in names.items() if column is None]
    if lacking:
        raise FairtollError(
            f"the ONNX model takes {len(names)} inputs: {', '.join(names)}; expected one, of rows, or one for each "
            f"column, named as it; the rows have {', '.join(there) or 'no named columns'}"
        )
    return Rows(("frame",), tuple(column for column in names.values() if column is not None))


def _column(name: str, there: list[str]) -> str | None:
    """The column of an input, whose name may have been made an identifier."""
    plain = {one: "".join(letter if letter.isalnum() else "_" for letter in one) for one in there}
    return next((one for one in there if name in (one, plain[one])), None)


def scorer(model: Any, surface: Surface) -> Callable[[Any], NDArray[Any]]:
    """A function of rows that returns the model's scores `(N, C)`, of any number of rows.

    Raises
    ------
    FairtollError
        If onnxruntime cannot run the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    # Errors of onnxruntime have a dozen classes.
    except Exception as error:
        raise FairtollError(
            f"onnxruntime {onnxruntime.__version__} cannot run the ONNX model ({first_line(error)}); expected "
            "operators that it has; export the model for an earlier opset, or update onnxruntime"
        ) from error

    def scores(rows: Any) -> NDArray[Any]:
        columns = {name: _as_input(rows, name, *held) for name, held in surface.inputs.items()}
        count, size = len(rows), surface.size
        if size is None:
            return _flat(session.run([surface.scores], columns)[0], count)
        lacking = -count % size
        filled = {name: np.concatenate([one, one[-1:].repeat(lacking, axis=0)]) for name, one in columns.items()}
        parts = [
            session.run([surface.scores], {name: one[start : start + size] for name, one in filled.items()})[0]
            for start in range(0, count, size)
        ]
        return _flat(np.concatenate([_flat(part, size) for part in parts])[:count], count)

    return scores


def _as_input(rows: Any, name: str, kind: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """What one input takes of the rows: all of them, or a column of the table."""
    values: NDArray[Any]
    if isinstance(rows, np.ndarray):
        values = arranged(rows, shape)
        return values.astype(str).astype(object) if kind == "object" else values.astype(kind, copy=False)
    column = rows[_column(name, list(rows.columns))]
    values = column.astype(str).to_numpy(dtype=object) if kind == "object" else column.to_numpy().astype(kind)
    return values if len(shape) == 1 else values.reshape(-1, 1)


def _flat(found: Any, rows: int) -> NDArray[Any]:
    array = np.asarray(found)
    return array.reshape(rows, -1) if array.ndim != 2 and len(array) == rows else array
