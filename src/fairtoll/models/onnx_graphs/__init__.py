"""ONNX models: in torch where every operator is known, so that gradients exist, and by onnxruntime."""

from fairtoll.models.onnx_graphs.graph import TorchGraph as TorchGraph
from fairtoll.models.onnx_graphs.model import onnx_module as onnx_module
from fairtoll.models.onnx_graphs.read import read_onnx as read_onnx
