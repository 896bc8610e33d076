"""`fairtoll audit`: models from factories and safetensors, rows from a table."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fairtoll.data import Dataset, load_frame
from fairtoll.errors import FairtollError
from fairtoll.files import make_folder
from fairtoll.findings import audit
from fairtoll.findings.audited import require_audit_folder
from fairtoll.threats.linf import LinfThreat


def audit_from_files(
    *,
    models: Sequence[str],
    weights: Sequence[str],
    data: Path,
    label: str,
    groups: Sequence[str],
    features: Sequence[str] | None,
    mutable: Sequence[str] | None,
    epsilons: Sequence[float],
    out: Path,
) -> Path:
    """Audit models named on a command line; returns the report's path.

    Parameters
    ----------
    models : sequence of str
        ``NAME=PACKAGE.MODULE:FACTORY``, the standard model first.
    weights : sequence of str
        ``NAME=FILE.safetensors``, one for each training run.
    data : Path
        CSV or Parquet.
    label, groups, features, mutable
        Column names. A mutable feature may move by epsilon standard deviations, within the table's range.
    epsilons : sequence of float
        Radii in standard deviations.
    out : Path
        Folder of the audit.

    Returns
    -------
    Path

    Raises
    ------
    FairtollError
        For anything that does not fit together, naming it.
    """
    require_audit_folder(make_folder(out))  # before the work, not after it
    rows = load_frame(data, label=label, groups=groups, features=features)
    pairs = [_pair(text, "--model", "NAME=PACKAGE.MODULE:FACTORY") for text in models]
    factories = dict(pairs)
    if len(factories) < len(pairs):
        raise FairtollError(
            f"--model names {', '.join(name for name, _ in pairs)}; expected each name once: give more training runs "
            "of one model as several --weights"
        )
    arms: dict[str, list[nn.Module]] = {name: [] for name in factories}
    for text in weights:
        name, path = _pair(text, "--weights", "NAME=FILE.safetensors")
        if name not in factories:
            raise FairtollError(f"--weights names '{name}', and no --model does; models are {', '.join(factories)}")
        arms[name].append(_load(factories[name], Path(path)))
    empty = [name for name, found in arms.items() if not found]
    if empty:
        raise FairtollError(f"no --weights for {', '.join(empty)}; give NAME=FILE.safetensors")
    found = audit(arms, rows, threat=table_threat(rows, mutable), epsilons=sorted(epsilons))
    return found.save(out)


def table_threat(rows: Dataset, mutable: Sequence[str] | None) -> LinfThreat:
    """A threat for a table: radii in standard deviations, whole numbers stay whole, inside the table's range.

    Raises
    ------
    FairtollError
        If a named feature does not exist.
    """
    names = [feature.name for feature in rows.features]
    wanted = [feature.name for feature in rows.features if feature.kind == "continuous"] if mutable is None else mutable
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise FairtollError(f"unknown feature {', '.join(unknown)}; the features are {', '.join(names)}")
    return LinfThreat(
        scale=rows.x.std(axis=0),
        box=([feature.low for feature in rows.features], [feature.high for feature in rows.features]),
        mutable=[name in wanted for name in names],
        integer=[feature.integer for feature in rows.features],
    )


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise FairtollError(f"{option} is '{text}'; expected {form}")
    return name, value


def _load(factory: str, path: Path) -> nn.Module:
    module_name, _, attribute = factory.partition(":")
    sys.path.insert(0, "")  # a factory in the current folder, as python -m would find it
    try:
        make = getattr(importlib.import_module(module_name), attribute)
        model = make()
    except (ImportError, AttributeError, ValueError) as error:
        raise FairtollError(
            f"cannot find the factory '{factory}' ({error}); expected PACKAGE.MODULE:FACTORY"
        ) from error
    except Exception as error:  # a user's code may raise anything
        raise FairtollError(
            f"the factory '{factory}' raised {type(error).__name__}: {error}; expected a call without arguments to "
            "return a torch.nn.Module"
        ) from error
    finally:
        sys.path.remove("")
    if not isinstance(model, nn.Module):
        raise FairtollError(f"'{factory}' returned {type(model).__name__}; expected a torch.nn.Module")
    try:
        with torch.no_grad():
            model.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise FairtollError(f"no file {path}; check --weights") from error
    except (SafetensorError, OSError) as error:
        raise FairtollError(f"{path} is not a whole safetensors file ({error}); save it with safetensors") from error
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise FairtollError(f"{path} does not fit the model of '{factory}': {reason}") from error
    return model
