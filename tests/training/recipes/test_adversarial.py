"""Single-step training, TRADES, MART and weight averaging against loops over one model, written here."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fairtoll import FairtollError, LinfThreat
from fairtoll.models.networks import Standardize, adult_network, initialise_as_keras
from fairtoll.randomness import torch_generator
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup, fit, train_online, train_standard
from fairtoll.training.recipes.averaging import train_averaged
from fairtoll.training.recipes.mart import train_mart
from fairtoll.training.recipes.trades import train_trades

ROWS, FEATURES, CLASSES, EPSILON = 48, 4, 3, 0.3
draw = torch.Generator().manual_seed(0)
X = torch.randn(ROWS, FEATURES, generator=draw, dtype=torch.float64)
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).long() + (X[:, 2] > 1).long()
SCALE = torch.tensor([1.0, 0.5, 0.0, 2.0], dtype=torch.float64)
THREAT = LinfThreat(scale=SCALE.float())
SETTINGS = FitSettings(epochs=2, batch_size=16, learning_rate=1e-2)
SEEDS = [3, 5]


class Wrapped(nn.Module):
    """Not recognised as a plain chain, and so differentiated by autograd."""

    def __init__(self, chain):
        super().__init__()
        self.chain = chain

    def forward(self, x):
        return self.chain(x)


def dense(dtype=torch.float64):
    return adult_network(Standardize(X.mean(0), X.std(0)), classes=CLASSES, width=8, depth=2).to(dtype)


def image_like():
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16, CLASSES)
    )


NETWORKS = {
    "dense": dense,
    "vmap": lambda dtype=torch.float64: Wrapped(dense(dtype)),
    "loop": lambda dtype=torch.float64: image_like().to(dtype),
}
in_every_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def setup_of(network, seeds=SEEDS):
    """In double precision: signs of gradients that differ in the last digits would be others."""
    return TrainingSetup(X, Y, torch.arange(ROWS), seeds, network, SETTINGS)


def schedule_of(setup, seed):
    """The rows of every batch of a seed, as the loop shows them to its hook."""
    seen = []

    def perturb(stack, batch):
        seen.append((batch.epoch, batch.positions[0]))
        return batch.rows

    small = TrainingSetup(torch.zeros(ROWS, 1), Y, setup.items, [seed], lambda: nn.Linear(1, CLASSES), SETTINGS)
    fit(small.initial_stack(), small.x, Y, items=small.items, seeds=[seed], settings=SETTINGS, perturb=perturb)
    return seen


def plain_loop(setup, seed, attack, loss):
    """One model, one batch after another, by autograd and torch's optimiser."""
    model = setup.network()
    initialise_as_keras(model, torch_generator(seed, "initial weights"))
    optimiser = torch.optim.Adam(model.parameters(), lr=SETTINGS.learning_rate, eps=SETTINGS.adam_epsilon)
    noise = [torch_generator(seed, "attack noise", epoch) for epoch in range(SETTINGS.epochs)]
    for epoch, rows in schedule_of(setup, seed):
        x, y = X[rows], Y[rows]
        moved = attack(model, x, y, noise[epoch]).detach()
        optimiser.zero_grad()
        loss(model, x, moved, y).backward()
        optimiser.step()
    return model


def climb(model, x, start, loss, *, steps, size):
    """Signed steps that raise a loss of the logits, clipped to the ball."""
    radius, point = EPSILON * SCALE, start
    for _ in range(steps):
        leaf = point.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(loss(model(leaf)), leaf)
        point = torch.clamp(point + size * radius * slope.sign(), x - radius, x + radius)
    return point


def near(x, noise):
    """0.001 N(0, 1) at the radius of 8/255, and as large a share of this one."""
    step = 0.001 / (8 / 255) * EPSILON * SCALE * torch.randn(x.shape, generator=noise).double()
    return torch.clamp(x + step, x - EPSILON * SCALE, x + EPSILON * SCALE)


def anywhere(x, noise):
    return x + EPSILON * SCALE * (2 * torch.rand(x.shape, generator=noise).double() - 1)


def divergence(logits, others):
    p, q = logits.softmax(dim=1), others.softmax(dim=1)
    return (p * (p.log() - q.log())).sum(dim=1)


def fgsm_attack(model, x, y, noise):
    """Wong et al. 2020."""
    return climb(model, x, anywhere(x, noise), lambda z: functional.cross_entropy(z, y), steps=1, size=1.25)


def trades_attack(model, x, y, noise):
    clean = model(x).detach()
    return climb(model, x, near(x, noise), lambda z: divergence(clean, z).sum(), steps=10, size=0.25)


def mart_attack(model, x, y, noise):
    return climb(model, x, near(x, noise), lambda z: functional.cross_entropy(z, y), steps=10, size=0.25)


def trades_loss(model, x, moved, y):
    clean = model(x)
    return functional.cross_entropy(clean, y) + 6 * divergence(clean, model(moved)).mean()


def mart_loss(model, x, moved, y):
    clean, other = model(x), model(moved)
    p, q = clean.softmax(dim=1), other.softmax(dim=1)
    mine = functional.one_hot(y, CLASSES).bool()
    bce = -q[mine].log() - (1 - q.masked_fill(mine, 0).max(dim=1).values).log()
    return (bce + 6 * divergence(clean, other) * (1 - p[mine])).mean()


LOOPS = {
    "fgsm": (fgsm_attack, lambda model, x, moved, y: functional.cross_entropy(model(moved), y)),
    "trades": (trades_attack, trades_loss),
    "trades-noise": (lambda model, x, y, noise: anywhere(x, noise), trades_loss),
    "mart": (mart_attack, mart_loss),
}


@in_every_network
@pytest.mark.parametrize("name", LOOPS)
def test_a_stack_learns_what_a_plain_loop_learns(name, network):
    setup = setup_of(network)
    stack = RECIPES[name](setup, Adversary(THREAT, EPSILON))
    for place, seed in enumerate(SEEDS):
        loop = dict(plain_loop(setup, seed, *LOOPS[name]).named_parameters())
        for parameter, weights in stack.parameters.items():
            torch.testing.assert_close(weights[place], loop[parameter].detach(), rtol=1e-7, atol=1e-9)


def assert_equal_stacks(one, other):
    for name, weights in one.parameters.items():
        assert torch.equal(weights, other.parameters[name])


@in_every_network
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_trades_without_agreement_is_standard_training_bit_for_bit(network, dtype):
    setup = setup_of(lambda: network(dtype))
    assert_equal_stacks(train_trades(setup, threat=THREAT, epsilon=EPSILON, beta=0.0), train_standard(setup))


@in_every_network
@pytest.mark.parametrize("name", ["online", "fgsm"])
def test_without_a_radius_training_is_standard_bit_for_bit(name, network):
    setup = setup_of(lambda: network(torch.float32))
    assert_equal_stacks(RECIPES[name](setup, Adversary(THREAT, 0.0)), train_standard(setup))


@in_every_network
def test_the_average_is_that_of_the_weights_after_every_step(network):
    setup, seen, decay = setup_of(network), [], 0.9
    online = train_online(
        setup,
        threat=THREAT,
        epsilon=EPSILON,
        steps=2,
        after_step=lambda stack: seen.append({k: v.detach().clone() for k, v in stack.parameters.items()}),
    )
    averaged = train_averaged(setup, threat=THREAT, epsilon=EPSILON, steps=2, decay=decay)
    shares = torch.tensor([decay ** (len(seen) - 1 - step) for step in range(len(seen))], dtype=torch.float64)
    shares /= shares.sum()
    assert len(seen) == 2 * 3
    for name, weights in averaged.parameters.items():
        expected = sum(share * one[name] for share, one in zip(shares, seen, strict=True))
        torch.testing.assert_close(weights, expected, rtol=1e-10, atol=1e-12)
        assert not torch.equal(weights, online.parameters[name])
    assert_equal_stacks(train_averaged(setup, threat=THREAT, epsilon=EPSILON, steps=2, decay=0.0), online)


def test_a_stronger_recipe_is_more_of_the_same():
    trades = RECIPES["trades"]
    assert [trades.at(beta).parameters["beta"] for beta in trades.strength.values] == [0.1, 1.0, 6.0]
    adversary, setup = Adversary(THREAT, 2 * EPSILON), setup_of(dense)
    half = RECIPES["mart"].at(0.5)(setup, adversary)
    assert_equal_stacks(half, train_mart(setup, threat=THREAT, epsilon=EPSILON))


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (lambda: train_trades(setup_of(dense), threat=THREAT, epsilon=0.1, beta=-1.0), "beta is -1.0; expected 0 or"),
        (lambda: train_mart(setup_of(dense), threat=THREAT, epsilon=0.1, weight=float("nan")), "agreement is nan; exp"),
        (lambda: train_averaged(setup_of(dense), threat=THREAT, epsilon=0.1, decay=1.0), "is 1.0; expected at least"),
    ],
)
def test_strengths_that_cannot_be(train, message):
    with pytest.raises(FairtollError, match=message):
        train()
