"""Experiments as descriptions, run by one engine. A list of them must not load torch: the rest loads on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fairtoll.experiments.registry import EXPERIMENTS as EXPERIMENTS
from fairtoll.experiments.registry import find_experiment as find_experiment

if TYPE_CHECKING:
    from fairtoll.experiments.experiment import Experiment as Experiment
    from fairtoll.experiments.own.experiment import own_experiment as own_experiment
    from fairtoll.experiments.own.settings import OwnSettings as OwnSettings
    from fairtoll.experiments.own.train import train as train
    from fairtoll.experiments.running import reproduce as reproduce
    from fairtoll.experiments.running import results_of as results_of

_NAMES = {
    "Experiment": "experiment",
    "OwnSettings": "own.settings",
    "own_experiment": "own.experiment",
    "reproduce": "running",
    "results_of": "running",
    "train": "own.train",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    # No module here has the name of what it holds: once imported by anyone, it would take the name's place.
    globals()[name] = value
    return value
