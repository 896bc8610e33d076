"""An audit of linear models that were trained: success and least epsilon of every row are what a formula gives.

Of a rule w.x + b and labels -1 and +1 the margin under the worst admissible move is
y (w.x + b) - epsilon sum_j s_j |w_j|.
"""

import numpy as np
import pytest

from fairtoll import LinfThreat, audit
from fairtoll.attacks import PGD, Union
from fairtoll.experiments.closed_form.rules import rule_of
from fairtoll.experiments.gaussian import TwoGaussians
from fairtoll.theory import least_epsilon, margins
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup
from fairtoll.training.networks import DenseNetwork

EPSILONS, LARGEST, RUNS = (0.2, 0.8), 2.0, 2
#: Of an audit's search, as a share of the largest radius.
TOLERANCE = 0.005
#: Of the margin in float32, relative to the largest logits.
BOUNDARY = 2e-5
SCALE = [0.5, 1.0, 2.0, 0.1, 3.0, 1.0]
THREATS = {
    "every feature alike": ({}, np.ones(6)),
    "scaled, two fixed": (
        {"scale": SCALE, "mutable": [True, False, True, True, False, True]},
        np.array(SCALE) * [1, 0, 1, 1, 0, 1],
    ),
}


@pytest.fixture(scope="module", params=THREATS)
def audited(request):
    """Rows, the reach of each feature, trained models and their audit."""
    options, reach = THREATS[request.param]
    data, threat = TwoGaussians(strong=4, weak=2, train=300, test=100, seed=5)(), LinfThreat(**options)
    settings = FitSettings(epochs=5, batch_size=50, learning_rate=0.05)
    setup = TrainingSetup.for_rows(data.train, seeds=range(RUNS), network=DenseNetwork(depth=0), settings=settings)
    models = {name: RECIPES[name](setup, Adversary(threat, 0.2)) for name in ("standard", "online")}
    # Two attacks that stop at different inputs: the attack of the paper, and the union that is the default.
    options = {"attacks": [PGD(steps=20), Union()], "least_epsilon_max": LARGEST}
    found = audit(models, data.test, threat=threat, epsilons=EPSILONS, **options)
    return data.test, reach, models, found


def of_rows(data, reach, model):
    """Margins y (w.x + b) and how far a radius of 1 moves them, from the weights alone."""
    standardize, layer = model
    weight = (layer.weight[1] - layer.weight[0]).detach().double().numpy() / standardize.spread.double().numpy()
    bias = float(layer.bias[1] - layer.bias[0]) - weight @ standardize.mean.double().numpy()
    signs = np.where(data.y == 1, 1, -1)
    return signs, signs * (data.x.astype(np.float64) @ weight + bias), float(reach @ np.abs(weight))


def test_success_is_that_of_the_formula_row_by_row(audited):
    data, reach, models, found = audited
    for arm, stack in models.items():
        for attack in ("pgd-20", "union"):
            for epsilon in EPSILONS:
                success = found.evidence.success(
                    arm, evaluation="white-box", threat="audit", attack=attack, epsilon=epsilon
                )
                assert success.shape == (RUNS, len(data))
                for broken, model in zip(success, stack.members(), strict=True):
                    signs, clean, moved = of_rows(data, reach, model)
                    margin = clean - epsilon * moved
                    clear = np.abs(margin) > BOUNDARY * np.abs(clean).max()
                    assert clear.mean() > 0.98
                    np.testing.assert_array_equal(broken[clear], margin[clear] < 0)
                    np.testing.assert_allclose(
                        margins(rule_of(model), data.x, signs, epsilon, reach), margin, atol=BOUNDARY
                    )
                    # Attacks break rows that are classified correctly, and not all.
                    assert (clean < 0).mean() < broken.mean() < 1


def test_least_epsilon_is_that_of_the_formula_row_by_row(audited):
    data, reach, models, found = audited
    for arm, stack in models.items():
        measured, censored, rows = found.evidence.least_epsilon(
            arm, evaluation="white-box", threat="audit", epsilon=LARGEST
        )
        np.testing.assert_array_equal(rows, np.arange(len(data)))
        for values, cut, model in zip(measured, censored, stack.members(), strict=True):
            signs, clean, moved = of_rows(data, reach, model)
            known = np.maximum(clean, 0.0) / moved
            np.testing.assert_allclose(least_epsilon(rule_of(model), data.x, signs, reach), known, atol=1e-5)
            np.testing.assert_array_equal(cut, known > LARGEST)
            np.testing.assert_array_equal(values == 0, clean < 0)
            # Found by search: never below the formula, above it by no more than the tolerance of the search.
            over = values - np.minimum(known, LARGEST)
            assert over.min() > -1e-5
            assert over.max() <= TOLERANCE * LARGEST + 1e-5
            assert 0 < cut.mean() < 1
