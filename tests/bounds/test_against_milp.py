"""On small ReLU networks every bound lies below the exact least margin, and `prove` decides as it does."""

import numpy as np
import pytest
import torch
from least_margin import least_margin
from small_networks import dense, predicted, rows_of

from fairtoll import LinfThreat
from fairtoll.bounds import certified_epsilon, prove, read_chain
from fairtoll.bounds.interval import interval_bounds
from fairtoll.bounds.linear import linear_floors
from fairtoll.bounds.zonotope import dense_chain, floors

NETWORKS = [(2, 6, 2), (3, 8, 3), (2, 5, 6, 3), (4, 8, 4), (3, 6, 5, 4)]
#: The solver's own tolerance.
NEAR = 1e-5


def interval_floors(chain, low, high, y):
    least, most = interval_bounds(chain, low, high)[-1]
    own = least.gather(1, y[:, None]).squeeze(1)
    return own - most.scatter(1, y[:, None], -torch.inf).amax(dim=1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("widths", NETWORKS, ids=str)
def test_every_bound_is_at_most_the_least_margin(widths, dtype):
    model = dense(widths, seed=len(widths) + widths[-1], dtype=dtype)
    x = rows_of(6, (widths[0],), seed=1, dtype=dtype)
    y = predicted(model, x)
    chain = read_chain(model, x)
    for epsilon in (0.05, 0.3, 1.0):
        low, high = x - epsilon, x + epsilon
        truth = torch.tensor([least_margin(model, *row) for row in zip(low, high, y.tolist(), strict=True)])
        linear, _ = linear_floors(chain, low, high, y)
        interval = interval_floors(chain, low, high, y)
        zonotope = floors(
            dense_chain(chain, dtype=torch.float64), x.double(), torch.arange(widths[0]), low.double(), high.double(), y
        ).floor
        for bound in (interval, linear, zonotope):
            assert (bound <= truth + NEAR).all()
        assert (linear >= interval - NEAR).all()
        if epsilon == 0.05:
            # Over a small box few units switch: the bounds must be worth something.
            assert (linear >= truth - 0.2 * truth.abs() - 0.3).all()
            assert (zonotope >= truth - 0.2 * truth.abs() - 0.3).all()


THREATS = {
    "plain": LinfThreat(),
    "scale and box": LinfThreat(scale=[1.0, 0.3, 2.0], box=(-1.0, 1.0)),
    "two of three": LinfThreat(mutable=[True, False, True]),
    "whole numbers": LinfThreat(scale=[2.0, 1.0, 1.0], box=([-4.0, -1.0, -1.0], [4.0, 1.0, 1.0]),
                                integer=[True, False, False]),
    "all whole": LinfThreat(scale=3.0, integer=[True, True, True]),
}  # fmt: skip


@pytest.mark.parametrize("name", THREATS)
@pytest.mark.parametrize("widths", [(3, 8, 3), (3, 6, 5, 4)], ids=str)
def test_prove_decides_as_the_solver(name, widths):
    threat, model = THREATS[name], dense(widths, seed=7 + len(widths))
    x = rows_of(5, (3,), seed=2)
    if threat.integer is not None:
        x = torch.where(threat.integer, (3 * x).round(), x)
    y, decided = predicted(model, x), 0
    for epsilon in (0.1, 0.4, 1.0):
        low, high = threat.bounds(x, epsilon)
        whole = None if threat.integer is None else threat.integer.numpy()
        truth = np.array([least_margin(model, *row, whole=whole) for row in zip(low, high, y.tolist(), strict=True)])
        outcome = prove(model, x, y, threat=threat, epsilon=epsilon).outcome(epsilon)
        for found, margin in zip(outcome, truth, strict=True):
            if abs(margin) > NEAR:
                assert found == ("proved" if margin > 0 else "broken")
                decided += 1
    assert decided >= 14


@pytest.mark.parametrize("method", ["linear", "interval"])
@pytest.mark.parametrize("widths", [(3, 8, 3), (3, 6, 5, 4)], ids=str)
def test_no_admissible_input_of_a_certified_radius_is_misclassified(widths, method):
    model, threat = dense(widths, seed=20 + len(widths)), THREATS["scale and box"]
    x = rows_of(8, (3,), seed=3)
    y = predicted(model, x)
    epsilon = certified_epsilon(model, x, y, threat=threat, epsilon_max=1.0, method=method).epsilon
    assert (epsilon > 0).sum() >= 5
    low, high = threat.bounds(x, epsilon)
    for row in zip(low, high, y.tolist(), strict=True):
        assert least_margin(model, *row) > -NEAR


def test_linear_bounds_prove_more_than_intervals():
    model, x = dense((3, 8, 8, 3), seed=5), rows_of(20, (3,), seed=4)
    radii = {
        method: certified_epsilon(
            model, x, predicted(model, x), threat=LinfThreat(), epsilon_max=1.0, method=method
        ).epsilon
        for method in ("linear", "interval")
    }
    assert (radii["linear"] >= radii["interval"]).all()
    assert radii["linear"].mean() > 1.2 * radii["interval"].mean()
