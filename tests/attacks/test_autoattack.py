"""AutoAttack's standard form and its parts: what exists on a fine grid, traps for other losses, and who is given up."""

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import APGD, PGD, AutoAttack, NearestClass, Square, TargetedAPGD
from fairtoll.models import prepare


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def wavy(seed, classes=3):
    """A network of two inputs with many local maxima, rows, and its own predictions as their labels."""
    draws = generator(seed)
    model = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, classes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws) * (1.5 if parameter.ndim > 1 else 1.0))
        x = torch.rand(100, 2, generator=draws) * 2 - 1
        return model, x, model(x).argmax(dim=1)


def brute_force(model, x, y, epsilon, steps=61):
    """Whether any of a fine grid of points within the radius is misclassified."""
    axis = torch.linspace(-epsilon, epsilon, steps)
    moves = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        return torch.stack([(model(row + moves).argmax(dim=1) != label).any() for row, label in zip(x, y, strict=True)])


class Lines(nn.Module):
    """Logits that are straight lines of the first feature, and how often it was asked."""

    def __init__(self, slopes, offsets):
        super().__init__()
        self.slopes, self.offsets, self.rows = nn.Parameter(torch.tensor(slopes)), torch.tensor(offsets), 0

    def forward(self, x):
        self.rows += len(x)
        return x[:, :1] * self.slopes + self.offsets


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_it_finds_what_there_is_on_small_networks(classes):
    """Every point of a fine grid is the truth but for what lies between its points."""
    missed = rows = 0
    for seed in range(2):
        model, x, y = wavy(seed, classes)
        for epsilon in (0.1, 0.3):
            truth = brute_force(model, x, y, epsilon)
            found = AutoAttack(queries=100)(model, x, y, threat=LinfThreat(), epsilon=epsilon, generator=generator())
            with torch.no_grad():
                wrong = model(found.perturbed).argmax(dim=1) != y
            assert torch.equal(found.success, wrong)
            # As float32 rounds a row plus the radius.
            assert (found.perturbed.double() - x.double()).abs().max() <= epsilon * (1 + 1e-9)
            missed += int((truth & ~found.success).sum())
            rows += len(x)
    assert missed <= 0.005 * rows


@pytest.mark.parametrize("more", [[], [-10.0]], ids=["three classes", "four classes"])
def test_a_class_that_is_further_and_reached_is_aimed_at_although_a_nearer_one_is_not(more):
    """Class 1 is ahead and rises to the right, never enough; class 2 is far behind and wins on the left."""
    model = Lines([0.0, 0.4, -3.5, *[0.0] * len(more)], [0.0, -0.5, -3.0, *more])
    x, y, options = torch.zeros(1, 1), torch.tensor([0]), {"threat": LinfThreat(), "epsilon": 1.0}
    assert not PGD()(model, x, y, **options).success.any()
    assert TargetedAPGD()(model, x, y, generator=generator(), **options).success.all()
    assert not TargetedAPGD(targets=1)(model, x, y, generator=generator(), **options).success.any()
    assert NearestClass()(model, x, y, **options).success.all()
    found = AutoAttack()(model, x, y, generator=generator(), **options)
    assert found.success.all()
    assert found.perturbed.item() < -6 / 7


def test_a_row_leaves_at_its_first_success():
    model = Lines([0.0, 1.0], [0.0, -0.5])
    x, y = torch.zeros(1, 1), torch.tensor([0])
    prepared, model.rows = prepare(model, x), 0
    found = NearestClass()(prepared, x, y, threat=LinfThreat(), epsilon=1.0)
    assert found.success.all()
    assert 0.5 < found.perturbed.item() <= 1.0
    # The clean row for its class, once more for the tangents, and the point that they lead to.
    assert model.rows <= 4


class Ridge(nn.Module):
    """The margin's best lies below 0, at 0.33."""

    def __init__(self):
        super().__init__()
        self.rows = 0

    def forward(self, x):
        self.rows += len(x)
        return torch.stack([torch.zeros(len(x)), -(x[:, 0] - 0.33).abs() - 0.5], dim=1)


@pytest.mark.parametrize(
    ("patient", "hasty"),
    [
        (APGD(200, random_start=True), APGD(200, random_start=True, patience=5)),
        (TargetedAPGD(200), TargetedAPGD(200, patience=5)),
        (Square(400), Square(400, patience=60)),
        (AutoAttack(queries=1000, every_step=True), AutoAttack(queries=1000)),
    ],
    ids=lambda attack: attack.name,
)
def test_patience_gives_up_what_will_not_be_broken_and_nothing_else(patient, hasty):
    x, y, asked = torch.zeros(10, 2), torch.zeros(10, dtype=torch.int64), []
    for attack in (patient, hasty):
        model = Ridge()
        found = attack(model, x, y, threat=LinfThreat(), epsilon=1.0, generator=generator())
        assert not found.success.any()
        assert (found.perturbed[:, 0] - 0.33).abs().max() < 0.7
        asked.append(model.rows)
    assert asked[1] < asked[0] / 2
    torch.manual_seed(1)
    linear, rows = nn.Linear(5, 2), torch.randn(200, 5)
    with torch.no_grad():
        labels = linear(rows).argmax(dim=1)
        logits, weight = linear(rows).double(), linear.weight.double()
        # In closed form: the margin over the 1-norm of its gradient.
        least = (logits[:, 1] - logits[:, 0]).abs() / (weight[1] - weight[0]).abs().sum()
    found = hasty(linear, rows, labels, threat=LinfThreat(), epsilon=0.5, generator=generator()).success
    clear = (least - 0.5).abs() > 1e-5
    assert torch.equal(found[clear], (least < 0.5)[clear])
    assert 20 < found.sum() < 180


class Stairs(nn.Module):
    """A linear model in steps: the gradient is zero everywhere, the scores still lead uphill."""

    def forward(self, x):
        height = x.flatten(1).sum(dim=1)
        height = (height * 5).round() / 5 - 3 + 0 * height
        return torch.stack([torch.zeros_like(height), height], dim=1)


def test_square_finds_what_the_gradients_hide_and_patience_lets_it():
    x, y = torch.zeros(20, 12), torch.zeros(20, dtype=torch.int64)
    found = AutoAttack()(Stairs(), x, y, threat=LinfThreat(), epsilon=0.3, generator=generator())
    assert found.success.all()
    assert set(found.broken_by) == {"square-5000-patience-200"}
    assert found.attacks[-1] == "square-5000-patience-200"


def test_whole_numbers_stay_whole_and_the_search_is_left_out():
    threat = LinfThreat(scale=[1.0, 2.0], integer=[False, True])
    torch.manual_seed(0)
    model, x = nn.Linear(2, 3), torch.stack([torch.randn(50), torch.randint(-3, 4, (50,)).float()], dim=1)
    y = model(x).argmax(dim=1)
    found = AutoAttack(queries=50)(model, x, y, threat=threat, epsilon=0.8, generator=generator())
    assert found.success.any()
    assert not any("nearest" in name for name in found.attacks)
    assert torch.equal(found.perturbed[:, 1], found.perturbed[:, 1].round())
    with pytest.raises(FairtollError, match="whole numbers, which the search cannot follow"):
        NearestClass()(model, x, y, threat=threat, epsilon=0.8)


@pytest.mark.parametrize("attack", [AutoAttack(queries=20), TargetedAPGD(), NearestClass()], ids=lambda one: one.name)
def test_no_radius_and_no_rows(attack):
    model, x = nn.Linear(2, 3), torch.randn(20, 2)
    y = torch.arange(20) % 3
    found = attack(model, x, y, threat=LinfThreat(), epsilon=0.0, generator=generator())
    assert torch.equal(found.success, model(x).argmax(dim=1) != y)
    assert torch.equal(found.perturbed, x)
    assert len(attack(model, x[:0], y[:0], threat=LinfThreat(), epsilon=0.1, generator=generator()).success) == 0


@pytest.mark.parametrize("attack", [AutoAttack(), TargetedAPGD()], ids=lambda one: one.name)
def test_draws_need_a_generator(attack):
    with pytest.raises(FairtollError, match="got no generator"):
        attack(nn.Linear(2, 2), torch.zeros(1, 2), torch.tensor([0]), threat=LinfThreat(), epsilon=0.1)


def test_images_in_a_box():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    x = torch.rand(30, 3, 8, 8)
    y = model(x).argmax(dim=1)
    found = AutoAttack(queries=50)(model, x, y, threat=LinfThreat(box=(0.0, 1.0)), epsilon=0.05, generator=generator())
    assert torch.equal(model(found.perturbed).argmax(dim=1) != y, found.success)
    assert found.success.any()
    assert found.perturbed.min() >= 0
    assert found.perturbed.max() <= 1
    assert (found.perturbed - x).abs().max() <= 0.05 + 1e-7
