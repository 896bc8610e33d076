"""Every operator that is run in torch gives what onnxruntime gives."""

import numpy as np
import pytest
import torch

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from fairtoll.models.onnx_graphs import TorchGraph  # noqa: E402
from fairtoll.models.onnx_graphs.operators import OPERATORS  # noqa: E402

RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def whole(*values):
    return np.array(values, dtype=np.int64)


IMAGE, ROWS = (3, 4, 7, 7), (3, 6)
POSITIVE = np.abs(real(6)) + 0.5
#: Operator, shape of the rows, attributes, further inputs.
CASES = [
    *[(name, ROWS, {}, []) for name in (
        "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Identity", "Mish", "Neg", "Reciprocal", "Relu", "Round",
        "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Tan", "Tanh", "HardSwish", "HardSigmoid", "Elu", "Celu",
        "Selu", "LeakyRelu", "ThresholdedRelu", "Dropout", "Flatten", "LogSoftmax", "Softmax", "Transpose", "Gelu",
        "GlobalAveragePool", "GlobalMaxPool",
    ) if not name.startswith("Global")],
    ("GlobalAveragePool", IMAGE, {}, []),
    ("GlobalMaxPool", IMAGE, {}, []),
    *[(name, ROWS, {}, [real(6)]) for name in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Mean", "Sum", "PRelu")],
    ("Mod", ROWS, {"fmod": 1}, [real(6)]),
    ("Pow", ROWS, {}, [np.float32(2.0)]),
    ("MatMul", ROWS, {}, [real(6, 2)]),
    ("Einsum", ROWS, {"equation": "ij,jk->ik"}, [real(6, 2)]),
    ("Gemm", ROWS, {"transB": 1, "alpha": 0.5, "beta": 2.0}, [real(2, 6), real(2)]),
    ("Gemm", (6, 3), {"transA": 1}, [real(6, 2)]),
    ("Clip", ROWS, {}, [np.float32(-0.5), np.float32(0.5)]),
    ("Clip", ROWS, {}, [np.float32(0.0)]),
    ("Gelu", ROWS, {"approximate": "tanh"}, []),
    ("Elu", ROWS, {"alpha": 0.3}, []),
    ("Selu", ROWS, {"alpha": 1.1, "gamma": 0.9}, []),
    ("HardSigmoid", ROWS, {"alpha": 0.3, "beta": 0.4}, []),
    ("Softmax", IMAGE, {"axis": 1}, []),
    ("BatchNormalization", IMAGE, {"epsilon": 1e-3}, [real(4), real(4), real(4), POSITIVE[:4]]),
    ("LayerNormalization", (3, 4, 6), {"axis": -2}, [real(4, 6), real(4, 6)]),
    ("LayerNormalization", ROWS, {}, [real(6)]),
    ("GroupNormalization", IMAGE, {"num_groups": 2}, [real(4), real(4)]),
    ("InstanceNormalization", IMAGE, {}, [real(4), real(4)]),
    ("Conv", IMAGE, {"strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2]}, [real(5, 4, 3, 3), real(5)]),
    ("Conv", IMAGE, {"group": 2, "auto_pad": "SAME_UPPER", "strides": [2, 2]}, [real(6, 2, 2, 2)]),
    ("Conv", IMAGE, {"auto_pad": "SAME_LOWER"}, [real(6, 4, 2, 4)]),
    ("Conv", (3, 4, 9), {"pads": [1, 1]}, [real(5, 4, 3)]),
    ("Conv", (2, 2, 4, 4, 4), {}, [real(3, 2, 2, 2, 2)]),
    ("ConvTranspose", IMAGE, {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}, [real(4, 3, 3, 3)]),
    ("MaxPool", IMAGE, {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}, []),
    ("MaxPool", IMAGE, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, []),
    ("MaxPool", (3, 4, 9), {"kernel_shape": [3], "dilations": [2]}, []),
    ("AveragePool", IMAGE, {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1]}, []),
    ("AveragePool", IMAGE, {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1], "count_include_pad": 1}, []),
    ("AveragePool", IMAGE, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}, []),
    ("Flatten", IMAGE, {"axis": 2}, []),
    ("Flatten", IMAGE, {"axis": 0}, []),
    ("Reshape", IMAGE, {}, [whole(0, -1, 7)]),
    ("Transpose", IMAGE, {"perm": [0, 2, 3, 1]}, []),
    ("Squeeze", (3, 1, 4, 1), {}, [whole(-1, 1)]),
    ("Squeeze", (3, 1, 4, 1), {}, []),
    ("Unsqueeze", ROWS, {}, [whole(0, -1)]),
    ("Concat", ROWS, {"axis": 1}, [real(3, 2)]),
    ("Slice", IMAGE, {}, [whole(1, -1), whole(3, -8), whole(1, 3), whole(1, -2)]),
    ("Slice", IMAGE, {}, [whole(1), whole(2**62)]),
    ("Slice", IMAGE, {}, [whole(-1), whole(-(2**62)), whole(2), whole(-1)]),
    ("Gather", IMAGE, {"axis": 1}, [whole(-1, 0)]),
    ("Gather", IMAGE, {"axis": 2}, [np.array([[0, 1], [2, -3]])]),
    ("GatherND", IMAGE, {}, [np.array([[0, 1], [-1, 3]])]),
    ("GatherND", ROWS, {}, [np.array([[2], [0], [-1]])]),
    ("Pad", IMAGE, {}, [whole(0, 1, 2, 0, 0, 0, 1, 3), np.float32(0.5)]),
    ("Expand", (3, 1), {}, [whole(3, 4)]),
    ("Tile", ROWS, {}, [whole(1, 2)]),
    ("ReduceMean", IMAGE, {"keepdims": 0}, [whole(2, 3)]),
    ("ReduceMean", IMAGE, {}, []),
    ("ReduceSum", IMAGE, {"noop_with_empty_axes": 1}, []),
    *[(f"Reduce{name}", IMAGE, {"keepdims": 1}, [whole(1, -1)]) for name in (
        "L1", "L2", "Sum", "Max", "Min", "Prod", "LogSumExp", "SumSquare",
    )],
    ("Scaler", ROWS, {"offset": [0.5] * 6, "scale": [2.0] * 6}, []),
    *[("Normalizer", ROWS, {"norm": norm}, []) for norm in ("L1", "L2")],
]  # fmt: skip


def model_of(nodes, shape, constants=(), *, output="Y", kind=TensorProto.FLOAT, opset=21):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, kind, None)],
        [numpy_helper.from_array(np.asarray(one), f"c{number}") for number, one in enumerate(constants)],
    )
    domains = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=domains, ir_version=10)


def same(model, x):
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": x})[0]
    found = TorchGraph(model, model.graph.output[0].name)(torch.from_numpy(x)).numpy()
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(("name", "shape", "attributes", "more"), CASES, ids=[str(case[0]) for case in CASES])
def test_an_operator(name, shape, attributes, more):
    domain = "ai.onnx.ml" if name in ("Scaler", "Normalizer") else ""
    inputs = ["X", *[f"c{number}" for number in range(len(more))]]
    node = helper.make_node(name, inputs, ["Y"], domain=domain, **attributes)
    same(model_of([node], shape, more), real(*shape))


@pytest.mark.parametrize("name", ["Sqrt", "Log"])
def test_an_operator_of_positive_numbers(name):
    same(model_of([helper.make_node(name, ["X"], ["Y"])], ROWS), np.abs(real(*ROWS)) + 0.1)


@pytest.mark.parametrize("name", ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
def test_a_comparison_that_chooses(name):
    nodes = [
        helper.make_node(name, ["X", "c0"], ["which"]),
        helper.make_node("Not", ["which"], ["other"]),
        helper.make_node("And", ["which", "which"], ["both"]),
        helper.make_node("Or", ["both", "which"], ["any"]),
        helper.make_node("Where", ["any", "X", "c0"], ["Z"]),
        helper.make_node("Cast", ["other"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["Z", "number"], ["Y"]),
    ]
    x = np.rint(real(*ROWS))
    same(model_of(nodes, ROWS, [np.zeros(6, np.float32)]), x)


@pytest.mark.parametrize("name", ["ArgMax", "ArgMin"])
def test_a_position(name):
    node = helper.make_node(name, ["X"], ["Y"], axis=1, keepdims=0)
    same(model_of([node], ROWS, kind=TensorProto.INT64), real(*ROWS))


def test_shapes_that_are_computed():
    nodes = [
        helper.make_node("Shape", ["X"], ["rows"], start=0, end=1),
        helper.make_node("Constant", [], ["rest"], value_ints=[-1]),
        helper.make_node("Concat", ["rows", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["X", "shape"], ["flat"]),
        helper.make_node("ConstantOfShape", ["rows"], ["ones"], value=numpy_helper.from_array(np.float32([1.0]))),
        helper.make_node("Unsqueeze", ["ones", "c0"], ["column"]),
        helper.make_node("Add", ["flat", "column"], ["sum"]),
        helper.make_node("IsNaN", ["sum"], ["bad"]),
        helper.make_node("Where", ["bad", "column", "sum"], ["Y"]),
    ]
    same(model_of(nodes, (None, 4, 7, 7), [whole(1)]), real(*IMAGE))


@pytest.mark.parametrize("sizes", [[whole(4, 2)], []])
def test_parts(sizes):
    more = {} if sizes else {"num_outputs": 2}
    nodes = [
        helper.make_node("Split", ["X", *["c0"][: len(sizes)]], ["first", "second"], axis=1, **more),
        helper.make_node("Concat", ["second", "first"], ["Y"], axis=1),
    ]
    same(model_of(nodes, ROWS, sizes), real(*ROWS))


def test_softmax_before_version_13_is_over_all_axes_from_one_on():
    same(model_of([helper.make_node("Softmax", ["X"], ["Y"], axis=1)], IMAGE, opset=11), real(*IMAGE))


@pytest.mark.parametrize("after", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_a_linear_classifier(after):
    node = helper.make_node(
        "LinearClassifier", ["X"], ["label", "Y"], domain="ai.onnx.ml", classlabels_ints=[0, 1, 2],
        coefficients=real(18).tolist(), intercepts=real(3).tolist(), post_transform=after,
    )  # fmt: skip
    same(model_of([node], ROWS), real(*ROWS))


def test_every_operator_is_compared_here():
    compared = {str(case[0]) for case in CASES} | {
        "Sqrt", "Log", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "And", "Or", "Where", "Cast",
        "ArgMax", "ArgMin", "Shape", "Constant", "ConstantOfShape", "IsNaN", "Split", "LinearClassifier",
    }  # fmt: skip
    assert compared == set(OPERATORS)
