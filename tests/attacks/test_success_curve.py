"""The curve is monotone, whatever the model, and asks each row no more than it must."""

import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import pgd, success_curve


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
    curve = success_curve(model, x, y, threat=LinfThreat(), epsilons=epsilons, steps=5).success
    assert (curve[1:] >= curve[:-1]).all()
    alone = torch.stack([pgd(model, x, y, threat=LinfThreat(), epsilon=e, steps=5).success for e in epsilons])
    assert not (alone[1:] >= alone[:-1]).all()
    assert torch.equal(curve[0], alone[0])


def test_a_broken_row_is_not_asked_again():
    x, y = torch.tensor([[-0.5], [-2.0], [3.0]]), torch.zeros(3, dtype=torch.int64)
    model = Counting()
    pgd(model, x[2:], y[2:], threat=LinfThreat(), epsilon=1.0, steps=50)
    assert model.rows <= 2  # a wrong row: the check at the door and the clean row
    model = Counting()
    success_curve(model, x, y, threat=LinfThreat(), epsilons=[0.1, 1.0, 1.5, 1.9], steps=50)
    # The second row stands at all four radii, the first at one; each leaves once it meets its bound,
    # after 20 of the 50 steps from the clean row and fewer from where a smaller radius left it.
    assert model.rows < 5 * 25


def test_a_row_at_its_bound_is_not_asked_again():
    x, y = torch.tensor([[-2.0]]), torch.zeros(1, dtype=torch.int64)
    model = Counting()
    pgd(model, x, y, threat=LinfThreat(), epsilon=1.0, steps=1000)
    assert 400 < model.rows < 410  # the bound is 400 steps of 2.5 / 1000 away


def test_generators_and_plain_numbers_serve_as_radii():
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    x, y = torch.tensor([[-0.5], [-2.0]]), torch.zeros(2, dtype=torch.int64)
    curve = success_curve(model, x, y, threat=LinfThreat(), epsilons=(0, 1, 3)).success
    assert curve.tolist() == [[False, False], [True, False], [True, True]]
