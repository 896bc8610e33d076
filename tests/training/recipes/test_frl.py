"""FRL: multipliers and weights by hand and by the published loops, and as training."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fairtoll import LinfThreat
from fairtoll.training import FitSettings, TrainingSetup, train_standard
from fairtoll.training.part_errors import PartErrors
from fairtoll.training.recipes import frl
from fairtoll.training.recipes.frl import cost_weights, raised, train_frl
from fairtoll.training.recipes.trades import train_trades
from repair_examples import by_autograd, setup_of

OPTIONS = {"threat": LinfThreat(), "epsilon": 0.3, "steps": 3}
NONE = {"clean_rate": 0.0, "boundary_rate": 0.0, "radius_rate": 0.0}


def published_weights(phi):
    """0.1 + 0.9 phi_i - 0.1 sum of the others', for ten classes of equal size."""
    return [0.1 + 0.9 * phi[i] - 0.1 * sum(phi[j] for j in range(10) if j != i) for i in range(10)]


def test_ten_equal_classes_have_ten_times_the_published_weights():
    phi = np.random.default_rng(0).uniform(0, 0.05, 10)
    found = cost_weights(torch.from_numpy(phi[None]), torch.full((10,), 0.1).double())
    np.testing.assert_allclose(found[0], 10 * np.array(published_weights(phi)), rtol=1e-6)


def test_the_weighted_loss_is_the_lagrangian_for_groups_of_any_size():
    """sum_i s_i w_i err_i = err + sum_i phi_i (err_i - err), with err = sum_i s_i err_i."""
    random = np.random.default_rng(1)
    shares, phi, errors = random.dirichlet(np.ones(4)), random.uniform(0, 0.1, 4), random.uniform(0, 1, 4)
    weights = cost_weights(torch.from_numpy(phi[None]), torch.from_numpy(shares))[0].numpy()
    mean = shares @ errors
    assert (shares * weights) @ errors == pytest.approx(mean + phi @ (errors - mean))
    assert shares @ weights == pytest.approx(1)


def test_multipliers_by_hand():
    """0.05 (0.5 - 0.3 - 0.1) = 0.005 more; 0.02 + 0.05 (0.1 - 0.3 - 0.1) = 0.005; 0.001 - 0.015 is clipped at 0."""
    excess = torch.tensor([[0.5, 0.1, 0.1]]).double() - 0.3 - 0.1
    found = raised(torch.tensor([[0.1, 0.02, 0.001]]).double(), excess, rate=0.05)
    np.testing.assert_allclose(found, [[0.105, 0.005, 0.0]], atol=1e-8)


def test_multipliers_add_up_to_half_at_most():
    """0.4 + 0.2 and 0.3 + 0.1 are 0.6 and 0.4, rescaled to 0.3 and 0.2."""
    found = raised(torch.tensor([[0.4, 0.3]]).double(), torch.tensor([[2.0, 1.0]]).double(), rate=0.1)
    np.testing.assert_allclose(found, [[0.3, 0.2]], atol=1e-8)


@pytest.mark.parametrize("network", [lambda: nn.Linear(2, 2), by_autograd], ids=["closed form", "autograd"])
@pytest.mark.parametrize("partition", ["class", "sex"])
def test_without_rates_it_is_trades_on_the_rows_that_are_left_bit_for_bit(network, partition):
    given = setup_of(network=network)
    smaller, _ = given.hold_out(partition=partition)
    fair = train_frl(given, partition=partition, beta=1.5, **NONE, **OPTIONS)
    for name, tensor in train_trades(smaller, beta=1.5, **OPTIONS).parameters.items():
        assert torch.equal(tensor, fair.parameters[name])


def test_without_rates_and_agreement_it_is_standard_training_bit_for_bit():
    given = setup_of(network=by_autograd)
    fair = train_frl(given, beta=0.0, **NONE, **OPTIONS)
    for name, tensor in train_standard(given.hold_out()[0]).parameters.items():
        assert torch.equal(tensor, fair.parameters[name])


@pytest.mark.parametrize("rate", NONE)
def test_each_rate_matters(rate):
    given = setup_of(epochs=4)
    plain, fair = (
        train_frl(given, tolerance=0.0, **NONE | changed, **OPTIONS).parameters["weight"]
        for changed in ({}, {rate: 2.0})
    )
    assert not torch.equal(plain, fair)


def test_training_is_the_plain_loop():
    """No adversary, all rows at once: validation errors, multipliers, weights and Adam, written out."""
    random = torch.Generator().manual_seed(3)
    x, y = torch.randn(60, 2, generator=random).double(), (torch.arange(60) % 3 > 0).long()
    x[:, 0] += 0.4 * y
    settings = FitSettings(epochs=8, batch_size=60, learning_rate=0.05)
    given = TrainingSetup(x.float(), y, torch.arange(60), [0], lambda: nn.Linear(2, 2), settings)
    smaller, held_out = given.hold_out()
    trained = train_frl(
        given, threat=LinfThreat(), epsilon=0.0, tolerance=0.02, clean_rate=0.4, radius_rate=0.0, steps=0
    )

    items, model = smaller.items, given.initial_stack().member(0).double().requires_grad_(True)
    shares = np.array([(y[items] == label).double().mean().item() for label in (0, 1)])
    phi, weights, moved = np.zeros(2), np.ones(2), False
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05, eps=1e-7)
    for _ in range(8):
        losses = functional.cross_entropy(model(x[items]), y[items], reduction="none")
        optimiser.zero_grad()
        (torch.from_numpy(weights)[y[items]] * losses).mean().backward()
        optimiser.step()
        wrong = (model(x[held_out]).argmax(1) != y[held_out]).double()
        errors = np.array([wrong[y[held_out] == label].mean().item() for label in (0, 1)])
        phi = np.maximum(phi + 0.4 * (errors - shares @ errors - 0.02), 0)
        phi *= min(1, 0.5 / max(phi.sum(), 1e-12))
        weights = 1 + phi / shares - phi.sum()
        moved = moved or weights.max() > 1.1
    assert moved
    torch.testing.assert_close(trained.parameters["weight"][0].double(), model.weight.detach(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("boundary", [0.9, 0.3, 0.0])
def test_radii_by_hand(boundary, monkeypatch):
    """After one epoch exp(2 * 5 * (error - average - 0.05)) of the adversary's, between 0.98 and 3."""
    policies = []

    def training(setup, policy, *, after_epoch, **_):
        after_epoch(setup.initial_stack(), 0)
        policies.append(policy)
        return setup.initial_stack()

    clean, robust = torch.tensor([[0.1, 0.1]]).double(), torch.tensor([[0.1 + boundary, 0.3]]).double()
    monkeypatch.setattr(frl, "train_with_policy", training)
    monkeypatch.setattr(frl, "part_errors", lambda *_, **__: PartErrors(clean, robust))
    given = setup_of((0,))
    left = given.y[given.hold_out()[0].items]
    share = (left == 0).double().mean().item()
    train_frl(given, tolerance=0.05, radius_rate=5.0, **OPTIONS)
    average = share * boundary + (1 - share) * 0.2
    expected = [min(max(math.exp(10 * (one - average - 0.05)), 0.98), 3.0) for one in (boundary, 0.2)]
    np.testing.assert_allclose(policies[0].radius[0], expected, rtol=1e-6)
