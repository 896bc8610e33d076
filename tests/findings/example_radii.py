"""Evidence of least epsilon made by hand: three classes, two sites, some rows wrong and some that stand."""

import numpy as np
import pandas as pd

from fairtoll import Evidence
from fairtoll.evidence.store import describe_least_epsilon, describe_predictions
from fairtoll.findings import Attack, Comparison

LARGEST = 0.05
LEAST = Attack("white-box", "least-epsilon", LARGEST, "audit")
UNION = Attack("white-box", "union", 0.01, "audit")
PAIR = Comparison("audit", "plain", "hardened")
CLASSES = ("cat", "dog", "emu")


def evidence_of(least, *, rows=None, extra=()):
    """Evidence on 90 rows of three classes: `least` is `(S, n)` by arm, of `rows`; a row is right if it is above 0."""
    labels = np.arange(90) % 3
    table = pd.DataFrame({"row": np.arange(90), "label": labels, "site": np.where(np.arange(90) < 40, "n", "s")})
    covered = np.arange(90) if rows is None else np.asarray(rows)
    predictions, attacks = [], []
    for arm, runs in least.items():
        for seed, values in enumerate(runs):
            predicted = labels.copy()
            predicted[covered[values == 0]] = (labels[covered[values == 0]] + 1) % 3
            chances = np.full((90, 3), 0.2)
            chances[np.arange(90), predicted] = 0.6
            chances += 0.001 * seed * np.array([1, 0, -1])  # no two training runs are alike
            predictions.append(describe_predictions(chances, arm=arm, seed=seed))
            options = {"arm": arm, "seed": seed, "threat": "audit", "epsilon": LARGEST, "rows": covered}
            attacks.append(describe_least_epsilon(values, values == LARGEST, **options))
    return Evidence(table, pd.concat(predictions), pd.concat([*attacks, *extra]), CLASSES, {"name": "beasts"})


def radii(seed, *, runs=2, rows=90, wrong=0.2, censored=0.1, scale=0.004):
    """Least epsilons: some 0, some at the largest radius, the rest between."""
    generator = np.random.default_rng(seed)
    values = np.clip(generator.exponential(scale, (runs, rows)), 1e-6, LARGEST * 0.99)
    values[generator.random((runs, rows)) < wrong] = 0.0
    values[generator.random((runs, rows)) < censored] = LARGEST
    return values
