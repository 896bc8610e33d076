"""An ONNX model as a torch module: followed by autograd where torch gives the same answers as onnxruntime."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError, warn
from fairtoll.inputs.features import Schema
from fairtoll.models.class_order import GIVE_ORDER, are_positions, by_position, class_order
from fairtoll.models.fixed_batch import in_fixed_batches
from fairtoll.models.forms import table_model
from fairtoll.models.images import arranged
from fairtoll.models.onnx_graphs.graph import TorchGraph
from fairtoll.models.onnx_graphs.read import Surface, require_onnx, with_scores
from fairtoll.models.onnx_graphs.runtime import rows_for, scorer
from fairtoll.models.onnx_graphs.trees import tree_thresholds
from fairtoll.models.onnx_graphs.words import NotInTorch
from fairtoll.models.outputs import Declared, Output, to_probabilities
from fairtoll.models.remarks import Remark
from fairtoll.models.tables import TableModel

#: Rows on which torch's answers are compared with onnxruntime's.
COMPARED = 32
#: By how much they may differ, as a share of the largest.
SAME = 1e-4


def onnx_module(model: Any, schema: Schema | None) -> nn.Module:
    """A module of rows `(N, ...)` that answers as an ONNX model.

    Every operator is run in torch, so that gradients exist, if torch's answers on the first rows are onnxruntime's to
    1e-4 of the largest; else onnxruntime gives the scores, and a remark says why.

    Parameters
    ----------
    model : onnx.ModelProto
        Takes rows, or each column of a table as an input of its name.
    schema : Schema, optional
        Of the table.

    Raises
    ------
    FairtollError
        If onnx is not installed, inputs do not fit the table, no output is scores, or classes are not the data's.

    Warns
    -----
    FairtollWarning
        If it was exported for one number of rows, and torch cannot take another.
    """
    require_onnx("an ONNX model needs")
    classes = None if schema is None else len(schema.class_names)
    reduced, surface = with_scores(model, classes=classes)
    order = class_order(surface.classes, schema.class_names) if schema is not None and surface.classes else None
    scores, rows = scorer(reduced, surface), rows_for(surface, schema)
    _require_width(surface, schema)
    declared = Declared("probabilities" if surface.classes and surface.last != "LinearClassifier" else None)
    if schema is not None and surface.classes and are_positions(surface.classes, schema.class_names):
        numbered = by_position(schema.class_names, order="the order of the data", remedy=GIVE_ORDER)
        declared = replace(declared, remarks=(numbered,))
    if schema is None or rows is None:
        by_scores = TableModel(scores, np.copy, order=order, declared=declared)
    else:
        by_scores = table_model(
            scores,
            schema,
            rows=rows,
            order=order,
            declared=declared,
            thresholds=lambda decoder: tree_thresholds(reduced, surface, decoder),
        )
    try:
        graph = _graph(reduced, surface, schema)
    except NotInTorch as error:
        return _scores_only(by_scores, str(error))
    return OnnxModel(graph, by_scores, surface, order)


class OnnxModel(nn.Module):
    """Both ways to run a model, of which the first rows decide which one is taken.

    Parameters
    ----------
    graph : TorchGraph
        The model in torch.
    by_scores : TableModel
        The model by onnxruntime.
    surface : Surface
        Its inputs and outputs.
    order : sequence of int, optional
        The column of each of the data's classes.
    """

    def __init__(self, graph: TorchGraph, by_scores: TableModel, surface: Surface, order: Any) -> None:
        super().__init__()
        self.graph, self.by_scores = graph, by_scores
        self.order = by_scores.order
        self._ways = _Ways(graph, by_scores, surface)

    @property
    def declared(self) -> Declared:
        """What its outputs are, as far as it is known, and a remark if there are no gradients."""
        return self._ways.declared

    def forward(self, x: Tensor) -> Tensor:
        """Logits or probabilities `(N, C)`."""
        found = self._ways(x)
        in_order = self.order is not None and self._ways.in_torch and found.shape[1] == len(self.order)
        return found[:, self.order] if in_order else found


class _Ways:
    """Which way is taken. A callable, as it is no property of the model's function."""

    def __init__(self, graph: TorchGraph, by_scores: TableModel, surface: Surface) -> None:
        self.graph, self.by_scores, self.surface = graph, by_scores, surface
        self.output: Output | None = None
        if surface.logits is not None and surface.last != "LogSoftmax":
            self.output = "one logit" if surface.last == "Sigmoid" else "logits"
        numbered = by_scores.declared.remarks
        self.declared = Declared(self.output, numbered, of_outputs=self.output is not None)
        self.in_torch, self.decided, self.fixed = True, False, False

    def __call__(self, x: Tensor) -> Tensor:
        if not self.decided and len(x):
            self._decide(x[:COMPARED].detach())
        found: Tensor = self._followed(x) if self.in_torch else self.by_scores(x)
        return found

    def _followed(self, x: Tensor) -> Tensor:
        kind, shape = next(iter(self.surface.inputs.values()))
        rows = arranged(x, shape).to(getattr(torch, kind))
        found = in_fixed_batches(self.graph, rows, self.surface.size or 1) if self.fixed else self.graph(rows)
        flat: Tensor = found.reshape(len(x), -1) if found.ndim != 2 and len(found) == len(x) else found
        return flat

    def _decide(self, x: Tensor) -> None:
        reason = ""
        with torch.no_grad():
            expected = self.by_scores(x)
            for fixed in (False, True) if self.surface.size else (False,):
                self.fixed = fixed
                try:
                    found = self._followed(x)
                    if self.output is not None:
                        found = to_probabilities(found, self.output) if found.shape[1] > 1 else found.sigmoid()
                    reason = self._difference(found, expected)
                except Exception as error:  # whatever an operator raises
                    reason = " ".join(str(error).split()) or type(error).__name__
                if not reason:
                    break
        self.decided = True
        if reason:
            self.in_torch = False
            self.declared = _scores_only(self.by_scores, reason).declared
        elif self.fixed:
            warn(
                f"the ONNX model takes batches of {self.surface.size} rows alone, and is given rows so many at a time, "
                "which is slow; export it with a dynamic batch dimension (dynamic_shapes of torch.onnx.export)"
            )

    def _difference(self, found: Tensor, expected: Tensor) -> str:
        order = self.by_scores.order
        found = found[:, order] if order is not None and found.shape[1] == len(order) else found
        if found.shape != expected.shape:
            return f"answers of shape {tuple(found.shape)} instead of {tuple(expected.shape)}"
        apart = float((found.double() - expected).abs().max())
        largest = float(expected[expected.isfinite()].abs().max()) if expected.isfinite().any() else 0.0
        return "" if apart <= SAME * max(1.0, largest) else f"answers differ by {apart:.2g} from onnxruntime's"


def _graph(model: Any, surface: Surface, schema: Schema | None) -> TorchGraph:
    gaps = [one.name for one in (schema.features if schema is not None else ()) if one.missing is not None]
    if gaps:
        raise NotInTorch(f"missing values in {gaps[0]}")
    if len(surface.inputs) != 1:
        raise NotInTorch(f"it takes {len(surface.inputs)} inputs")
    ((kind, _),) = surface.inputs.values()
    if not kind.startswith("float"):
        raise NotInTorch("it reads text" if kind == "object" else f"it reads {kind}")
    output = surface.logits if surface.logits is not None and surface.last != "LogSoftmax" else surface.scores
    return TorchGraph(model, output, size=surface.size)


def _scores_only(model: TableModel, reason: str) -> TableModel:
    remark = Remark(
        "onnx-by-scores",
        "The ONNX model is run by its scores",
        f"the ONNX model is run by onnxruntime ({reason}), without gradients, so that it is attacked by its scores "
        "only",
        kind="note",
    )
    model.declared = replace(model.declared, remarks=(*model.declared.remarks, remark))
    return model


def _require_width(surface: Surface, schema: Schema | None) -> None:
    features = () if schema is None else schema.features
    if len(surface.inputs) != 1 or not features:
        return
    ((name, (_, shape)),) = surface.inputs.items()
    if len(shape) == 2 and shape[1] not in (None, len(features)):
        raise FairtollError(
            f"the ONNX model takes rows of {shape[1]} values ('{name}') and the table has {len(features)} features: "
            f"{', '.join(one.name for one in features[:12])}; expected as many, in its order; name those that it reads"
        )
