"""The mean least radius of an attack, censored or not, and its gap: CRU_eps."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.cells import Cells, cells_of, gap
from fairtoll.theory.checks import Floats, radius
from fairtoll.theory.model import Gaussians
from fairtoll.theory.rule import LinearRule


def mean_least_epsilon(
    model: Gaussians,
    rule: LinearRule,
    *,
    epsilon_max: float | None = None,
    only_correct: bool = False,
    label: int | None = None,
    group: str | None = None,
) -> float:
    """LE: mean of the least radius at which each row is misclassified.

    A row's is max(0, y (w.x + b)) / L, and the mean of the positive part of a normal margin is h(m) = m Phi(m / tau) +
    tau phi(m / tau); with a largest radius, c = epsilon_max L, it is h(m) - h(m - c), over L.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    epsilon_max : float, optional
        Largest radius that is tried: a row that stands there counts with it, as a lower limit. Default: none.
    only_correct : bool
        Count rows alone that are classified correctly unattacked.
    label : int, optional
        Only rows of this class.
    group : str, optional
        Only rows of this group.

    Returns
    -------
    float
        In units of the scale.

    Raises
    ------
    FairtollError
        As for `error`; if the rule uses no feature that can move and no largest radius is given; or if no row is
        classified correctly and these are asked for.

    Examples
    --------
    >>> model = Gaussians([3.0], (1.0, 1.0))
    >>> round(mean_least_epsilon(model, LinearRule([1.0], 0.0)), 4)  # nearly the distance of the mean
    3.0004
    >>> round(mean_least_epsilon(model, LinearRule([1.0], 0.0), epsilon_max=1.0), 4)
    0.9919
    """
    cells = cells_of(model, rule, label=label, group=group)
    mean = cells.average(_least(cells, epsilon_max))
    return mean / cells.share_right() if only_correct else mean


def _least(cells: Cells, epsilon_max: float | None) -> Floats:
    limit = None if epsilon_max is None else radius(epsilon_max, name="epsilon_max")
    if cells.reach == 0:
        if limit is None:
            raise FairtollError(messages.NEVER_BROKEN)
        return np.asarray(limit * cells.right())
    least = _positive_part(cells.mean, cells.spread)
    if limit is not None:
        least -= _positive_part(cells.mean - limit * cells.reach, cells.spread)
    return least / cells.reach


def _positive_part(mean: Floats, spread: Floats) -> Floats:
    z = mean / spread
    part: Floats = mean * ndtr(z) + spread * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return part


def censored_share(
    model: Gaussians,
    rule: LinearRule,
    epsilon_max: float,
    *,
    label: int | None = None,
    group: str | None = None,
) -> float:
    """Share of rows that no attack breaks at the largest radius: how far the mean least epsilon is a lower limit.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    epsilon_max : float
        Largest radius.
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
        As for `error`.

    Examples
    --------
    >>> censored_share(Gaussians([1.0], (1.0, 1.0)), LinearRule([1.0], 0.0), 1.0)
    0.5
    """
    cells = cells_of(model, rule, label=label, group=group)
    return cells.average(cells.right(radius(epsilon_max, name="epsilon_max")))


def cru_epsilon(
    model: Gaussians,
    rule: LinearRule,
    *,
    partition: str = "class",
    epsilon_max: float | None = None,
    only_correct: bool = False,
    relative: bool = False,
) -> float:
    """CRU_eps: the largest difference in mean least epsilon between two classes or groups.

    Sooksatra and Rivas, Definition 2, of the whole population: what
    `fairtoll.metrics.class_robustness_unfairness` estimates.

    Parameters
    ----------
    model : Gaussians
    rule : LinearRule
    partition : "class", "group" or "class and group"
        Whose means are compared.
    epsilon_max : float, optional
        As for `mean_least_epsilon`.
    only_correct : bool
        As for `mean_least_epsilon`.
    relative : bool
        Divide by the mean over all rows that count.

    Returns
    -------
    float
        In units of the scale, or without unit if relative.

    Raises
    ------
    FairtollError
        As for `mean_least_epsilon`, or if the partition is unknown or has fewer than two parts.

    Examples
    --------
    >>> model = Gaussians([1.0], (4.0, 1.0))
    >>> round(cru_epsilon(model, LinearRule([1.0], 0.0)), 4)  # the class that is spread more is further away
    0.3123
    """

    def least(label: int | None, group: str | None) -> float:
        return mean_least_epsilon(
            model, rule, epsilon_max=epsilon_max, only_correct=only_correct, label=label, group=group
        )

    difference = gap(model, partition, least)
    return difference / least(None, None) if relative else difference
