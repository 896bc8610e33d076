"""How FRL, CFA and DAFA treat the classes, from the functions that train the same repairs on stacks."""

from __future__ import annotations

import torch
from _train import BETA, CLASSES, Classes, Measured, Policy

from fairtoll.training.recipes.cfa import AGREEMENT_BASE, RADIUS_BASE
from fairtoll.training.recipes.dafa import EXCHANGE, WARM_UP, distance_aware_weights
from fairtoll.training.recipes.frl import BETA as FRL_BETA
from fairtoll.training.recipes.frl import (
    BOUNDARY_RATE,
    CLEAN_RATE,
    LARGEST,
    RADIUS_RATE,
    RADIUS_SCALE,
    SMALLEST,
    TOLERANCE_BOTH,
    cost_weights,
    raised,
)

#: Of each class among the training images.
SHARES = torch.full((CLASSES,), 1 / CLASSES)


def frl(classes: Classes, measured: Measured, done: float) -> None:
    """Reweight and remargin, by errors on images held out (Xu et al. 2021)."""
    errors = torch.stack([measured.clean, measured.robust - measured.clean]).float()
    excess = errors - errors @ SHARES[:, None] - TOLERANCE_BOTH
    classes.multipliers = torch.cat(
        [
            raised(now[None], one[None], rate=rate)
            for now, one, rate in zip(classes.multipliers, excess, (CLEAN_RATE, BOUNDARY_RATE), strict=True)
        ]
    )
    classes.accuracy, agreement = cost_weights(classes.multipliers, SHARES)
    classes.agreement = FRL_BETA * agreement
    phi = classes.radius.log() / RADIUS_SCALE + RADIUS_RATE * excess[1]
    classes.radius = (RADIUS_SCALE * phi).exp().clamp(SMALLEST, LARGEST)


def cfa(classes: Classes, measured: Measured, done: float) -> None:
    """Radius and weight of agreement by robust accuracy (Wei et al. 2023); from images held out."""
    robust = 1 - measured.robust
    weight = BETA * (AGREEMENT_BASE + robust)
    classes.radius = RADIUS_BASE + robust
    classes.accuracy, classes.agreement = 1 / (1 + weight), weight / (1 + weight)


def dafa(classes: Classes, measured: Measured, done: float) -> None:
    """Weights and radii by how alike the classes are, once (Lee et al. 2024)."""
    if done >= WARM_UP and bool((classes.radius == 1).all()):
        weights = distance_aware_weights(measured.softmax[None], exchange=EXCHANGE)[0]
        classes.accuracy, classes.radius = weights, weights.clone()


#: By name: the policy, and the decay of averaged weights per step.
RECIPES: dict[str, tuple[Policy | None, float]] = {
    "trades": (None, 0.0),
    "frl": (frl, 0.0),
    "cfa": (cfa, 0.999),
    "dafa": (dafa, 0.0),
    "averaging": (None, 0.999),
}
