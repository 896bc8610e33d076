"""RDI, WCR and NRGC against their definitions written out, and the local score against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from fairtoll import FairtollError, metrics

CLASSES = st.lists(st.floats(0.0, 10.0), min_size=2, max_size=12).filter(lambda means: sum(means) > 1e-3)


def of_classes(means):
    """Three rows a class, whose mean is given: the mean itself, and a row on either side of it."""
    y = np.repeat(np.arange(len(means)), 3)
    return y, (np.asarray(means)[:, None] * [1.0, 0.5, 1.5]).ravel()


@settings(deadline=None)
@given(CLASSES)
def test_the_definitions_pair_by_pair(means):
    y, radius = of_classes(means)
    pairs = [(one, other) for one in means for other in means]
    assert metrics.robustness_disparity_index(y, radius, minimum_rows=1) == pytest.approx(
        max(one - other for one, other in pairs), abs=1e-9
    )
    assert metrics.worst_class_robustness(y, radius, minimum_rows=1) == pytest.approx(min(means), abs=1e-9)
    gini = sum(abs(one - other) for one, other in pairs) / (2 * len(means) ** 2 * (sum(means) / len(means)))
    assert metrics.normalized_robustness_gini(y, radius, minimum_rows=1) == pytest.approx(gini, abs=1e-9)


@settings(deadline=None)
@given(CLASSES)
def test_nrgc_by_the_area_under_the_lorenz_curve(means):
    """Another definition of the Gini coefficient: 1 less twice the area under the curve of cumulated shares."""
    shares = np.append(0.0, np.cumsum(np.sort(means)) / np.sum(means))
    area = float(((shares[1:] + shares[:-1]) / 2).sum() / len(means))
    y, radius = of_classes(means)
    assert metrics.normalized_robustness_gini(y, radius, minimum_rows=1) == pytest.approx(1 - 2 * area, abs=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_nrgc_of_one_class_that_has_everything_is_below_1(classes):
    """There is no factor K / (K - 1): as published, the largest value depends on the number of classes."""
    y, radius = of_classes([1.0] + [0.0] * (classes - 1))
    assert metrics.normalized_robustness_gini(y, radius, minimum_rows=1) == pytest.approx(1 - 1 / classes)


def test_a_published_row():
    """One model of the GF-Score paper's appendix: its class means, and the RDI, NRGC and WCR printed for it."""
    means = [0.579, 0.654, 0.463, 0.335, 0.430, 0.444, 0.518, 0.598, 0.613, 0.621]
    y, radius = of_classes(means)
    assert metrics.robustness_disparity_index(y, radius, minimum_rows=1) == pytest.approx(0.319, abs=1e-3)
    assert metrics.normalized_robustness_gini(y, radius, minimum_rows=1) == pytest.approx(0.105, abs=1e-3)
    assert metrics.worst_class_robustness(y, radius, minimum_rows=1) == pytest.approx(0.335, abs=1e-3)


def test_classes_weigh_the_same_however_many_rows_they_have():
    y = np.repeat([0, 1], [900, 100])
    radius = np.repeat([1.0, 3.0], [900, 100])
    assert metrics.normalized_robustness_gini(y, radius) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("y", "radius", "expected"),
    [
        ([0] * 20, [1.0] * 20, (math.nan, math.nan, 1.0)),  # one class
        ([0] * 20 + [1] * 20, [0.0] * 40, (0.0, math.nan, 0.0)),  # nothing is certified: 0 / 0
        ([0] * 20 + [1] * 5, [1.0] * 25, (math.nan, math.nan, 1.0)),  # the other class is too small
        ([0] * 5 + [1] * 5, [1.0] * 10, (math.nan, math.nan, math.nan)),
    ],
)
def test_where_there_is_nothing_to_compare(y, radius, expected):
    found = (
        metrics.robustness_disparity_index(y, radius),
        metrics.normalized_robustness_gini(y, radius),
        metrics.worst_class_robustness(y, radius),
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["robustness_disparity_index", "normalized_robustness_gini", "worst_class_robustness"])
@pytest.mark.parametrize(
    ("radius", "message"),
    [
        ([0.1, -0.5], r"certified_radius is -0\.5 in row 1; expected 0 or more"),
        ([0.1, math.nan], "certified_radius has 1 NaN or infinite entries"),
        ([0.1, math.inf], "certified_radius has 1 NaN or infinite entries"),
        ([0.1], "certified_radius has 1 rows; expected 2"),
    ],
)
def test_what_is_no_radius(name, radius, message):
    with pytest.raises(FairtollError, match=message):
        getattr(metrics, name)([0, 1], radius)


def test_the_local_score_is_that_of_the_published_code():
    """The true class's lead over the largest other output, after a sigmoid or a softmax, as both papers have it."""
    generator = np.random.default_rng(0)
    logits, y = torch.from_numpy(generator.normal(size=(50, 4)) * 3), generator.integers(4, size=50)
    for outputs in (torch.sigmoid(logits), torch.softmax(logits / 2.7, dim=1)):
        expected = []
        for row, true in zip(outputs, y, strict=True):
            lead = row[true] - max(row[other] for other in range(4) if other != true)
            expected.append(math.sqrt(math.pi / 2) * max(float(lead), 0.0))
        np.testing.assert_allclose(metrics.local_score(y, outputs), expected, rtol=1e-12)


@pytest.mark.parametrize("distance", [0.0, 1e-4, 0.1, 0.5, 1.0, 3.0])
def test_the_local_score_holds_for_a_classifier_smoothed_with_unit_variance(distance):
    """A half-space convolved with N(0, I) has the outputs Phi(d) and 1 - Phi(d) at distance d: closed form."""
    chance = norm.cdf(distance)
    (score,) = metrics.local_score([0], [[chance, 1 - chance]])
    assert score <= distance + 1e-12
    if 0 < distance < 1e-3:
        assert score == pytest.approx(distance, rel=1e-6)  # the factor is the best possible


@pytest.mark.parametrize("steepness", [1.0, 4.0, 100.0])
def test_the_local_score_of_a_network_as_it_is_may_exceed_the_distance(steepness):
    """A logistic model of one input, at distance d: the lead is tanh(k d / 2), right or wrong with k alone."""
    distance = 0.1
    chance = 1 / (1 + math.exp(-steepness * distance))
    (score,) = metrics.local_score([0], [[chance, 1 - chance]])
    assert score == pytest.approx(math.sqrt(math.pi / 2) * math.tanh(steepness * distance / 2))
    assert (score > distance) == (steepness > 2 / math.sqrt(math.pi / 2))


@pytest.mark.parametrize(
    ("y", "outputs", "message"),
    [
        ([0, 2], [[0.5, 0.5]] * 2, "y_true holds 2; expected a column of probabilities, an integer from 0 to 1"),
        (["a", "b"], [[0.5, 0.5]] * 2, "y_true holds 'a'; expected a column of probabilities"),
        ([0, -1], [[0.5, 0.5]] * 2, "y_true holds -1"),
        ([0, 1], [[0.5, 1.5]] * 2, r"probabilities is 1\.5 in row 0; expected probabilities between 0 and 1"),
        ([0, 1], [[0.5, math.nan]] * 2, "probabilities has 2 NaN or infinite entries"),
        ([0, 1], [[0.5, 0.5]], "probabilities has 1 rows; expected 2"),
        ([0, 1], [0.5, 0.5], r"probabilities has shape \(2,\); expected \(N, C\)"),
    ],
)
def test_what_has_no_local_score(y, outputs, message):
    with pytest.raises(FairtollError, match=message):
        metrics.local_score(y, outputs)


def test_even_the_mean_of_local_scores_may_exceed_the_mean_distance():
    """Inputs uniform on [0, 1], that is Phi(z) of a Gaussian z, and a logistic model of slope k with its step at 1/2.

    The mean distance to the step is 1/4; the mean lead, of tanh(k |x - 1/2| / 2), is (4 / k) ln cosh(k / 4).
    """
    slope, rows = 100.0, 100_000
    x = (np.arange(rows) + 0.5) / rows
    chance = 1 / (1 + np.exp(-slope * (x - 0.5)))
    scores = metrics.local_score((x > 0.5).astype(int), np.stack([1 - chance, chance], axis=1))
    expected = math.sqrt(math.pi / 2) * 4 / slope * math.log(math.cosh(slope / 4))
    assert scores.mean() == pytest.approx(expected, rel=1e-6)
    assert scores.mean() > 4 * np.abs(x - 0.5).mean()
