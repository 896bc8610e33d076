"""ONNX models, in memory or from .onnx files: no code, and nothing pickled, is in them."""

from __future__ import annotations

from typing import Any

from fairtoll.models.adapters.kind import Kind
from fairtoll.models.onnx_graphs import onnx_module, read_onnx


def _accepts(given: Any) -> bool:
    return type(given).__name__ == "ModelProto" and type(given).__module__.startswith("onnx")


ONNX = Kind(
    "an ONNX model",
    _accepts,
    lambda given, schema: [onnx_module(given, schema)],
    suffixes=(".onnx",),
    read=read_onnx,
)
