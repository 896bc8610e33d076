"""What it costs to keep the standard rule's threshold under robust training, by class weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.best_rule import robust_rule, standard_rule
from fairtoll.theory.model import Gaussians
from fairtoll.theory.population import are_proportional, population_of
from fairtoll.theory.rule import LinearRule
from fairtoll.theory.success import error
from fairtoll.theory.threshold import weighted_error


@dataclass(frozen=True, eq=False)
class Repair:
    """Class weights that keep the standard rule's threshold, and their price.

    Attributes
    ----------
    class_weights : pair of float
        ``c_-`` and ``c_+``, of mean 1 over rows.
    rule : LinearRule
        The robust rule with these weights: no other threshold near it is better.
    beats_one_class : bool
        Whether it also errs less, weighted, than always predicting one class; else only training that starts nearby
        ends there.
    cost : float
        How much more of all rows can be attacked than under the robust rule without weights: a fraction.
    standard_gap, robust_gap, repaired_gap : float
        The error of class -1 minus that of class +1, on rows that are not attacked, of the standard rule, of the robust
        one and of `rule`: fractions, of which CAU is the size. See `overshoots`.
    """

    class_weights: tuple[float, float]
    rule: LinearRule
    beats_one_class: bool
    cost: float
    standard_gap: float
    robust_gap: float
    repaired_gap: float

    @property
    def overshoots(self) -> bool:
        """Whether the repaired rule errs more on the class that the standard rule errs less on."""
        return self.standard_gap * self.repaired_gap < 0


def repair(model: Gaussians, epsilon: float) -> Repair:
    """Class weights under which robust training leaves the threshold of standard training where it is.

    With proportional covariances and no groups, let the scores of the robust direction have means +-m' under attack and
    standard deviations ``s_-`` and ``s_+``, t be the standard rule's threshold and t' the robust one's. The best
    threshold has ``a^2 - b^2 = 2 log(c_+ p_+ s_- / (c_- p_- s_+))`` with ``a = (m' - t) / s_+`` and ``b = (m' + t) /
    s_-``: solved for ``c_+ / c_-``. It costs ``p_+ [Phi((t - m') / s_+) - Phi((t' - m') / s_+)] + p_- [Phi(-(t + m') /
    s_-) - Phi(-(t' + m') / s_-)]`` of average robust accuracy. In the model of Xu et al., where all features have one
    mean, the directions are the same: the repaired rule is the standard one, and the price is all that robust training
    gains.

    Where the directions differ it may go too far. The robust direction has less clean distance, and the standard rule's
    threshold may be too far towards the class that is spread less: for equal classes and ``s_+ < s_-`` class +1 errs
    more if and only if ``t > m (K - 1) / (K + 1)``, with +-m the clean means of the scores of the robust direction and
    ``K = s_- / s_+``. CAU may then be larger than under either of the other rules: compare the three gaps. For equal
    classes, weights between 1 and `class_weights` overshoot less (docs/theory.md, Theorem 9).

    Thresholds are compared in standard deviations of the score.

    Parameters
    ----------
    model : Gaussians
    epsilon : float
        Radius.

    Returns
    -------
    Repair

    Raises
    ------
    FairtollError
        If covariances are not proportional, groups differ, or no class weights keep the threshold; else as for
        `robust_rule`.

    Examples
    --------
    >>> model = Gaussians([0.5, 0.5, 0.5, 0.5], (4.0, 1.0))
    >>> done = repair(model, 0.3)
    >>> [round(one, 2) for one in done.class_weights], round(done.cost, 4)
    ([1.24, 0.76], 0.0176)
    >>> done.overshoots
    False
    >>> bool(np.allclose(done.rule.bias / done.rule.weights, standard_rule(model).bias / standard_rule(model).weights))
    True
    """
    population = population_of(model, 0.0)
    if not population.is_two_gaussians or not are_proportional(population.covariances):
        raise FairtollError(messages.NO_CLOSED_REPAIR)
    standard, robust = standard_rule(model), robust_rule(model, epsilon)
    centre = population.centre
    low, high = np.sqrt(population.variance(standard.weights)).tolist()
    threshold = -(standard.bias + standard.weights @ centre) / high
    reach = epsilon * robust.reach(model.scale)
    deviations = np.sqrt(population.variance(robust.weights)).tolist()
    mean = float(robust.weights @ population.half_difference - reach) / deviations[1]
    spreads = (low / high, 1.0)
    odds = ((mean - threshold) ** 2 - ((mean + threshold) / spreads[0]) ** 2) / 2 - math.log(spreads[0])
    prior = 1 / (1 + math.exp(-odds))
    # The slope of the log ratio of the weighted densities: below 0 the other root is the minimum.
    if (mean - threshold) + (mean + threshold) / spreads[0] ** 2 <= 0:
        raise FairtollError(messages.NO_REPAIR.format(epsilon=epsilon))
    weights = ((1 - prior) / (1 - model.prior), prior / model.prior)
    rule = LinearRule(robust.weights, float(-threshold * deviations[1] - robust.weights @ centre))
    best = weighted_error(mean, spreads, prior, threshold) < min(prior, 1 - prior)
    cost = error(model, rule, epsilon) - error(model, robust, epsilon)
    return Repair(weights, rule, best, cost, *(_signed_gap(model, one) for one in (standard, robust, rule)))


def _signed_gap(model: Gaussians, rule: LinearRule) -> float:
    return error(model, rule, label=-1) - error(model, rule, label=1)
