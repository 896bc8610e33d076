"""Files of leave-one-out members: test probabilities by chunk, and which rows were left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.files import read_parquet, write_parquet, write_with
from fairtoll.runs import CONFIGURATION
from fairtoll.training.leave_one_out import Member

LEFT_OUT = "members/left-out.parquet"
#: The model on all rows that members are compared with.
FULL = "full"


def members_path(arm: str, design: str, first: int) -> str:
    """File of a chunk's probabilities, relative to the run's folder.

    Examples
    --------
    >>> members_path("standard", "masked", 0)
    'members/standard-masked-000.safetensors'
    """
    return f"members/{arm}-{design}-{first:03d}.safetensors"


def sources_path(design: str, first: int) -> str:
    """File of the weights of a chunk of standard models that static twins are crafted on."""
    return f"members/weights-{design}-{first:03d}.safetensors"


def write_left_out(folder: Path, train: Dataset, rows: Sequence[int]) -> None:
    """The left-out training rows with their class and groups, in the members' order."""
    chosen = train.take(list(rows))
    classes = np.array(train.class_names)[chosen.y]
    table = pd.DataFrame({"row": list(rows), "class": classes, **chosen.groups})
    write_parquet(table, folder / LEFT_OUT)


def read_left_out(folder: Path) -> pd.DataFrame:
    """The table that `write_left_out` wrote."""
    return read_parquet(folder / LEFT_OUT)


def write_members(
    folder: Path, members: Sequence[Member], probabilities: Tensor, *, arm: str, design: str, first: int
) -> None:
    """A chunk's test probabilities `(K, N, C)` in float32, whole or not at all, with what they belong to."""
    label = _label(folder, arm, design, first)
    left_out = [-1 if member.left_out is None else member.left_out for member in members]
    tensors = {"probabilities": probabilities.float().contiguous(), "left_out": torch.tensor(left_out)}
    write_with(lambda path: save_file(tensors, path, metadata=label), folder / members_path(arm, design, first))


def read_members(folder: Path, *, arm: str, design: str, firsts: Sequence[int]) -> NDArray[np.float32]:
    """Test probabilities of all members of a design in order, `(L, N, C)`.

    Raises
    ------
    FairtollError
        If a file is missing, truncated, no member file, or from another configuration.
    """
    parts = [_read(folder, arm, design, first) for first in firsts]
    if len({part.shape[1:] for part in parts}) != 1:
        raise FairtollError(
            f"the member files of {arm}, {design} in {folder} are of different test rows; run the command again"
        )
    return np.concatenate(parts)


def _read(folder: Path, arm: str, design: str, first: int) -> NDArray[np.float32]:
    path = folder / members_path(arm, design, first)
    again = "run the command again: finished members are kept"
    try:
        with safe_open(path, framework="np") as file:
            label, names = file.metadata() or {}, set(file.keys())
            if not names >= {"probabilities", "left_out"}:
                raise FairtollError(f"{path} is no file of leave-one-out members; {again}")
            found: NDArray[np.float32] = file.get_tensor("probabilities")
    except (OSError, SafetensorError) as error:
        reason = "there is none" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
        raise FairtollError(f"{path} cannot be read as leave-one-out members ({reason}); {again}") from error
    if label != _label(folder, arm, design, first):
        raise FairtollError(f"{path} was made by another configuration, arm or design; {again}")
    return found


def _label(folder: Path, arm: str, design: str, first: int) -> dict[str, str]:
    try:
        configuration = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FairtollError(f"{folder} holds no whole {CONFIGURATION}; give the folder of a run") from error
    key = hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()
    # One entry alone: of several, safetensors writes now the one first and now the other, and a file made again
    # would not be the same.
    return {"members": json.dumps({"arm": arm, "design": design, "first": first, "configuration": key})}
