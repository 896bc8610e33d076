"""Mean confidence of linear rules with a probit or logistic link, and its gap: EOU."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.cells import cells_of, gap
from fairtoll.theory.checks import radius, slope
from fairtoll.theory.logistic import logistic_means
from fairtoll.theory.model import LABELS, Gaussians
from fairtoll.theory.rule import LinearRule


def mean_confidence(
    model: Gaussians,
    rule: LinearRule,
    *,
    link: str = "logistic",
    kappa: float = 1.0,
    target: int = 1,
    epsilon: float = 0.0,
    label: int | None = None,
    group: str | None = None,
) -> float:
    """Mean probability that a rule gives a class.

    The probability of class +1 is Phi(kappa u) (probit) or 1 / (1 + exp(-kappa u)) (logistic: a softmax of two logits
    that differ by kappa u) of the score u = w.x + b, which is normal in each cell. The probit's mean is Phi(kappa mu /
    sqrt(1 + kappa^2 tau^2)); the logistic's is a quadrature, exact to 13 digits.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    link : "probit" or "logistic"
    kappa : float
        Factor between score and logit, above 0.
    target : int
        The class whose confidence is averaged, -1 or +1.
    epsilon : float
        Radius of an adversary that lowers the confidence in each row's own class as far as it can; 0 for clean rows.
    label : int, optional
        Only rows of this class.
    group : str, optional
        Only rows of this group.

    Returns
    -------
    float
        In probability.

    Raises
    ------
    FairtollError
        As for `error`, or for an unknown link or target, or a kappa that is not above 0.

    Examples
    --------
    >>> model = Gaussians([1.0], (1.0, 1.0))
    >>> round(mean_confidence(model, LinearRule([1.0], 0.0), link="probit", label=+1), 4)  # Phi(1 / sqrt(2))
    0.7602
    >>> round(mean_confidence(model, LinearRule([2.0], 0.0), label=+1), 4)  # the score is the log odds
    0.7752
    """
    if link not in ("probit", "logistic"):
        raise FairtollError(messages.LINK.format(given=repr(link)))
    factor = slope(kappa)
    if target not in LABELS:
        raise FairtollError(messages.TARGET.format(given=repr(target)))
    cells = cells_of(model, rule, label=label, group=group)
    # The confidence in the target: the margin is that of a row's own class.
    logit = factor * target * cells.label * (cells.mean - radius(epsilon) * cells.reach)
    spread = factor * cells.spread
    if link == "probit":
        return cells.average(ndtr(logit / np.sqrt(1 + spread**2)))
    return cells.average(logistic_means(logit, spread, [1])[0])


def eou(
    model: Gaussians,
    rule: LinearRule,
    *,
    label: int | None = None,
    target: int = 1,
    link: str = "logistic",
    kappa: float = 1.0,
    epsilon: float = 0.0,
) -> float:
    """EOU: the largest difference in mean confidence of one class between two groups.

    Sooksatra and Rivas, Definition 4, of the whole population: what `fairtoll.metrics.equalized_odds_unfairness`
    estimates.

    Parameters
    ----------
    model : Gaussians
        With at least two groups.
    rule : LinearRule
    label : int, optional
        Only rows of this class, as the paper's experiments have it.
    target : int
        The class whose confidence is averaged, -1 or +1.
    link, kappa, epsilon
        As for `mean_confidence`.

    Returns
    -------
    float
        In probability, 0 or more.

    Raises
    ------
    FairtollError
        As for `mean_confidence`, or if the model has fewer than two groups.

    Examples
    --------
    >>> from fairtoll.theory import Group
    >>> groups = (Group("a", 0.5, [0.0]), Group("b", 0.5, [1.0]))
    >>> model = Gaussians([1.0], (1.0, 1.0), groups=groups)
    >>> round(eou(model, LinearRule([1.0], 0.0), label=-1, link="probit"), 4)  # Phi(0) - Phi(-1 / sqrt(2))
    0.2602
    """

    def confidence(of: int | None, group: str | None) -> float:
        return mean_confidence(
            model, rule, link=link, kappa=kappa, target=target, epsilon=epsilon, label=of, group=group
        )

    return gap(model, "group", confidence, label=label)
