"""Least epsilon with proof against brute force: every bracket holds the truth, whole numbers and fractions alike."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import LeastEpsilon, least_epsilon
from fairtoll.bounds import NoBoundError
from fairtoll.metrics import class_robustness_unfairness

LARGEST, TOLERANCE = 1.5, 0.02


def wavy(seed, *, inputs, classes, activation):
    """A small network whose classes follow waves, and rows, some of which it gets wrong."""
    generator = torch.Generator().manual_seed(seed)
    x = 4 * torch.rand(50, inputs, generator=generator) - 2
    y = ((torch.sin(2.5 * x[:, 0]) + x[:, 1]) * classes / 3 + classes / 2).floor().clamp(0, classes - 1).long()
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(inputs, 12), activation(), nn.Linear(12, 12), activation(), nn.Linear(12, classes))
    optimiser = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(120):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    return model.eval(), x, y


def brute_force(model, x, y, *, points):
    """Radius of the nearest misclassified point of a grid around each row, and the grid's spacing."""
    inputs = x.shape[1]
    steps = torch.linspace(-LARGEST, LARGEST, points)
    moves = torch.cartesian_prod(*[steps] * inputs)
    radius = moves.abs().amax(dim=1)
    nearest = []
    with torch.no_grad():
        for row, label in zip(x, y, strict=True):
            wrong = model(row + moves).argmax(dim=1) != label
            nearest.append(radius[wrong].min().item() if wrong.any() else np.inf)
    return np.array(nearest), float(steps[1] - steps[0])


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
@pytest.mark.parametrize(("inputs", "classes", "points"), [(2, 2, 201), (2, 4, 201), (3, 3, 41)])
def test_every_bracket_holds_the_truth(inputs, classes, points, activation):
    model, x, y = wavy(inputs + classes, inputs=inputs, classes=classes, activation=activation)
    found = least_epsilon(model, x, y, threat=LinfThreat(), epsilon_max=LARGEST, tolerance=TOLERANCE)
    truth, spacing = brute_force(model, x, y, points=points)
    low, high = found.low.numpy(), found.high.numpy()
    # A grid finds no misclassified point that does not exist, and misses those between its own.
    assert (low <= truth + 1e-6).all()
    assert (np.minimum(high, LARGEST) >= np.minimum(low, LARGEST)).all()
    known = np.isfinite(truth)
    assert (high[known] <= truth[known] + TOLERANCE + 1e-6).all()
    width = np.minimum(high, LARGEST) - low
    assert np.mean(width <= TOLERANCE * 1.001) >= 0.99
    # What is found is misclassified, and where it says.
    with torch.no_grad():
        assert (model(found.perturbed).argmax(dim=1) != y)[~found.censored].all()
    moved = (found.perturbed - x).abs().amax(dim=1).numpy()
    np.testing.assert_allclose(moved[~found.censored], high[~found.censored], atol=1e-6)
    near = np.minimum(np.where(known, truth, LARGEST), LARGEST)
    theirs = class_robustness_unfairness(y.numpy(), near, minimum_rows=5)
    ours = class_robustness_unfairness(y.numpy(), found.least_epsilon.numpy(), minimum_rows=5)
    assert abs(ours - theirs) <= TOLERANCE + spacing


def test_whole_numbers_are_bracketed_from_one_value_to_the_next():
    """By brute force over every whole number within reach of two features in tens."""
    generator = torch.Generator().manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 10), nn.Tanh(), nn.Linear(10, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        model[0].weight /= 6
    x = torch.randint(-20, 21, (60, 2), generator=generator).float()
    threat = LinfThreat(scale=[10.0, 4.0], box=(-20.0, 20.0), integer=True)
    with torch.no_grad():
        y = model(x).argmax(dim=1)
        grid = torch.cartesian_prod(*[torch.arange(-20.0, 21.0)] * 2)
        classes = model(grid).argmax(dim=1)
    found = LeastEpsilon(0.01, proof=True)(model, x, y, threat=threat, epsilon=2.0)
    for row in range(len(x)):
        radius = ((grid - x[row]).abs() / torch.tensor([10.0, 4.0])).amax(dim=1)
        wrong = radius[(classes != y[row]) & (radius <= 2.0)]
        if len(wrong):
            assert found.high[row].item() == pytest.approx(wrong.min().item(), abs=1e-6)
            assert 0 <= found.high[row] - found.low[row] <= 0.011
        else:
            assert found.censored[row]
            assert found.low[row] == 2.0


def test_what_others_found_counts():
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2))
    model[0].load_state_dict({"weight": torch.tensor([[1.0]]), "bias": torch.tensor([0.0])})
    model[2].load_state_dict({"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.tensor([0.5, 0.0])})
    x, y = torch.tensor([[-0.2]]), torch.tensor([0])
    options = {"threat": LinfThreat(), "epsilon_max": 1.0, "tolerance": 1e-3, "proof": False}
    assert least_epsilon(model, x, y, **options).censored.all()
    told = least_epsilon(model, x, y, **options, known=torch.tensor([[0.75]]))
    assert told.least_epsilon.item() == pytest.approx(0.7, abs=1e-3)
    # Outside the threat, or not misclassified: it says nothing.
    for point in (5.0, 0.1):
        assert least_epsilon(model, x, y, **options, known=torch.tensor([[point]])).censored.all()
    with pytest.raises(FairtollError, match=r"known has shape \(2, 1\); expected that of x, \(1, 1\)"):
        least_epsilon(model, x, y, **options, known=torch.zeros(2, 1))


def test_without_bounds_nothing_is_proved_unless_it_is_demanded():
    model = nn.Sequential(nn.Linear(2, 3), nn.GELU(), nn.Linear(3, 2))
    x, y = torch.randn(5, 2), torch.zeros(5, dtype=torch.int64)
    options = {"threat": LinfThreat(), "epsilon_max": 1.0, "tolerance": 0.01}
    found = least_epsilon(model, x, y, **options)
    assert (found.low == 0).all()
    assert found.proof == ""
    with pytest.raises(NoBoundError, match=r"no bound is known for 1 \(GELU\); bounds exist for Linear, Conv2d"):
        least_epsilon(model, x, y, **options, proof=True)
