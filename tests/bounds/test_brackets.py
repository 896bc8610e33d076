"""Brackets of the least epsilon against brute force: a fine grid over the box, with two and three inputs."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.spatial import cKDTree
from small_networks import dense, predicted, rows_of

from fairtoll import LinfThreat
from fairtoll.bounds import prove
from fairtoll.metrics import class_robustness_unfairness

#: Inputs, classes, activation, units, seed.
KINDS = list(itertools.product((2, 3, 4), ("relu", "tanh")))
NETS = [
    (inputs, *kind, width, seed + 10 * inputs) for inputs, width in ((2, 10), (3, 8)) for seed, kind in enumerate(KINDS)
]
ROWS = {2: 90, 3: 50}
POINTS = {2: 601, 3: 121}
TOLERANCE, LARGEST = 0.02, 0.6
BOX = LinfThreat(box=(-1.0, 1.0))


def wavy(net):
    """The network, rows, labels of a wavy rule that the network does not follow everywhere."""
    inputs, classes, kind, width, seed = net
    model = dense((inputs, width, width, classes), seed, kind=kind, size=2.5)
    x = rows_of(ROWS[inputs], (inputs,), seed=100 + seed)
    y = predicted(model, x)
    wave = (torch.sin(7 * x).sum(dim=1) > 1.2) & (torch.arange(len(x)) % 3 == 0)
    return model, x, torch.where(wave, (y + 1) % classes, y)


def brute_force(model, x, y):
    """The nearest misclassified point of a grid, for each row: never below the least epsilon."""
    inputs = x.shape[1]
    axis = torch.linspace(-1, 1, POINTS[inputs])
    mesh = torch.cartesian_prod(*[axis] * inputs)
    labels = torch.cat([predicted(model, part) for part in mesh.split(200_000)]).numpy()
    # Moved one step towards a row, the nearest misclassified point is classified correctly: it lies at a border.
    grid = labels.reshape([POINTS[inputs]] * inputs)
    border = (maximum_filter(grid, 3) != minimum_filter(grid, 3)).ravel()
    found = np.full(len(x), np.inf)
    for label in y.unique().tolist():
        rows = (y == label).numpy()
        wrong = mesh.numpy()[border & (labels != label)]
        if len(wrong):
            found[rows] = cKDTree(wrong).query(x.numpy()[rows], p=np.inf)[0]
    found[(predicted(model, x) != y).numpy()] = 0.0
    return found, 2 / (POINTS[inputs] - 1)


RESULTS = {}


def result(net):
    if net not in RESULTS:
        model, x, y = wavy(net)
        proof = prove(model, x, y, threat=BOX, epsilon=LARGEST, tolerance=TOLERANCE)
        RESULTS[net] = model, x, y, proof, *brute_force(model, x, y)
    return RESULTS[net]


@pytest.mark.parametrize("net", NETS, ids=str)
def test_every_bracket_holds_the_truth(net):
    model, x, y, proof, truth, spacing = result(net)
    low, high = proof.low.numpy(), proof.high.numpy()
    assert (low <= high).all()
    assert (low <= truth).all()
    broken = np.isfinite(high)
    assert (predicted(model, proof.perturbed)[broken] != y[broken]).all()
    assert BOX.admits(x, proof.perturbed, torch.where(proof.high.isinf(), LARGEST, proof.high)).all()
    assert np.allclose(BOX.distance(x, proof.perturbed)[broken], high[broken], atol=1e-12)
    # The grid finds nothing much nearer; what falls between its points it does not find.
    assert (high <= np.where(truth <= LARGEST, truth + TOLERANCE, np.inf)).all()
    assert (high >= np.minimum(truth, LARGEST) - 1.5 * spacing).mean() >= 0.95
    assert proof.method == "exact"


def test_nearly_every_bracket_is_within_the_tolerance():
    widths = []
    for net in NETS:
        proof = result(net)[3]
        top = proof.high.clamp(max=LARGEST)
        widths.append((top - proof.low).numpy())
    widths = np.concatenate(widths)
    assert len(widths) >= 800
    assert (widths <= TOLERANCE * (1 + 1e-9)).mean() >= 0.99


@pytest.mark.parametrize("net", NETS, ids=str)
def test_the_gap_between_classes_is_within_the_tolerance(net):
    _, _, y, proof, truth, spacing = result(net)
    true_gap = class_robustness_unfairness(y.numpy(), np.minimum(truth, LARGEST), minimum_rows=1)
    for end in (proof.low, proof.high.clamp(max=LARGEST)):
        gap = class_robustness_unfairness(y.numpy(), end.numpy(), minimum_rows=1)
        # The grid's own mean is too high by up to its spacing.
        assert abs(gap - true_gap) <= TOLERANCE + spacing


@pytest.mark.parametrize("net", NETS[:2], ids=str)
def test_what_is_decided_is_what_the_bracket_says(net):
    model, x, y, _, truth, spacing = result(net)
    for epsilon in (0.05, 0.2):
        proof = prove(model, x, y, threat=BOX, epsilon=epsilon)
        outcome = np.array(proof.outcome(epsilon))
        assert set(outcome) <= {"broken", "proved", "within rounding"}
        assert (outcome[truth <= epsilon] == "broken").all()
        assert (outcome[truth > epsilon + 2 * spacing] == "proved").mean() >= 0.95
        assert (proof.low[outcome == "proved"] == epsilon).all()


@pytest.mark.parametrize("tolerance", [None, 0.05])
def test_whole_numbers_are_decided_by_trying_all_of_them(tolerance):
    model = dense((3, 8, 8, 3), 31, size=2.0)
    threat = LinfThreat(scale=[1.0, 1.0, 2.0], box=(-6.0, 6.0), integer=[True, True, True])
    x = rows_of(40, (3,), seed=32, low=-6, high=6).round()
    y = predicted(model, x)
    every = torch.cartesian_prod(*[torch.arange(-6.0, 7.0)] * 3)
    distance = ((every - x[:, None]).abs() / torch.tensor([1.0, 1.0, 2.0])).amax(dim=2)
    wrong = predicted(model, every) != y[:, None]
    truth = torch.where(wrong, distance, math.inf).amin(dim=1)
    proof = prove(model, x, y, threat=threat, epsilon=2.5, tolerance=tolerance)
    for row, outcome in enumerate(proof.outcome(2.5)):
        assert outcome == ("broken" if truth[row] <= 2.5 else "proved")
    assert (proof.low <= truth).all()
    assert (proof.perturbed == proof.perturbed.round()).all()
    if tolerance is not None:
        broken = proof.high.isfinite()
        assert ((proof.high - truth)[broken] <= tolerance).all()


def test_an_attacks_input_is_taken_over_only_if_it_is_one():
    model, x, y = wavy(NETS[0])
    start = prove(model, x, y, threat=BOX, epsilon=LARGEST, tolerance=TOLERANCE)
    again = prove(model, x, y, threat=BOX, epsilon=LARGEST, tolerance=TOLERANCE, known=start.perturbed)
    assert (again.high <= start.high + 1e-12).all()
    outside = prove(model, x, y, threat=BOX, epsilon=0.05, known=x + 5.0)
    assert (outside.high[outside.high.isfinite()] <= 0.05).all()
    assert outside.outcome(0.05) == prove(model, x, y, threat=BOX, epsilon=0.05).outcome(0.05)


def test_the_size_of_a_batch_changes_nothing():
    model, x, y = wavy(NETS[3])
    together = prove(model, x, y, threat=BOX, epsilon=0.3, tolerance=TOLERANCE)
    apart = prove(model, x, y, threat=BOX, epsilon=0.3, tolerance=TOLERANCE, batch_size=7)
    assert together.outcome(0.3) == apart.outcome(0.3)
    assert ((together.low - apart.low).abs() <= TOLERANCE).all()
