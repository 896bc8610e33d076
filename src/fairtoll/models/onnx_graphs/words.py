"""The attributes of a node of an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


class NotInTorch(Exception):
    """A graph has something that has no equivalent here; it is then run by onnxruntime."""


class Attributes(dict[str, Any]):
    """The attributes of one node by name, text as text and tensors as tensors.

    Parameters
    ----------
    held : dict
        By name.
    opset : int
        Version of the operators.
    outputs : int
        How many the node has.
    size : int, optional
        The number of rows that the graph was exported for.

    Examples
    --------
    >>> Attributes({"axis": 1}, opset=20, outputs=1)["axis"]
    1
    """

    def __init__(self, held: dict[str, Any], *, opset: int, outputs: int, size: int | None = None) -> None:
        super().__init__(held)
        self.opset, self.outputs, self.size = opset, outputs, size
        #: How many rows the graph is run on.
        self.rows = 0

    def with_rows(self, x: Tensor, shape: list[int]) -> list[int]:
        """A shape that was written for another number of rows, for this one.

        Examples
        --------
        >>> held = Attributes({}, opset=20, outputs=1, size=1)
        >>> held.rows = 5
        >>> held.with_rows(torch.zeros(5, 2, 3), [1, 6])
        [5, 6]
        """
        if self.size is None or not shape or shape[0] != self.size or not x.ndim or x.shape[0] != self.rows:
            return shape
        return [self.rows, *shape[1:]]

    def constant(self) -> Tensor:
        """The value of a constant.

        Examples
        --------
        >>> Attributes({"value_ints": [1, 2]}, opset=20, outputs=1).constant()
        tensor([1, 2])
        """
        (value,) = self.values()
        if isinstance(value, Tensor):
            return value
        if isinstance(value, float) or (isinstance(value, list) and value and isinstance(value[0], float)):
            return torch.tensor(value, dtype=torch.float32)
        if not isinstance(value, int | list):
            raise NotInTorch("a constant of text")
        return torch.tensor(value, dtype=torch.int64)

    def dtype(self, name: str) -> torch.dtype:
        """The type that an attribute names."""
        from onnx import helper

        return torch.from_numpy(np.empty(0, dtype=helper.tensor_dtype_to_np_dtype(self[name]))).dtype
