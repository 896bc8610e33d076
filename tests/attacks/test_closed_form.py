"""Attacks against linear models, whose worst case is known in closed form.

The worst-case margin of class c over a box of admissible inputs is reached at a corner, feature by
feature: ``(w_c - w_y) @ x + b_c - b_y + sum_j max(d_j * (high_j - x_j), d_j * (low_j - x_j))`` with
``d = w_c - w_y``. A row can be broken exactly if that is positive for some class c.
"""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import AutoAttack, apgd, grid, pgd, square, success_curve, union

FEATURES = 5
ROWS = 120
BOUNDARY = 1e-5

THREATS = {
    "plain": {},
    "scale": {"scale": [0.5, 1.0, 2.0, 0.1, 3.0]},
    "mask": {"scale": [0.5, 1.0, 2.0, 0.1, 3.0], "mutable": [True, False, True, True, False]},
    "box": {"scale": [0.5, 1.0, 2.0, 0.1, 3.0], "box": (-1.0, [1.0, 0.5, 2.0, 1.0, 4.0])},
    "integer": {"scale": 2.5, "integer": [True, False, True, False, True]},
    "all": {
        "scale": [2.0, 1.0, 3.0, 0.5, 1.5],
        "mutable": [True, True, True, False, True],
        "box": (-2.0, 3.0),
        "integer": [True, False, True, True, False],
    },
}


def problem(classes, *, seed, integer=None):
    """A random linear model and rows; where features are integer, so are the rows."""
    draw = np.random.default_rng(seed)
    model = nn.Linear(FEATURES, classes)
    weight = draw.normal(size=(classes, FEATURES)).astype(np.float32)
    bias = draw.normal(size=classes).astype(np.float32)
    model.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    x = (2 * draw.normal(size=(ROWS, FEATURES))).astype(np.float32)
    if integer is not None:
        x = np.where(integer, x.round(), x)
    y = (x @ weight.T + bias).argmax(axis=1)
    wrong = draw.random(ROWS) < 0.1
    return model, torch.from_numpy(x), torch.from_numpy(np.where(wrong, (y + 1) % classes, y))


def worst_case(model, x, y, *, epsilon, scale=1.0, mutable=None, box=None, integer=None):
    """The largest margin of a wrong class that an adversary can reach, float64, `(N,)`."""
    weight, bias = (tensor.detach().double().numpy() for tensor in (model.weight, model.bias))
    rows, labels = x.double().numpy(), y.numpy()
    radius = epsilon * np.asarray(scale, dtype=np.float64) * (True if mutable is None else np.asarray(mutable))
    low, high = rows - radius, rows + radius
    if box is not None:
        low, high = np.maximum(low, np.minimum(box[0], rows)), np.minimum(high, np.maximum(box[1], rows))
    if integer is not None:
        low, high = np.where(integer, np.ceil(low), low), np.where(integer, np.floor(high), high)
    direction = weight[None] - weight[labels][:, None]
    corner = np.maximum(direction * (high - rows)[:, None], direction * (low - rows)[:, None]).sum(axis=2)
    margin = (direction * rows[:, None]).sum(axis=2) + bias[None] - bias[labels][:, None] + corner
    margin[np.arange(len(rows)), labels] = -np.inf
    return margin.max(axis=1)


def assert_exact(success, margin):
    clear = np.abs(margin) > BOUNDARY
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(success.numpy()[clear], (margin > 0)[clear])


ATTACKS = {
    "cross_entropy": lambda *args, **options: pgd(*args, **options, steps=20).success,
    "margin": lambda *args, **options: pgd(*args, **options, steps=20, loss="margin").success,
    "small batches": lambda *args, **options: pgd(*args, **options, steps=20, batch_size=50).success,
    "all steps": lambda *args, **options: pgd(*args, **options, steps=20, stop_at_success=False).success,
    "union": lambda *args, **options: union(*args, **options, steps=10, generator=torch.Generator()).success,
    "grid": lambda *args, **options: grid(*args, **options).success,
    "auto": lambda *args, **options: apgd(*args, **options, steps=20).success,
    "auto, margin": lambda *args, **options: apgd(*args, **options, steps=20, loss="margin").success,
    "autoattack": lambda *args, **options: (
        AutoAttack(steps=30, queries=200)(*args, **options, generator=torch.Generator().manual_seed(0)).success
    ),
    "square": lambda *args, **options: (
        square(*args, **options, queries=200, generator=torch.Generator().manual_seed(0)).success
    ),
}


@pytest.mark.parametrize("threat", THREATS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_two_classes_break_exactly_where_the_worst_case_does(attack, threat):
    options = THREATS[threat]
    model, x, y = problem(2, seed=1, integer=options.get("integer"))
    for epsilon in (0.0, 0.3, 1.0):
        success = ATTACKS[attack](model, x, y, threat=LinfThreat(**options), epsilon=epsilon)
        assert_exact(success, worst_case(model, x, y, epsilon=epsilon, **options))


@pytest.mark.parametrize("threat", THREATS)
@pytest.mark.parametrize("attack", ["grid", "union", "autoattack"])
@pytest.mark.parametrize("classes", [3, 6])
def test_many_classes_break_exactly_where_the_worst_case_does(attack, threat, classes):
    options = THREATS[threat]
    model, x, y = problem(classes, seed=classes, integer=options.get("integer"))
    for epsilon in (0.1, 0.5):
        success = ATTACKS[attack](model, x, y, threat=LinfThreat(**options), epsilon=epsilon)
        assert_exact(success, worst_case(model, x, y, epsilon=epsilon, **options))


@pytest.mark.parametrize("threat", THREATS)
@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize("classes", [3, 6])
def test_many_classes_break_by_gradients_too(loss, threat, classes):
    """Never a row too many; one or two too few, where ascent ends in the corner of another wrong class."""
    options = THREATS[threat]
    model, x, y = problem(classes, seed=classes, integer=options.get("integer"))
    generator = torch.Generator().manual_seed(0)
    for epsilon in (0.1, 0.5):
        success = pgd(
            model, x, y, threat=LinfThreat(**options), epsilon=epsilon, loss=loss, steps=10, restarts=8,
            generator=generator,
        ).success.numpy()  # fmt: skip
        margin = worst_case(model, x, y, epsilon=epsilon, **options)
        assert not success[margin < -BOUNDARY].any()
        assert success[margin > BOUNDARY].mean() >= 0.95


@pytest.mark.parametrize("threat", THREATS)
@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
def test_a_curve_breaks_each_row_at_the_right_radius(loss, threat):
    options = THREATS[threat]
    model, x, y = problem(2, seed=3, integer=options.get("integer"))
    epsilons = [0.0, 0.05, 0.2, 0.5, 1.0, 2.0]
    curve = success_curve(model, x, y, threat=LinfThreat(**options), epsilons=epsilons, steps=20, loss=loss).success
    assert curve.shape == (len(epsilons), ROWS)
    for epsilon, success in zip(epsilons, curve, strict=True):
        assert_exact(success, worst_case(model, x, y, epsilon=epsilon, **options))


@pytest.mark.parametrize("scale", [1.0, [0.5, 1.0, 2.0, 0.1, 3.0]])
@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
def test_the_distance_of_each_row_is_the_known_one(scale, loss):
    """Bisection over radii, each an attack of its own, lands on ``margin / sum_j |d_j| scale_j``."""
    model, x, y = problem(2, seed=4)
    weight, bias = (tensor.detach().double().numpy() for tensor in (model.weight, model.bias))
    logits = x.double().numpy() @ weight.T + bias
    y = torch.from_numpy(logits.argmax(axis=1))
    known = np.abs(logits[:, 1] - logits[:, 0]) / (np.abs(weight[1] - weight[0]) * np.asarray(scale)).sum()
    for row in range(5):
        low, high = 0.0, 2 * known[row]
        for _ in range(20):
            middle = (low + high) / 2
            broken = pgd(model, x[row : row + 1], y[row : row + 1], threat=LinfThreat(scale=scale), epsilon=middle,
                         steps=5, loss=loss).success.item()  # fmt: skip
            low, high = (low, middle) if broken else (middle, high)
        assert high / known[row] == pytest.approx(1.0, abs=1e-5)


def test_an_image_is_attacked_as_its_flat_row_is():
    model, x, y = problem(2, seed=5)
    x = x[:, :4]
    flat = nn.Linear(4, 2)
    flat.load_state_dict({"weight": model.weight[:, :4].detach(), "bias": model.bias.detach()})
    image = nn.Sequential(nn.Flatten(), flat)
    success = pgd(image, x.reshape(-1, 1, 2, 2), y, threat=LinfThreat(box=(-1.0, 1.0)), epsilon=0.4, steps=10).success
    assert_exact(success, worst_case(flat, x, y, epsilon=0.4, box=(-1.0, 1.0)))
