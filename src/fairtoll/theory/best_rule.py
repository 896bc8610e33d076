"""The best linear rules, without and with an adversary."""

from __future__ import annotations

import numpy as np

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.checks import Floats, radius
from fairtoll.theory.descent import CONVERGED, descents
from fairtoll.theory.model import LABELS, Gaussians
from fairtoll.theory.population import Population, are_proportional, population_of
from fairtoll.theory.rule import LinearRule
from fairtoll.theory.starts import starts
from fairtoll.theory.two_gaussians import Found, best_of_two


def standard_rule(model: Gaussians) -> LinearRule:
    """The linear rule with the least error: `robust_rule` without an adversary.

    For equal covariances it is Fisher's, w = Sigma^-1 theta.

    Parameters
    ----------
    model : Gaussians

    Returns
    -------
    LinearRule
        Scaled as that of `robust_rule`.

    Raises
    ------
    FairtollError
        If no linear rule errs less than always predicting one class, or a search does not converge.

    Examples
    --------
    >>> rule = standard_rule(Gaussians([1.0, 2.0], (2.0, 2.0)))
    >>> rule.weights.tolist(), rule.bias
    ([0.5, 1.0], 0.0)
    """
    return robust_rule(model, 0.0)


def robust_rule(model: Gaussians, epsilon: float, *, by_means: bool = False) -> LinearRule:
    """The linear rule with the least error under the worst admissible move of each row.

    In closed form for proportional covariances without groups: soft thresholding, w_j = sign(theta_j) max(abs(theta_j)
    - epsilon scale_j, 0) / Sigma_jj for diagonal ones, a lasso else, and the threshold where the weighted densities of
    the attacked scores are equal. For other covariances a search over one angle, and under attack or with groups that
    differ descents of the exact error from several starts, whose convergence is checked: the error is not convex, so
    that a better minimum cannot be ruled out there.

    Parameters
    ----------
    model : Gaussians
    epsilon : float
        Radius.
    by_means : bool
        Where classes of unequal spreads are hard to tell apart by their means under attack, a rule can be best that
        has them on the wrong side and uses the spreads alone, which is an error unless this is set: then such rules do
        not count. Without effect where groups differ.

    Returns
    -------
    LinearRule
        Scaled so that the mean variance of its score within a class is its mean margin under attack: for equal
        covariances, equal classes and no adversary the score is half the log odds.

    Raises
    ------
    FairtollError
        If the radius is negative or leaves no robust rule (the message says which), no linear rule errs less than
        always predicting one class, or a search does not converge.

    Examples
    --------
    >>> robust_rule(Gaussians([1.0, -2.0], (2.0, 2.0)), 1.0).weights.tolist()
    [0.0, -0.5]
    """
    return best_rule(population_of(model, radius(epsilon)), by_means=by_means)


def best_rule(population: Population, *, by_means: bool = False) -> LinearRule:
    """The best linear rule for cells of any means; errors and `by_means` as in `robust_rule`."""
    epsilon, theta = population.epsilon, population.half_difference
    if population.is_two_gaussians and not (np.abs(theta) > population.penalty).any():
        if not theta.any():
            raise FairtollError(messages.SAME_MEANS)
        moved = population.penalty > 0
        limit = float(np.max(np.abs(theta[moved]) / population.penalty[moved] * epsilon))
        raise FairtollError(messages.NO_RULE.format(epsilon=epsilon, limit=limit))
    found = best_of_two(population) if population.is_two_gaussians else None
    if not population.is_two_gaussians or _may_be_beaten(population, found):
        found = _lower(population, found, by_means=by_means)
    smallest = min(population.prior, 1 - population.prior)
    if found is None or found[2] >= smallest * (1 - 1e-12):
        likely = LABELS[population.prior >= 0.5]
        raise FairtollError(messages.CONSTANT.format(label=f"{likely:+d}", epsilon=epsilon))
    weights, bias, _ = found
    if population.is_two_gaussians and not _keeps_means(population, weights):
        raise FairtollError(messages.DEGENERATE.format(epsilon=epsilon))
    return population.rule(weights, bias)


def _may_be_beaten(population: Population, found: Found | None) -> bool:
    """Whether a rule may be better that the search over angles does not reach.

    With proportional covariances there is none, and without an adversary Anderson and Bahadur show that there is none.
    """
    return not are_proportional(population.covariances) and (found is None or bool(population.penalty.any()))


def _keeps_means(population: Population, weights: Floats) -> bool:
    """Whether the classes' mean scores stay on their sides under attack."""
    return bool(weights @ population.half_difference > population.penalty @ np.abs(weights))


def _lower(population: Population, found: Found | None, *, by_means: bool) -> Found | None:
    """The lowest minimum that descents reach, or what was found if none is lower."""
    slope = 0.0
    first = [] if found is None else [found[:2]]
    for weights, bias, error, left in descents(population, [*first, *starts(population)]):
        if population.is_two_gaussians and by_means and not _keeps_means(population, weights):
            continue
        if found is None or error < found[2] * (1 - 1e-9):
            found, slope = (weights, bias, error), left
    if slope > CONVERGED:
        raise FairtollError(messages.NOT_CONVERGED.format(given=slope, expected=CONVERGED))
    return found
