"""Rows that are no whole numbers where moves must be, and averages in double precision."""

import torch
from small_networks import predicted
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import least_epsilon
from fairtoll.bounds import prove, read_chain
from fairtoll.bounds.interval import interval_bounds


def broken_near(middle, reach):
    """Class 1 where the only input is nearer to `middle` than `reach`."""
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2))
    values = {"0.weight": [[1.0], [-1.0]], "0.bias": [-middle, middle], "2.weight": [[0.0, 0.0], [-1.0, -1.0]],
              "2.bias": [0.0, reach]}  # fmt: skip
    model.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    return model


def test_a_fraction_is_not_broken_by_another_fraction():
    x, threat = torch.tensor([[0.5], [0.25], [0.0]]), LinfThreat(integer=[True])
    for tolerance in (None, 0.01):
        found = prove(broken_near(1.5, 0.2), x, torch.zeros(3).long(), threat=threat, epsilon=3.0, tolerance=tolerance)
        # At 1 and 2 the class is right: nothing that the threat admits is misclassified.
        assert found.high.isinf().all()


def sums_above(limit):
    """Class 1 where the second input exceeds `limit`; the first does nothing."""
    model = nn.Sequential(nn.Linear(2, 2))
    values = {"0.weight": [[0.0, 0.0], [0.0, 1.0]], "0.bias": [0.0, -limit]}
    model.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    return model


def test_a_fraction_that_stays_where_it_is_may_be_the_nearest():
    model, x, y = sums_above(10.5), torch.tensor([[-0.487, -1.0]]), torch.tensor([0])
    threat = LinfThreat(scale=[1.9, 100.0], integer=[True, True])
    point = torch.tensor([[-0.487, 11.0]])
    assert threat.admits(x, point, 0.12).all()
    assert predicted(model, point) == 1
    found = prove(model, x, y, threat=threat, epsilon=6.0, tolerance=0.1, known=point)
    assert found.low < 0.12 <= found.high <= 0.12 * (1 + 1e-9)
    searched = least_epsilon(
        model, x, y, threat=threat, epsilon_max=6.0, tolerance=0.1, grid_step=0.1, method="grid", known=point
    )
    assert searched.low < 0.12
    assert searched.high <= 0.12 * (1 + 1e-9)


def test_an_average_in_double_precision_lies_within_its_bounds():
    model = nn.Sequential(nn.AvgPool2d(3), nn.Flatten()).double()
    x = torch.rand(4, 1, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    low, high = interval_bounds(read_chain(model, x), x, x)[-1]
    assert ((low <= model(x)) & (model(x) <= high)).all()
