"""Where pairs of classes of real data lie among pairs of Gaussian classes: along one linear rule of each."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from fairtoll.data import load_adult
from fairtoll.errors import FairtollError
from fairtoll.experiments.adult import EPSILON, REALISTIC_EPSILONS, adult_threats
from fairtoll.experiments.closed_form.signs import place, sign_map
from fairtoll.findings.results import Place, SignMap
from fairtoll.theory import Gaussians

#: Added to the covariance of standardised columns.
RIDGE = 1e-3
#: A distance at which CRU_s can fall.
FAR = 4.0
NOT_TWO = (
    "{given} scores do not separate two classes; expected scores that differ within each class and are higher in the "
    "second; give those of a rule that was fitted to the classes"
)


def fisher_rule(rows: NDArray[np.float64], second: NDArray[np.bool_], *, ridge: float) -> NDArray[np.float64]:
    """Fisher's linear rule with both classes weighted alike: ``(mean covariance + ridge)^-1`` half the difference.

    Examples
    --------
    >>> rows = np.array([[-1.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]])
    >>> fisher_rule(rows, np.array([False, False, True, True]), ridge=1.0).tolist()
    [1.0, 0.0]
    """
    covariance = (np.cov(rows[~second], rowvar=False, bias=True) + np.cov(rows[second], rowvar=False, bias=True)) / 2
    half = (rows[second].mean(axis=0) - rows[~second].mean(axis=0)) / 2
    return np.asarray(np.linalg.solve(covariance + ridge * np.eye(len(half)), half))


def measures(scores: ArrayLike, second: ArrayLike) -> tuple[float, float, float]:
    """Ratio of the spreads, half the distance of the means, and the smaller spread, of the scores of two classes.

    Raises
    ------
    FairtollError
        Where a class has one score alone, or the second class does not score higher.

    Examples
    --------
    >>> measures([-3.0, -1.0, 0.0, 4.0], [False, False, True, True])
    (2.0, 2.0, 1.0)
    """
    found, of_second = np.asarray(scores, dtype=np.float64), np.asarray(second, dtype=np.bool_)
    spreads = [found[of_second == flag].std() for flag in (False, True)]
    half = (found[of_second].mean() - found[~of_second].mean()) / 2
    if not min(spreads) > 0 or not half > 0:
        raise FairtollError(NOT_TWO.format(given=len(found)))
    return float(max(spreads) / min(spreads)), float(half), float(min(spreads))


def adult_map() -> SignMap:
    """Incomes up to and over 50K of the bundled Adult, at the paper's radius and at realistic ones.

    Examples
    --------
    >>> adult = adult_map()
    >>> round(adult.distance, 1), [round(one.ratio, 1) for one in adult.places][:1]
    (0.7, [1.1])
    """
    data = load_adult()
    train, test = (np.asarray(split.x, dtype=np.float64) for split in (data.train, data.test))
    mean, spread = train.mean(axis=0), train.std(axis=0)
    weights = fisher_rule((train - mean) / spread, data.train.y == 1, ridge=RIDGE) / spread
    ratio, half, smaller = measures(test @ weights, data.test.y == 1)
    threats, first = adult_threats(data), torch.from_numpy(data.train.x[:1])
    places = []
    for threat, epsilon, words in (
        ("paper", EPSILON, "the paper's"),
        *(("realistic", epsilon, "of a standard deviation") for epsilon in REALISTIC_EPSILONS),
    ):
        moves = threats[threat].radius(first, epsilon)[0].double().numpy()
        places.append(
            place(
                f"epsilon {epsilon:g} ({words})",
                ratio=ratio,
                distance=half / smaller,
                radius=float(np.abs(weights) @ moves) / half,
            )
        )
    how = "Fisher's linear rule on the bundled training rows; means and spreads of its scores on the test rows; whole "
    how += "numbers and the ends of ranges, which hold an adversary back, are left out"
    return sign_map("Adult-like", how=how, distance=half / smaller, places=places)


def cifar10_map() -> SignMap:
    """The 45 pairs of classes of CIFAR-10, read once from a JPEG copy; the map is at their median distance.

    Examples
    --------
    >>> len(cifar10_map().places)
    45
    """
    kept = json.loads((files("fairtoll.experiments.closed_form") / "cifar10_places.json").read_text(encoding="utf-8"))
    places = [
        place(" and ".join(one["pair"]), ratio=one["ratio"], distance=one["distance"], radius=one["radius"])
        for one in kept["places"]
    ]
    distance = float(np.median([one.distance for one in places]))
    return sign_map("CIFAR-10-like", how=kept["how"], distance=distance, places=places, each="pairs")


def far_map() -> SignMap:
    """Classes far apart, at the distance of the counterexample to Theorem 2 of the documentation; of no data.

    Examples
    --------
    >>> far_map().places
    []
    """
    return sign_map("Classes far apart", how="no data", distance=FAR, places=[])


def own_map(model: Gaussians, epsilon: float) -> SignMap:
    """Two isotropic Gaussian classes, as if all features were alike: groups are left out.

    Examples
    --------
    >>> model = Gaussians([2.0, 0.1], (4.0, 1.0))
    >>> found = own_map(model, 0.5).places[0]
    >>> found.ratio, round(found.distance, 2), round(found.radius, 2)
    (2.0, 2.0, 0.25)
    """
    wide, narrow = (float(np.sqrt(np.mean(np.diag(model.matrix(label))))) for label in (-1, 1))
    kept = np.maximum(np.abs(model.theta) - epsilon * model.scale, 0.0)
    norm = float(np.linalg.norm(model.theta))
    own: Place = place(
        f"epsilon {epsilon:g}",
        ratio=wide / narrow,
        distance=norm / narrow,
        radius=1.0 - float(np.linalg.norm(kept)) / norm,
    )
    return sign_map("These rows", how="the model that rows are drawn from", distance=own.distance, places=[own])
