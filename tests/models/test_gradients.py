"""Gradients without autograd against torch's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fairtoll import ModelStack
from fairtoll.models.networks import Standardize, adult_network

MEMBERS, ROWS, FEATURES, CLASSES = 5, 40, 6, 3


class Wrapped(nn.Module):
    """Not recognised as a plain chain, and so differentiated by autograd."""

    def __init__(self, chain):
        super().__init__()
        self.chain = chain

    def forward(self, x):
        return self.chain(x)


def network(seed, dtype=torch.float32):
    torch.manual_seed(seed)
    standardize = Standardize(torch.randn(FEATURES), torch.rand(FEATURES) + 0.5)
    return adult_network(standardize, classes=CLASSES, width=16, depth=3).to(dtype)


def rows(dtype=torch.float32):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(MEMBERS, ROWS, FEATURES, generator=draw, dtype=dtype)
    return x, torch.randint(CLASSES, (MEMBERS, ROWS), generator=draw)


@pytest.mark.parametrize("wrap", [lambda model: model, Wrapped], ids=["chain", "autograd"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slopes_are_the_gradients_of_the_cross_entropy(wrap, dtype):
    members = [network(seed, dtype) for seed in range(MEMBERS)]
    x, labels = rows(dtype)
    found = ModelStack([wrap(member) for member in members]).slopes(labels)(x)
    for member, own, truth, slope in zip(members, x, labels, found, strict=True):
        leaf = own.clone().requires_grad_(True)
        functional.cross_entropy(member(leaf), truth, reduction="sum").backward()
        tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-13}
        torch.testing.assert_close(slope, leaf.grad, **tolerance)


@pytest.mark.parametrize("wrap", [lambda model: model, Wrapped], ids=["chain", "autograd"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slopes_for_probabilities_are_the_gradients_of_the_divergence_from_them(wrap, dtype):
    members = [network(seed, dtype) for seed in range(MEMBERS)]
    x, _ = rows(dtype)
    targets = torch.randn(MEMBERS, ROWS, CLASSES, generator=torch.Generator().manual_seed(1)).to(dtype).softmax(dim=-1)
    found = ModelStack([wrap(member) for member in members]).slopes(targets)(x)
    for member, own, target, slope in zip(members, x, targets, found, strict=True):
        leaf = own.clone().requires_grad_(True)
        functional.kl_div(member(leaf).log_softmax(dim=-1), target, reduction="sum").backward()
        tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-13}
        torch.testing.assert_close(slope, leaf.grad, **tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_members_change_no_bit(dtype):
    members = [network(seed, dtype) for seed in range(MEMBERS)]
    x, labels = rows(dtype)
    together = ModelStack(members).slopes(labels)(x)
    for place, member in enumerate(members):
        one = slice(place, place + 1)
        assert torch.equal(ModelStack([member]).slopes(labels[one])(x[one])[0], together[place])


def test_saturated_logits_have_the_slope_that_torch_gives_them():
    """Beyond the range of an exponential, and where one class has all the probability."""
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": torch.tensor([[-500.0], [500.0]]), "bias": torch.zeros(2)})
    x = torch.tensor([[[-3.0], [-0.01], [0.0], [0.02], [3.0]]])
    labels = torch.tensor([[0, 1, 1, 1, 0]])
    leaf = x[0].clone().requires_grad_(True)
    functional.cross_entropy(model(leaf), labels[0], reduction="sum").backward()
    torch.testing.assert_close(ModelStack([model]).slopes(labels)(x)[0], leaf.grad)


def test_a_function_of_the_rows_may_be_called_again_with_others():
    """Its memory is used again, which must not change what it returned."""
    x, labels = rows()
    slopes = ModelStack([network(seed) for seed in range(MEMBERS)]).slopes(labels)
    first = slopes(x)
    kept = first.clone()
    assert not torch.equal(slopes(-x), kept)
    assert torch.equal(first, kept)


def test_changed_weights_are_seen():
    x, labels = rows()
    stack = ModelStack([network(seed) for seed in range(MEMBERS)])
    slopes = stack.slopes(labels)
    before = slopes(x)
    with torch.no_grad():
        for parameter in stack.parameters.values():
            parameter.mul_(2)
    torch.testing.assert_close(slopes(x), stack.slopes(labels)(x))
    assert not torch.equal(slopes(x), before)


def test_gradients_are_of_plain_chains_in_one_precision():
    assert ModelStack([network(0)]).gradients() is not None
    assert ModelStack([Wrapped(network(0))]).gradients() is None
    assert ModelStack([network(0)]).to(dtype=torch.bfloat16).gradients() is None
