"""Gradients of losses in closed form against autograd, and crafting against every step written out."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import pgd
from fairtoll.attacks.loss import LOSSES, SLOPES
from fairtoll.models.networks import Standardize, adult_network


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_are_those_of_autograd(loss, classes):
    draw = torch.Generator().manual_seed(0)
    logits = (torch.randn(50, classes, generator=draw, dtype=torch.float64) * 10).requires_grad_(True)
    labels = torch.randint(classes, (50,), generator=draw)
    (expected,) = torch.autograd.grad(LOSSES[loss](logits, labels).sum(), logits)
    found = SLOPES[LOSSES[loss]](labels)(0, logits.detach().numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_wrong_classes_that_are_equally_likely_share_the_slope():
    logits = torch.tensor([[1.0, 2.0, 2.0, 0.0]], requires_grad=True)
    labels = torch.tensor([3])
    (expected,) = torch.autograd.grad(LOSSES["margin"](logits, labels).sum(), logits)
    assert SLOPES[LOSSES["margin"]](labels)(0, logits.detach().numpy()).tolist() == expected.tolist()


@pytest.mark.parametrize("integer", [None, [True] * 4], ids=["reals", "whole numbers"])
def test_rows_that_no_longer_move_end_where_every_step_would_take_them(integer):
    """Large steps, so that most rows end in a corner long before the last one."""
    torch.manual_seed(0)
    model = adult_network(Standardize(torch.zeros(4), torch.full((4,), 5.0)), width=16, depth=2).double()
    x, y = torch.randint(-9, 9, (200, 4)).double(), torch.randint(2, (200,))
    threat, steps = LinfThreat(scale=[3.0, 1.0, 0.0, 2.0], integer=integer), 12
    found = pgd(model, x, y, threat=threat, epsilon=2.0, steps=steps, stop_at_success=False).perturbed
    low, high = threat.bounds(x, 2.0)
    point, step = x, threat.radius(x, 2.0) * (2.5 / steps)
    for _ in range(steps):
        leaf = threat.project(point, low, high).requires_grad_(True)
        (slope,) = torch.autograd.grad(nn.functional.cross_entropy(model(leaf), y, reduction="sum"), leaf)
        point = torch.minimum(torch.maximum(point + step * slope.sign(), low), high)
    assert torch.equal(found, threat.project(point, low, high))
    assert not torch.equal(found, x)
