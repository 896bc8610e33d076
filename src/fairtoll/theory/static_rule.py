"""The paper's own defence on the whole population: the best rule for rows and copies of them crafted once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.best_rule import best_rule, standard_rule
from fairtoll.theory.checks import of_kind, radius
from fairtoll.theory.model import Gaussians
from fairtoll.theory.population import population_of
from fairtoll.theory.rule import LinearRule


def static_rule(model: Gaussians, epsilon: float, *, source: LinearRule | None = None) -> LinearRule:
    """The linear rule with the least error on rows and their static adversarial copies, half each.

    Static adversarial training (Sooksatra and Rivas): adversarial examples of the training rows are crafted on a
    standard model F with weights v, once, and a new model is trained on both halves. The copy of a row of class y is
    x - epsilon y scale sign(v): the merged population has two means in each class, and its best rule is found by
    descent of its exact error, as in `robust_rule` with groups. How that rule stands against an adversary of its own is
    ``error(model, rule, epsilon)``; on examples crafted on F, as the paper evaluates it, ``error(..., source=F)``.

    Parameters
    ----------
    model : Gaussians
    epsilon : float
        Radius of the copies.
    source : LinearRule, optional
        F. Default: `standard_rule` of the model.

    Returns
    -------
    LinearRule

    Raises
    ------
    FairtollError
        If the source has other features than the model, or as for `robust_rule`.

    Examples
    --------
    >>> model = Gaussians([0.5, 0.5, 0.5], (4.0, 1.0))
    >>> rules = [rule(model) for rule in (standard_rule, lambda m: static_rule(m, 0.3))]
    >>> [round(float(-rule.bias / np.linalg.norm(rule.weights)), 2) for rule in rules]  # the threshold moves down
    [-0.34, -0.59]
    """
    of_kind(model, Gaussians, name="the model")
    first = standard_rule(model) if source is None else source
    of_kind(first, LinearRule, name="the source")
    if len(first.weights) != model.features:
        raise FairtollError(messages.FEATURES_DIFFER.format(given=len(first.weights), expected=model.features))
    clean = population_of(model, 0.0)
    move = radius(epsilon) * model.scale * np.sign(first.weights)
    copies = clean.mean - clean.label[:, None] * move
    return best_rule(
        replace(
            clean,
            label=np.tile(clean.label, 2),
            weight=np.tile(clean.weight / 2, 2),
            mean=np.vstack([clean.mean, copies]),
        )
    )
