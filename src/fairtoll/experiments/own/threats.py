"""What an adversary may change in rows of one's own: numbers of a table by shares of their spread, or every pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

import numpy as np
import torch

from fairtoll.data import Dataset, TrainTest
from fairtoll.errors import FairtollError
from fairtoll.experiments.own.encoding import indicators_of_missing
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.range_of import RangeOf
from fairtoll.threats.table import movable

NUMBERS, PIXELS = "numbers", "every value"
Unit = Literal["sd", "raw"]
NO_NUMBER = (
    "no feature may move: of {features} none is a number that varies, is no protected attribute and not one of two "
    "codes; expected one or more; name some with --mutable, or give a table with numbers"
)
UNKNOWN = "no feature '{name}' to move; {hint}expected some of {known}; correct --{option}"
NOT_A_NUMBER = (
    "'{name}' is {why}; expected numbers in --{option}: training attacks move numbers alone; leave it out, or audit "
    "the trained models with it"
)
TOO_SMALL = (
    "epsilon is {epsilon:g}, and no feature moves by it: the largest radius is {radius:.3g}, of whole numbers alone "
    "({features}); expected a radius of 1 or more for one of them; give a larger --epsilon or --scale"
)
BAD_RANGE = "the range of '{name}' is {ends}; expected its lowest and its highest value; give --range COLUMN=LOW,HIGH"
OUTSIDE = (
    "the range of '{name}' is {ends}, and no training row is in it: they hold {low:g} to {high:g}; expected one that "
    "rows lie in; correct --range"
)
BOTH = "'{name}' is given with --mutable and with --immutable; expected one of them; leave the other out"
BAD_SCALE = "the scale of '{name}' is {scale:g}; expected a finite number above 0; give COLUMN=NUMBER with --scale"


@dataclass(frozen=True)
class NumbersMove:
    """Numbers of a table move by epsilon times their scale, within the range of the training rows.

    Whole numbers stay whole; categories, indicators, protected attributes and missing values stay as they are: as in an
    audit of the same table.

    Attributes
    ----------
    mutable : tuple of str
        The features that may move.
    unit : {"sd", "raw"}
        Whether a feature's scale is its standard deviation over the training rows that have it, or 1 in its own unit.
    scale : mapping of str to float
        Of some features, in their own units, in place of that.
    ranges : mapping of str to (float, float)
        Of some features, their lowest and highest value, in place of the training rows'.

    Examples
    --------
    >>> from fairtoll.data import load_adult
    >>> [threat] = NumbersMove(("age",), unit="raw")(load_adult()).values()
    >>> threat.scale[:3].tolist()
    [1.0, 0.0, 0.0]
    """

    mutable: tuple[str, ...]
    unit: Unit = "sd"
    scale: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __call__(self, data: TrainTest) -> dict[str, LinfThreat]:
        """The threat by its name, from the rows as networks read them."""
        rows, absent = data.train, indicators_of_missing(data.train.features)
        spread = rows.x.std(axis=0, dtype=np.float64) if self.unit == "sd" else np.ones(rows.x.shape[1])
        if self.unit == "sd":
            for place, indicator in absent.items():
                spread[place] = rows.x[rows.x[:, indicator] == 0, place].std(dtype=np.float64)
        scale = [self.scale.get(one.name, float(spread[place])) for place, one in enumerate(rows.features)]
        ends = [self.ranges.get(one.name, (one.low, one.high)) for one in rows.features]
        read = [name for name in self.mutable if name not in self.ranges]
        threat = LinfThreat(
            scale=scale,
            box=([low for low, _ in ends], [high for _, high in ends]),
            mutable=[one.name in self.mutable for one in rows.features],
            integer=[one.integer for one in rows.features],
            range_of=RangeOf(len(rows), 2 * len(read)) if read else None,
            fixed_where=absent,
        )
        return {NUMBERS: threat}


@dataclass(frozen=True)
class PixelsMove:
    """Every value of an image moves by epsilon, within a range.

    Attributes
    ----------
    low, high : float
        The range, in the units of the images.

    Examples
    --------
    >>> PixelsMove(0.0, 1.0).high
    1.0
    """

    low: float
    high: float

    def __call__(self, data: TrainTest) -> dict[str, LinfThreat]:
        """The threat by its name."""
        return {PIXELS: LinfThreat(box=(self.low, self.high))}


def choose_movable(
    rows: Dataset,
    *,
    mutable: Sequence[str] | None,
    immutable: Sequence[str],
    scale: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
) -> tuple[str, ...]:
    """The numbers of a table that may move: those that are named, else all that may; without `immutable`.

    Parameters
    ----------
    rows : Dataset
        Training rows with codes of categories.
    mutable, immutable : sequence of str
        Names of features.
    scale, ranges : mapping
        Of some of them.

    Raises
    ------
    FairtollError
        For a name that is none or is given twice, a feature that is no number, a scale of 0 or less, a range from high
        to low or without rows, or nothing that may move.

    Examples
    --------
    >>> from fairtoll.data import load_adult
    >>> choose_movable(load_adult().train, mutable=None, immutable=["age", "fnlwgt"], scale={}, ranges={})
    ('education-num', 'capital-gain', 'capital-loss', 'hours-per-week')
    """
    features = {feature.name: feature for feature in rows.features}
    for option, names in (("mutable", mutable or []), ("immutable", immutable), ("scale", scale), ("range", ranges)):
        for name in names:
            if name not in features:
                close = get_close_matches(name, features, n=1)
                hint = f"did you mean '{close[0]}'? " if close else ""
                raise FairtollError(UNKNOWN.format(name=name, hint=hint, known=", ".join(features), option=option))
    for option, names in (("mutable", mutable or []), ("scale", scale), ("range", ranges)):
        for name in names:
            if why := reason_fixed(rows, name):
                raise FairtollError(NOT_A_NUMBER.format(name=name, why=why, option=option))
    for name, value in scale.items():
        if not 0 < value < float("inf"):
            raise FairtollError(BAD_SCALE.format(name=name, scale=value))
    for name, ends in ranges.items():
        if len(ends) != 2 or not -float("inf") < ends[0] < ends[1] < float("inf"):
            raise FairtollError(BAD_RANGE.format(name=name, ends=", ".join(f"{end:g}" for end in ends)))
        values = present(rows, list(features).index(name))
        if not ((values >= ends[0]) & (values <= ends[1])).any():
            said = ", ".join(f"{end:g}" for end in ends)
            raise FairtollError(OUTSIDE.format(name=name, ends=said, low=values.min(), high=values.max()))
    if both := [name for name in mutable or () if name in immutable]:
        raise FairtollError(BOTH.format(name=both[0]))
    found = movable(rows) if mutable is None else mutable
    chosen = tuple(one for one in features if one in found and one not in immutable)
    if not chosen:
        raise FairtollError(NO_NUMBER.format(features=", ".join(features)))
    return chosen


def require_movement(threat: LinfThreat, rows: Dataset, epsilon: float) -> None:
    """Raise where every number that may move is a whole one whose radius is below 1, so that all stay.

    Parameters
    ----------
    threat : LinfThreat
    rows : Dataset
        As networks read them.
    epsilon : float

    Examples
    --------
    >>> from fairtoll.data import load_adult
    >>> data = load_adult()
    >>> [threat] = NumbersMove(("age", "education-num"))(data).values()
    >>> require_movement(threat, data.train, 0.25)
    """
    radius = threat.radius(torch.from_numpy(rows.x[:1]), epsilon)[0].tolist()
    moving = [(one, far) for one, far in zip(rows.features, radius, strict=True) if far > 0]
    if all(one.integer and far < 1.0 for one, far in moving):
        names = ", ".join(one.name for one, _ in moving)
        raise FairtollError(TOO_SMALL.format(epsilon=epsilon, features=names, radius=max(radius)))


def present(rows: Dataset, place: int) -> np.ndarray:
    """The values of a feature that are not missing; one zero where all are.

    Examples
    --------
    >>> from fairtoll.data import Feature
    >>> age = Feature("age", "continuous", integer=True, low=20, high=40, unit="years", missing=-1)
    >>> present(Dataset([[20], [-1]], [0, 1], ("no", "yes"), features=(age,)), 0).tolist()
    [20.0]
    """
    values, missing = rows.x[:, place], rows.features[place].missing
    there = values if missing is None else values[values != np.float32(missing)]
    return there if len(there) else np.zeros(1, dtype=np.float32)


def reason_fixed(rows: Dataset, name: str) -> str:
    """Why a feature of rows with codes of categories may not move; nothing where it may.

    Examples
    --------
    >>> from fairtoll.data import load_adult
    >>> [reason_fixed(load_adult().train, name) for name in ("age", "race")]
    ['', 'a category']
    """
    place, feature = next((k, one) for k, one in enumerate(rows.features) if one.name == name)
    if feature.kind == "categorical":
        return "a category"
    if name in rows.groups:
        return "a protected attribute"
    if np.ptp(present(rows, place)) == 0:
        return "a constant"
    return "" if name in movable(rows) else "an indicator of two codes"
