"""Where the gradient is zero a gradient attack stands still; the grid does not need one."""

import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import apgd, grid, pgd, random_noise, union, zero_gradient

Y = torch.zeros(4, dtype=torch.int64)


class OneUnit(nn.Module):
    """Class 1 where ``weight * activation(slope * x_0 + shift) > 0.5``."""

    def __init__(self, activation, *, slope, shift=0.0):
        super().__init__()
        self.activation, self.slope, self.shift = activation, slope, shift

    def forward(self, x):
        unit = self.activation(self.slope * x[:, 0] + self.shift)
        return torch.stack([torch.full_like(unit, 0.5), unit], dim=1)


def test_a_dead_relu_has_no_gradient_and_a_live_one_has():
    """Class 1 where x > 0.5; the unit is dead for every x of 0 or less."""
    model = OneUnit(torch.relu, slope=1.0)
    x = torch.tensor([[-1.0], [-0.2], [0.1], [0.3]])
    for loss in ("cross_entropy", "margin"):
        assert zero_gradient(model, x, Y, threat=LinfThreat(), loss=loss).tolist() == [True, True, False, False]
    # The two live rows reach 0.5; of the dead ones the second could, at -0.2 + 0.75, and only the grid sees it.
    assert pgd(model, x, Y, threat=LinfThreat(), epsilon=0.75).success.tolist() == [False, False, True, True]
    assert grid(model, x, Y, threat=LinfThreat(), epsilon=0.75).success.tolist() == [False, True, True, True]


def test_a_saturated_tanh_hides_a_step_from_gradients():
    """Class 1 where x > 0.0275, a step so steep that float32 sees a slope only beside it."""
    model = OneUnit(torch.tanh, slope=20.0)
    x = torch.tensor([[-5.0], [-3.0], [-0.1], [0.0]])
    still = zero_gradient(model, x, Y, threat=LinfThreat())
    assert still.tolist() == [True, True, False, False]
    # Two steps of 5 from -5 and -3 land at 0 and 2: the rows never move, though 2 is class 1.
    assert pgd(model, x, Y, threat=LinfThreat(), epsilon=4.0).success.tolist() == [False, False, True, True]
    found = grid(model, x, Y, threat=LinfThreat(), epsilon=4.0)
    assert found.success.tolist() == [False, True, True, True]
    assert found.perturbed[1].item() == 1.0


def test_the_union_takes_from_each_attack_what_it_finds():
    model = OneUnit(torch.relu, slope=1.0)
    x = torch.tensor([[-1.0], [-0.2], [0.1], [0.7]])
    result = union(model, x, Y, threat=LinfThreat(), epsilon=0.75, restarts=1, generator=torch.Generator())
    assert result.broken_by == ["", "grid", "cross_entropy", "clean"]
    assert result.success.tolist() == [False, True, True, True]


def test_random_restarts_leave_the_flat_part():
    model = OneUnit(torch.relu, slope=1.0)
    x = torch.tensor([[-0.2]])
    attack = pgd(
        model, x, Y[:1], threat=LinfThreat(), epsilon=0.75, restarts=10, generator=torch.Generator().manual_seed(0)
    )
    assert attack.success.all()


def test_only_the_gradient_of_mutable_features_counts():
    model = nn.Linear(2, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0, 0.0], [1.0, 0.0]]), "bias": torch.zeros(2)})
    x = torch.randn(4, 2)
    assert not zero_gradient(model, x, Y, threat=LinfThreat()).any()
    assert zero_gradient(model, x, Y, threat=LinfThreat(mutable=[False, True])).all()


def test_noise_breaks_the_share_of_the_ball_that_is_wrong():
    """From 0, class 1 above 0.5: one draw in 4 of the ball of radius 1 is wrong."""
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.tensor([0.5, 0.0])})
    rows = 4000
    x, y = torch.zeros(rows, 1), torch.zeros(rows, dtype=torch.int64)
    for draws in (1, 3):
        broken = random_noise(
            model, x, y, threat=LinfThreat(), epsilon=1.0, draws=draws, generator=torch.Generator().manual_seed(0)
        ).success
        assert broken.double().mean().item() == pytest.approx(1 - 0.75**draws, abs=0.03)


def test_a_wrong_row_counts_as_broken_by_every_attack():
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    x, y = torch.tensor([[3.0]]), torch.tensor([0])
    options = {"threat": LinfThreat(), "epsilon": 0.1}
    assert pgd(model, x, y, **options).success.all()
    assert torch.equal(pgd(model, x, y, **options).perturbed, x)
    assert grid(model, x, y, **options).success.all()
    assert random_noise(model, x, y, generator=torch.Generator(), **options).success.all()


def test_nothing_may_move():
    """An attack that may touch no feature breaks the rows that are wrong, and no other."""
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    x, y = torch.tensor([[3.0], [-0.1]]), torch.tensor([0, 0])
    options = {"threat": LinfThreat(mutable=[False]), "epsilon": 5.0}
    assert grid(model, x, y, **options).success.tolist() == [True, False]
    assert union(model, x, y, generator=torch.Generator(), **options).broken_by == ["clean", ""]


def test_a_gradient_that_lies_in_memory_once_for_all_features():
    """What a mean over features gives back: a view that must not be written to."""

    class Mean(nn.Module):
        def forward(self, x):
            mean = x.mean(dim=1)
            return torch.stack([torch.zeros_like(mean), mean], dim=1)

    x = torch.tensor([[-0.5, -0.5], [-2.0, -2.0]])
    for attack in (pgd, apgd):
        assert attack(Mean(), x, Y[:2], threat=LinfThreat(), epsilon=1.0).success.tolist() == [True, False]
