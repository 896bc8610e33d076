"""On-line adversarial training: the attack on a batch, and the models that come of it."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from fairtoll import LinfThreat, ModelStack
from fairtoll.progress import reporting_to
from fairtoll.training import FitSettings, TrainingSetup, train_online, train_standard
from fairtoll.training.attack_batch import attack_batch
from fairtoll.training.batch import Batch, BatchNoise
from fairtoll.training.recipes import online

MODELS, ROWS, FEATURES = 3, 40, 4
draw = torch.Generator().manual_seed(0)
X = torch.randn(MODELS, ROWS, FEATURES, generator=draw)
Y = torch.randint(2, (MODELS, ROWS), generator=draw)
THREAT = LinfThreat(scale=[1.0, 0.5, 0.0, 2.0])


def batch_of(rows, labels, seeds):
    return Batch(rows, rows, labels, labels, BatchNoise(seeds, epoch=0), 0)


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, 2))


def losses(models, x, y):
    return torch.stack([
        functional.cross_entropy(model(rows), labels, reduction="none").detach()
        for model, rows, labels in zip(models, x, y, strict=True)
    ])  # fmt: skip


def test_the_loss_rises_and_the_rows_stay_in_the_ball():
    members = [network(seed) for seed in range(MODELS)]
    examples = attack_batch(ModelStack(members), batch_of(X, Y, range(MODELS)), threat=THREAT, epsilon=0.3, steps=7)
    radius = 0.3 * torch.tensor([1.0, 0.5, 0.0, 2.0]).double()
    assert ((examples.double() - X.double()).abs() <= radius).all()
    clean, attacked = losses(members, X, Y), losses(members, examples, Y)
    assert (attacked > clean).float().mean() > 0.97
    assert (attacked.mean(dim=1) > clean.mean(dim=1) + 0.05).all()


def test_against_a_linear_model_every_example_is_the_worst_corner():
    weight = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, -2.0, 3.0, -0.5]])
    model = nn.Linear(FEATURES, 2)
    model.load_state_dict({"weight": weight, "bias": torch.zeros(2)})
    examples = attack_batch(
        ModelStack([model] * MODELS), batch_of(X, Y, range(MODELS)), threat=THREAT, epsilon=0.3, steps=7
    )
    towards_the_other = torch.where(Y == 0, 1.0, -1.0).unsqueeze(2)
    corner = X + 0.3 * THREAT.scale.float() * towards_the_other * (weight[1] - weight[0]).sign()
    torch.testing.assert_close(examples, corner)


def test_each_model_is_attacked_as_it_stands_alone():
    members = [network(seed) for seed in range(MODELS)]
    options = {"threat": THREAT, "epsilon": 0.3, "steps": 5}
    together = attack_batch(ModelStack(members), batch_of(X, Y, [5, 6, 5]), **options)
    for index, seed in enumerate([5, 6, 5]):
        one = slice(index, index + 1)
        alone = attack_batch(ModelStack([members[index]]), batch_of(X[one], Y[one], [seed]), **options)
        torch.testing.assert_close(together[one], alone, atol=1e-5, rtol=1e-5)


def test_members_of_one_seed_share_the_noise():
    """Equal models, rows and seed: equal examples, bit for bit; another seed: other examples."""
    rows, labels = X[:1].expand(3, -1, -1), Y[:1].expand(3, -1)
    examples = attack_batch(
        ModelStack([network(0)] * 3), batch_of(rows, labels, [5, 6, 5]), threat=THREAT, epsilon=0.3, steps=1
    )
    assert torch.equal(examples[0], examples[2])
    assert not torch.equal(examples[0], examples[1])


def test_no_gradient_is_left_on_the_weights():
    stack = ModelStack([network(0)])
    for parameter in stack.parameters.values():
        parameter.requires_grad_(True)
    before = torch.get_rng_state()
    examples = attack_batch(stack, batch_of(X[:1], Y[:1], [0]), threat=THREAT, epsilon=0.3, steps=2)
    assert not examples.requires_grad
    assert all(parameter.grad is None and parameter.requires_grad for parameter in stack.parameters.values())
    assert torch.equal(torch.get_rng_state(), before)


def setup(*, seeds=(0, 1), epochs=40):
    """Class 1 where x_0 > 0, with a second feature that predicts better but by a hair's breadth."""
    random = torch.Generator().manual_seed(1)
    y = torch.randint(2, (400,), generator=random)
    sign = 2.0 * y - 1
    noisy = torch.where(torch.rand(400, generator=random) < 0.1, -sign, sign)
    x = torch.stack([noisy + 0.1 * torch.randn(400, generator=random), 0.05 * sign], dim=1)
    settings = FitSettings(epochs=epochs, batch_size=50, learning_rate=0.05)
    return TrainingSetup(x, y, torch.arange(400), list(seeds), lambda: nn.Linear(2, 2), settings)


def accuracy(stack, setup, epsilon):
    """White-box accuracy of linear models in closed form, `(K,)`."""
    weight, bias = stack.parameters["weight"], stack.parameters["bias"]
    direction, shift = weight[:, 1] - weight[:, 0], bias[:, 1] - bias[:, 0]
    margin = (direction @ setup.x.T + shift[:, None]) * (2 * setup.y - 1)
    return (margin > epsilon * direction.abs().sum(dim=1, keepdim=True)).float().mean(dim=1)


def test_adversarial_training_gives_up_the_fragile_feature():
    """Standard training leans on the hair's breadth and breaks; on-line training holds 90%."""
    given = setup()
    standard, robust = train_standard(given), train_online(given, threat=LinfThreat(), epsilon=0.3)
    assert (accuracy(robust, given, 0.3) > 0.85).all()
    assert (accuracy(robust, given, 0.3) > accuracy(standard, given, 0.3) - 1e-6).all()
    assert (accuracy(standard, given, 0.0) >= accuracy(robust, given, 0.0) - 0.01).all()


def test_training_with_no_radius_is_standard_training_bit_for_bit():
    given = setup(epochs=2)
    online, standard = train_online(given, threat=LinfThreat(), epsilon=0.0, steps=2), train_standard(given)
    for name, tensor in standard.parameters.items():
        assert torch.equal(tensor, online.parameters[name])


def test_noise_of_no_radius_is_standard_training_bit_for_bit_and_noise_of_some_is_not():
    given = setup(epochs=2)
    noise, standard = (train_online(given, threat=LinfThreat(), epsilon=0.0, steps=0), train_standard(given))
    for name, tensor in standard.parameters.items():
        assert torch.equal(tensor, noise.parameters[name])
    moved = train_online(given, threat=LinfThreat(), epsilon=0.3, steps=0)
    assert not torch.equal(moved.parameters["weight"], standard.parameters["weight"])


def test_without_steps_every_row_moves_at_random_inside_the_threat(monkeypatch):
    """Seen by the training loop: uniform over the ball, anew for each batch."""
    seen = []

    def fit(*args, perturb, **options):
        stack, rows = args[0], args[1].unsqueeze(0)
        batch = Batch(rows, rows, Y[:1], torch.arange(ROWS).unsqueeze(0), BatchNoise([0], epoch=0), 0)
        seen.extend(perturb(stack, batch) - X[:1] for _ in range(2))

    monkeypatch.setattr(online, "fit", fit)
    given = TrainingSetup(X[0], Y[0], torch.arange(ROWS), [0], lambda: nn.Linear(FEATURES, 2))
    train_online(given, threat=THREAT, epsilon=0.3, steps=0)
    for moved in seen:
        radius = 0.3 * THREAT.scale.float().expand_as(moved)
        assert (moved.abs() <= radius + 1e-6).all()
        share = (moved / radius)[..., radius[0, 0] > 0]
        assert share.min() < -0.8
        assert share.max() > 0.8
        assert abs(share.mean()) < 0.2
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("steps", [2, 0])
def test_equal_seeds_give_equal_models(steps):
    given = setup(seeds=(3, 4, 3), epochs=2)
    stack = train_online(given, threat=LinfThreat(), epsilon=0.3, steps=steps)
    for tensor in stack.parameters.values():
        assert torch.equal(tensor[0], tensor[2])
        assert not torch.equal(tensor[0], tensor[1])


@pytest.mark.parametrize("steps", [1, 7])
def test_one_step_for_each_batch(steps):
    done = []
    given = setup(epochs=2)
    with reporting_to(done.append):
        train_online(given, threat=LinfThreat(), epsilon=0.1, steps=steps)
    assert len(done) == 2 * math.ceil(400 / 50)
    assert sum(done) == pytest.approx(1)
