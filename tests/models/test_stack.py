"""A stack against its members one by one, on every way of running it."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fairtoll import FairtollError, ModelStack
from fairtoll.models.networks import Standardize, adult_network, image_network


class Wrapped(nn.Module):
    """The same layers, but no plain chain: goes through vmap."""

    def __init__(self, chain):
        super().__init__()
        self.chain = chain

    def forward(self, x):
        return self.chain(x)


def dense(seed):
    torch.manual_seed(seed)
    return adult_network(Standardize(torch.randn(5), torch.rand(5) + 0.1), classes=3, width=8)


def relu(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


def single(seed):
    torch.manual_seed(seed)
    return nn.Linear(5, 3)


def wrapped(seed):
    return Wrapped(dense(seed))


def unbiased(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8, bias=False), nn.Tanh(), nn.Linear(8, 3))


def normalised(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Dropout(0.5), nn.GELU(), nn.Linear(8, 3))


def convolution(seed):
    torch.manual_seed(seed)
    layers = nn.Conv2d(1, 4, 2, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 2 * 6, 3)
    return nn.Sequential(nn.Unflatten(1, (1, 1, 5)), *layers)


STRATEGIES = {
    dense: "dense",
    relu: "dense",
    single: "dense",
    wrapped: "vmap",
    unbiased: "vmap",
    normalised: "vmap",
    convolution: "loop",
}
X = torch.randn(11, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("models", [1, 4])
@pytest.mark.parametrize("network", STRATEGIES)
def test_a_stack_is_its_members_one_by_one(network, models):
    members = [network(seed) for seed in range(models)]
    stack = ModelStack(members)
    assert stack.strategy == STRATEGIES[network]
    assert len(stack) == models
    expected = torch.stack([member.eval()(X) for member in members])
    torch.testing.assert_close(stack(X), expected, atol=1e-5, rtol=1e-5)
    own = torch.randn(models, 7, 5)
    expected = torch.stack([member(rows) for member, rows in zip(members, own, strict=True)])
    torch.testing.assert_close(stack.each(own), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("network", STRATEGIES)
def test_the_gradients_are_those_of_each_member(network):
    members = [network(seed).eval() for seed in range(3)]
    stack = ModelStack(members)
    rows = X.clone().requires_grad_(True)
    for parameter in stack.parameters.values():
        parameter.requires_grad_(True)
    (stack(rows) ** 2).sum().backward()
    for index, member in enumerate(members):
        (member(X) ** 2).sum().backward()
        for name, parameter in member.named_parameters():
            torch.testing.assert_close(stack.parameters[name].grad[index], parameter.grad, atol=1e-4, rtol=1e-4)
    expected = X.clone().requires_grad_(True)
    sum((member(expected) ** 2).sum() for member in members).backward()
    torch.testing.assert_close(rows.grad, expected.grad, atol=1e-4, rtol=1e-4)


def test_the_dense_chain_in_float64_has_tanh_and_its_slope_to_rounding():
    """Against tanh itself, from where it is flat to where it is straight."""
    ends = torch.logspace(-12, 2.5, 200, dtype=torch.float64)
    x = torch.cat([-ends.flip(0), ends]).unsqueeze(1).requires_grad_(True)
    chain = nn.Sequential(nn.Linear(1, 1), nn.Tanh(), nn.Linear(1, 1)).double()
    for layer in (chain[0], chain[2]):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    found = ModelStack([chain])(x)[0]
    torch.testing.assert_close(found, x.tanh(), rtol=0, atol=4e-16)
    (slope,) = torch.autograd.grad(found.sum(), x)
    torch.testing.assert_close(slope, 1 - x.detach().tanh() ** 2, rtol=0, atol=8e-16)


def test_dense_and_vmap_are_the_same_function():
    members = [dense(seed) for seed in range(3)]
    torch.testing.assert_close(
        ModelStack(members)(X), ModelStack([Wrapped(member) for member in members])(X), atol=1e-5, rtol=1e-5
    )


def test_one_after_another_and_vmap_are_the_same_function():
    torch.manual_seed(0)
    stack = ModelStack([image_network(side=8, widths=(4, 6, 8, 8)) for _ in range(3)])
    assert stack.strategy == "loop"
    rows = torch.rand(3, 5, 3, 8, 8)
    torch.testing.assert_close(stack.each(rows), stack._vmap(rows), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("network", STRATEGIES)
def test_members_come_out_as_they_went_in(network):
    members = [network(seed) for seed in range(3)]
    stack = ModelStack(members)
    for given, taken in zip(members, stack.members(), strict=True):
        assert given.state_dict().keys() == taken.state_dict().keys()
        assert all(torch.equal(given.state_dict()[name], tensor) for name, tensor in taken.state_dict().items())
        assert not any(module.training for module in taken.modules())
    with torch.no_grad():
        next(stack.member(0).parameters()).add_(1)
    assert torch.equal(stack.member(0).state_dict()[first(members[0])], members[0].state_dict()[first(members[0])])


def first(model):
    return next(name for name, _ in model.named_parameters())


def test_the_models_given_are_left_alone():
    model = dense(0).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stack = ModelStack([model, dense(1)])
    stack.parameters = {name: tensor + 1 for name, tensor in stack.parameters.items()}
    for tensor in stack.buffers.values():
        tensor.add_(1)
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_frozen_shares_the_weights_and_has_no_gradient_of_its_own():
    stack = ModelStack([dense(0)])
    for parameter in stack.parameters.values():
        parameter.requires_grad_(True)
    rows = X.clone().requires_grad_(True)
    stack.frozen()(rows).sum().backward()
    assert rows.grad is not None
    assert all(parameter.grad is None for parameter in stack.parameters.values())
    name = next(iter(stack.parameters))
    assert stack.frozen().parameters[name].data_ptr() == stack.parameters[name].data_ptr()


@pytest.mark.parametrize("network", STRATEGIES)
def test_float64_stays_float64_saved_loaded_and_alone(network, tmp_path):
    stack = ModelStack([network(0), network(1)]).to(dtype=torch.float64)
    stack.save(tmp_path / "weights.safetensors")
    x = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for other in (stack, ModelStack.load(tmp_path / "weights.safetensors", network(0))):
        assert other.dtype == other(x).dtype == torch.float64
        assert torch.equal(other(x), stack(x))
        torch.testing.assert_close(other.member(1)(x), network(1).double().eval()(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("network", STRATEGIES)
def test_saved_and_loaded(network, models, tmp_path):
    stack = ModelStack([network(seed) for seed in range(models)])
    stack.save(tmp_path / "weights.safetensors")
    loaded = ModelStack.load(tmp_path / "weights.safetensors", network(99))
    assert len(loaded) == models
    assert torch.equal(loaded(X), stack(X))


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(5), nn.BatchNorm1d(5, affine=False), nn.SyncBatchNorm(5), nn.LazyBatchNorm1d()]
)
def test_batch_normalisation_is_refused(layer):
    with pytest.raises(FairtollError, match="batch normalisation cannot be stacked"):
        ModelStack([nn.Sequential(nn.Linear(5, 5), nn.Sequential(layer))])


@pytest.mark.parametrize(
    "other",
    [
        nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)),
        nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 3)),
        nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3), nn.Linear(3, 3)),
        nn.Linear(5, 3),
    ],
)
def test_different_architectures_are_refused(other):
    """Also where no weight tells them apart: Tanh against ReLU."""
    with pytest.raises(FairtollError, match="different architectures"):
        ModelStack([relu(0), other])


def test_an_empty_stack_is_refused():
    with pytest.raises(FairtollError, match="no models"):
        ModelStack([])


def test_a_wrong_file_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(FairtollError, match="cannot read"):
        ModelStack.load(path, relu(0))
    path.write_bytes(b"not safetensors at all")
    with pytest.raises(FairtollError, match="cannot read"):
        ModelStack.load(path, relu(0))
    stack = ModelStack([relu(0), relu(1)])
    stack.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FairtollError, match="cannot read"):
        ModelStack.load(path, relu(0))
    path.write_bytes(whole)
    for other in (dense(0), single(0), nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 3))):
        with pytest.raises(FairtollError, match="another architecture"):
            ModelStack.load(path, other)


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"weight": torch.zeros(2, 3, 5), "bias": torch.zeros(3, 3)},
        {"weight": torch.zeros(2, 3, 5), "bias": torch.zeros(())},
        {"weight": torch.zeros(3, 5), "bias": torch.zeros(3)},
        {"weight": torch.zeros(2, 3, 5), "bias": torch.zeros(2, 3), "more": torch.zeros(2, 1)},
    ],
)
def test_weights_that_are_no_stack_are_refused(tensors, tmp_path):
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(FairtollError, match="another architecture"):
        ModelStack.load(tmp_path / "weights.safetensors", single(0))


class Subtracts(nn.Module):
    """Writes into its input first, as in-place layers do."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return self.layers(x.sub_(1.0))


@pytest.mark.parametrize("network", [wrapped, normalised, convolution])
def test_members_that_write_into_their_input_share_rows_all_the_same(network):
    members = [Subtracts(network(seed)) for seed in range(3)]
    stack, shared, own = ModelStack(members), X.clone(), torch.stack([X, X + 1, X + 2])
    expected = torch.stack([member.eval()(X.clone()) for member in members])
    torch.testing.assert_close(stack(shared), expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(shared, X)
    leaf = own.clone().requires_grad_(True)
    expected = torch.stack([member(rows.clone()) for member, rows in zip(members, own, strict=True)])
    torch.testing.assert_close(stack.each(leaf), expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(leaf.detach(), torch.stack([X, X + 1, X + 2]))
    assert torch.autograd.grad(stack.each(leaf).sum(), leaf)[0].abs().sum() > 0
