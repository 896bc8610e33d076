"""The population as cells, one a class and group: each is Gaussian, and so is a linear score in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.checks import Floats, of_kind
from fairtoll.theory.model import LABELS, Gaussians
from fairtoll.theory.rule import LinearRule


@dataclass(frozen=True, eq=False)
class Cells:
    """The margins y (w.x + b) of a rule in the cells that are asked for: each is normal.

    Attributes
    ----------
    label, group : ndarray of int, (C,)
        The class and the place of the group of each of C cells.
    weight : ndarray of float64, (C,)
        Share of the population.
    mean, spread : ndarray of float64, (C,)
        m_{y,a} and tau_y of the margin.
    reach : float
        L, how far the margin is moved per unit of epsilon.
    """

    label: NDArray[np.int64]
    group: NDArray[np.int64]
    weight: Floats
    mean: Floats
    spread: Floats
    reach: float

    def average(self, values: Floats) -> float:
        """Mean of a value of each cell over their rows."""
        return float(values @ self.weight / self.weight.sum())

    def wrong(self, epsilon: float = 0.0) -> Floats:
        """Share of each cell's rows that are misclassified or can be within the radius."""
        return self._share(self.mean - epsilon * self.reach, wrong=True)

    def right(self, epsilon: float = 0.0) -> Floats:
        """The rest of each cell's rows, exact where they are few too."""
        return self._share(self.mean - epsilon * self.reach, wrong=False)

    def share_right(self) -> float:
        """Share of their rows that are classified correctly, as a denominator.

        Raises
        ------
        FairtollError
            If none is.
        """
        right = self.average(self.right())
        if right == 0:
            raise FairtollError(messages.NEVER_CORRECT)
        return right

    def _share(self, margin: Floats, *, wrong: bool) -> Floats:
        # A rule without weights predicts one class: class -1 where the score is 0.
        kept = (margin > 0) | ((margin == 0) & (self.label == -1))
        z = margin / np.where(self.spread > 0, self.spread, 1.0)
        return np.where(self.spread > 0, ndtr(-z if wrong else z), (kept != wrong).astype(np.float64))


def cells_of(
    model: Gaussians,
    rule: LinearRule,
    *,
    label: int | None = None,
    group: str | None = None,
    source: LinearRule | None = None,
) -> Cells:
    """The cells with a label and a group, or all; checks that the rule is one of the model and that rows are there."""
    of_kind(model, Gaussians, name="the model")
    of_kind(rule, LinearRule, name="the rule")
    if source is not None:
        of_kind(source, LinearRule, name="the source")
    for one in (rule, source):
        if one is not None and len(one.weights) != model.features:
            raise FairtollError(messages.FEATURES_DIFFER.format(given=len(one.weights), expected=model.features))
    if label is not None and label not in LABELS:
        raise FairtollError(messages.LABEL.format(given=repr(label)))
    names = [one.name for one in model.groups]
    if group is not None and group not in names:
        raise FairtollError(messages.UNKNOWN_GROUP.format(given=repr(group), expected=names))
    shares = np.array([one.share for one in model.groups] or [(1.0, 1.0)])
    shifts = np.array([one.shift @ rule.weights for one in model.groups] or [0.0])
    y = np.repeat(LABELS, len(shares))
    a = np.tile(np.arange(len(shares)), 2)
    weight = np.where(y == 1, model.prior * shares[a, 1], (1 - model.prior) * shares[a, 0])
    spread = np.sqrt([rule.weights @ model.matrix(one) @ rule.weights for one in LABELS])
    mean = rule.weights @ model.theta + y * (rule.bias + shifts[a])
    asked = weight > 0
    if label is not None:
        asked &= y == label
    if group is not None:
        asked &= a == names.index(group)
    if not asked.any():
        raise FairtollError(messages.NO_ROW.format(label=label, group=group))
    return Cells(
        y[asked], a[asked], weight[asked], mean[asked], np.where(y == 1, spread[1], spread[0])[asked],
        rule.reach(model.scale) if source is None else float(model.scale @ (rule.weights * np.sign(source.weights))),
    )  # fmt: skip


def gap(
    model: Gaussians, partition: str, value: Callable[[int | None, str | None], float], *, label: int | None = None
) -> float:
    """Largest minus smallest value of a measure, which takes label and group, over the parts of a partition.

    Parts without rows do not count; with a label only its rows are there.
    """
    if partition not in ("class", "group", "class and group"):
        raise FairtollError(messages.PARTITION.format(given=repr(partition)))
    of_kind(model, Gaussians, name="the model")
    parts = _parts(model, partition, label)
    if len(parts) < 2:
        raise FairtollError(messages.NO_GROUPS.format(what=f"the partition {partition!r}"))
    values = [value(label, group) for label, group in parts]
    return max(values) - min(values)


def _parts(model: Gaussians, partition: str, label: int | None) -> list[tuple[int | None, str | None]]:
    if partition == "class":
        return [(one, None) for one in LABELS]
    places = [place for place, one in enumerate(LABELS) if label in (None, one)]
    if partition == "group":
        return [(label, one.name) for one in model.groups if any(one.share[place] > 0 for place in places)]
    if not model.groups:
        return []
    return [(LABELS[place], one.name) for place in places for one in model.groups if one.share[place] > 0]
