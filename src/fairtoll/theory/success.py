"""Errors and attack success of linear rules, and their gaps: CAU and CRU_s."""

from __future__ import annotations

from scipy.optimize import brentq

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.cells import cells_of, gap
from fairtoll.theory.checks import is_number, radius
from fairtoll.theory.model import Gaussians
from fairtoll.theory.rule import LinearRule


def error(
    model: Gaussians,
    rule: LinearRule,
    epsilon: float = 0.0,
    *,
    label: int | None = None,
    group: str | None = None,
    source: LinearRule | None = None,
) -> float:
    """Share of rows that a rule misclassifies, or that an adversary can make it misclassify.

    In the cell of class y and group a it is Phi((epsilon L - m) / tau), with m = w.theta + y (b + w.g_a), tau^2 =
    w' Sigma_y w and L = sum_j scale_j abs(w_j); over several cells their mean.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    epsilon : float
        Radius of the adversary; 0 for the plain error.
    label : int, optional
        Only rows of this class, -1 or +1.
    group : str, optional
        Only rows of this group.
    source : LinearRule, optional
        Where the examples come from, if not from the rule itself (static transfer): each row is moved against the signs
        v of the source's weights, and L is sum_j scale_j w_j sign(v_j).

    Returns
    -------
    float
        A fraction.

    Raises
    ------
    FairtollError
        If the rule or the source has other features than the model, the radius is negative, or no row has the label
        and group.

    Examples
    --------
    >>> model = Gaussians([1.0], (4.0, 1.0))
    >>> round(error(model, LinearRule([1.0], 0.0), label=+1), 4)  # Phi(-1)
    0.1587
    >>> error(model, LinearRule([1.0], 0.0), 1.0)  # the adversary moves both means to the threshold
    0.5
    """
    cells = cells_of(model, rule, label=label, group=group, source=source)
    return cells.average(cells.wrong(radius(epsilon)))


def success_rate(
    model: Gaussians,
    rule: LinearRule,
    epsilon: float,
    *,
    denominator: str = "all",
    label: int | None = None,
    group: str | None = None,
) -> float:
    """SR: how often the best attack succeeds.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    epsilon : float
        Radius.
    denominator : "all" or "correct"
        Of all rows, where one misclassified unattacked counts as success (the robust error), or of the rows that are
        classified correctly.
    label : int, optional
        Only rows of this class.
    group : str, optional
        Only rows of this group.

    Returns
    -------
    float
        A fraction.

    Raises
    ------
    FairtollError
        As for `error`, for another denominator, or if no row is classified correctly and these are asked for.

    Examples
    --------
    >>> model = Gaussians([1.0], (4.0, 1.0))
    >>> round(success_rate(model, LinearRule([1.0], 0.0), 1.0, denominator="correct", label=+1), 4)
    0.4057
    """
    if denominator not in ("all", "correct"):
        raise FairtollError(messages.DENOMINATOR.format(given=repr(denominator)))
    if denominator == "all":
        return error(model, rule, epsilon, label=label, group=group)
    cells = cells_of(model, rule, label=label, group=group)
    kept = cells.average(cells.right(radius(epsilon)))
    return 1 - kept / cells.share_right()


def epsilon_at_rate(model: Gaussians, rule: LinearRule, rate: float) -> float:
    """The radius at which the best attack succeeds on a share of all rows: where rules are compared at a matched rate.

    ``cru_s(model, rule, epsilon_at_rate(model, rule, rate))`` is what the metric `cru_s_matched` estimates.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    rate : float
        Above the rule's error and below 1.

    Returns
    -------
    float
        In units of the scale.

    Raises
    ------
    FairtollError
        If the rule has other features than the model or no weight on a feature that may move, or no radius has the
        rate.

    Examples
    --------
    >>> round(epsilon_at_rate(Gaussians([1.0], (4.0, 1.0)), LinearRule([1.0], 0.0), 0.5), 9)
    1.0
    """
    cells = cells_of(model, rule)
    clean = cells.average(cells.wrong())
    if not is_number(rate) or cells.reach == 0 or not clean < rate < 1:
        raise FairtollError(messages.RATE.format(given=repr(rate), error=clean))
    # No margin lies further out, in units of the largest standard deviation, than double precision can tell.
    most = (cells.mean.max() + 40 * cells.spread.max()) / cells.reach
    return float(brentq(lambda epsilon: cells.average(cells.wrong(epsilon)) - rate, 0.0, most, xtol=1e-15 * most))


def cau(model: Gaussians, rule: LinearRule, *, partition: str = "class") -> float:
    """CAU: the largest difference in accuracy between two classes or groups.

    Sooksatra and Rivas, "Adversarial Training Negatively Affects Fairness", Definition 1, of the whole population:
    what `fairtoll.metrics.class_accuracy_unfairness` estimates.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    partition : "class", "group" or "class and group"
        Whose accuracies are compared.

    Returns
    -------
    float
        A fraction, 0 or more.

    Raises
    ------
    FairtollError
        If the rule has other features than the model, or the partition is unknown or has fewer than two parts.

    Examples
    --------
    >>> round(cau(Gaussians([1.0], (4.0, 1.0)), LinearRule([1.0], 0.0)), 4)  # Phi(1) - Phi(1/2)
    0.1499
    """
    return gap(model, partition, lambda label, group: error(model, rule, label=label, group=group))


def cru_s(
    model: Gaussians, rule: LinearRule, epsilon: float, *, partition: str = "class", denominator: str = "all"
) -> float:
    """CRU_s: the largest difference in the best attack's success rate between two classes or groups.

    Sooksatra and Rivas, Definition 2, of the whole population: what `fairtoll.metrics.success_rate_unfairness`
    estimates.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    epsilon : float
        Radius.
    partition : "class", "group" or "class and group"
        Whose success rates are compared.
    denominator : "all" or "correct"
        As for `success_rate`.

    Returns
    -------
    float
        A fraction, 0 or more.

    Raises
    ------
    FairtollError
        As for `success_rate`, or if the partition is unknown or has fewer than two parts.

    Examples
    --------
    >>> round(cru_s(Gaussians([1.0], (4.0, 1.0)), LinearRule([1.0], 0.0), 0.5), 4)  # Phi(-1/4) - Phi(-1/2)
    0.0928
    """
    return gap(
        model,
        partition,
        lambda label, group: success_rate(model, rule, epsilon, denominator=denominator, label=label, group=group),
    )
