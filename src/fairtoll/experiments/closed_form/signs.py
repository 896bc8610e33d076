"""Where robust training makes the gaps between two Gaussian classes rise, by formula."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from fairtoll.errors import FairtollError
from fairtoll.findings.results import Place, SignMap
from fairtoll.theory import Gaussians, cau, cru_epsilon, cru_s, robust_rule, standard_rule

#: Cells of a map, the largest ratio on it, and the radii at its ends.
COLUMNS, ROWS, WIDEST, RADII = 30, 30, 3.0, (0.0, 1.0)
Signs = tuple[bool | None, bool | None, bool | None]


def rises(ratio: float, distance: float, radius: float) -> Signs:
    """Whether CAU, CRU_s and CRU_epsilon rise from the best standard to the best robust linear rule.

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
    (bool or None, bool or None, bool or None)
        None where no robust rule keeps the classes on their sides.

    Examples
    --------
    >>> rises(2.0, 2.0, 0.25), rises(2.0, 0.8, 0.5), rises(2.0, 1.0, 1.5)
    ((True, True, False), (True, True, True), (None, None, None))
    """
    model, epsilon = Gaussians([distance], (ratio**2, 1.0)), radius * distance
    try:
        standard, robust = standard_rule(model), robust_rule(model, epsilon)
    except FairtollError:
        return None, None, None
    return (
        cau(model, robust) > cau(model, standard),
        cru_s(model, robust, epsilon) > cru_s(model, standard, epsilon),
        cru_epsilon(model, robust) > cru_epsilon(model, standard),
    )


def place(title: str, *, ratio: float, distance: float, radius: float) -> Place:
    """A place with what formulas say there.

    Examples
    --------
    >>> place("here", ratio=2.0, distance=2.0, radius=0.25).cru_epsilon
    False
    """
    of_cau, of_cru_s, of_cru_epsilon = rises(ratio, distance, radius)
    return Place(
        title=title,
        ratio=ratio,
        distance=distance,
        radius=radius,
        cau=of_cau,
        cru_s=of_cru_s,
        cru_epsilon=of_cru_epsilon,
    )


def sign_map(title: str, *, how: str, distance: float, places: Sequence[Place], each: str = "radii") -> SignMap:
    """The signs over ratios and radii at one distance, each cell at its middle.

    Examples
    --------
    >>> found = sign_map("two", how="made up", distance=2.0, places=[])
    >>> len(found.cru_s), len(found.cru_s[0]), len(found.ratios)
    (30, 30, 31)
    """
    # Evenly in the logarithm: real classes differ little in spread.
    ratios = np.geomspace(1.0, WIDEST, COLUMNS + 1)
    radii = np.linspace(*RADII, ROWS + 1)
    cells = [
        [rises(float(np.sqrt(low * high)), distance, float(radius)) for low, high in pairwise(ratios)]
        for radius in (radii[1:] + radii[:-1]) / 2
    ]
    return SignMap(
        title=title,
        how=how,
        each=each,
        distance=distance,
        ratios=ratios.tolist(),
        radii=radii.tolist(),
        cru_s=[[signs[1] for signs in row] for row in cells],
        cru_epsilon=[[signs[2] for signs in row] for row in cells],
        places=list(places),
    )
