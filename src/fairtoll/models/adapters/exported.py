"""Programs of torch.export, as they are or from a .pt2 file."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from fairtoll.errors import FairtollError, warn
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.fixed_batch import in_fixed_batches
from fairtoll.models.tables import first_line
from fairtoll.storage.zip_files import require_plain_archive

#: Files of objects that are no tensors.
OBJECTS = ("custom_obj_", "opaque_obj_")


class Exported(nn.Module):
    """A program of torch.export as a module, for any number of rows.

    Parameters
    ----------
    program : ExportedProgram
        Takes rows `(N, ...)` and nothing else.

    Raises
    ------
    FairtollError
        If it takes anything else.

    Warns
    -----
    FairtollWarning
        If it was exported for one number of rows.
    """

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.size = _batch_size(program)
        self.code = str(program.graph)
        # The graph's own module has no mode that could be set, so that it is no part of this one; its weights are.
        module = program.module()
        self._run = module.forward
        for number, (name, weight) in enumerate(module.named_parameters()):
            self.register_parameter(f"{number}_{name.replace('.', '_')}", weight)
        for number, (name, buffer) in enumerate(module.named_buffers()):
            self.register_buffer(f"buffer_{number}_{name.replace('.', '_')}", buffer)
        if self.size is not None:
            warn(
                f"the torch.export program takes batches of {self.size} rows alone, and is given rows so many at a "
                "time, which is slow; export it for any number: torch.export.export(model, (rows,), "
                "dynamic_shapes=({0: torch.export.Dim('rows')},))"
            )

    def forward(self, x: Tensor) -> Any:
        """What the program returns for the rows."""
        return self._run(x) if self.size is None else in_fixed_batches(self._run, x, self.size)


def _batch_size(program: ExportedProgram) -> int | None:
    """The number of rows that a program takes; None if any."""
    names = program.graph_signature.user_inputs
    inputs = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(inputs) != 1 or not isinstance(inputs[0].meta.get("val"), Tensor):
        raise FairtollError(
            f"the torch.export program takes {len(names)} inputs ({', '.join(map(str, names)) or 'none'}); expected "
            "one, a tensor of rows; export a module whose forward takes the rows alone"
        )
    shape = inputs[0].meta["val"].shape
    return shape[0] if shape and isinstance(shape[0], int) else None


def _read(path: Path) -> ExportedProgram:
    """A program from its file.

    The file names operators and holds expressions that are evaluated, so that it is read only where it is trusted. Its
    pickles, of sample inputs, weights and constants, are held to be tensors before torch would load them as anything.
    """
    require_plain_archive(path)
    try:
        _require_no_objects(path)
        return torch.export.load(path)
    except FairtollError:
        raise
    # A damaged archive raises RuntimeError, BadZipFile, KeyError and others.
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as a torch.export program ({first_line(error)}); expected what torch.export.save "
            f"writes, with a torch no later than {torch.__version__}; write it again"
        ) from error


def _require_no_objects(path: Path) -> None:
    """Raise if torch would unpickle anything but tensors: it falls back to the unsafe loader without a word."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        pickled = {name for name in names if name.endswith(".pt")}
        for name in (name for name in names if name.endswith("_config.json")):
            for one in json.loads(archive.read(name)).get("config", {}).values():
                stored = f"{name.rpartition('/')[0]}/{one['path_name']}"
                if one["path_name"].startswith(OBJECTS):
                    raise _objects_refused(path, stored)
                if one.get("use_pickle"):
                    pickled.add(stored)
        for name in sorted(pickled):
            try:
                torch.load(io.BytesIO(archive.read(name)), map_location="cpu", weights_only=True)
            except Exception as error:
                raise _objects_refused(path, name) from error


def _objects_refused(path: Path, name: str) -> FairtollError:
    return FairtollError(
        f"{path} holds pickled objects in {name}, which can run code and are not read; expected tensors alone as "
        "inputs, weights and constants; export the model with such"
    )


EXPORTED = Kind(
    "a torch.export program",
    lambda given: isinstance(given, ExportedProgram),
    lambda given, _: [Exported(given)],
    suffixes=(".pt2",),
    read=_read,
    runs_code=True,
)
