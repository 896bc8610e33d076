"""Chains of dense layers in numpy against torch's own modules and autograd."""

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, ModelStack
from fairtoll.models.dense import dense_chain, dense_logits, quick
from fairtoll.models.networks import Standardize, adult_network

KINDS = ["standardize", "linear", "tanh", "linear", "relu", "linear"]


def tensors(models=3, dtype=torch.float64):
    draw = torch.Generator().manual_seed(0)
    shapes = [(4,), (4,), (5, 4), (5,), (6, 5), (6,), (3, 6), (3,)]
    found = [torch.randn(models, *shape, generator=draw, dtype=dtype) for shape in shapes]
    found[1] = found[1].abs() + 0.5
    return found


def rows(models=3, dtype=torch.float64):
    return torch.randn(models, 7, 4, generator=torch.Generator().manual_seed(1), dtype=dtype)


def plain(x, held):
    """One member as its formulas, in torch."""
    mean, spread, *weights = held
    x = (x - mean) / spread
    x = torch.tanh(x @ weights[0].T + weights[1])
    x = torch.relu(x @ weights[2].T + weights[3])
    return x @ weights[4].T + weights[5]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_member_is_its_formulas(dtype):
    x, held = rows(dtype=dtype), tensors(dtype=dtype)
    expected = torch.stack([plain(x[member], [one[member] for one in held]) for member in range(3)])
    found = dense_logits(x, KINDS, held)
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected, rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=1e-6)


@pytest.mark.parametrize(
    ("of_rows", "of_weights"), [(True, True), (True, False), (True, "biases"), (False, True), (False, "biases")]
)
def test_gradients_are_those_of_autograd(of_rows, of_weights):
    """Of the rows, of the weights, of some of them."""
    found, expected = [], []
    for answer, ask in ((found, lambda x, held: dense_logits(x, KINDS, held)), (expected, None)):
        x, held = rows().requires_grad_(of_rows), tensors()
        wanted = [x] if of_rows else []
        for number, one in enumerate(held[2:]):
            if of_weights is True or (of_weights == "biases" and number % 2):
                wanted.append(one.requires_grad_(True))
        if ask is None:
            logits = torch.stack([plain(x[member], [one[member] for one in held]) for member in range(3)])
        else:
            logits = ask(x, held)
        answer += torch.autograd.grad((logits.sin() * torch.arange(3.0)).sum(), wanted)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


def test_numerical_gradients():
    x, held = rows().requires_grad_(True), [one.requires_grad_(number > 1) for number, one in enumerate(tensors())]
    # Away from the kink of relu a finite difference is exact to its order.
    assert torch.autograd.gradcheck(lambda *given: dense_logits(given[0], KINDS, given[1:]), (x, *held), atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_who_stands_beside_a_member_changes_no_bit(dtype):
    members = []
    for seed in range(4):
        torch.manual_seed(seed)
        members.append(adult_network(Standardize(torch.zeros(14), torch.ones(14)), classes=2).to(dtype))
    x = torch.randn(4, 250, 14, dtype=dtype)
    together = ModelStack(members)
    for parameter in together.parameters.values():
        parameter.requires_grad_(True)
    logits = together.each(x)
    logits.square().sum().backward()
    for place, member in enumerate(members):
        alone = ModelStack([member])
        for parameter in alone.parameters.values():
            parameter.requires_grad_(True)
        own = alone.each(x[place : place + 1])
        own.square().sum().backward()
        assert torch.equal(own[0], logits[place])
        for name, parameter in alone.parameters.items():
            assert torch.equal(parameter.grad[0], together.parameters[name].grad[place])


def test_rows_shared_by_all_members_get_the_sum_of_their_gradients():
    shared, held = rows(1)[0].requires_grad_(True), tensors()
    dense_logits(shared.expand(3, -1, -1), KINDS, held).sum().backward()
    expected = shared.detach().clone().requires_grad_(True)
    sum(plain(expected, [one[member] for one in held]).sum() for member in range(3)).backward()
    torch.testing.assert_close(shared.grad, expected.grad)


def test_inputs_are_left_as_they_were():
    x, held = rows().requires_grad_(True), tensors()
    before = [one.detach().clone() for one in (x, *held)]
    dense_logits(x, KINDS, held).sum().backward()
    assert all(torch.equal(one.detach(), old) for one, old in zip((x, *held), before, strict=True))


def test_of_what_standardises_too():
    """Through torch: nobody trains them."""
    x, held = rows(), [one.requires_grad_(number < 2) for number, one in enumerate(tensors())]
    found = torch.autograd.grad(dense_logits(x, KINDS, held).sin().sum(), held[:2])
    logits = torch.stack([plain(x[member], [one[member] for one in held]) for member in range(3)])
    for mine, theirs in zip(found, torch.autograd.grad(logits.sin().sum(), held[:2]), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_gradient_may_be_asked_for_twice():
    x = rows().requires_grad_(True)
    total = dense_logits(x, KINDS, tensors()).sum()
    first, second = (torch.autograd.grad(total, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_without_gradients_the_logits_are_the_same():
    x, held = rows(), tensors()
    found = dense_logits(x.requires_grad_(True), KINDS, held)
    with torch.no_grad():
        quiet = dense_logits(x, KINDS, held)
    assert torch.equal(found, quiet)
    assert found.requires_grad
    assert not quiet.requires_grad


@pytest.mark.parametrize("shape", [(1, 7, 4), (4, 7, 4), (3, 4), (3, 7, 5), (3, 7, 2, 2)])
def test_rows_that_do_not_fit(shape):
    with pytest.raises(FairtollError, match=r"for 3 models of 4 features; expected \(3, rows, 4\)"):
        dense_logits(torch.zeros(shape, dtype=torch.float64), KINDS, tensors())


def test_an_activation_that_stands_in_two_places_counts_twice():
    torch.manual_seed(0)
    tanh = nn.Tanh()
    model = nn.Sequential(nn.Linear(4, 4), tanh, nn.Linear(4, 4), tanh)
    x = torch.randn(7, 4)
    assert dense_chain(model)[0] == ["linear", "tanh", "linear", "tanh"]
    torch.testing.assert_close(quick(model)(x), model(x))
    torch.testing.assert_close(ModelStack([model])(x)[0], model(x))


def test_a_layer_with_weights_that_stands_in_two_places_is_no_plain_chain():
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    x = torch.randn(7, 4)
    assert dense_chain(model) is None
    assert quick(model) is model
    torch.testing.assert_close(ModelStack([model])(x)[0], model(x))


def test_weights_that_two_layers_share():
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    model[2].weight = model[0].weight
    x = torch.randn(7, 4)
    torch.testing.assert_close(quick(model)(x), model(x))
    torch.testing.assert_close(ModelStack([model])(x)[0], model(x))


def plain_model():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def with_a_plain_tensor():
    model = plain_model()
    weight = model[0].weight.detach().clone()
    del model[0].weight
    model[0].weight = weight
    return model


def hooked(register):
    model = plain_model()
    getattr(model[1], register)(lambda *_: None)
    return model


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(5, 2)),
        with_a_plain_tensor(),
        hooked("register_forward_hook"),
        hooked("register_forward_pre_hook"),
        hooked("register_full_backward_hook"),
        hooked("register_full_backward_pre_hook"),
        nn.Sequential(),
    ],
)
def test_what_is_no_plain_chain(model):
    assert dense_chain(model) is None
    assert quick(model) is model


def test_relu_lets_through_what_is_no_number_as_torch_does():
    model = plain_model()
    x = torch.tensor([[1.0, 2.0, 3.0], [torch.nan, 1.0, 1.0]], requires_grad=True)
    for found, expected in zip(
        torch.autograd.grad(quick(model)(x).sum(), x), torch.autograd.grad(model(x).sum(), x), strict=True
    ):
        torch.testing.assert_close(found, expected, equal_nan=True)


def test_no_members_give_no_logits():
    none = torch.zeros(0, 7, 4, dtype=torch.float64)
    assert dense_logits(none, KINDS, [one[:0] for one in tensors()]).shape == (0, 7, 3)


def test_other_precisions_go_through_torch():
    """numpy has no bfloat16."""
    stack = ModelStack([nn.Sequential(nn.Linear(4, 3), nn.Tanh())])
    x = torch.randn(1, 7, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert stack.each(x).dtype == torch.bfloat16
    torch.testing.assert_close(
        stack.to(dtype=torch.bfloat16).each(x.bfloat16()).float(),
        stack.to(dtype=torch.float32).each(x),
        rtol=0.05,
        atol=0.05,
    )


def test_a_second_derivative_is_refused():
    x = rows().requires_grad_(True)
    (slope,) = torch.autograd.grad(dense_logits(x, KINDS, tensors()).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
