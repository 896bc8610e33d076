"""Worst-group training by exponentiated gradient: its weights, and what it is without a step."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.data import Dataset
from fairtoll.training import FitSettings, TrainingSetup, train_online
from fairtoll.training.recipes.dro import exponentiated_gradient, train_dro


def rows(number=60):
    """Class 1 where x_0 > 0; group b is rare and has twice the noise."""
    random = np.random.default_rng(0)
    groups = np.where(np.arange(number) % 6 == 0, "b", "a")
    x = random.normal(size=(number, 2))
    y = (x[:, 0] + np.where(groups == "b", 1.0, 0.1) * random.normal(size=number) > 0).astype(int)
    return Dataset(x, y, ("no", "yes"), groups={"sex": groups, "one": ["same"] * number})


def setup(seeds=(0, 1), *, network=lambda: nn.Linear(2, 2)):
    settings = FitSettings(epochs=2, batch_size=16, learning_rate=0.05)
    return TrainingSetup.for_rows(rows(), seeds=list(seeds), network=lambda _: network, settings=settings)


def by_autograd():
    """A network that no path without autograd knows, so that its training is the same whatever weighs the loss."""
    return nn.Sequential(nn.Linear(2, 4), nn.GELU(), nn.Linear(4, 2))


def test_the_weights_are_those_of_the_published_loop():
    """q_g times exp(step loss_g) at each step, rescaled to a sum of 1; a group that a batch lacks has loss 0."""
    sizes = np.array([30.0, 10.0, 20.0])
    losses = np.random.default_rng(0).exponential(size=(50, 3))
    losses[3, 1] = losses[8, 2] = 0.0
    q = sizes / sizes.sum()
    for batch in losses:
        q = q * np.exp(0.7 * batch)
        q = q / q.sum()
    growth = torch.from_numpy(0.7 * losses.sum(axis=0, keepdims=True))
    found = exponentiated_gradient(growth, torch.from_numpy(sizes))[0]
    np.testing.assert_allclose(found, q / (sizes / sizes.sum()), rtol=1e-12)


def test_a_hand_computed_example():
    """Shares 3/4 and 1/4; the second group's loss is higher by log 2 at step 1: q = 3/5 and 2/5."""
    found = exponentiated_gradient(
        torch.tensor([[1.0, 1.0 + math.log(2)]], dtype=torch.float64), torch.tensor([3.0, 1.0])
    )
    np.testing.assert_allclose(found, [[(3 / 5) / (3 / 4), (2 / 5) / (1 / 4)]], rtol=1e-9)


def test_no_growth_is_a_weight_of_one_exactly_and_much_growth_does_not_overflow():
    sizes = torch.tensor([7.0, 3.0, 0.0]).double()
    assert exponentiated_gradient(torch.zeros(1, 3).double(), sizes)[0, :2].tolist() == [1.0, 1.0]
    found = exponentiated_gradient(torch.tensor([[0.0, 5000.0, 9000.0]]).double(), sizes)[0]
    np.testing.assert_allclose(found, [0.0, 10 / 3, 0.0])


@pytest.mark.parametrize("partition", ["class", "sex", "sex & class"])
def test_a_step_of_zero_is_on_line_training_bit_for_bit(partition):
    given, options = setup(network=by_autograd), {"threat": LinfThreat(), "epsilon": 0.1, "steps": 2}
    fair, plain = train_dro(given, partition=partition, step=0.0, **options), train_online(given, **options)
    for name, tensor in plain.parameters.items():
        assert torch.equal(tensor, fair.parameters[name])
    moved = train_dro(given, partition=partition, step=0.5, **options)
    assert not torch.equal(moved.parameters["0.weight"], plain.parameters["0.weight"])


def test_the_path_without_autograd_gives_the_same_models():
    given, options = setup(), {"threat": LinfThreat(), "epsilon": 0.1, "steps": 2}
    fair, plain = train_dro(given, step=0.0, **options), train_online(given, **options)
    for name, tensor in plain.parameters.items():
        torch.testing.assert_close(tensor, fair.parameters[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("partition", ["class", "sex"])
def test_runs_at_once_are_runs_apart(partition):
    options = {"threat": LinfThreat(), "epsilon": 0.1, "partition": partition, "step": 0.5, "steps": 2}
    together = train_dro(setup((3, 4)), **options)
    for place, seed in enumerate((3, 4)):
        for name, alone in train_dro(setup((seed,)), **options).parameters.items():
            torch.testing.assert_close(together.parameters[name][place], alone[0], rtol=1e-5, atol=1e-6)


def test_training_is_the_plain_loop():
    """Five steps over all rows at once: q by exponentiated gradient, the objective the sum of q times mean losses."""
    x, y = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 0, 1])
    given = TrainingSetup(x, y, torch.arange(3), [0], lambda: nn.Linear(1, 2), FitSettings(epochs=5, batch_size=3))
    model = given.initial_stack().member(0).double().requires_grad_(True)
    optimiser, q = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7), torch.tensor([2 / 3, 1 / 3]).double()
    for _ in range(5):
        losses = nn.functional.cross_entropy(model(x.double()), y, reduction="none")
        of_classes = torch.stack([losses[:2].mean(), losses[2]])
        q = q * torch.exp(2.0 * of_classes.detach())
        q = q / q.sum()
        optimiser.zero_grad()
        (q @ of_classes).backward()
        optimiser.step()
    trained = train_dro(given, threat=LinfThreat(), epsilon=0.0, step=2.0, steps=0)
    torch.testing.assert_close(trained.parameters["weight"][0].double(), model.weight.detach(), rtol=0, atol=1e-6)
    plain = train_online(given, threat=LinfThreat(), epsilon=0.0, steps=0)
    assert (plain.parameters["weight"] - trained.parameters["weight"]).abs().max() > 1e-5


def test_the_worst_group_gains():
    """A group whose label is the opposite of all others': plain training gives it up, worst-group training does not."""
    x = torch.cat([torch.linspace(-1, 1, 90), torch.linspace(-1, 1, 10)]).unsqueeze(1)
    y = torch.cat([(x[:90, 0] > 0).long(), (x[90:, 0] <= 0).long()])
    data = Dataset(x.numpy(), y.numpy(), ("no", "yes"), groups={"sex": ["a"] * 90 + ["b"] * 10})
    settings = FitSettings(epochs=100, batch_size=20, learning_rate=0.02)
    given = TrainingSetup.for_rows(data, seeds=[0], network=lambda _: lambda: nn.Linear(1, 2), settings=settings)
    options = {"threat": LinfThreat(), "epsilon": 0.0, "steps": 0}
    worst = {}
    for name, stack in {
        "plain": train_online(given, **options),
        "fair": train_dro(given, partition="sex", step=0.05, **options),
    }.items():
        losses = nn.functional.cross_entropy(stack(given.x)[0], given.y, reduction="none")
        worst[name] = max(losses[:90].mean().item(), losses[90:].mean().item())
    assert worst["plain"] > 2
    # Nothing does better than chance on both groups.
    assert worst["fair"] < 0.75


@pytest.mark.parametrize("step", [-0.1, math.nan, math.inf])
def test_a_step_that_cannot_be(step):
    with pytest.raises(FairtollError, match=r"step is .*; expected 0 or more; give the published value"):
        train_dro(setup(), threat=LinfThreat(), epsilon=0.1, step=step)


def test_one_group_is_refused():
    with pytest.raises(FairtollError, match=r"the partition one has one group, same, .*expected two or more groups"):
        train_dro(setup(), threat=LinfThreat(), epsilon=0.1, partition="one")


def test_an_attribute_that_the_rows_lack():
    with pytest.raises(FairtollError, match="race"):
        train_dro(setup(), threat=LinfThreat(), epsilon=0.1, partition="race")
