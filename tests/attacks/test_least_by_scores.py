"""Least epsilon by scores: closed forms, trees by their cells, and what cannot be asked."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import LeastEpsilonByScores, Union
from fairtoll.data import Feature
from fairtoll.threats import TableThreat


def linear(weights, bias):
    model = nn.Linear(len(weights), 2)
    weight = torch.tensor([[0.0] * len(weights), list(weights)], dtype=torch.float32)
    model.load_state_dict({"weight": weight, "bias": torch.tensor([0.0, float(bias)])})
    return model


def search(model, x, y, threat, epsilon, tolerance=0.01):
    generator = torch.Generator().manual_seed(0)
    return LeastEpsilonByScores(tolerance)(model, x, y, threat=threat, epsilon=epsilon, generator=generator)


def test_linear_models_in_closed_form():
    draw = np.random.default_rng(0)
    weights, scale = draw.normal(size=5), draw.uniform(0.5, 2, size=5)
    x = torch.from_numpy(draw.normal(size=(60, 5)).astype(np.float32))
    y = torch.zeros(60, dtype=torch.int64)
    margin = x.numpy() @ weights - 2.0
    expected = np.maximum(0, -margin / (np.abs(weights) * scale).sum())
    found = search(linear(weights, -2.0), x, y, LinfThreat(scale=scale), 1.5)
    clear = np.abs(expected - 1.5) > 0.02
    assert (found.censored.numpy() == (expected > 1.5))[clear].all()
    reached = ~found.censored
    least = found.least_epsilon[reached].numpy()
    assert (least >= expected[reached] - 1e-6).all()
    assert (least <= expected[reached] + 0.02).all()
    assert (found.high - found.failed <= 0.01)[reached & (found.high > 0)].all()
    assert (found.low == 0).all()


def test_trees_and_categories_by_the_cost_of_what_must_change():
    """A stump on a number at 5, or a category at a price of 0.7: the cheaper of the two."""

    class Stump(nn.Module):
        def forward(self, x):
            score = ((x[:, 0] > 5) | (x[:, 1] == 2)).double() - 0.5
            return torch.stack([-score, score], dim=1)

        def thresholds(self):
            return {0: np.array([5.0])}

    features = (
        Feature("f", "continuous", False, 0, 10, ""),
        Feature("g", "categorical", True, 0, 2, "code", ("a", "b", "c")),
    )
    threat = TableThreat(features, [2.0, 1.0], ([0, 0], [10, 2]), [True, True], {"g": 0.7})
    x = torch.tensor([[4.0, 0.0], [0.0, 1.0], [6.0, 0.0], [4.9, 1.0]])
    found = search(Stump(), x, torch.zeros(4, dtype=torch.int64), threat, 1.0)
    np.testing.assert_allclose(found.least_epsilon, [0.5, 0.7, 0.0, 0.05], atol=0.01)
    assert threat.admits(x, found.perturbed, found.high).all()
    nothing = search(Stump(), x, torch.zeros(4, dtype=torch.int64), threat, 0.3)
    assert nothing.censored.tolist() == [True, True, False, False]
    assert nothing.least_epsilon[:2].tolist() == [0.3, 0.3]


def test_what_cannot_be():
    with pytest.raises(FairtollError, match="tolerance is 0; expected a finite number above 0"):
        LeastEpsilonByScores(0)
    with pytest.raises(FairtollError, match="queries is 0"):
        LeastEpsilonByScores(0.1, queries=0)
    with pytest.raises(FairtollError, match="epsilon is 0; expected a largest radius above 0"):
        search(linear([1.0], 0.0), torch.zeros(1, 1), torch.zeros(1).long(), LinfThreat(), 0)
    with pytest.raises(FairtollError, match="expected attacks at one radius"):
        Union([LeastEpsilonByScores(0.1)])
