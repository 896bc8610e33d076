"""An attack on a detector, against all inputs of a model of two features."""

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import PGD
from fairtoll.attacks.evading import evading
from fairtoll.models.squeezed import Squeezed
from fairtoll.models.squeezers import Levels

EPSILON = 0.3
X = torch.rand(60, 2, generator=torch.Generator().manual_seed(0))
LEVELS = Levels(torch.zeros(2), torch.ones(2), bits=3)


def detector():
    """A steep line behind eight levels, whose detector flags what changes side by more than 5% of clean rows do."""
    linear = nn.Linear(2, 2)
    linear.load_state_dict({"weight": torch.tensor([[-6.0, 2.0], [6.0, -2.0]]), "bias": torch.tensor([2.0, -2.0])})
    return Squeezed(linear, LEVELS, [LEVELS], clean=torch.rand(199, 2, generator=torch.Generator().manual_seed(1)))


def test_what_it_finds_is_admissible_misclassified_and_not_flagged():
    model = detector()
    y = model(X).argmax(dim=1)
    found = evading(model, X, y, threat=LinfThreat(), epsilon=EPSILON)
    hit = found.perturbed[found.success]
    assert (model(hit).argmax(dim=1) != y[found.success]).all()
    assert not model.flags(hit).any()
    assert LinfThreat().admits(X, found.perturbed, EPSILON).all()


def test_it_comes_near_what_a_search_of_every_input_finds():
    model = detector()
    y = model(X).argmax(dim=1)
    moves = torch.cartesian_prod(*[torch.linspace(-EPSILON, EPSILON, 61)] * 2)
    points = (X.unsqueeze(1) + moves).flatten(0, 1)
    open_to_attack = (model(points).argmax(dim=1).view(60, -1) != y.unsqueeze(1)) & ~model.flags(points).view(60, -1)
    possible = open_to_attack.any(dim=1)
    found = evading(model, X, y, threat=LinfThreat(), epsilon=EPSILON).success
    plain = PGD(steps=50)(model, X, y, threat=LinfThreat(), epsilon=EPSILON)
    unflagged = plain.success & ~model.flags(plain.perturbed)
    assert (found & possible).sum() >= 0.9 * possible.sum()
    assert found.sum() > unflagged.sum()


def test_bad_input():
    with pytest.raises(FairtollError, match="the model is of type Linear; expected one with a detector; give one that"):
        evading(nn.Linear(2, 2), X, torch.zeros(60, dtype=torch.int64), threat=LinfThreat(), epsilon=0.1)
    with pytest.raises(FairtollError, match="steps is 0"):
        evading(detector(), X, torch.zeros(60, dtype=torch.int64), threat=LinfThreat(), epsilon=0.1, steps=0)
