"""Every attack gives the model, the data and the random state back as they were; equal seeds, equal results."""

import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import apgd, grid, least_epsilon, pgd, random_noise, square, success_curve, union, zero_gradient

THREAT = LinfThreat(scale=[1.0, 0.5, 2.0])
X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
Y = (torch.arange(20) % 2).long()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


ATTACKS = {
    "pgd": lambda model, x, y, **more: pgd(
        model, x, y, threat=THREAT, epsilon=0.3, steps=3, restarts=2, random_start=True, **more
    ),
    "pgd, all steps": lambda model, x, y, **more: pgd(
        model, x, y, threat=THREAT, epsilon=0.3, steps=3, stop_at_success=False, loss="margin", **more
    ),
    "success_curve": lambda model, x, y, generator: success_curve(
        model, x, y, threat=THREAT, epsilons=[0.1, 0.3], steps=3, restarts=2
    ),
    "success_curve, descending": lambda model, x, y, generator: success_curve(
        model, x, y, threat=THREAT, epsilons=[0.1, 0.3], steps=3, restarts=2, order="descending", patience=2
    ),
    "least_epsilon": lambda model, x, y, generator: least_epsilon(
        model, x, y, threat=THREAT, epsilon_max=0.3, tolerance=0.001, steps=5
    ),
    "least_epsilon, grid": lambda model, x, y, generator: least_epsilon(
        model, x, y, threat=THREAT, epsilon_max=0.3, tolerance=0.001, steps=5, method="grid", grid_step=0.1
    ),
    "union": lambda model, x, y, **more: union(model, x, y, threat=THREAT, epsilon=0.3, steps=3, restarts=2, **more),
    "apgd": lambda model, x, y, **more: apgd(model, x, y, threat=THREAT, epsilon=0.3, steps=5, restarts=2, **more),
    "square": lambda model, x, y, **more: square(model, x, y, threat=THREAT, epsilon=0.3, queries=9, **more),
    "random_noise": lambda model, x, y, **more: random_noise(model, x, y, threat=THREAT, epsilon=0.3, **more),
    "grid": lambda model, x, y, generator: grid(model, x, y, threat=THREAT, epsilon=0.3),
    "zero_gradient": lambda model, x, y, generator: zero_gradient(model, x, y, threat=THREAT),
}


class FailsLater(nn.Module):
    """Goes wrong at the third call, in the middle of every attack but the one that makes two."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls > 1:
            torch.rand(3)
            raise RuntimeError("in the middle")
        return x


def mixed_model(*, last=None):
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Linear(3, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2), last or nn.Identity()
    )
    model.train()
    model[2].eval()
    model[4].eval()
    model[0].bias.requires_grad_(False)
    model[0].weight.grad = torch.full((8, 3), 7.0)
    return model


def snapshot(model):
    return {
        "modes": [module.training for module in model.modules()],
        "flags": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
        "weights": {name: tensor.tolist() for name, tensor in model.state_dict().items()},
        "random": torch.get_rng_state().tolist(),
        "gradient mode": torch.is_grad_enabled(),
    }


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    tensors = [name for name, value in vars(one).items() if isinstance(value, torch.Tensor)]
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in tensors)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_model_comes_back_as_it_went_in(attack):
    model = mixed_model()
    before = snapshot(model)
    ATTACKS[attack](model, X, Y, generator=generator())
    assert snapshot(model) == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_model_comes_back_after_an_error_in_the_middle(attack):
    model = mixed_model(last=FailsLater())
    before = snapshot(model)
    with pytest.raises(RuntimeError, match="in the middle"):
        ATTACKS[attack](model, X, Y, generator=generator())
    assert snapshot(model) == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_data_stay_as_they_were(attack):
    x, y = X.clone().requires_grad_(True), Y.clone()
    result = ATTACKS[attack](mixed_model(), x, y, generator=generator())
    assert torch.equal(x.detach(), X)
    assert torch.equal(y, Y)
    assert x.grad is None
    if hasattr(result, "perturbed"):
        assert not result.perturbed.requires_grad
        result.perturbed.zero_()
        assert torch.equal(x.detach(), X)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_seed_decides_and_the_global_state_does_not(attack):
    model = mixed_model()
    torch.manual_seed(10)
    first = ATTACKS[attack](model, X, Y, generator=generator(5))
    torch.manual_seed(11)
    torch.rand(7)
    with torch.no_grad():
        assert equal(first, ATTACKS[attack](model, X, Y, generator=generator(5)))


def test_another_seed_is_another_start():
    options = {"threat": THREAT, "epsilon": 0.3, "steps": 1, "random_start": True, "relative_step": 0.0}
    one, other = (pgd(mixed_model(), X, Y, generator=generator(seed), **options).perturbed for seed in (0, 1))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("attack", ["pgd", "pgd, all steps", "success_curve", "least_epsilon", "grid", "zero_gradient"])
def test_the_attack_sees_the_model_without_dropout(attack):
    """The same as on a model that is in eval mode already."""
    model = mixed_model()
    first = ATTACKS[attack](model, X, Y, generator=generator())
    assert equal(first, ATTACKS[attack](model.eval(), X, Y, generator=generator()))


@pytest.mark.parametrize("attack", ["pgd, all steps", "success_curve", "grid", "zero_gradient"])
def test_the_size_of_a_batch_does_not_matter(attack):
    model = mixed_model()
    options = {"threat": THREAT}
    calls = {
        "pgd, all steps": lambda size: pgd(model, X, Y, epsilon=0.3, steps=3, batch_size=size, **options).success,
        "success_curve": lambda size: (
            success_curve(model, X, Y, epsilons=[0.1, 0.3], steps=3, batch_size=size, **options).success
        ),
        "grid": lambda size: grid(model, X, Y, epsilon=0.3, batch_size=size, **options).success,
        "zero_gradient": lambda size: zero_gradient(model, X, Y, batch_size=size, **options),
    }
    assert torch.equal(calls[attack](3), calls[attack](100))
