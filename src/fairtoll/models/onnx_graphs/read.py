"""ONNX files, and which of a model's values are its inputs, its scores and its classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.models.tables import first_line

#: Outputs that are taken where a model has several, by parts of their names.
SCORES = ("logit", "prob", "score", "output", "class")
LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")


@dataclass(frozen=True)
class Surface:
    """What goes into an ONNX model and what comes out.

    Attributes
    ----------
    inputs : dict
        The type of each input, such as "float32" or "object" for text, and its shape: numbers, or None where it is
        free.
    scores : str
        The value that is the scores of classes.
    classes : tuple
        Names of the classes in the order of the scores; empty where the model does not say.
    logits : str or None
        The value before a softmax or a sigmoid that ends the model.
    last : str
        The operator that makes the scores.
    """

    inputs: dict[str, tuple[str, tuple[int | None, ...]]]
    scores: str
    classes: tuple[Any, ...]
    logits: str | None
    last: str

    @property
    def size(self) -> int | None:
        """The number of rows that the model takes; None if any."""
        shapes = [shape for _, shape in self.inputs.values()]
        return next((shape[0] for shape in shapes if shape), None)


def read_onnx(path: Path) -> Any:
    """The model in an ONNX file, with weights that lie beside it.

    Raises
    ------
    FairtollError
        If onnx or onnxruntime is not installed, or the file is damaged.
    """
    onnx = require_onnx(f"{path} needs")
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        if not model.graph.node:
            raise ValueError("it has no nodes")
    # A damaged file raises DecodeError, ValidationError, OSError where weights beside it are missing, and others.
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as an ONNX model ({first_line(error)}); expected a whole ONNX file, beside its "
            "weights where they are in one of their own; export it again"
        ) from error
    return model


def require_onnx(what: str) -> Any:
    """The module onnx.

    Raises
    ------
    FairtollError
        If it or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError as error:
        raise FairtollError(
            f"{what} {error.name}, which is not installed; expected onnx and onnxruntime; "
            "install it with fairtoll's extra: pip install -e '.[onnx]' in its folder"
        ) from error
    return onnx


def with_scores(model: Any, *, classes: int | None) -> tuple[Any, Surface]:
    """A copy of a model that returns its scores alone, and its surface.

    Maps from class to probability, which converters of scikit-learn add, are taken away.

    Parameters
    ----------
    model : onnx.ModelProto
        Not changed.
    classes : int, optional
        How many the data has.

    Raises
    ------
    FairtollError
        If it has no output of scores, or several that might be.
    """
    from onnx import ModelProto, helper, inliner

    model = (
        inliner.inline_local_functions(model) if model.functions else ModelProto.FromString(model.SerializeToString())
    )
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    maps = {node.output[0]: node for node in graph.node if node.op_type == "ZipMap"}
    found = {one.name: _type_of(one) for one in graph.output}
    candidates = [
        name for name, (kind, shape) in found.items() if name in maps or (kind.startswith("float") and len(shape) < 3)
    ]
    output = _chosen(candidates, found, classes)
    names: tuple[Any, ...] = ()
    if output in maps:
        names = _labels(maps[output])
        output = maps[output].input[0]
    else:
        named = [_labels(node) for node in graph.node if node.op_type.endswith("Classifier")]
        names = next((one for one in reversed(named) if one), ()) or _chosen_from(graph)
    last = _behind(makers, output)
    surface = Surface(
        {one.name: _type_of(one) for one in graph.input if one.name not in {held.name for held in graph.initializer}},
        output,
        names,
        _before_softmax(last),
        "" if last is None else last.op_type,
    )
    kind = next((one.type.tensor_type.elem_type for one in graph.output if one.name == output), 1)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(output, kind, None))
    return model, surface


def _chosen(candidates: list[str], found: dict[str, Any], classes: int | None) -> str:
    if len(candidates) > 1:
        fitting = [name for name in candidates if classes is not None and found[name][1][1:] in ((classes,), (1,))]
        candidates = fitting if len(fitting) == 1 else candidates
    for word in SCORES if len(candidates) > 1 else ():
        named = [name for name in candidates if word in name.lower()]
        if len(named) == 1:
            candidates = named
    if len(candidates) != 1:
        raise FairtollError(
            f"the ONNX model returns {', '.join(found)}, of which {len(candidates) or 'none'} may be scores; expected "
            "one output of floating numbers (rows, classes); leave the others out when you export it"
        )
    return candidates[0]


def _type_of(value: Any) -> tuple[str, tuple[int | None, ...]]:
    """Such as ("float32", (None, 3)) of a tensor; of what is no tensor its kind."""
    from onnx import helper

    if value.type.WhichOneof("value") != "tensor_type":
        return str(value.type.WhichOneof("value")), ()
    tensor = value.type.tensor_type
    sizes = tuple(size.dim_value if size.dim_value > 0 else None for size in tensor.shape.dim)
    return str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), sizes


def _labels(node: Any) -> tuple[Any, ...]:
    for one in node.attribute:
        if one.name in LABELS and (one.strings or one.ints):
            return tuple(part.decode() for part in one.strings) or tuple(one.ints)
    return ()


def _chosen_from(graph: Any) -> tuple[Any, ...]:
    """Classes that are looked up by the position of the largest score."""
    from onnx import numpy_helper

    held = {one.name: one for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in held and "classes" in node.input[0]:
            values = numpy_helper.to_array(held[node.input[0]]).ravel().tolist()
            return tuple(one.decode() if isinstance(one, bytes) else one for one in values)
    return ()


def _behind(makers: dict[str, Any], name: str) -> Any:
    """The node that makes a value, through those that only hand it on."""
    while (node := makers.get(name)) is not None and node.op_type in ("Identity", "Dropout"):
        name = node.input[0]
    return node


def _before_softmax(node: Any) -> str | None:
    if node is None or node.op_type not in ("Softmax", "LogSoftmax", "Sigmoid"):
        return None
    axis = next((one.i for one in node.attribute if one.name == "axis"), -1)
    return str(node.input[0]) if axis in (-1, 1) else None
