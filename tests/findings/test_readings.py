"""Evidence is read once for many questions: their order and number change nothing."""

import itertools

import numpy as np
import pandas as pd
import pytest
from example_radii import CLASSES, LEAST, UNION, evidence_of, radii

from fairtoll import Evidence, FairtollError
from fairtoll.evidence.store import describe_attack, describe_predictions
from fairtoll.findings import Attack
from fairtoll.findings.readings import Readings

OTHER = Attack("white-box", "union", 0.02, "audit")
SOME = np.arange(10, 40)


@pytest.fixture(scope="module")
def evidence():
    """Two arms with clean predictions of 90 rows and attacked ones, at one radius of 30 rows only."""
    clean = evidence_of({"plain": radii(0), "hardened": radii(1)})
    generator = np.random.default_rng(2)
    attacked = [
        describe_predictions(
            generator.dirichlet(np.ones(3), len(rows)), arm=arm, seed=seed, evaluation="white-box", threat="audit",
            epsilon=epsilon, rows=rows,
        )
        for arm in ("plain", "hardened")
        for seed in (0, 1)
        for epsilon, rows in ((UNION.epsilon, np.arange(90)), (OTHER.epsilon, SOME))
    ]  # fmt: skip
    predictions = pd.concat([clean.predictions, *attacked], ignore_index=True)
    success = describe_attack(
        np.ones(90, dtype=bool), arm="plain", seed=0, evaluation="white-box", threat="audit", attack="union",
        epsilon=OTHER.epsilon,
    )  # fmt: skip
    attacks = pd.concat([clean.attacks, success], ignore_index=True)
    return Evidence(clean.rows, predictions, attacks, CLASSES, clean.about)


CALLS = list(itertools.product(("plain", "hardened"), (None, UNION, OTHER), ("probabilities", "predicted")))


@pytest.mark.parametrize("order", range(4))
def test_the_order_of_questions_changes_nothing(evidence, order):
    readings = Readings(evidence)
    twice = CALLS + CALLS
    for place in np.random.default_rng(order).permutation(len(twice)):
        arm, attack, name = twice[place]
        values, rows = readings.read(arm, attack, [name])
        address = {} if attack is None else {"threat": attack.threat, "epsilon": attack.epsilon}
        expected, expected_rows = evidence.probabilities_of_rows(
            arm, evaluation="clean" if attack is None else "white-box", **({"threat": "", "epsilon": 0.0} | address)
        )
        np.testing.assert_array_equal(rows, expected_rows)
        np.testing.assert_array_equal(values[name], expected if name == "probabilities" else expected.argmax(axis=2))


def test_the_rows_that_are_right(evidence):
    expected = evidence.probabilities("plain").argmax(axis=2) == evidence.labels
    np.testing.assert_array_equal(Readings(evidence).correct("plain", SOME), expected[:, SOME])


def test_least_epsilon_and_its_limits_are_one_reading(evidence):
    values, rows = Readings(evidence).read("plain", LEAST, ["least_epsilon", "censored", "rate"])
    np.testing.assert_array_equal(values["least_epsilon"], radii(0))
    assert set(values) == {"least_epsilon", "censored"}
    np.testing.assert_array_equal(rows, np.arange(90))


def test_readings_of_different_rows_are_refused(evidence):
    with pytest.raises(FairtollError, match="predictions and attack of 'plain' cover different rows; expected the"):
        Readings(evidence).read("plain", OTHER, ["predicted", "success"])
