"""Two Gaussian classes with groups: the population of which every measure is a formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.theory import messages
from fairtoll.theory.checks import Floats, is_number, numbers, scales, vector

if TYPE_CHECKING:
    from fairtoll.threats import LinfThreat

#: The two classes, in the order of every pair: the covariances', a share's.
LABELS = (-1, 1)


@dataclass(frozen=True, eq=False)
class Group:
    """A protected group: its share of each class, and how far its rows are shifted.

    Parameters
    ----------
    name : str
        Of the group.
    share : float or pair of float
        P(a | y): its share of class -1 and of class +1, or one share of both.
    shift : array-like
        g_a, added to the mean of either class, (d,), in the units of the features.

    Raises
    ------
    FairtollError
        If a share is not between 0 and 1, or the shift is not one row of finite numbers.

    Examples
    --------
    >>> group = Group("b", 0.3, [0.5, 0.0])
    >>> group.share
    (0.3, 0.3)
    """

    name: str
    share: Any
    shift: Any

    def __post_init__(self) -> None:
        pair = tuple(self.share) if isinstance(self.share, Sequence | np.ndarray) else (self.share, self.share)
        if len(pair) != 2 or not all(is_number(one) and 0 <= one <= 1 for one in pair):
            raise FairtollError(messages.SHARE.format(name=self.name, given=repr(self.share)))
        object.__setattr__(self, "share", (float(pair[0]), float(pair[1])))
        object.__setattr__(self, "shift", vector(self.shift, name=f"the shift of group {self.name}"))


@dataclass(frozen=True, eq=False)
class Gaussians:
    """Rows of class y = -1 or +1 and group a that follow N(y theta + g_a, Sigma_y).

    The model of Xu et al. 2021, "To be Robust or to be Fair: Towards Fairness in Adversarial Training", with any
    covariances, groups, unequal classes, and an adversary that moves feature j by at most ``epsilon * scale[j]``.

    Parameters
    ----------
    theta : array-like
        Mean of class +1; that of class -1 is the opposite. (d,), in the units of the features.
    covariances : pair of float or array-like
        ``Sigma_-`` and ``Sigma_+``: each a number (times the identity), the diagonal (d,), or the matrix (d, d).
    prior : float
        Share of class +1.
    groups : tuple of Group
        Their shares of each class sum to 1. Default: one nameless group without shift.
    scale : float or array-like, optional
        The adversary's, as in `LinfThreat`: (d,), 0 for a feature that it cannot move. Default: 1.

    Raises
    ------
    FairtollError
        If a covariance is singular, the prior is not inside (0, 1), a scale is negative, shares do not sum to 1,
        shapes differ, or a number is not finite.

    Examples
    --------
    >>> model = Gaussians(theta=[0.5, 0.5], covariances=(4.0, 1.0))
    >>> x, y, group = model.sample(1000, np.random.default_rng(0))
    >>> x.shape, sorted(set(y.tolist())), set(group.tolist())
    ((1000, 2), [-1, 1], {0})
    """

    theta: Any
    covariances: tuple[Any, Any]
    prior: float = 0.5
    groups: tuple[Group, ...] = ()
    scale: Any = None

    def __post_init__(self) -> None:
        theta = vector(self.theta, name="theta")
        object.__setattr__(self, "theta", theta)
        if not isinstance(self.covariances, Sequence) or len(self.covariances) != 2:
            raise FairtollError(messages.COVARIANCE_PAIR.format(given=type(self.covariances).__name__))
        pair = tuple(_covariance(one, y, len(theta)) for one, y in zip(self.covariances, LABELS, strict=True))
        object.__setattr__(self, "covariances", pair)
        if not is_number(self.prior) or not 0 < self.prior < 1:
            raise FairtollError(messages.PRIOR.format(given=repr(self.prior)))
        object.__setattr__(self, "prior", float(self.prior))
        object.__setattr__(self, "groups", _groups(self.groups))
        _check_groups(self.groups, len(theta))
        object.__setattr__(self, "scale", scales(self.scale, features=len(theta)))

    @property
    def features(self) -> int:
        """How many there are, d."""
        return len(self.theta)

    @property
    def threat(self) -> LinfThreat:
        """The adversary, for attacks and training."""
        from fairtoll.threats import LinfThreat  # torch is not needed for anything else here

        return LinfThreat(scale=self.scale.tolist())

    def matrix(self, label: int) -> Floats:
        """The covariance of a class, (d, d)."""
        one = self.covariances[LABELS.index(label)]
        if one.ndim == 2:
            return np.asarray(one)
        return np.diag(np.broadcast_to(one, self.features))

    def sample(self, rows: int, generator: np.random.Generator) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Draw rows.

        Parameters
        ----------
        rows : int
            How many, n.
        generator : numpy.random.Generator
            Where the draws come from.

        Returns
        -------
        x : ndarray of float64, (n, d)
        y : ndarray of int64, (n,)
            -1 or +1.
        group : ndarray of int64, (n,)
            Places in `groups`; 0 throughout without groups.
        """
        if not isinstance(rows, int | np.integer) or isinstance(rows, bool) or rows < 1:
            raise FairtollError(messages.ROWS.format(given=repr(rows)))
        if not isinstance(generator, np.random.Generator):
            raise FairtollError(messages.GENERATOR.format(given=repr(generator)))
        y = np.where(generator.random(rows) < self.prior, 1, -1)
        group = np.zeros(rows, dtype=np.int64)
        x = generator.standard_normal((rows, self.features))
        for place, label in enumerate(LABELS):
            of_class = y == label
            if self.groups:
                ends = np.cumsum([one.share[place] for one in self.groups])
                draws = ends[-1] * generator.random(int(of_class.sum()))
                group[of_class] = np.searchsorted(ends, draws, side="right")
            covariance = self.covariances[place]
            noise = x[of_class]
            noise = noise @ np.linalg.cholesky(covariance).T if covariance.ndim == 2 else noise * np.sqrt(covariance)
            x[of_class] = noise + label * self.theta
        if self.groups:
            x += np.stack([one.shift for one in self.groups])[group]
        return x, y.astype(np.int64), group


def _covariance(given: Any, label: int, features: int) -> Floats:
    covariance = numbers(given, name=f"the covariance of class {label:+d}")
    if covariance.shape not in ((), (features,), (features, features)):
        raise FairtollError(
            messages.COVARIANCE_SHAPE.format(label=f"{label:+d}", given=covariance.shape, features=features)
        )
    if covariance.ndim < 2:
        positive = bool((covariance > 0).all())
    else:
        # In standard deviations, so that the units of the features do not matter.
        spread = np.sqrt(np.abs(covariance.diagonal()))
        spread = np.where(spread > 0, spread, 1.0)
        standardised = covariance / np.outer(spread, spread)
        if np.abs(standardised - standardised.T).max() > 1e-9:
            raise FairtollError(messages.NOT_SYMMETRIC.format(label=f"{label:+d}"))
        values = np.linalg.eigvalsh(standardised)
        positive = bool(values[0] > features * np.finfo(np.float64).eps * values[-1])
    if not positive:
        raise FairtollError(messages.SINGULAR.format(label=f"{label:+d}"))
    return covariance


def _groups(given: Any) -> tuple[Group, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise FairtollError(messages.GROUPS.format(given=f"of type {type(given).__name__}"))
    for one in given:
        if not isinstance(one, Group):
            raise FairtollError(messages.GROUPS.format(given=f"a {type(given).__name__} that holds {one!r}"))
    return tuple(given)


def _check_groups(groups: tuple[Group, ...], features: int) -> None:
    names = [one.name for one in groups]
    for one in groups:
        if names.count(one.name) > 1:
            raise FairtollError(messages.GROUPS_DOUBLED.format(name=one.name))
        vector(one.shift, name=f"the shift of group {one.name}", size=features)
    for place, label in enumerate(LABELS):
        total = sum(one.share[place] for one in groups)
        if groups and abs(total - 1) > 1e-9:
            raise FairtollError(messages.SHARES.format(label=f"{label:+d}", given=f"{total:g}"))
