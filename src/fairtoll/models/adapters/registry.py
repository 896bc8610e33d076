"""Which kinds of model there are; a new one is a file in this folder and its name here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.models.adapters.model_stack import MODEL_STACK
from fairtoll.models.adapters.torch_module import TORCH_MODULE

#: The first that accepts a model runs it.
KINDS = (MODEL_STACK, TORCH_MODULE)


def as_models(given: Any, *, name: str) -> list[nn.Module]:
    """A caller's models of one arm as torch modules, one for each training run.

    Parameters
    ----------
    given : model, or sequence of models
        Each of a kind in `KINDS`.
    name : str
        The arm's, for errors.

    Raises
    ------
    FairtollError
        If there is none, or one is of no known kind.

    Examples
    --------
    >>> len(as_models([nn.Linear(2, 2), nn.Linear(2, 2)], name="standard"))
    2
    """
    models = _modules(given)
    if models is None and isinstance(given, Iterable) and not isinstance(given, str | bytes | dict):
        # One by one: a nested sequence is a mistake.
        parts = [(one, _modules(one)) for one in given]
        unknown = [one for one, found in parts if found is None]
        if unknown:
            raise _unknown(name, unknown[0])
        models = [module for _, found in parts for module in found or []]
    if models is None:
        raise _unknown(name, given)
    if not models:
        raise FairtollError(f"arm '{name}' holds no model; expected one, or one for each training run")
    return models


def _modules(given: Any) -> list[nn.Module] | None:
    return next((kind.modules(given) for kind in KINDS if kind.accepts(given)), None)


def _unknown(name: str, given: Any) -> FairtollError:
    what = f"the class {given.__name__}, not a model of it" if isinstance(given, type) else f"a {type(given).__name__}"
    kinds = ", ".join(kind.title for kind in reversed(KINDS))
    return FairtollError(
        f"arm '{name}' holds {what}; expected {kinds}, or a sequence of these, one for each training run; give "
        "anything else as a torch.nn.Module whose forward returns its logits"
    )
