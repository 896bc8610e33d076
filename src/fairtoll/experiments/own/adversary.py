"""What the adversary may change in rows of one's own, column by column: for the terminal and for the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fairtoll.data import Dataset, TrainTest
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.own.rows import OwnRows
from fairtoll.experiments.own.threats import NumbersMove, PixelsMove, Unit, reason_fixed
from fairtoll.findings.results import Adversary, AdversaryColumn

#: Of more columns, so many are named in a line.
NAMED = 12
#: Where the evidence of a run says what the adversary may change.
ADVERSARY = "adversary"
#: What an epsilon of 1 is.
UNITS: dict[Unit, str] = {
    "sd": "one standard deviation of each column over the training rows",
    "raw": "1 in the units of each column",
}
SCALED = ", or the scale that was given for it"
OF_IMAGES = "1 in the units of the images"
EVERY_VALUE = "every value"
CHOSEN = "kept fixed by choice"
COARSE = "whole numbers"
FINER = "For {names} to move, give a larger --epsilon, or --scale COLUMN={scale:.3g} or more."


def adversary_of(experiment: Experiment, train: Dataset, data: TrainTest) -> Adversary:
    """What the adversary may change.

    Parameters
    ----------
    experiment : Experiment
        A description of rows of one's own.
    train : Dataset
        Its training rows, with codes of categories.
    data : TrainTest
        Its rows as networks read them.
    """
    moves, epsilon = experiment.threats, experiment.epsilon
    if isinstance(moves, PixelsMove):
        every = AdversaryColumn(
            name=EVERY_VALUE, scale=1.0, reach=epsilon, low=moves.low, high=moves.high, whole=False, missing=False,
            fixed=None,
        )  # fmt: skip
        return Adversary(epsilon=epsilon, unit=OF_IMAGES, columns=[every])
    assert isinstance(moves, NumbersMove)
    [threat] = moves(data).values()
    assert threat.box is not None
    low, high = (end.tolist() for end in threat.box)
    places = {one.name: place for place, one in enumerate(data.train.features) if one.kind == "continuous"}
    columns = []
    for position, feature in enumerate(train.features):
        place = places.get(feature.name) if feature.kind == "continuous" else None
        scale = 0.0 if place is None else float(threat.scale[place])
        reach = float(math.floor(epsilon * scale)) if feature.integer else epsilon * scale
        fixed = _fixed(train, feature.name, moves, reach, epsilon * scale)
        columns.append(
            AdversaryColumn(
                name=feature.name,
                scale=None if fixed else scale,
                reach=None if fixed else reach,
                low=None if place is None else low[place],
                high=None if place is None else high[place],
                whole=feature.integer and place is not None,
                missing=feature.missing is not None and bool((train.x[:, position] == feature.missing).any()),
                fixed=fixed,
            )
        )
    unit = UNITS[moves.unit] + (SCALED if moves.scale else "")
    return Adversary(epsilon=epsilon, unit=unit, columns=columns)


def about_adversary(experiment: Experiment, data: TrainTest) -> dict[str, Any]:
    """The part of `about` that says what the adversary may change; empty but for rows of one's own.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> rows = Dataset([[0.0], [1.0]], [0, 1], ("no", "yes"))
    >>> about_adversary(find_experiment("adult"), TrainTest(rows, rows, title="", note=""))
    {}
    """
    rows = experiment.data.load
    if not isinstance(rows, OwnRows) or not isinstance(experiment.threats, NumbersMove | PixelsMove):
        return {}
    return {ADVERSARY: adversary_of(experiment, rows.coded()[0], data).model_dump()}


def said_of(adversary: Adversary, inputs: Sequence[str]) -> list[str]:
    """The same in a few lines: the inputs, what moves and how far, what does not and why.

    Parameters
    ----------
    adversary : Adversary
    inputs : sequence of str
        The columns that networks read; none of images.
    """
    moving = [one for one in adversary.columns if one.fixed is None]
    lines = [f"Inputs: {_listed(inputs)}."] if inputs else []
    lines.append(
        f"Under attack, in training and after it, these move: {_listed([_moves(one) for one in moving])}. Epsilon is "
        f"{adversary.epsilon:.3g}; an epsilon of 1 is {adversary.unit}."
    )
    reasons: dict[str, list[str]] = {}
    for one in adversary.columns:
        if one.fixed is not None:
            reasons.setdefault(one.fixed, []).append(one.name)
    if reasons:
        lines.append(f"Never moved: {'; '.join(f'{_listed(names)} ({why})' for why, names in reasons.items())}.")
    if coarse := [one for one in adversary.columns if one.fixed is not None and one.fixed.startswith(COARSE)]:
        lines[-1] += f" {FINER.format(names=_listed([one.name for one in coarse]), scale=1 / adversary.epsilon)}"
    return lines


def _fixed(train: Dataset, name: str, moves: NumbersMove, reach: float, radius: float) -> str | None:
    """Why a feature does not move; None where it does."""
    if name not in moves.mutable:
        return reason_fixed(train, name) or CHOSEN
    return None if reach > 0 else f"{COARSE}, which epsilon moves by less than 1"


def _moves(one: AdversaryColumn) -> str:
    also = " and ".join(
        word for word, said in (("whole numbers", one.whole), ("missing values stay", one.missing)) if said
    )
    return f"{one.name} by up to {one.reach:.3g}" + (f" ({also})" if also else "")


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names) if rest <= 1 else f"{', '.join(names[:NAMED])} and {rest} more"
