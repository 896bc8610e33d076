"""The versions and machine that a run's numbers came from, kept in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fairtoll.findings.assemble import describe_environment
from fairtoll.storage.records import read_record, write_record


def kept_environment(folder: Path) -> dict[str, Any]:
    """What `environment.json` says; it is written on the first call, so that a report made elsewhere keeps it."""
    path = folder / "environment.json"
    if not path.exists():
        write_record(describe_environment(), path)
    return read_record(path)


def blas_of_numpy() -> str:
    """The library that numpy was built with for its products, and its version: other libraries round differently.

    Examples
    --------
    >>> len(blas_of_numpy()) > 0
    True
    """
    built: Any = np.show_config(mode="dicts")
    library = built.get("Build Dependencies", {}).get("blas", {})
    return f"{library.get('name', 'unknown')} {library.get('version', '')}".strip()
