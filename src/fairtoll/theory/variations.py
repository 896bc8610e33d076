"""Models that differ in what a rule is trained on: class weights or copies, and groups left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.checks import is_number, of_kind
from fairtoll.theory.model import Gaussians, Group


def reweighted(model: Gaussians, weights: tuple[float, float]) -> Gaussians:
    """The model that a rule is trained on if classes have weights, or rows have copies.

    Weighting the loss of class y by c_y, or having each of its rows c_y times (the paper adds those of one class of
    Adult again), is training on a population with prior ``c_+ p / (c_+ p + c_- (1 - p))``: take the best rule of this
    model, and its toll in the model that was given.

    Parameters
    ----------
    model : Gaussians
    weights : pair of float
        ``c_-`` and ``c_+``, above 0.

    Returns
    -------
    Gaussians

    Raises
    ------
    FairtollError
        If the weights are not two finite numbers above 0, or one is so small beside the other that its class vanishes.

    Examples
    --------
    >>> round(reweighted(Gaussians([1.0], (1.0, 1.0), prior=0.25), (1, 3)).prior, 12)
    0.5
    """
    of_kind(model, Gaussians, name="the model")
    pair = tuple(weights) if isinstance(weights, Sequence) else ()
    if len(pair) != 2 or not all(is_number(one) and 0 < one < math.inf for one in pair):
        raise FairtollError(messages.CLASS_WEIGHTS.format(given=repr(weights)))
    high, low = pair[1] * model.prior, pair[0] * (1 - model.prior)
    prior = high / (high + low)
    if not 0 < prior < 1:
        raise FairtollError(messages.CLASS_WEIGHTS_APART.format(given=repr(weights)))
    return replace(model, prior=prior)


def with_groups(model: Gaussians, names: Sequence[str]) -> Gaussians:
    """The rows of some groups alone: what a rule is trained on that never sees the others.

    It is the limit of the best rule as the others grow rare, so that a rare group pays ``error(model, rule,
    group=name)`` at the rule of this model without it, whatever its share.

    Parameters
    ----------
    model : Gaussians
    names : sequence of str
        The groups to keep, at least one; each class must keep rows.

    Returns
    -------
    Gaussians

    Raises
    ------
    FairtollError
        If no name is given, a name is unknown, or a class is left without rows.

    Examples
    --------
    >>> groups = (Group("many", 0.9, [0.0]), Group("few", (0.1, 0.1), [1.0]))
    >>> alone = with_groups(Gaussians([1.0], (1.0, 1.0), 0.3, groups), ["few"])
    >>> alone.groups[0].share, round(alone.prior, 12)
    ((1.0, 1.0), 0.3)
    """
    of_kind(model, Gaussians, name="the model")
    known = [one.name for one in model.groups]
    for name in names:
        if name not in known:
            raise FairtollError(messages.UNKNOWN_GROUP.format(given=repr(name), expected=known))
    kept = [one for one in model.groups if one.name in set(names)]
    low, high = (sum(one.share[place] for one in kept) for place in (0, 1))
    if not (low > 0 and high > 0):
        label = "-1" if low == 0 else "+1"
        raise FairtollError(messages.NO_ROW.format(label=label, group=f"among {list(names)}"))
    groups = tuple(Group(one.name, (one.share[0] / low, one.share[1] / high), one.shift) for one in kept)
    share = model.prior * high
    return replace(model, prior=share / (share + (1 - model.prior) * low), groups=groups)
