"""A value as plain JSON data: the configuration of a run is its complete description."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fairtoll.errors import FairtollError

#: Metadata of a field that no result depends on, so that a configuration does not have it.
UNDESCRIBED = {"described": False}


def described_as(how: Callable[[Any], Any]) -> dict[str, Any]:
    """Metadata of a field that a configuration has in a shorter form.

    Examples
    --------
    >>> described_as(len)["described"]([1, 2])
    2
    """
    return {"described": how}


def describe(value: Any) -> Any:
    """A value as plain JSON data: dataclasses by their fields, functions by their names.

    Parameters
    ----------
    value : object
        Numbers, text, None, paths, sequences, mappings, functions of a module, `functools.partial` of them, and frozen
        dataclasses of all these. A field whose metadata is `UNDESCRIBED` is left out.

    Raises
    ------
    FairtollError
        For anything else, such as a lambda, which has no name that identifies it.

    Examples
    --------
    >>> from fairtoll.training import FitSettings
    >>> describe({"settings": FitSettings(epochs=2), "load": json.loads})["settings"]["epochs"]
    2
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__, **describe_fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): describe(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [describe(one) for one in value]
    if isinstance(value, partial):
        return {"call": describe(value.func), "with": describe(value.args), "given": describe(value.keywords)}
    name = getattr(value, "__qualname__", None)
    if callable(value) and name is not None and "<" not in name:
        # A worker process loads the script that started the run under another name.
        module = "__main__" if value.__module__ == "__mp_main__" else value.__module__
        return f"{module}.{name}"
    raise FairtollError(
        f"a description holds {value!r}, which cannot be written into a configuration; expected plain values, "
        "functions of a module and frozen dataclasses"
    )


def describe_fields(value: Any) -> dict[str, Any]:
    """The described fields of a dataclass.

    Examples
    --------
    >>> from fairtoll.training import FitSettings
    >>> list(describe_fields(FitSettings()))[:2]
    ['epochs', 'batch_size']
    """
    found = {}
    for field in fields(value):
        how = field.metadata.get("described", True)
        if how is not False:
            one = getattr(value, field.name)
            found[field.name] = describe(how(one) if callable(how) else one)
    return found


def digest(value: Any) -> str:
    """A short checksum of a value, for what is too long to be read in a configuration.

    Examples
    --------
    >>> digest({"a": 1}) == digest({"a": 1}), digest({"a": 1}) == digest({"a": 2})
    (True, False)
    """
    return hashlib.sha256(json.dumps(describe(value), sort_keys=True).encode()).hexdigest()[:16]


def _key(key: Any) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
