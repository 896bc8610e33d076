"""fairtoll: the fairness toll of adversarial robustness.

Who pays when a classifier is hardened, by how much, and is it more than chance?
Everything loads on first use, so that importing the package, or a metric, never loads torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fairtoll._version import __version__ as __version__

if TYPE_CHECKING:
    from fairtoll import attacks as attacks
    from fairtoll import data as data
    from fairtoll import interop as interop
    from fairtoll import metrics as metrics
    from fairtoll import statistics as statistics
    from fairtoll import training as training
    from fairtoll.audits import Audit as Audit
    from fairtoll.audits import audit as audit
    from fairtoll.audits import audit_evidence as audit_evidence
    from fairtoll.errors import FairtollError as FairtollError
    from fairtoll.errors import FairtollWarning as FairtollWarning
    from fairtoll.evidence import Evidence as Evidence
    from fairtoll.models import ModelStack as ModelStack
    from fairtoll.threats import LinfThreat as LinfThreat

_MODULES = ("attacks", "data", "interop", "metrics", "statistics", "training")
_NAMES = {
    "Audit": "audits",
    "audit": "audits",
    "audit_evidence": "audits",
    "Evidence": "evidence",
    "FairtollError": "errors",
    "FairtollWarning": "errors",
    "LinfThreat": "threats",
    "ModelStack": "models",
}
__all__ = ["__version__", *_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        # A submodule of the same name (audit) would otherwise shadow the function once it is imported.
        globals()[name] = value
        return value
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
