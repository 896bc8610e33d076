"""An ONNX graph as a torch module: its nodes are run in order, and autograd follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.models.onnx_graphs.operators import OPERATORS
from fairtoll.models.onnx_graphs.words import Attributes, NotInTorch

#: Domains whose operators are known.
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


class TorchGraph(nn.Module):
    """The part of a graph that one of its outputs depends on.

    Parameters
    ----------
    model : onnx.ModelProto
        With one input, of rows.
    output : str
        Which value is returned.
    size : int, optional
        The number of rows that it was exported for: shapes that start with it are taken for shapes of rows.

    Raises
    ------
    NotInTorch
        If an operator is not known.
    """

    def __init__(self, model: Any, output: str, *, size: int | None = None) -> None:
        from onnx import numpy_helper

        super().__init__()
        opset = max((one.version for one in model.opset_import if one.domain in DOMAINS[:2]), default=1)
        self.output = output
        self.nodes = _needed(model.graph.node, output)
        unknown = sorted({f"{node.op_type}" for node in self.nodes if not _known(node)})
        if unknown:
            raise NotInTorch(f"{', '.join(unknown)} {'has' if len(unknown) == 1 else 'have'} no equivalent in torch")
        wanted = {name for node in self.nodes for name in node.input}
        held = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer if one.name in wanted}
        if any(value.dtype.kind not in "biuf" for value in held.values()):
            raise NotInTorch("it holds text")
        #: Where each constant is among the buffers, whose names may not hold dots.
        self.places = {name: f"constant_{number}" for number, name in enumerate(held)}
        for name, value in held.items():
            self.register_buffer(self.places[name], torch.from_numpy(value.copy()))
        self.input = next(one.name for one in model.graph.input if one.name not in held)
        self.attributes = [
            Attributes(_attributes(node), opset=opset, outputs=len(node.output), size=size) for node in self.nodes
        ]
        #: After which node a value is needed no more.
        self.last = {name: number for number, node in enumerate(self.nodes) for name in node.input}

    def forward(self, x: Tensor) -> Tensor:
        """The output for rows `x` `(N, ...)`."""
        values: dict[str, Any] = {name: getattr(self, place) for name, place in self.places.items()}
        values[self.input] = x
        for number, (node, attributes) in enumerate(zip(self.nodes, self.attributes, strict=True)):
            attributes.rows = len(x)
            given = [values[name] if name else None for name in node.input]
            found = OPERATORS[node.op_type](given, attributes)
            parts: Sequence[Any] = found if isinstance(found, tuple) else (found,)
            values.update(zip(node.output, parts, strict=False))
            for name in node.input:
                if self.last.get(name) == number and name not in self.places:
                    values.pop(name, None)
        result: Tensor = values[self.output]
        return result


def _needed(nodes: Sequence[Any], output: str) -> list[Any]:
    """The nodes that a value depends on, in order."""
    wanted, found = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            found.append(node)
            wanted.update(node.input)
    return found[::-1]


def _known(node: Any) -> bool:
    return node.domain in DOMAINS and node.op_type in OPERATORS


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import TensorProto, helper, numpy_helper

    found = {}
    for one in node.attribute:
        value = helper.get_attribute_value(one)
        if isinstance(value, TensorProto):
            array = numpy_helper.to_array(value)
            if array.dtype.kind not in "biuf":
                raise NotInTorch("it holds text")
            value = torch.from_numpy(array.copy())
        elif isinstance(value, bytes):
            value = value.decode()
        elif not isinstance(value, int | float):
            value = [part.decode() if isinstance(part, bytes) else part for part in value]
        found[one.name] = value
    return found
