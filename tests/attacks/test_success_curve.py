"""The curve is monotone, whatever the model, and asks each row no more than it must."""

import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import pgd, success_curve
from fairtoll.attacks.engine import descent as _descent
from fairtoll.attacks.engine.layout import best_layout
from fairtoll.models import batches, prepare
from fairtoll.models.predict import borrowed


class Counting(nn.Module):
    """A linear model that counts the rows it is asked about."""

    def __init__(self):
        super().__init__()
        self.rows = 0

    def forward(self, x):
        self.rows += len(x)
        return torch.stack([torch.zeros(len(x)), x[:, 0]], dim=1)


def test_a_curve_is_monotone_on_a_saturated_network():
    """A single attack a radius is not: the larger step jumps over what the smaller one found."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)
    x, y = torch.randn(300, 4), torch.randint(2, (300,))
    epsilons = [0.02, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0]
    curve = success_curve(model, x, y, threat=LinfThreat(), epsilons=epsilons, steps=5, restarts=1).success
    assert (curve[1:] >= curve[:-1]).all()
    alone = torch.stack([pgd(model, x, y, threat=LinfThreat(), epsilon=e, steps=5).success for e in epsilons])
    assert not (alone[1:] >= alone[:-1]).all()
    assert torch.equal(curve[0], alone[0])


def test_a_broken_row_is_not_asked_again():
    x, y = torch.tensor([[-0.5], [-2.0], [3.0]]), torch.zeros(3, dtype=torch.int64)
    model = Counting()
    prepared, model.rows = prepare(model, x), 0
    pgd(prepared, x[2:], y[2:], threat=LinfThreat(), epsilon=1.0, steps=50)
    assert model.rows == 1  # a wrong row
    model.rows = 0
    success_curve(prepared, x, y, threat=LinfThreat(), epsilons=[0.1, 1.0, 1.5, 1.9], steps=50, restarts=1)
    # The second row stands at all four radii, the first at one; each leaves once it meets its bound,
    # after 20 of the 50 steps from the clean row and fewer from where a smaller radius left it.
    assert model.rows < 5 * 25


def test_a_row_at_its_bound_is_not_asked_again():
    x, y = torch.tensor([[-2.0]]), torch.zeros(1, dtype=torch.int64)
    model = Counting()
    prepared, model.rows = prepare(model, x), 0
    pgd(prepared, x, y, threat=LinfThreat(), epsilon=1.0, steps=1000)
    assert 400 < model.rows < 410  # the bound is 400 steps of 2.5 / 1000 away


def test_generators_and_plain_numbers_serve_as_radii():
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    x, y = torch.tensor([[-0.5], [-2.0]]), torch.zeros(2, dtype=torch.int64)
    curve = success_curve(model, x, y, threat=LinfThreat(), epsilons=(0, 1, 3)).success
    assert curve.tolist() == [[False, False], [True, False], [True, True]]


def saturated():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model, torch.randn(300, 4), torch.randint(2, (300,))


EPSILONS = [0.02, 0.1, 0.3, 0.6, 1.0]


def test_ascending_infers_what_a_smaller_radius_has_answered():
    model, x, y = saturated()
    curve = success_curve(model, x, y, threat=LinfThreat(), epsilons=EPSILONS, steps=10)
    assert not curve.inferred[0].any()
    assert torch.equal(curve.inferred[1:], curve.success[:-1])


def test_descending_infers_what_a_larger_radius_has_answered():
    model, x, y = saturated()
    options = {"threat": LinfThreat(), "epsilons": EPSILONS, "steps": 10, "restarts": 1}
    curve = success_curve(model, x, y, order="descending", **options)
    assert (curve.success[1:] >= curve.success[:-1]).all()
    assert not curve.inferred[-1].any()
    assert torch.equal(curve.inferred[:-1], ~curve.success[1:])
    last = pgd(model, x, y, threat=LinfThreat(), epsilon=EPSILONS[-1], steps=10)
    assert torch.equal(curve.success[-1], last.success)


def test_both_orders_agree_on_a_linear_model():
    """Where the worst case of every radius is found, nothing depends on the way there."""
    torch.manual_seed(1)
    model, x = nn.Linear(5, 2), torch.randn(200, 5)
    y = torch.randint(2, (200,))
    up, down = (
        success_curve(model, x, y, threat=LinfThreat(), epsilons=EPSILONS, order=order)
        for order in ("ascending", "descending")
    )
    assert torch.equal(up.success, down.success)
    assert up.success.any()
    assert not up.success.all()


def test_descending_asks_less_where_rows_stand():
    x, y = torch.full((10, 1), -9.0), torch.zeros(10, dtype=torch.int64)
    asked = {}
    for order in ("ascending", "descending"):
        model = Counting()
        success_curve(model, x, y, threat=LinfThreat(), epsilons=[1.0, 1.5, 2.0], order=order)
        asked[order] = model.rows
    assert asked["descending"] < 0.7 * asked["ascending"]


class Ridge(nn.Module):
    """The margin's best lies below 0 and is passed to and fro for ever."""

    def __init__(self):
        super().__init__()
        self.rows = 0

    def forward(self, x):
        self.rows += len(x)
        return torch.stack([torch.zeros(len(x)), -(x[:, 0] - 0.33).abs() - 0.5], dim=1)


def test_patience_gives_up_what_will_not_be_broken_and_nothing_else():
    x, y = torch.zeros(10, 2), torch.zeros(10, dtype=torch.int64)
    options = {"threat": LinfThreat(), "epsilons": [1.0, 2.0], "steps": 40, "restarts": 1}
    patient, hasty = Ridge(), Ridge()
    assert not success_curve(patient, x, y, patience=None, **options).success.any()
    assert not success_curve(hasty, x, y, patience=5, **options).success.any()
    assert hasty.rows < patient.rows / 2
    torch.manual_seed(1)
    linear, rows, labels = nn.Linear(5, 2), torch.randn(200, 5), torch.randint(2, (200,))
    options = {"threat": LinfThreat(), "epsilons": EPSILONS}
    one, other = (success_curve(linear, rows, labels, patience=patience, **options) for patience in (None, 5))
    assert torch.equal(one.success, other.success)


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("patience", [None, 3])
def test_looking_seldom_changes_nothing(order, patience, monkeypatch):
    """As on an accelerator, where rows that are done wait for the next look."""
    model, x, y = saturated()
    options = {"threat": LinfThreat(), "epsilons": EPSILONS, "steps": 12, "order": order, "patience": patience}
    one = success_curve(model.double(), x.double(), y, **options)
    monkeypatch.setattr(_descent, "steps_between_looks", lambda device: 5)
    two = success_curve(model, x.double(), y, **options)
    assert torch.equal(one.success, two.success)
    assert torch.equal(one.inferred, two.inferred)


def test_rows_are_asked_about_a_cacheful_at_a_time_and_it_changes_nothing(monkeypatch):
    model, x, y = saturated()
    options = {"threat": LinfThreat(), "epsilons": EPSILONS, "steps": 5}
    one = success_curve(model.double(), x.double(), y, **options)
    monkeypatch.setattr(batches, "CACHED_VALUES", 4 * 40)
    largest = []
    prepared = prepare(model, x.double())
    model.register_forward_pre_hook(lambda module, given: largest.append(len(given[0])))
    two = success_curve(prepared, x.double(), y, **options)
    assert torch.equal(one.success, two.success)
    assert max(largest) == 40


class Views(nn.Module):
    """Takes the shape of its convolution's output for granted, as many models do."""

    def __init__(self):
        super().__init__()
        self.convolution, self.dense = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 36, 2)

    def forward(self, x):
        return self.dense(self.convolution(x).relu().view(len(x), -1))


@pytest.mark.parametrize("flatten", [True, False])
def test_images_are_kept_channels_last_only_where_the_model_takes_them(flatten):
    torch.manual_seed(0)
    views = Views()
    other = nn.Sequential(views.convolution, nn.ReLU(), nn.Flatten(), views.dense)
    model = other if flatten else views
    x, y = torch.rand(30, 3, 6, 6), torch.randint(2, (30,))
    with borrowed(model):
        assert best_layout(model, x).channels_last == flatten
    curve = success_curve(model, x, y, threat=LinfThreat(box=(0.0, 1.0)), epsilons=[0.01, 0.1, 0.3], steps=10)
    reference = success_curve(views, x, y, threat=LinfThreat(box=(0.0, 1.0)), epsilons=[0.01, 0.1, 0.3], steps=10)
    assert torch.equal(curve.success, reference.success)


def test_a_model_that_reads_memory_as_it_lies_is_not_given_another_order():
    class Raw(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused, self.dense = nn.Conv2d(1, 1, 1), nn.Linear(8, 2)

        def forward(self, x):
            return self.dense(x.as_strided((len(x), 8), (x.stride(0), 1)))

    model, x = Raw(), torch.rand(4, 2, 2, 2)
    with borrowed(model):
        assert not best_layout(model, x).channels_last


def wavy(seed):
    """A network of two inputs with many local maxima, rows, and its own predictions as their labels."""
    draws = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws) * (1.5 if parameter.ndim > 1 else 1.0))
        x = torch.rand(300, 2, generator=draws) * 2 - 1
        return model, x, model(x).argmax(dim=1)


def brute_force(model, x, y, epsilon, steps=81):
    """Whether any of a fine grid of points within the radius is misclassified."""
    axis = torch.linspace(-epsilon, epsilon, steps)
    moves = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        return torch.stack([(model(row + moves).argmax(dim=1) != label).any() for row, label in zip(x, y, strict=True)])


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_the_default_finds_what_there_is_on_small_networks(order):
    """Every point of a fine grid is the truth but for what lies between its points: one start misses more of it."""
    epsilons, missed, missed_by_one, rows = [0.1, 0.2, 0.3], 0, 0, 0
    for seed in range(4):
        model, x, y = wavy(seed)
        truth = torch.stack([brute_force(model, x, y, epsilon) for epsilon in epsilons])
        options = {"threat": LinfThreat(), "epsilons": epsilons, "order": order}
        found = success_curve(model, x, y, **options).success
        missed += int((truth & ~found).sum())
        missed_by_one += int((truth & ~success_curve(model, x, y, restarts=1, **options).success).sum())
        rows += truth.numel()
        assert (found & ~truth).sum() <= 0.01 * truth.numel()
    assert missed <= 0.005 * rows
    assert missed_by_one >= 0.02 * rows


class Recording(nn.Module):
    """A linear model that keeps what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        self.asked.append(x.detach().clone())
        return self.linear(x)


def test_every_start_stays_within_the_threat():
    threat = LinfThreat(
        scale=[1.0, 2.0, 4.0], box=(-1.0, 1.0), mutable=[True, False, True], integer=[False, False, True]
    )
    model, x = Recording(), torch.tensor([[0.25, 0.5, 0.0]])
    prepared, model.asked = prepare(model, x), []
    y = model.linear(x).argmax(dim=1)
    model.asked.clear()
    success_curve(prepared, x, y, threat=threat, epsilons=[0.25], restarts=9)
    asked = torch.cat(model.asked)
    assert ((asked[:, 0] >= 0.0) & (asked[:, 0] <= 0.5)).all()
    assert (asked[:, 1] == 0.5).all()
    assert set(asked[:, 2].tolist()) <= {-1.0, 0.0, 1.0}
    assert len(asked.unique(dim=0)) > 9


def test_tables_are_attacked_from_several_points_and_images_from_one():
    y, options = torch.zeros(2, dtype=torch.int64), {"threat": LinfThreat(), "epsilons": [0.1], "steps": 2}
    table = success_curve(nn.Linear(3, 2), torch.zeros(2, 3), y, **options)
    images = success_curve(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), torch.zeros(2, 3, 2, 2), y, **options)
    assert (table.restarts, images.restarts) == (7, 1)
    assert success_curve(nn.Linear(3, 2), torch.zeros(2, 3), y, restarts=2, **options).restarts == 2


def test_rows_with_more_features_than_the_sequence_has_dimensions():
    model, x = nn.Linear(22_000, 2), torch.zeros(1, 22_000)
    with torch.no_grad():
        model.weight.zero_()
        model.weight[1, -1] = 1.0
        model.bias.copy_(torch.tensor([0.15, 0.0]))
    curve = success_curve(model, x, torch.tensor([0]), threat=LinfThreat(), epsilons=[0.1, 0.2], steps=2)
    assert curve.success.flatten().tolist() == [False, True]
