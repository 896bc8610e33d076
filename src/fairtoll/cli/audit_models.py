"""The models of an audit, from its settings: files, factories with weights, preprocessors before them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fairtoll.cli.audit_rows import listed
from fairtoll.cli.settings import ModelSettings
from fairtoll.data import Dataset
from fairtoll.errors import FairtollError, FairtollWarning
from fairtoll.models import as_models, load_model, make_model, predict_logits, read_model, with_preprocessing
from fairtoll.models.factories import FORM
from fairtoll.models.skops_files import read_skops


def load_models(models: Mapping[str, ModelSettings], rows: Dataset) -> dict[str, list[nn.Module]]:
    """Every model by name, one module for each training run, tried on a few rows.

    Raises
    ------
    FairtollError
        For settings that do not fit together, a file or a factory that is not there, or a model that does not take
        these rows or returns another number of classes.
    """
    if not models:
        raise FairtollError(
            f"no model; expected one or more; give --model NAME=FILE or NAME={FORM}, or [models.NAME] in audit.toml"
        )
    for name, one in models.items():
        _require_whole(name, one)  # of all, before the first is read
    _require_weights(models)
    loaded = {name: _runs(name, one, rows) for name, one in models.items()}
    for name, runs in loaded.items():
        for model in runs:
            _require_fit(name, model, rows)
    return loaded


def _require_whole(name: str, given: ModelSettings) -> None:
    files, factories, weights = _list(given.file), _list(given.factory), _list(given.weights)
    if bool(files) == bool(factories):
        both = "a file and a factory" if files else "neither a file nor a factory"
        raise FairtollError(
            f"model '{name}' has {both}; expected one of them; give --model {name}=FILE or {name}={FORM}"
        )
    if weights and files:
        raise FairtollError(
            f"model '{name}' has weights for the file {files[0]}; expected weights for a factory; give --model "
            f"{name}={FORM}"
        )
    if weights and len(factories) not in (1, len(weights)):
        raise FairtollError(
            f"model '{name}' has {len(factories)} factories and {len(weights)} files of weights; expected one factory, "
            "or one for each file"
        )
    before, runs = _list(given.preprocess), len(files) or len(weights) or len(factories)
    if before and len(before) not in (1, runs):
        raise FairtollError(
            f"model '{name}' has {len(before)} preprocessors for {runs} runs; expected one, or one for each run"
        )


def _require_weights(models: Mapping[str, ModelSettings]) -> None:
    """Raise where a factory is given weights for one model and none for another: those would be random."""
    filled = {factory for one in models.values() if one.weights for factory in _list(one.factory)}
    for name, one in models.items():
        if not one.weights and filled.intersection(_list(one.factory)):
            raise FairtollError(f"no --weights for {name}, whose factory has weights elsewhere; give {name}=FILE")


def _runs(name: str, given: ModelSettings, rows: Dataset) -> list[nn.Module]:
    found: list[Any] = [read_model(Path(path), trust_code=given.trust_code) for path in _list(given.file)]
    factories, weights = _list(given.factory), _list(given.weights)
    if weights:
        each = factories * len(weights) if len(factories) == 1 else factories
        found = [load_model(factory, Path(path)) for factory, path in zip(each, weights, strict=True)]
    elif factories:
        found = [make_model(factory) for factory in factories]
    before = _list(given.preprocess)
    if not before:
        return [module for one in found for module in as_models(one, name=name, schema=rows.schema)]
    read = [_preprocessor(Path(path)) for path in before]
    steps = read * len(found) if len(read) == 1 else read
    return [
        with_preprocessing(step, module, rows.schema)
        for step, one in zip(steps, found, strict=True)
        for module in as_models(one, name=name)
    ]


def _preprocessor(path: Path) -> Any:
    if not path.is_file():
        raise FairtollError(f"no file {path}; expected a fitted preprocessor; check --preprocess")
    if path.suffix.lower() != ".skops":
        raise FairtollError(f"{path} has the suffix '{path.suffix}'; expected a preprocessor that skops.io.dump wrote")
    return read_skops(path)


def _list(given: str | Sequence[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else list(given)


def _require_fit(name: str, model: nn.Module, rows: Dataset) -> None:
    """Check a model on a few rows; errors and other numbers of classes are reported with its inputs."""
    columns = [feature.name for feature in rows.features]
    inputs = f"the {len(columns)} columns {listed(columns)}" if columns else f"rows of shape {rows.x.shape[1:]}"
    remedy = (
        "name others in order with --feature (columns given with --group are inputs only if they are named there)"
        if columns
        else "give rows as the model takes them"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FairtollWarning)  # the audit warns
            classes = predict_logits(model, torch.from_numpy(rows.x[:8])).shape[1]
    except FairtollError as error:
        if error.__cause__ is None:
            return  # the audit says so of all rows
        raise FairtollError(f"model '{name}': {error}; its inputs were {inputs}; {remedy}") from error
    if classes != len(rows.class_names):
        raise FairtollError(
            f"model '{name}' returned {classes} classes, and the label has {len(rows.class_names)}: "
            f"{listed(list(rows.class_names))}; expected as many; give all values of the label in order with "
            "--categories, or the training rows with --train"
        )
