"""Which kinds of model there are; a new one is a file in this folder and its name here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.adapters.exported import EXPORTED
from fairtoll.models.adapters.function import FUNCTION
from fairtoll.models.adapters.keras import KERAS
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.adapters.lightgbm import LIGHTGBM
from fairtoll.models.adapters.model_stack import MODEL_STACK
from fairtoll.models.adapters.onnx import ONNX
from fairtoll.models.adapters.scikit_learn import SCIKIT_LEARN
from fairtoll.models.adapters.torch_module import TORCH_MODULE
from fairtoll.models.adapters.torchscript import TORCHSCRIPT
from fairtoll.models.adapters.xgboost import XGBOOST
from fairtoll.models.keras_files import tensorflow_refused
from fairtoll.models.skops_files import PICKLES, pickle_refused
from fairtoll.models.torch_archives import SUFFIXES, held_in

#: The first that accepts a model runs it.
KINDS = (MODEL_STACK, TORCHSCRIPT, EXPORTED, KERAS, TORCH_MODULE, ONNX, LIGHTGBM, XGBOOST, SCIKIT_LEARN, FUNCTION)


def as_models(given: Any, *, name: str, schema: Schema | None = None) -> list[nn.Module]:
    """A caller's models of one arm as torch modules, one for each training run.

    Parameters
    ----------
    given : model, or sequence of models
        Each of a kind in `KINDS`.
    name : str
        The arm's, for errors.
    schema : Schema, optional
        What the numbers of a row mean, for models that read a table with names and categories.

    Raises
    ------
    FairtollError
        If there is none, or one is of no known kind.

    Examples
    --------
    >>> len(as_models([nn.Linear(2, 2), nn.Linear(2, 2)], name="standard"))
    2
    """
    try:
        models = _models(given, name, schema)
    except FairtollError as error:
        said = str(error)
        raise FairtollError(said if said.startswith("arm '") else f"arm '{name}': {said}") from error
    _require_missing_taken(models, name, schema)
    return models


def _models(given: Any, name: str, schema: Schema | None) -> list[nn.Module]:
    models = _modules(given, schema)
    if models is None and isinstance(given, Iterable) and not isinstance(given, str | bytes | dict):
        # One by one: a nested sequence is a mistake.
        parts = [(one, _modules(one, schema)) for one in given]
        unknown = [one for one, found in parts if found is None]
        if unknown:
            raise _unknown(name, unknown[0])
        models = [module for _, found in parts for module in found or []]
    if models is None:
        raise _unknown(name, given)
    if not models:
        raise FairtollError(f"arm '{name}' holds no model; expected one, or one for each training run")
    return models


def read_model(path: Path, *, trust_code: bool = False) -> Any:
    """The model in a file, of the kind that its suffix names; what `as_models` takes.

    Parameters
    ----------
    path : Path
        A file of one of `KINDS`.
    trust_code : bool
        Whether a program in the file, such as TorchScript, may be run.

    Raises
    ------
    FairtollError
        If there is no such file, its kind is not known, it holds a program that is not trusted, or it cannot be read.

    Examples
    --------
    >>> read_model(Path("nowhere.onnx"))
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: no file nowhere.onnx; check the path of the model
    """
    if path.is_dir():
        raise tensorflow_refused(path)
    if not path.is_file():
        raise FairtollError(f"no file {path}; check the path of the model")
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise pickle_refused(path)
    kind = _of_torch(path) if suffix in SUFFIXES else next((one for one in KINDS if suffix in one.suffixes), None)
    if kind is None or kind.read is None:
        known = ", ".join(sorted({suffix for kind in KINDS for suffix in kind.suffixes})) or "none"
        raise FairtollError(f"{path} has the suffix '{suffix}'; expected a model file with one of: {known}")
    if not path.stat().st_size:
        raise FairtollError(f"{path} is empty and cannot be read as {kind.title}; expected a model; write it again")
    if kind.runs_code and not trust_code:
        raise FairtollError(
            f"{path} is {kind.title}, which holds a program; expected a file without one; give trust_code "
            "(--trust-code) if you trust whoever made it"
        )
    return kind.read(path)


def _of_torch(path: Path) -> Kind:
    """Of a file whose suffix says only that torch wrote it."""
    held = held_in(path)
    if held == "weights":
        raise FairtollError(
            f"{path} holds weights or a pickled model, as torch.save writes them; expected a model; give a state dict "
            "as the weights of a factory that builds the model (--weights), and save a pickled model as its state dict"
        )
    if held is None:
        raise FairtollError(
            f"{path} is no file that torch wrote, or it is damaged; expected TorchScript or a torch.export program; "
            "write it again"
        )
    return TORCHSCRIPT if held == "script" else EXPORTED


def is_model(given: Any) -> bool:
    """Whether an object is a model of a known kind, or a list of such.

    Examples
    --------
    >>> is_model(nn.Linear(2, 2)), is_model(nn.Linear)
    (True, False)
    """
    parts = given if isinstance(given, list | tuple) and given else [given]
    return all(any(kind.accepts(one) for kind in KINDS) for one in parts)


def kinds_known() -> str:
    """The names of all kinds, for errors.

    Examples
    --------
    >>> "a torch module" in kinds_known()
    True
    """
    return ", ".join(kind.title for kind in reversed(KINDS))


def _modules(given: Any, schema: Schema | None) -> list[nn.Module] | None:
    return next((kind.modules(given, schema) for kind in KINDS if kind.accepts(given)), None)


def _require_missing_taken(models: list[nn.Module], name: str, schema: Schema | None) -> None:
    gaps = [feature.name for feature in (schema.features if schema else ()) if feature.missing is not None]
    if gaps and not all(any(getattr(part, "reads_missing", False) for part in model.modules()) for model in models):
        raise FairtollError(
            f"arm '{name}' holds a model that is given numbers alone, and the table has missing values in "
            f"{', '.join(map(repr, gaps))}; expected one that takes them; put a fitted imputer before it "
            "(fairtoll.models.with_preprocessing), or drop these rows"
        )


def _unknown(name: str, given: Any) -> FairtollError:
    what = f"the class {given.__name__}, not a model of it" if isinstance(given, type) else f"a {type(given).__name__}"
    return FairtollError(
        f"arm '{name}' holds {what}; expected {kinds_known()}, or a sequence of these, one for each training run; give "
        "anything else as a torch.nn.Module whose forward returns its logits"
    )
