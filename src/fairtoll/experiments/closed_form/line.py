"""Both classes on one line, and where rules divide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fairtoll.experiments.closed_form.limit import best_rules
from fairtoll.experiments.closed_form.values import LABELS
from fairtoll.findings.results import Line, Threshold
from fairtoll.theory import Gaussians, LinearRule, error

#: What is smaller, as a share of the largest weight, is not kept.
KEPT = 1e-6


def on_a_line(
    model: Gaussians, trained: Mapping[str, tuple[float, Sequence[LinearRule]]], classes: Sequence[str], epsilon: float
) -> Line:
    """Both classes along the direction of the best robust rule, and the thresholds of arms.

    A rule of another direction is shown where it would lie if its threshold were as far between the means: at
    ``-b / w.theta`` of the class mean. Shifts of groups are left out.

    Parameters
    ----------
    model : Gaussians
    trained : mapping
        Arm to the radius of its training and the rules of its runs.
    classes : sequence of str
        Names of class -1 and class +1.
    epsilon : float
        Of the adversary, with a scale of 1.

    Examples
    --------
    >>> model = Gaussians([1.0, 1.0], (4.0, 1.0))
    >>> line = on_a_line(model, {"standard": (0.0, [LinearRule([2.0, 2.0], 1.0)])}, ("hard", "easy"), 0.5)
    >>> line.means, line.thresholds[0].per_run
    ((-1.0, 1.0), [-0.25])
    """
    direction = np.asarray(best_rules(model, epsilon)[1].weights)
    kept = np.abs(direction) > KEPT * np.abs(direction).max()
    unit = np.where(kept, direction, 0.0) / np.abs(direction[kept]).sum()
    mean = float(unit @ model.theta)
    spreads = [float(np.sqrt(unit @ model.matrix(label) @ unit)) for label in LABELS]
    thresholds = []
    for arm, (radius, rules) in trained.items():
        least_loss, least_error = best_rules(model, radius)
        clean, attacked = (
            [float(np.mean([error(model, rule, at, label=label) for rule in rules])) for label in LABELS]
            for at in (0.0, epsilon)
        )
        thresholds.append(
            Threshold(
                arm=arm,
                radius=radius,
                least_loss=_position(least_loss, model.theta, mean),
                least_error=_position(least_error, model.theta, mean),
                per_run=[_position(rule, model.theta, mean) for rule in rules],
                errors=(clean[0], clean[1]),
                attacked=(attacked[0], attacked[1]),
            )
        )
    return Line(
        features=int(kept.sum()),
        of=len(direction),
        classes=list(classes),
        means=(-mean, mean),
        spreads=(spreads[0], spreads[1]),
        epsilon=epsilon,
        thresholds=thresholds,
    )


def _position(rule: LinearRule, theta: NDArray[np.float64], mean: float) -> float:
    return float(-rule.bias / (rule.weights @ theta)) * mean
