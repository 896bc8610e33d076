"""Where attacked rows go: counted by hand, per class."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from fairtoll.evidence.store import Evidence, describe_attack
from fairtoll.findings.attacked_into import attacked_into


def test_the_matrix_is_the_confusion_matrix_under_attack():
    draws = np.random.default_rng(0)
    labels, runs = draws.integers(0, 3, 60), (0, 1)
    rows = pd.DataFrame({"row": np.arange(60), "label": labels})
    predictions, attacks, wanted = [], [], []
    for run in runs:
        for evaluation, threat, epsilon in (("clean", "", 0.0), ("white-box", "paper", 0.5)):
            chances = draws.dirichlet(np.ones(3), 60)
            part = pd.DataFrame(chances, columns=[f"probability_{one}" for one in range(3)])
            predictions.append(
                part.assign(arm="a", seed=run, row=np.arange(60), evaluation=evaluation, threat=threat, epsilon=epsilon)
            )
        predicted = chances.argmax(axis=1)
        wanted.append(confusion_matrix(labels, predicted, normalize="true"))
        attacks.append(
            describe_attack(
                predicted != labels, arm="a", seed=run, evaluation="white-box", threat="paper",
                attack="pgd-20", epsilon=0.5, rows=np.arange(60),
            )
        )  # fmt: skip
    evidence = Evidence(
        rows, pd.concat(predictions, ignore_index=True), pd.concat(attacks, ignore_index=True), ("x", "y", "z")
    )
    (found,) = attacked_into(evidence)
    assert np.allclose(found.shares, np.mean(wanted, axis=0))
    assert found.rows == np.bincount(labels).tolist()
    assert (found.arm, found.epsilon) == ("a", pytest.approx(0.5))
