"""What may be said about training on rows of one's own, and the optimiser that follows from how many there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairtoll.errors import FairtollError
from fairtoll.experiments.own.threats import Unit
from fairtoll.training import FitSettings

#: Optimiser steps that training takes at least, in batches of which an epoch has at least `BATCHES`.
STEPS, BATCHES = 1000, 20
#: The paper's: epochs, and rows of a batch.
EPOCHS, BATCH = 20, 250


@dataclass(frozen=True)
class OwnSettings:
    """What may be said about the training on a table or images of one's own; everything has a usual value.

    Attributes
    ----------
    epsilon : float, optional
        How far the adversary may move, in training and afterwards: of a table in standard deviations of each number
        (0.25), of images in their units (8/255 of their range).
    mutable, immutable : sequence of str
        Features of a table that an attack may change, or may not, of the numbers that it may by default.
    unit : {"sd", "raw"}
        Whether epsilon counts standard deviations or each feature's own unit.
    scale : mapping of str to float
        For some features, how far they move at an epsilon of 1.
    ranges : mapping of str to (float, float)
        For some features, their lowest and highest value, in place of the training rows'.
    network : str, optional
        ``PACKAGE.MODULE:FACTORY`` of a torch module, in place of the usual networks.
    width, depth : int
        Of the usual network of a table.
    epochs, batch_size : int, optional
        Default: the paper's 20 and 250; of fewer rows smaller batches and more epochs, so that there are 1000 steps.
    runs : int
        Training runs of each arm.
    attacked : int, optional
        Test rows that are attacked, as many of each class; of a class with fewer, all. Default: all of a table, 1000
        images or 10 of each class.

    Examples
    --------
    >>> OwnSettings().runs
    5
    """

    epsilon: float | None = None
    mutable: Sequence[str] | None = None
    immutable: Sequence[str] = ()
    unit: Unit = "sd"
    scale: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    network: str | None = None
    width: int | None = None
    depth: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    runs: int = 5
    attacked: int | None = None


def optimiser_settings(settings: OwnSettings, rows: int) -> FitSettings:
    """Epochs and batches for so many training rows, as they are given or as these rows need them.

    Raises
    ------
    FairtollError
        For a batch of no rows.

    Examples
    --------
    >>> of_few, of_many = (optimiser_settings(OwnSettings(), rows) for rows in (1000, 30_000))
    >>> (of_few.epochs, of_few.batch_size), (of_many.epochs, of_many.batch_size)
    ((50, 50), (20, 250))
    """
    batch = min(BATCH, max(10, rows // BATCHES)) if settings.batch_size is None else settings.batch_size
    if batch < 1:
        raise FairtollError(f"batch_size is {batch}; expected 1 or more rows; correct --batch-size")
    epochs = max(EPOCHS, math.ceil(STEPS * batch / rows)) if settings.epochs is None else settings.epochs
    return FitSettings(epochs=epochs, batch_size=batch)
