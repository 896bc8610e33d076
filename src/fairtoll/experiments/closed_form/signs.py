"""Where robust training makes the gaps between two Gaussian classes rise, by formula: of both kinds of best rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from fairtoll.errors import FairtollError
from fairtoll.experiments.closed_form.limit import best_rules
from fairtoll.findings.results import Place, SignCells, SignMap, Signs
from fairtoll.theory import Gaussians, LinearRule, cau, cru_epsilon, cru_s

#: Cells of a map, the largest ratio on it, and the radii at its ends.
COLUMNS, ROWS, WIDEST, RADII = 30, 30, 3.0, (0.0, 1.0)


def rises(ratio: float, distance: float, radius: float) -> tuple[Signs | None, Signs | None]:
    """Which gaps rise from the best standard to the best robust linear rule: with the least error, with the least loss.

    Both classes are isotropic Gaussian with alike features, so that they reduce to one feature.

    Parameters
    ----------
    ratio : float
        Of the spreads, above 1.
    distance : float
        Of each mean from the middle, in spreads of the narrower class.
    radius : float
        Of the adversary, in training and of the attack, as a share of the distance.

    Returns
    -------
    (Signs or None, Signs or None)
        None where no robust rule keeps the classes on their sides.

    Examples
    --------
    >>> least_error, least_loss = rises(2.0, 0.8, 0.5)
    >>> least_error.cru_epsilon, least_loss.cru_epsilon
    (True, False)
    >>> rises(2.0, 1.0, 1.5)
    (None, None)
    """
    model, epsilon = _model(ratio, distance), radius * distance
    try:
        # The rules of the radius 0 are the same in every row of a map, and kept.
        pairs = zip(best_rules(model, 0.0), best_rules(model, epsilon), strict=True)
        of_loss, of_error = (_signs(model, standard, robust, epsilon) for standard, robust in pairs)
    except FairtollError:
        return None, None
    return of_error, of_loss


@lru_cache(maxsize=256)
def _model(ratio: float, distance: float) -> Gaussians:
    return Gaussians([distance], (ratio**2, 1.0))


def _signs(model: Gaussians, standard: LinearRule, robust: LinearRule, epsilon: float) -> Signs:
    (cau_before, distance_before), (cau_after, distance_after) = (_gaps(model, one) for one in (standard, robust))
    return Signs(
        cau=cau_after > cau_before,
        cru_s=cru_s(model, robust, epsilon) > cru_s(model, standard, epsilon),
        cru_epsilon=distance_after > distance_before,
    )


@lru_cache(maxsize=256)
def _gaps(model: Gaussians, rule: LinearRule) -> tuple[float, float]:
    return cau(model, rule), cru_epsilon(model, rule)


def place(title: str, *, ratio: float, distance: float, radius: float) -> Place:
    """A place with what formulas say there.

    Examples
    --------
    >>> place("here", ratio=2.0, distance=2.0, radius=0.25).least_error.cru_epsilon
    False
    """
    least_error, least_loss = rises(ratio, distance, radius)
    return Place(
        title=title, ratio=ratio, distance=distance, radius=radius, least_error=least_error, least_loss=least_loss
    )


def sign_map(title: str, *, how: str, distance: float, places: Sequence[Place], each: str = "radii") -> SignMap:
    """The signs over ratios and radii at one distance, each cell at its middle.

    Examples
    --------
    >>> found = sign_map("two", how="made up", distance=2.0, places=[])
    >>> len(found.least_error.cru_s), len(found.least_loss.cru_s[0]), len(found.ratios)
    (30, 30, 31)
    """
    # Evenly in the logarithm: real classes differ little in spread.
    ratios = np.geomspace(1.0, WIDEST, COLUMNS + 1)
    radii = np.linspace(*RADII, ROWS + 1)
    cells = [
        [rises(float(np.sqrt(low * high)), distance, float(radius)) for low, high in pairwise(ratios)]
        for radius in (radii[1:] + radii[:-1]) / 2
    ]
    least_error, least_loss = (
        SignCells(
            cru_s=[[_of(both[which], "cru_s") for both in row] for row in cells],
            cru_epsilon=[[_of(both[which], "cru_epsilon") for both in row] for row in cells],
        )
        for which in (0, 1)
    )
    return SignMap(
        title=title,
        how=how,
        each=each,
        distance=distance,
        ratios=ratios.tolist(),
        radii=radii.tolist(),
        least_error=least_error,
        least_loss=least_loss,
        places=list(places),
    )


def _of(signs: Signs | None, name: str) -> bool | None:
    return None if signs is None else getattr(signs, name)
