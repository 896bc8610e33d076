"""Gaps over the radius of the adversary in training, at the best rule for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtoll.experiments.closed_form.limit import best_rules
from fairtoll.experiments.closed_form.values import gap_of, group_values
from fairtoll.findings import Question
from fairtoll.findings.results import ExactCurve
from fairtoll.theory import Gaussians

#: Radii of a curve.
POINTS = 29


def curves(
    model: Gaussians, questions: Sequence[Question], classes: Sequence[str], *, largest: float, points: int = POINTS
) -> list[ExactCurve]:
    """Each question's gap at the rules with the least loss and the least error for every radius from 0 to the largest.

    Examples
    --------
    >>> model, question = Gaussians([1.0], (4.0, 1.0)), Question("cau", "class")
    >>> found = curves(model, [question], ("hard", "easy"), largest=0.5, points=2)[0]
    >>> [round(value, 3) for value in found.least_error]
    [0.244, 0.39]
    """
    radii = np.linspace(0.0, largest, points)
    rules = [best_rules(model, radius) for radius in radii.tolist()]
    found = []
    for question in questions:
        gaps = [[gap_of(group_values(model, [rule], question, classes)) for rule in both] for both in rules]
        found.append(
            ExactCurve(
                question=question.key,
                metric=question.metric,
                partition=question.partition,
                label=question.label,
                epsilon=None if question.attack is None else question.attack.epsilon,
                radii=radii.tolist(),
                least_loss=[loss for loss, _ in gaps],
                least_error=[error for _, error in gaps],
            )
        )
    return found
