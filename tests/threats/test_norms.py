"""Threats of every norm: distances by numpy, what is admitted, and what is confined to the ball."""

import numpy as np
import pytest
import torch

from fairtoll import FairtollError
from fairtoll.threats import L0Threat, L1Threat, L2Threat, LinfThreat

ORDERS = {LinfThreat: np.inf, L2Threat: 2, L1Threat: 1, L0Threat: 0}
SCALE = [0.5, 1.0, 20.0, 3.0, 0.1]
MUTABLE = [True, False, True, True, True]
INTEGER = [False, False, True, False, False]
BOX = ([-9.0, -9.0, -90.0, -9.0, -9.0], [9.0, 9.0, 90.0, 2.0, 9.0])
DRAW = np.random.default_rng(0)


def rows(count=200):
    x = DRAW.normal(size=(count, 5)).astype(np.float32)
    x[:, 2] = np.round(20 * x[:, 2])
    return torch.from_numpy(x)


def threat_of(kind, **given):
    return kind(**{"scale": SCALE, "mutable": MUTABLE, "integer": INTEGER, "box": BOX} | given)


def expected_distance(kind, x, perturbed):
    move = (perturbed.double() - x.double()).numpy()[:, MUTABLE] / np.asarray(SCALE)[MUTABLE]
    return np.linalg.norm(move, ord=ORDERS[kind], axis=1)


@pytest.mark.parametrize("kind", ORDERS)
def test_distance_is_numpys_norm_in_units_of_the_scale(kind):
    x = rows()
    perturbed = torch.where(torch.tensor(MUTABLE), x + torch.randn(x.shape) * (torch.rand(x.shape) < 0.7), x)
    found = threat_of(kind).distance(x, perturbed)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, expected_distance(kind, x, perturbed), rtol=1e-12)


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("shape", [(1, 2, 3), (4,)])
def test_distance_of_any_shape_and_of_no_rows(kind, shape):
    threat = kind(box=(-10.0, 10.0))
    x = torch.zeros(3, *shape)
    move = torch.from_numpy(DRAW.normal(size=x.shape))
    np.testing.assert_allclose(
        threat.distance(x, move), np.linalg.norm(move.reshape(3, -1).numpy(), ord=ORDERS[kind], axis=1), rtol=1e-12
    )
    assert threat.distance(x[:0], x[:0]).shape == (0,)


@pytest.mark.parametrize("kind", ORDERS)
def test_what_may_not_move_is_infinitely_far(kind):
    x = rows(1)
    moved = x.clone()
    moved[0, 1] += 1e-3
    threat = threat_of(kind)
    assert threat.distance(x, moved).isinf().all()
    assert not threat.admits(x, moved, 5.0).any()
    assert threat.distance(x, torch.full_like(x, torch.nan)).isinf().all()
    assert not threat.admits(x, torch.full_like(x, torch.nan), 5.0).any()


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0, 2.0])
def test_confined_rows_are_admitted_and_admitted_rows_stay(kind, epsilon):
    threat, x = threat_of(kind), rows()
    wild = x + 30 * torch.randn(x.shape)
    wild[0] = torch.nan
    wild[1, 0] = torch.inf
    found = threat.confine(x, wild, epsilon)
    assert threat.admits(x, found, epsilon).all()
    assert (expected_distance(kind, x, found) <= epsilon * (1 + 1e-12)).all()
    assert torch.equal(found[:, 1], x[:, 1])
    assert torch.equal(found[:, 2], found[:, 2].round())
    assert torch.equal(found[:2], x[:2])
    assert torch.equal(threat.confine(x, found, epsilon), found)
    if epsilon >= 1:
        # Most of what lies far outside ends on the sphere, but for whole numbers.
        plain = threat_of(kind, integer=None, box=(-1e6, 1e6))
        far = plain.distance(x, plain.confine(x, wild, epsilon))[2:]
        np.testing.assert_allclose(far, np.floor(epsilon) if kind is L0Threat else epsilon, rtol=1e-3)


@pytest.mark.parametrize("kind", ORDERS)
def test_a_radius_for_each_row(kind):
    threat, x = threat_of(kind, integer=None), rows(50)
    radii = torch.linspace(0.0, 4.0, 50)
    wild = x + torch.randn(x.shape) * torch.tensor(MUTABLE)
    together = threat.confine(x, wild, radii)
    apart = [threat.confine(x[i : i + 1], wild[i : i + 1], float(radii[i])) for i in range(50)]
    assert torch.equal(together, torch.cat(apart))
    assert threat.admits(x, together, radii).all()


def test_what_lies_outside_a_smaller_ball_is_not_admitted():
    x, moved = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    for threat, distance in ((LinfThreat(), 4.0), (L2Threat(), 5.0), (L1Threat(), 7.0), (L0Threat(box=(-9, 9)), 2.0)):
        assert threat.distance(x, moved).item() == distance
        assert threat.admits(x, moved, distance).all()
        assert not threat.admits(x, moved, distance - 0.01).any()
    assert not LinfThreat(integer=[True, False]).admits(x, torch.tensor([[0.5, 1.0]]), 2.0).any()
    assert not L2Threat(box=(0.0, 3.0)).admits(x, moved, 9.0).any()


def test_an_l0_threat_changes_a_few_features_to_anything_in_the_box():
    threat = L0Threat(box=([0.0, 0.0, 0.5], [10.0, 1.0, 3.5]), integer=[False, False, True])
    x = torch.tensor([[5.0, 0.5, 1.0], [12.0, 0.5, 2.0]])
    low, high = threat.bounds(x, 2)
    assert low.tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    assert high.tolist() == [[10.0, 1.0, 3.0], [12.0, 1.0, 3.0]]
    assert torch.equal(threat.bounds(x, 0.9)[1], x)
    assert threat.radius(x, 1).tolist() == [[5.0, 0.5, 2.0], [12.0, 0.5, 1.0]]
    assert threat.confine(x, torch.tensor([[9.0, 0.6, 3.4], [1.0, 1.0, 2.0]]), 1).tolist() == [
        [9.0, 0.5, 1.0],
        [1.0, 0.5, 2.0],
    ]


@pytest.mark.parametrize("kind", [L2Threat, L1Threat])
def test_the_smallest_box_around_a_ball(kind):
    x = rows(20)
    for ours, theirs in zip(threat_of(kind).bounds(x, 1.5), threat_of(LinfThreat).bounds(x, 1.5), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(threat_of(kind).radius(x, 1.5), threat_of(LinfThreat).radius(x, 1.5))


def test_configurations_of_different_norms_differ():
    texts = {str(threat_of(kind).to_dict()) for kind in ORDERS}
    assert len(texts) == len(ORDERS)


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": [-1.0] * 5}, "scale holds a negative"),
        ({"mutable": [1, 0, 1, 1, 1]}, "mutable holds int64"),
        ({"integer": [0, 2]}, "integer holds int64"),
        ({"box": (1.0, 0.0)}, "box has a lower end above"),
        ({"box": 3.0}, "box is 3.0; expected a pair"),
    ],
)
def test_threats_of_every_norm_refuse_the_same(kind, given, message):
    with pytest.raises(FairtollError, match=message):
        threat_of(kind, **given)


@pytest.mark.parametrize("kind", ORDERS)
def test_rows_that_do_not_fit(kind):
    threat = threat_of(kind)
    with pytest.raises(FairtollError, match="has shape"):
        threat.bounds(torch.zeros(2, 4), 1.0)
    with pytest.raises(FairtollError, match=r"the perturbed rows have shape \(2, 5\) and the rows \(3, 5\)"):
        threat.distance(torch.zeros(3, 5), torch.zeros(2, 5))
    for epsilon in (-1.0, float("nan"), float("inf")):
        with pytest.raises(FairtollError, match="epsilon is"):
            threat.bounds(torch.zeros(2, 5), epsilon)


def test_a_count_of_features_needs_a_box_with_ends():
    with pytest.raises(FairtollError, match=r"an L0 threat has no box; .*give box=\(low, high\)"):
        L0Threat()
    with pytest.raises(FairtollError, match="box has an infinite end"):
        L0Threat(box=(0.0, np.inf))
    L0Threat(box=(0.0, [1.0, np.inf]), mutable=[True, False], scale=[1.0, 1.0])
