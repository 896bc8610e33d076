"""Files of leave-one-out members: test probabilities by chunk, and which rows were left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.experiments.leave_one_out.options import FIXED, SECTION
from fairtoll.experiments.pictures import pictures_of
from fairtoll.runs.folder import read_configuration
from fairtoll.storage.files import read_parquet, reading, write_parquet, write_with
from fairtoll.training.leave_one_out import Member

LEFT_OUT = "members/left-out.parquet"
#: The model on all rows that members are compared with.
FULL = "full"
#: Column of the left-out rows' pictures.
PICTURE = "picture"


@dataclass(frozen=True)
class Chunk:
    """Members that are trained by one stage and kept in one file.

    Attributes
    ----------
    arm, design : str
        Whose they are; "full" for the model on all rows alone.
    reference : int
        Number of the full model that they are compared with.
    first : int
        Number of the first of them in the design.

    Examples
    --------
    >>> Chunk("standard", "masked", 0, 20).members_path
    'members/standard-0-masked-020.safetensors'
    """

    arm: str
    design: str
    reference: int
    first: int

    @property
    def name(self) -> str:
        """In file names and stage names."""
        return f"{self.arm}-{self.reference}-{self.design}-{self.first:03d}"

    @property
    def members_path(self) -> str:
        """File of the test probabilities, relative to the run's folder."""
        return f"members/{self.name}.safetensors"

    @property
    def weights_path(self) -> str:
        """File of the weights: those that static examples are crafted on, and all where that is requested."""
        return f"members/weights-{self.name}.safetensors"


def write_left_out(folder: Path, train: Dataset, rows: Sequence[int]) -> None:
    """The left-out training rows with their class and groups, and their pictures if they are images, in order."""
    chosen = train.take(list(rows))
    classes = np.array(train.class_names)[chosen.y]
    table = pd.DataFrame({"row": list(rows), "class": classes, **chosen.groups})
    pictures = pictures_of(chosen.x)
    if pictures is not None:
        table[PICTURE] = pictures
    write_parquet(table, folder / LEFT_OUT)


def read_left_out(folder: Path) -> pd.DataFrame:
    """The table that `write_left_out` wrote."""
    return read_parquet(folder / LEFT_OUT)


def write_members(folder: Path, chunk: Chunk, members: Sequence[Member], probabilities: Tensor) -> None:
    """A chunk's test probabilities `(K, N, C)` in float32, written atomically, with their configuration."""
    label = _label(read_configuration(folder), chunk)
    left_out = [-1 if member.left_out is None else member.left_out for member in members]
    tensors = {"probabilities": probabilities.float().contiguous(), "left_out": torch.tensor(left_out)}
    write_with(lambda path: save_file(tensors, path, metadata=label), folder / chunk.members_path)


def read_members(folder: Path, chunks: Sequence[Chunk]) -> NDArray[np.float32]:
    """Test probabilities of all members of some chunks in order, `(L, N, C)`.

    Raises
    ------
    FairtollError
        If a file is missing, truncated, no member file, or from another configuration.
    """
    configuration = read_configuration(folder)
    parts = [_read(folder, chunk, _label(configuration, chunk)) for chunk in chunks]
    if len({part.shape[1:] for part in parts}) != 1:
        raise FairtollError(
            f"the member files of {chunks[0].arm}, {chunks[0].design} in {folder} are of different test rows; run the "
            "command again"
        )
    return np.concatenate(parts)


def _read(folder: Path, chunk: Chunk, expected: Mapping[str, str]) -> NDArray[np.float32]:
    path = folder / chunk.members_path
    again = "run the command again: finished members are kept"
    with (
        reading(path, "a complete file of leave-one-out members", remedy=again),
        safe_open(path, framework="np") as file,
    ):
        label, names = file.metadata() or {}, set(file.keys())
        if not names >= {"probabilities", "left_out"}:
            raise FairtollError(f"{path} is no file of leave-one-out members; {again}")
        found: NDArray[np.float32] = file.get_tensor("probabilities")
    if label != expected:
        raise FairtollError(f"{path} was made by another configuration, arm or design; {again}")
    return found


def _label(configuration: Mapping[str, Any], chunk: Chunk) -> dict[str, str]:
    described = configuration.get(SECTION) or {}
    # The number of members, and the designs, may grow: existing members are kept.
    lasting = {key: value for key, value in configuration.items() if key != SECTION}
    depends = [lasting, {key: described.get(key) for key in FIXED}]
    key = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()
    # Only one entry: safetensors writes several in varying order, and a file written again
    # would not be the same.
    return {"members": json.dumps({**asdict(chunk), "configuration": key})}
