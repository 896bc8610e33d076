"""The union: each attack takes what the ones before it left, and says so."""

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning, LinfThreat
from fairtoll.attacks import apgd, pgd, square, union


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def attack(model, x, y, **options):
    return union(model, x, y, **{"threat": LinfThreat(), "epsilon": 1.0, "generator": generator(), **options})


class Ridge(nn.Module):
    """Class 1 within a hundredth of 0.3123, which a fixed step of 0.05 jumps over; other classes never."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, x):
        height = 0.01 - (x[:, 0] - 0.3123).abs()
        return torch.stack([torch.zeros(len(x)), height, *[torch.full((len(x),), -9.0)] * (self.classes - 2)], dim=1)


class Stairs(nn.Module):
    """Class 1 where at least `share` of the features are at 0.9 or more: no slope anywhere."""

    def __init__(self, share):
        super().__init__()
        self.share, self.rows = share, 0

    def forward(self, x):
        self.rows += len(x)
        height = (x.flatten(1) >= 0.9).double().mean(dim=1) - self.share + 0 * x.flatten(1).sum(dim=1)
        return torch.stack([torch.zeros_like(height), height], dim=1)


def test_auto_pgd_finds_what_the_fixed_step_does_not():
    x, y = torch.zeros(1, 1), torch.zeros(1, dtype=torch.int64)
    assert attack(Ridge(2), x, y).broken_by == ["apgd_margin"]
    assert attack(Ridge(3), x, y, restarts=1).broken_by == ["apgd_margin"]
    assert attack(Ridge(3), x, y, restarts=3).broken_by == ["apgd_cross_entropy"]


@pytest.mark.parametrize("shape", [(12,), (3, 4, 4)])
def test_square_finds_what_has_no_slope_and_can_be_left_out(shape):
    x, y = torch.zeros(4, *shape), torch.zeros(4, dtype=torch.int64)
    found = attack(Stairs(0.8), x, y)
    assert found.broken_by == ["square"] * 4
    assert (found.perturbed.abs() <= 1).all()
    with torch.no_grad():
        assert (Stairs(0.8)(found.perturbed).argmax(dim=1) == 1).all()
    assert attack(Stairs(0.8), x, y, queries=0).broken_by == [""] * 4


def test_square_is_left_out_where_the_grid_has_tried_every_corner():
    """Eight features have 256 corners, more than the grid's patience: the last of them breaks all the same."""

    class LastCorner(nn.Module):
        def forward(self, x):
            height = (x == torch.tensor([1.0, 1, 1, 1, 1, 1, 1, -1])).all(dim=1).double() - 0.5 + 0 * x.sum(dim=1)
            return torch.stack([torch.zeros_like(height), height], dim=1)

    x, y = torch.zeros(3, 8), torch.zeros(3, dtype=torch.int64)
    assert attack(LastCorner(), x, y).broken_by == ["grid"] * 3
    with_square, without = Stairs(2.0), Stairs(2.0)
    attack(with_square, x, y, queries=5000)
    attack(without, x, y, queries=0)
    assert with_square.rows == without.rows


def test_a_row_is_robust_only_if_it_stands_under_all():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 24), nn.Tanh(), nn.Linear(24, 4))
    x = torch.randn(150, 12)
    with torch.no_grad():
        y = model(3 * x).argmax(dim=1)
    options = {"threat": LinfThreat(), "epsilon": 0.05}
    found = attack(model, x, y, epsilon=0.05)
    alone = [
        pgd(model, x, y, **options),
        apgd(model, x, y, loss="margin", steps=50, **options),
        square(model, x, y, queries=100, generator=generator(), **options),
    ]
    for other in alone:
        assert (found.success | ~other.success).float().mean() > 0.99
    assert found.success.tolist() == [bool(name) for name in found.broken_by]
    assert found.broken_by.count("clean") == (model(x).argmax(dim=1) != y).sum()
    with torch.no_grad():
        assert torch.equal(model(found.perturbed).argmax(dim=1) != y, found.success)
    assert 0.05 < found.success.double().mean() < 0.95


@pytest.mark.parametrize("queries", [-1, -500])
def test_a_negative_number_of_queries(queries):
    with pytest.raises(FairtollError, match=f"queries is {queries}; expected 0 or more"):
        attack(nn.Linear(2, 2), torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), queries=queries)


#: What is NaN, and which attack is the first to ask about it, from -2.5 with radius 2 and a slope in feature 0 alone.
NAN = {
    "gradient steps go up": (lambda x: (x[:, 0] > -2.0) & (x[:, 0] < 0), 1, "at step 4 of the attack"),
    "the grid goes down": (lambda x: x[:, 0] == -4.5, 1, "of the grid"),
    "random starts lie between": (lambda x: (x[:, 0] > -4.4) & (x[:, 0] < -2.6), 1, "at step 1 of the attack"),
    "only Square moves what has no slope": (lambda x: (x[:, 1:] == -4.5).any(dim=1), 9, "at query 1 of the attack"),
}


@pytest.mark.parametrize("batch_size", [1, 2, 6])
@pytest.mark.parametrize("case", NAN)
def test_nan_in_any_attack_names_the_callers_row(case, batch_size):
    """Rows 0 to 2 fall as they stand; of the rest only row 4 ever meets what is NaN."""
    bad, features, where = NAN[case]

    class Sometimes(nn.Module):
        def forward(self, x):
            return torch.stack([-x[:, 0], torch.where(bad(x), torch.nan, x[:, 0])], dim=1)

    x = torch.tensor([1.0, 1.0, 1.0, -90.0, -2.5, -90.0])[:, None].expand(6, features).clone()
    y = torch.zeros(6, dtype=torch.int64)
    with pytest.raises(FairtollError, match=f"for 1 rows {where}, the first is row 4"):
        attack(Sometimes(), x, y, epsilon=2.0, steps=25, restarts=9, batch_size=batch_size)


def test_a_batch_that_does_not_fit_is_halved_in_every_attack():
    class Small(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            if len(x) > 7:
                raise torch.OutOfMemoryError("full")
            return self.model(x)

    torch.manual_seed(0)
    model, x = nn.Linear(3, 3), torch.randn(40, 3)
    with torch.no_grad():
        y = model(x).argmax(dim=1)
    whole = attack(model, x, y, epsilon=0.2, restarts=2)
    with pytest.warns(FairtollWarning, match="do not fit the device's memory"):
        found = attack(Small(model), x, y, epsilon=0.2, restarts=2)
    # A linear model: which rows fall is a matter of geometry, whatever was drawn.
    assert torch.equal(found.success, whole.success)
