"""Keras files: .keras in safe mode, after a look at what they name; how to convert those of TensorFlow."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.models.tables import first_line
from fairtoll.storage.zip_files import FREE, TIMES, require_plain_archive

#: Layers that run what a file holds.
REFUSED = ("Lambda", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "TFSMLayer")
#: Parts of Keras whose classes and functions a file may name; others (saving, utils, config) do more than compute.
PARTS = (
    "activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "quantizers", "random", "regularizers",
)  # fmt: skip


def read_keras(path: Path) -> Any:
    """The model in a .keras file.

    Raises
    ------
    FairtollError
        If the file is of another format, damaged, or names code of its own; keras is not installed; or it is loaded
        with another backend than torch.
    """
    if path.suffix.lower() != ".keras":
        raise tensorflow_refused(path)
    written, config = _require_plain(path)
    keras = require_keras(f"{path} needs")
    _require_stored(path, config, keras)
    try:
        return keras.saving.load_model(str(path), compile=False, safe_mode=True)
    # A file of another version raises TypeError, ValueError, KeyError and others.
    except Exception as error:
        raise FairtollError(
            f"{path} was written by Keras {written} and cannot be read by Keras {keras.__version__} "
            f"({first_line(error)}); expected a model of Keras 3 made of its own layers; save it with Keras 3, or "
            "convert it to ONNX"
        ) from error


def require_keras(what: str) -> Any:
    """The module keras, with torch as its backend.

    Raises
    ------
    FairtollError
        If it is not installed, or loaded with another backend.
    """
    if "keras" not in sys.modules:
        before = os.environ.get("KERAS_BACKEND")
        os.environ["KERAS_BACKEND"] = "torch"
        try:
            import keras
        except ModuleNotFoundError as error:
            raise FairtollError(
                f"{what} {error.name}, which is not installed; expected Keras 3; "
                "install it with fairtoll's extra: pip install -e '.[keras]' in its folder"
            ) from error
        finally:
            if before is None:
                del os.environ["KERAS_BACKEND"]
            else:
                os.environ["KERAS_BACKEND"] = before
    keras = sys.modules["keras"]
    if not str(getattr(keras, "__version__", "")).startswith("3") or keras.backend.backend() != "torch":
        used = f"with the backend {keras.backend.backend()}"
        raise FairtollError(
            f"{what} Keras 3 on torch, and Keras {keras.__version__} is loaded {used}; expected torch, which is chosen "
            "once; set KERAS_BACKEND=torch before keras is imported, or give a function of its scores"
        )
    return keras


def tensorflow_refused(path: Path) -> FairtollError:
    """How to convert a model of TensorFlow that is not in the .keras format.

    Examples
    --------
    >>> print(tensorflow_refused(Path("old.h5")))
    old.h5 is a Keras HDF5 file, which may hold code that is run; expected a .keras or an ONNX file; convert it where it
    was made: model.save('old.keras') with Keras 3, or model.export('old.onnx', format='onnx'); or give a function of
    its scores
    """
    suffix, onnx = path.suffix.lower(), f"{path.stem}.onnx"
    convert = f"python -m tf2onnx.convert {{}} {path} --output {onnx}"
    if suffix == ".tflite":
        what, how = "a TensorFlow Lite file", convert.format("--tflite")
    elif suffix == ".pb":
        what = "a graph of TensorFlow, which may hold operators that write files"
        how = f"python -m tf2onnx.convert --saved-model FOLDER --output {onnx}"
    elif path.is_dir():
        what = "a folder, perhaps a SavedModel of TensorFlow, which may hold operators that write files"
        how = convert.format("--saved-model")
    else:
        what = "a Keras HDF5 file, which may hold code that is run"
        how = f"model.save('{path.stem}.keras') with Keras 3, or model.export('{onnx}', format='onnx')"
    return FairtollError(
        f"{path} is {what}; expected a .keras or an ONNX file; convert it where it was made: {how}; or give a function "
        "of its scores"
    )


def _require_plain(path: Path) -> tuple[str, dict[str, Any]]:
    """The version of Keras that wrote a file, which names nothing but Keras's own layers; and what it says of them."""
    with open(path, "rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        raise tensorflow_refused(path)
    require_plain_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            config = dict(json.loads(archive.read("config.json")))
            written = str(json.loads(archive.read("metadata.json")).get("keras_version", "unknown"))
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as a Keras file ({first_line(error)}); expected what model.save('NAME.keras') of "
            "Keras 3 writes; save it again"
        ) from error
    # How the whole was compiled is left aside when it is loaded, but not how a model inside it was.
    outer = {name: held for name, held in config.items() if name != "compile_config"}
    for one in _named(outer):
        name, module = str(one.get("class_name")), one.get("module")
        # Keras takes a name with its package in front too.
        if _last(name) in REFUSED or not _is_plain(module):
            what = f"the layer {name}" if _last(name) in REFUSED else f"{module}.{name}"
            raise FairtollError(
                f"{path} holds {what}, which runs code of its own; expected Keras's own layers alone; if you trust it, "
                "load it in Python and give the model to fairtoll.audit, or convert it to ONNX"
            )
    return written, outer


def _require_stored(path: Path, config: dict[str, Any], keras: Any) -> None:
    """Raise if the layers have room for far more weights than the file can hold, before they take the memory."""
    counted = _counted()
    try:
        with keras.device("meta"), counted:
            weights = keras.models.model_from_json(json.dumps(config)).variables
            declared = sum(math.prod(one.shape) * 4 for one in weights)
    except Exception:
        # Reading the model says what is wrong with it, after it has made the weights of the layers before.
        declared = counted.largest
    if declared > max(FREE, TIMES * path.stat().st_size):
        raise FairtollError(
            f"{path} has {path.stat().st_size:,} bytes and its layers take {declared:,} bytes of weights; expected no "
            f"more than {TIMES} times its size, or {FREE:,} bytes; nothing was loaded; save the model again"
        )


def _counted() -> Any:
    """A context in which the bytes of the largest tensor that is made without memory are counted."""
    from torch import Tensor
    from torch.overrides import TorchFunctionMode

    class Counted(TorchFunctionMode):
        largest = 0

        def __torch_function__(self, called: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = called(*args, **(kwargs or {}))
            if isinstance(made, Tensor) and made.device.type == "meta":
                self.largest = max(self.largest, math.prod(made.shape) * made.element_size())
            return made

    return Counted()


def _last(name: str) -> str:
    return re.split("[.>]", name)[-1]


def _named(config: Any) -> Iterator[dict[str, Any]]:
    """Every object that a configuration names."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for held in config.values():
            yield from _named(held)
    elif isinstance(config, list):
        for held in config:
            yield from _named(held)


def _is_plain(module: Any) -> bool:
    if module in (None, "keras", "builtins"):
        return True
    parts = str(module).split(".")
    inner = parts[2:] if parts[1:2] == ["src"] else parts[1:]
    return parts[0] == "keras" and inner[:1] != [] and inner[0] in PARTS
