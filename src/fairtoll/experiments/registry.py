"""Every experiment by name. Descriptions are loaded when they are needed: a list of names must not load torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairtoll.errors import FairtollError

if TYPE_CHECKING:
    from fairtoll.experiments.experiment import Experiment


@dataclass(frozen=True)
class Entry:
    """The location of a description, and the help of its command.

    Attributes
    ----------
    place : str
        Module and name of the description.
    summary : str
        One line, as in the list of commands.
    help : str
        More, as in the help of the command.
    """

    place: str
    summary: str
    help: str = ""


EXPERIMENTS = {
    "adult": Entry(
        "fairtoll.experiments.adult:ADULT",
        "Adult (Census Income), bundled: the paper's tables with nulls, intervals, controls and verdicts.",
        "A few minutes on two cores.",
    ),
    "cifar10": Entry(
        "fairtoll.experiments.cifar10:CIFAR10",
        "CIFAR-10: the paper's figures and tables with nulls, intervals, controls and verdicts.",
        "Hours on two cores, minutes on an accelerator: it shows an estimate first. --quick takes a few minutes.",
    ),
    "gaussian": Entry(
        "fairtoll.experiments.gaussian:GAUSSIAN",
        "Two Gaussian classes, generated, and linear classifiers: what is measured beside what formulas give.",
        "About a minute and a half on two cores.",
    ),
}


def find_experiment(name: str) -> Experiment:
    """The description of an experiment.

    Raises
    ------
    FairtollError
        For an unknown name.

    Examples
    --------
    >>> find_experiment("adult").runs
    'auto'
    """
    if name not in EXPERIMENTS:
        raise FairtollError(f"unknown experiment '{name}'; expected {' or '.join(EXPERIMENTS)}")
    module, _, attribute = EXPERIMENTS[name].place.partition(":")
    found: Experiment = getattr(importlib.import_module(module), attribute)
    return found
