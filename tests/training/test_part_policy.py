"""The trainer of repairs: what a policy gives each group is what its rows are trained with."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fairtoll import FairtollError, LinfThreat
from fairtoll.training import FitSettings, TrainingSetup
from fairtoll.training.part_policy import PartPolicy, repaired_parts, require_within, train_with_policy
from fairtoll.training.recipes.trades import train_trades
from repair_examples import by_autograd, rows, setup_of

X, Y = torch.tensor([[1.0, 0.0], [2.0, 1.0], [4.0, -1.0], [-3.0, 0.5]]), torch.tensor([0, 0, 1, 1])
OPTIONS = {"threat": LinfThreat(), "epsilon": 0.5, "steps": 3}


@pytest.mark.parametrize("network", [lambda: nn.Linear(2, 2), by_autograd], ids=["closed form", "autograd"])
def test_training_is_the_plain_loop(network):
    """All rows at once for four epochs, on the neighbours that the trainer found: a CE + b KL by class, Adam."""
    given = TrainingSetup(X, Y, torch.arange(4), [0], network, FitSettings(epochs=4, batch_size=4, learning_rate=0.01))
    policy = PartPolicy.alike(given.parts("class"), models=1, beta=6.0)
    policy.accuracy, policy.agreement = torch.tensor([[0.5, 2.0]]), torch.tensor([[3.0, 0.25]])
    policy.radius = torch.tensor([[0.5, 3.0]])
    found = []

    def watch(stack, batch, moved):
        order = batch.positions[0].argsort()
        found.append(moved[0, order])

    trained = train_with_policy(given, policy, watch=watch, **OPTIONS)
    model = given.initial_stack().member(0).requires_grad_(True)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, eps=1e-7)
    for moved in found:
        clean, after = model(X), model(moved)
        divergence = functional.kl_div(after.log_softmax(1), clean.log_softmax(1), log_target=True, reduction="none")
        losses = functional.cross_entropy(clean, Y, reduction="none")
        optimiser.zero_grad()
        (policy.accuracy[0, Y] * losses + policy.agreement[0, Y] * divergence.sum(1)).mean().backward()
        optimiser.step()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(trained.parameters[name][0], tensor, rtol=1e-4, atol=1e-5)
    radius = 0.5 * policy.radius[0, Y].unsqueeze(1)
    for moved in found:
        assert ((moved - X).abs() <= radius + 1e-6).all()
        # Attacks on a linear model end in a corner.
        assert len(list(model.children())) or ((moved - X).abs() > 0.9 * radius).all()


@pytest.mark.parametrize("network", [lambda: nn.Linear(2, 2), by_autograd], ids=["closed form", "autograd"])
@pytest.mark.parametrize("partition", ["class", "sex"])
def test_a_policy_that_treats_all_alike_is_trades_bit_for_bit(network, partition):
    given = setup_of(network=network)
    policy = PartPolicy.alike(given.parts(partition), models=2, beta=6.0)
    trained, plain = train_with_policy(given, policy, **OPTIONS), train_trades(given, beta=6.0, **OPTIONS)
    for name, tensor in plain.parameters.items():
        assert torch.equal(tensor, trained.parameters[name])


def test_a_change_after_an_epoch_is_trained_with_from_the_next():
    given = setup_of(epochs=3)
    policy = PartPolicy.alike(given.parts("class"), models=2, beta=6.0)
    seen = []

    def watch(stack, batch, moved):
        seen.append((batch.epoch, (moved - batch.clean).abs().max().item()))

    def after_epoch(stack, epoch):
        policy.radius = torch.full((2, 2), float(epoch == 0))

    train_with_policy(given, policy, watch=watch, after_epoch=after_epoch, **OPTIONS)
    widest = {epoch: max(moved for one, moved in seen if one == epoch) for epoch in range(3)}
    assert widest[0] == widest[1] == pytest.approx(0.5, abs=1e-6)
    assert widest[2] == 0


def test_items_that_are_listed_more_than_once_count_more_than_once():
    given = TrainingSetup.for_rows(rows(), seeds=[0], network=lambda _: lambda: nn.Linear(2, 2), copies=[1, 3])
    counts = torch.bincount(given.y)
    assert repaired_parts(given, "class")[1].tolist() == [counts[0], 3 * counts[1]]


@pytest.mark.parametrize("value", [-0.5, 1.5, float("nan"), float("inf")])
def test_a_value_that_cannot_be(value):
    with pytest.raises(FairtollError, match=r"decay is .*; expected a number between 0 and 1; give .* 0.85"):
        require_within("decay", value, published=0.85, most=1.0)
