"""fairlearn as the oracle: the same group values and gaps, on many groups."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, true_positive_rate
from sklearn.metrics import accuracy_score

from fairtoll import metrics

EXACT = {"rtol": 0, "atol": 1e-12}


def mean_prediction(y_true, y_pred):
    return np.mean(y_pred)


@pytest.fixture(params=[(2, 5, 4000), (10, 40, 6000), (3, 200, 5000)], ids=str)
def case(request):
    classes, groups, rows = request.param
    generator = np.random.default_rng(rows)
    y_true = generator.integers(classes, size=rows)
    return {
        "y_true": y_true,
        "y_pred": np.where(generator.random(rows) < 0.7, y_true, generator.integers(classes, size=rows)),
        "values": generator.gamma(2.0, size=rows),
        "probabilities": generator.dirichlet(np.ones(classes), size=rows),
        "groups": np.array([f"group {i}" for i in range(groups)])[generator.integers(groups, size=rows)],
    }


def frame(function, y_true, y_pred, groups):
    return MetricFrame(metrics=function, y_true=y_true, y_pred=y_pred, sensitive_features=groups)


def assert_agrees(ours, theirs):
    assert list(ours.groups) == list(theirs.by_group.index)
    np.testing.assert_allclose(ours.values, theirs.by_group.to_numpy(dtype=float), **EXACT)
    np.testing.assert_allclose(ours.gap, theirs.difference(method="between_groups"), **EXACT)


def test_accuracy_by_class(case):
    ours = metrics.class_accuracy_unfairness_by_group(case["y_true"], case["y_pred"], minimum_rows=1)
    assert_agrees(ours, frame(accuracy_score, case["y_true"], case["y_pred"], case["y_true"]))


def test_accuracy_by_group(case):
    ours = metrics.class_accuracy_unfairness_by_group(
        case["y_true"], case["y_pred"], groups=case["groups"], minimum_rows=1
    )
    assert_agrees(ours, frame(accuracy_score, case["y_true"], case["y_pred"], case["groups"]))


def test_accuracy_by_intersection(case):
    cells = metrics.intersect(case["groups"], case["y_true"])
    ours = metrics.class_accuracy_unfairness_by_group(case["y_true"], case["y_pred"], groups=cells, minimum_rows=1)
    features = pd.DataFrame({"group": case["groups"], "class": case["y_true"]})
    theirs = frame(accuracy_score, case["y_true"], case["y_pred"], features).by_group.dropna()
    expected = {f"{group} & {label}": value for (group, label), value in theirs.items()}
    assert dict(zip(ours.groups, ours.values.tolist(), strict=True)) == pytest.approx(expected, abs=1e-12)


def test_least_epsilon(case):
    ours = metrics.class_robustness_unfairness_by_group(
        case["y_true"], case["values"], groups=case["groups"], minimum_rows=1
    )
    assert_agrees(ours, frame(mean_prediction, case["y_true"], case["values"], case["groups"]))


def test_success_rate_among_the_correct(case):
    correct = case["y_true"] == case["y_pred"]
    success = case["values"] > 1.5
    ours = metrics.success_rate_unfairness_by_group(
        case["y_true"],
        success,
        groups=case["groups"],
        denominator="correct",
        correct=correct,
        minimum_rows=1,
    )
    assert_agrees(ours, frame(mean_prediction, case["y_true"][correct], success[correct], case["groups"][correct]))


def test_confidence(case):
    rows = case["y_true"] == 1
    confidence = case["probabilities"][:, 0]
    ours = metrics.equalized_odds_unfairness_by_group(
        case["y_true"],
        case["probabilities"],
        sensitive=case["groups"],
        target=0,
        label=1,
        minimum_rows=1,
    )
    assert_agrees(ours, frame(mean_prediction, case["y_true"][rows], confidence[rows], case["groups"][rows]))


def test_rate_gap_is_the_true_positive_rate_gap(case):
    y_true, y_pred = (case["y_true"] == 1).astype(int), (case["y_pred"] == 1).astype(int)
    ours = metrics.equalized_odds_rate_gap_by_group(
        y_true, y_pred, sensitive=case["groups"], target=1, label=1, minimum_rows=1
    )
    assert_agrees(ours, frame(true_positive_rate, y_true, y_pred, case["groups"]))
