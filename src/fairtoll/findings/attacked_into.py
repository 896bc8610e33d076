"""Into which class an attack moves the rows of each class, arm by arm."""

from __future__ import annotations

from typing import cast

import numpy as np

from fairtoll.evidence.store import Evidence
from fairtoll.findings import results


def attacked_into(evidence: Evidence) -> list[results.AttackedInto]:
    """Share of each true class's rows that is predicted as each class under attack, mean over training runs.

    Where the evidence holds predictions under attack: of white-box attacks, at the radii at which they were kept.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> attacked_into(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    found = []
    for arm in evidence.arms:
        kept = {
            (evaluation, threat, epsilon)
            for evaluation, threat, _, epsilon in evidence.attack_names(arm)
            if evaluation == "white-box"
            and evidence.training_runs(arm, evaluation=evaluation, threat=threat, epsilon=epsilon)
        }
        for evaluation, threat, epsilon in sorted(kept):
            found.append(_describe(evidence, arm, evaluation, threat, epsilon))
    return found


def _describe(evidence: Evidence, arm: str, evaluation: str, threat: str, epsilon: float) -> results.AttackedInto:
    values, rows = evidence.probabilities_of_rows(arm, evaluation=evaluation, threat=threat, epsilon=epsilon)
    predicted, labels = values.argmax(axis=2), evidence.labels[rows]
    classes = range(len(evidence.class_names))
    counts = np.array(
        [[(predicted[:, labels == true] == into).sum() for into in classes] for true in classes], dtype=np.float64
    )
    whole = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return results.AttackedInto(
        arm=arm,
        evaluation=cast("results.Evaluation", evaluation),
        threat=threat,
        epsilon=epsilon,
        classes=list(evidence.class_names),
        rows=[int((labels == true).sum()) for true in classes],
        shares=(counts / whole).tolist(),
    )
