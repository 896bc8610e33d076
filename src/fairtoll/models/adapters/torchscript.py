"""TorchScript: a program with its weights, as torch.jit saves it."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.tables import first_line
from fairtoll.storage.zip_files import require_plain_archive


class Script(nn.Module):
    """A TorchScript program as a module.

    A frozen program has neither weights nor a mode, so that it is no part of the module. Constants of a program are no
    attributes of it: `content` tells programs apart that differ in them alone.

    Parameters
    ----------
    program : torch.jit.ScriptModule
        Takes rows `(N, ...)`.
    """

    def __init__(self, program: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.content = _digest(program)
        if hasattr(program, "training"):
            self.program = program
            self.training = program.training
        self._run = program.forward

    def forward(self, x: Tensor) -> Any:
        """What the program returns for the rows."""
        return self._run(x)


def _digest(program: torch.jit.ScriptModule) -> str:
    """Of code, constants and weights, without the numbers that torch adds to names of classes."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(io.BytesIO(program.save_to_buffer())) as archive:
        for name in archive.namelist():
            if name.partition("/")[2].startswith(("code/", "data", "constants")) and not name.endswith(".debug_pkl"):
                digest.update(re.sub(rb"___torch_mangle_\d+\.?", b"", archive.read(name)))
    return digest.hexdigest()


def _read(path: Path) -> torch.jit.ScriptModule:
    require_plain_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is deprecated
            program: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
            return program
    # A damaged archive, or a bare pickle, raises RuntimeError, ValueError and others.
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as TorchScript ({first_line(error)}); expected what torch.jit.save writes; "
            "write it again"
        ) from error


TORCHSCRIPT = Kind(
    "a TorchScript program",
    lambda given: isinstance(given, torch.jit.ScriptModule),
    lambda given, _: [Script(given)],
    suffixes=(".torchscript", ".ts", ".pt", ".pth"),
    read=_read,
    runs_code=True,
)
