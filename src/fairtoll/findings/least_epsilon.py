"""The distribution of least epsilon in each arm, class by class."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.store import Evidence
from fairtoll.findings import results

#: Radii from 0 to the largest at which the share of broken rows is reported.
POINTS = 41
ALL = "all"


def least_epsilons(evidence: Evidence) -> list[results.LeastEpsilon]:
    """Describe every measurement of least epsilon in the evidence, arm by arm.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> least_epsilons(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    return [_describe(evidence, arm, name) for arm in evidence.arms for name in evidence.least_epsilon_names(arm)]


def _describe(evidence: Evidence, arm: str, name: tuple[str, str, str, float]) -> results.LeastEpsilon:
    evaluation, threat, attack, largest = name
    values, censored, rows = evidence.least_epsilon(
        arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=largest
    )
    epsilons = np.linspace(0.0, largest, POINTS)
    labels = evidence.labels[rows]
    members = [(ALL, np.ones(len(rows), dtype=np.bool_))]
    members += [(title, labels == label) for label, title in enumerate(evidence.class_names)]
    runs = values.mean(axis=1)
    return results.LeastEpsilon(
        arm=arm,
        evaluation=cast("results.Evaluation", evaluation),
        attack=attack,
        threat=threat,
        partition="class",
        epsilon_max=largest,
        epsilons=[float(epsilon) for epsilon in epsilons],
        rows=len(rows),
        mean=float(runs.mean()),
        sd=float(runs.std(ddof=1)) if len(runs) > 1 else None,
        per_run=[float(run) for run in runs],
        groups=[
            _group(title, values[:, member], censored[:, member], epsilons) for title, member in members if member.any()
        ],
    )


def _group(
    title: str, values: NDArray[np.float64], censored: NDArray[np.bool_], epsilons: NDArray[np.float64]
) -> results.LeastEpsilonGroup:
    """One group, all its rows in all training runs together: `(S, n)` values."""
    # Radii come from float32: one that equals a point of the curve may lie just above it.
    broken = np.sort(values[~censored])
    counts = np.searchsorted(broken, epsilons * (1 + 1e-6), side="right")
    return results.LeastEpsilonGroup(
        group=title,
        mean=float(values.mean()),
        median=float(np.median(values)),
        censored=float(censored.mean()),
        broken=[float(count / values.size) for count in counts],
    )
