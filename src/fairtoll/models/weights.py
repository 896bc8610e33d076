"""The tensors of a file of weights: safetensors, or a state dict of torch.save, of which nothing else is unpickled."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.tables import first_line
from fairtoll.models.torch_archives import held_in
from fairtoll.storage.files import read_tensors
from fairtoll.storage.zip_files import require_plain_archive

#: Under which names training loops keep the state dict beside the optimiser's.
NESTED = ("state_dict", "model_state_dict", "model", "weights", "net", "params")
REMEDY = "save the weights with safetensors.torch.save_model(model, 'NAME.safetensors')"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a state dict that torch.save wrote, by name.

    A state dict is read by ``torch.load(weights_only=True)``, and found where a training loop kept it beside other
    things, as "state_dict".

    Raises
    ------
    FairtollError
        If there is no such file, it is damaged, or it holds more than tensors.
    """
    if not path.is_file():
        raise FairtollError(f"no file {path}; check the path of the weights")
    if path.suffix.lower() == ".safetensors":
        return read_tensors(path)
    held = held_in(path)
    if held in ("script", "export"):
        raise FairtollError(
            f"{path} holds a program, not weights; expected a state dict; give the file as the model itself, without a "
            "factory"
        )
    return read_tensors(path) if held is None and not _looks_zipped(path) else _state_dict(path)


def _looks_zipped(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"PK"


def _state_dict(path: Path) -> dict[str, Tensor]:
    require_plain_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on a pickle of another version, which is then refused
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+) was not|global:? GLOBAL (\S+)|Can only build.*|class:? (\S+)", str(error))
        what = next((one for one in named.groups() if one), "") if named else ""
        raise FairtollError(
            f"{path} is a pickle that holds more than tensors{f' ({what})' if what else ''}, which can run code and is "
            f"not read; expected a state dict; save model.state_dict() alone, or {REMEDY}"
        ) from error
    # Damaged archives raise RuntimeError, EOFError, KeyError and others.
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as a state dict ({first_line(error)}); expected what "
            "torch.save(model.state_dict(), path) writes; write it again"
        ) from error
    for _ in range(2):
        if not isinstance(found, Mapping) or any(isinstance(one, Tensor) for one in found.values()):
            break
        found = next((found[name] for name in NESTED if isinstance(found.get(name), Mapping)), found)
    if not isinstance(found, Mapping) or not any(isinstance(one, Tensor) for one in found.values()):
        keys = f" with the keys {', '.join(map(repr, list(found)[:5]))}" if isinstance(found, Mapping) else ""
        raise FairtollError(
            f"{path} holds a {type(found).__name__}{keys}; expected the state dict of a model, tensors by name; save "
            "model.state_dict()"
        )
    return {str(name): one for name, one in found.items() if isinstance(one, Tensor)}
