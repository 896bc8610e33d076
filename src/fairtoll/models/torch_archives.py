"""What a file that torch wrote holds, found from its contents: weights, a program, or a pickled model."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

#: "weights": what torch.save wrote, a state dict or a pickled model; "script": TorchScript; "export": a torch.export
#: program.
Held = Literal["weights", "script", "export"]
#: Of files that hold any of these.
SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")


def held_in(path: Path) -> Held | None:
    """What a file of torch holds; None if torch did not write it, or it is damaged.

    Only names in the archive are read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "weights.pt")
    >>> _ = path.write_bytes(b"not of torch")
    >>> held_in(path) is None
    True
    """
    with open(path, "rb") as file:
        start = file.read(2)
    if start[:1] == b"\x80":  # a bare pickle, as torch.save wrote before version 1.6
        return "weights"
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return None
    if "archive_format" in names or "serialized_exported_program.json" in archive.namelist():
        return "export"
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        return "script"
    return "weights" if "data.pkl" in names else None
