"""A model from a factory, which is the caller's code, and a file of weights, which holds only data."""

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
from fairtoll.models.adapters.registry import is_model, kinds_known
from fairtoll.models.weights import read_weights

FORM = "PACKAGE.MODULE:FACTORY"
#: Prefixes that torch.compile, DataParallel and a module around the model (of Lightning) add to each name.
PREFIXES = ("_orig_mod.", "module.", "model.")
#: How many names an error lists.
LISTED = 3


def load_model(factory: str, path: str | Path) -> nn.Module:
    """Call a factory and fill the model with the weights of a file.

    Parameters
    ----------
    factory : str
        ``PACKAGE.MODULE:FACTORY``, found as `python -m` would find it: in the current folder, or installed.
    path : Path
        A safetensors file, or a state dict as torch.save writes it. Names may have the prefixes of torch.compile or
        DataParallel, and weights that the model ties are needed only once.

    Raises
    ------
    FairtollError
        If there is no such factory, it fails or returns no module, or the file holds no weights, more than weights, or
        those of another model.
    """
    model = make_model(factory)
    if not isinstance(model, nn.Module):
        raise FairtollError(
            f"weights are given for '{factory}', which returned {type(model).__name__}; expected a torch.nn.Module; "
            "leave the weights out for a model that is whole"
        )
    tensors = _without_prefix(read_weights(Path(path)), model)
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


def make_model(factory: str) -> Any:
    """What a factory returns: a model of any kind, such as a torch module, an estimator or a function of scores.

    Parameters
    ----------
    factory : str
        ``PACKAGE.MODULE:FACTORY``, found as `python -m` would find it: in the current folder, or installed.

    Raises
    ------
    FairtollError
        If there is no such factory, or it fails or returns something else.

    Examples
    --------
    >>> make_model("torch.nn:Identity")
    Identity()
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
            f"the factory '{factory}' raised {_said(error)}; expected a call without arguments to return a model"
        ) from error
    if not is_model(model):
        raise FairtollError(
            f"'{factory}' returned {type(model).__name__}; expected a model: {kinds_known()}, or a sequence of these"
        )
    return model


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
