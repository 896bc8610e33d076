"""A model from a factory, which is code, and a safetensors file, which holds only data."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fairtoll.errors import FairtollError
from fairtoll.storage.files import read_tensors

FORM = "PACKAGE.MODULE:FACTORY"
#: Prefixes that torch.compile and DataParallel add to each name.
PREFIXES = ("_orig_mod.", "module.")
#: How many names an error lists.
LISTED = 3


def load_model(factory: str, path: Path) -> nn.Module:
    """Call a factory and fill the model with the weights of a file.

    Parameters
    ----------
    factory : str
        ``PACKAGE.MODULE:FACTORY``, found as `python -m` would find it: in the current folder, or installed.
    path : Path
        A safetensors file. Names may have the prefixes of torch.compile or DataParallel, and weights that the
        model ties are needed only once.

    Raises
    ------
    FairtollError
        If there is no such factory, it fails or returns no module, or the file is not a safetensors file or does not
        fit.
    """
    model = make_model(factory)
    _require_safetensors(path)
    tensors = _without_prefix(read_tensors(path), model)
    own = {name: one for name, one in model.state_dict().items() if isinstance(one, Tensor)}
    lazy = [name for name, one in own.items() if is_lazy(one)]
    if lazy:
        raise FairtollError(
            f"{', '.join(lazy[:LISTED])} of the model of '{factory}' has no shape yet (a lazy layer); expected a model "
            "whose layers are made; run it on one row in the factory"
        )
    tied = _tied(own)
    wrong = [
        _listed("lacks", [name for name in own if name not in tensors and not tied[name] & tensors.keys()]),
        _listed("also has", [name for name in tensors if name not in own]),
        _listed(
            "has another shape in",
            [
                f"{name} ({tuple(tensors[name].shape)}, the model's is {tuple(own[name].shape)})"
                for name in own
                if name in tensors and tensors[name].shape != own[name].shape
            ],
        ),
    ]
    if any(wrong):
        raise FairtollError(
            f"{path} does not fit the model of '{factory}': it {', and '.join(filter(None, wrong))}; expected the "
            "state_dict of that model; give the factory that made it"
        )
    with torch.no_grad():
        model.load_state_dict(tensors, strict=False)
    return model


def make_model(factory: str) -> nn.Module:
    """The module that a factory returns.

    Raises
    ------
    FairtollError
        If there is no such factory, or it fails or returns something else.
    """
    module_name, _, attribute = factory.partition(":")
    if not module_name or not attribute:
        raise FairtollError(f"cannot find the factory '{factory}'; expected {FORM}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # modules in the current folder, also those that a model imports later
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise FairtollError(
                f"cannot find the factory '{factory}' (no module '{error.name}' here or installed); expected {FORM}"
            ) from error
        raise FairtollError(
            f"the module '{module_name}' needs '{error.name}', which is not installed; install it"
        ) from error
    except (Exception, SystemExit) as error:  # a user's code may raise any error
        raise FairtollError(f"the module '{module_name}' raised {_said(error)}; correct it") from error
    make = getattr(found, attribute, None)
    if not callable(make):
        raise FairtollError(
            f"cannot find the factory '{factory}' (the module has no function or class '{attribute}'); expected {FORM}"
        )
    try:
        model = make()
    except (Exception, SystemExit) as error:
        raise FairtollError(
            f"the factory '{factory}' raised {_said(error)}; expected a call without arguments to return a "
            "torch.nn.Module"
        ) from error
    if not isinstance(model, nn.Module):
        hint = (
            "; evidence of a model without gradients comes from its predictions: fairtoll.Evidence.from_frame"
            if hasattr(model, "predict")
            else ""
        )
        raise FairtollError(f"'{factory}' returned {type(model).__name__}; expected a torch.nn.Module{hint}")
    return model


def _require_safetensors(path: Path) -> None:
    if not path.is_file():
        raise FairtollError(f"no file {path}; check --weights")
    with open(path, "rb") as file:
        start = file.read(2)
    # A zip archive or a bare pickle, which run code when they are read.
    if start == b"PK" or (start[:1] == b"\x80" and path.suffix != ".safetensors"):
        raise FairtollError(
            f"{path} is a pickle as torch.save writes it, which can run code and is never read; expected safetensors; "
            "save the weights with safetensors.torch.save_model(model, 'NAME.safetensors')"
        )


def _without_prefix(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Names as in the model, without the prefixes of compiled and data-parallel models."""
    own, found = model.state_dict().keys(), dict(tensors)
    for _ in PREFIXES:  # prefixes may be nested
        for prefix in PREFIXES:
            if found and all(name.startswith(prefix) for name in found) and not found.keys() <= own:
                found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found


def _tied(state: Mapping[str, Tensor]) -> dict[str, set[str]]:
    """For each name, all names of the same weights."""
    places: dict[Any, set[str]] = {}
    keys = {name: (one.data_ptr(), tuple(one.shape), one.stride()) for name, one in state.items() if one.numel()}
    for name, key in keys.items():
        places.setdefault(key, set()).add(name)
    return {name: places[keys[name]] if name in keys else {name} for name in state}


def _listed(verb: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{verb} {', '.join(names[:LISTED])}{more}"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
