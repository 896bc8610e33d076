"""Dense sampling of a box never finds a logit or a margin outside its bounds, whatever the layers."""

import pytest
import torch
from small_networks import dense, margins, predicted, rows_of
from torch import nn

from fairtoll import LinfThreat
from fairtoll.bounds import certified_epsilon, prove, read_chain
from fairtoll.bounds.interval import interval_bounds
from fairtoll.bounds.linear import layer_bounds, linear_floors
from fairtoll.models.networks import Standardize

SIDE, ROWS, DRAWS = 8, 3, 400
PRECISIONS = {"single": torch.float32, "double": torch.float64}


def normed(layer, seed):
    """A batch norm in eval mode, as after training."""
    draws = torch.Generator().manual_seed(seed)
    for part, least in ((layer.weight, -1.0), (layer.bias, -0.5), (layer.running_mean, -0.3), (layer.running_var, 0.3)):
        part.data = least + torch.rand(part.shape, generator=draws)
    return layer


def image_networks():
    torch.manual_seed(0)
    conv, pool = nn.Conv2d, nn.MaxPool2d
    return {
        "strides": nn.Sequential(conv(2, 4, 3, stride=2), nn.ReLU(), conv(4, 3, 2), nn.ReLU(), nn.Flatten(),
                                 nn.Linear(12, 3)),
        "padding and dilation": nn.Sequential(conv(2, 4, 3, padding=(1, 2), dilation=2), nn.Tanh(), nn.Flatten(),
                                              nn.Linear(4 * 6 * 8, 3)),
        "groups": nn.Sequential(conv(2, 6, 3, groups=2, bias=False), nn.Sigmoid(), conv(6, 3, 3, groups=3), nn.ReLU(),
                                nn.Flatten(), nn.Linear(48, 3)),
        "average pool": nn.Sequential(conv(2, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 3)),
        "max pool": nn.Sequential(conv(2, 4, 3, padding=1), pool(2), nn.ReLU(), conv(4, 5, 3, padding=1), pool(2),
                                  nn.ReLU(), nn.Flatten(), nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 3)),
        "max pool that overlaps and is padded": nn.Sequential(conv(2, 3, 3), pool(3, stride=2, padding=1), nn.Tanh(),
                                                              nn.Flatten(), nn.Linear(27, 3)),
        "max pool that leaves rows out": nn.Sequential(pool(3), nn.Flatten(), nn.Linear(8, 4), nn.ReLU(),
                                                       nn.Linear(4, 3)),
        "max pool after max pool": nn.Sequential(pool(2), pool(2), nn.Flatten(), nn.Linear(8, 3)),
        "max pool after ReLU": nn.Sequential(conv(2, 4, 3), nn.ReLU(), pool(2), conv(4, 4, 2), nn.ReLU(), pool(2),
                                             nn.Flatten(), nn.Linear(4, 3)),
        "strides without padding, twice": nn.Sequential(conv(2, 4, 2, stride=2), nn.ReLU(), conv(4, 4, 3, stride=2,
                                                        padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)),
        "batch norm": nn.Sequential(normed(nn.BatchNorm2d(2), 1), conv(2, 3, 3), normed(nn.BatchNorm2d(3), 2),
                                    nn.ReLU(), conv(3, 3, 3), normed(nn.BatchNorm2d(3), 3), nn.ReLU(), nn.Flatten(),
                                    nn.Linear(48, 5), normed(nn.BatchNorm1d(5), 4), nn.ReLU(), nn.Linear(5, 3)),
        "nested, with dropout": nn.Sequential(nn.Sequential(conv(2, 3, 3), nn.Sequential(nn.ReLU(), nn.Dropout2d())),
                                              nn.Identity(), nn.Flatten(), nn.Dropout(), nn.Linear(108, 3)),
        "standardised": nn.Sequential(Standardize(torch.rand(2, 8, 8), 0.3 + torch.rand(2, 8, 8)), nn.Flatten(),
                                      nn.Linear(128, 6), nn.Tanh(), nn.Linear(6, 3)),
        "activation first": nn.Sequential(nn.Tanh(), conv(2, 2, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(72, 3)),
    }  # fmt: skip


def table_networks():
    torch.manual_seed(1)
    return {
        "tanh": dense((5, 12, 12, 3), 1, kind="tanh"),
        "sigmoid": dense((5, 12, 12, 3), 2, kind="sigmoid", size=3.0),
        "linear": nn.Linear(5, 4),
        "one logit": nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1)),
        "double precision": dense((5, 12, 12, 3), 3, kind="tanh", dtype=torch.float64),
        "no bias": nn.Sequential(nn.Linear(5, 6, bias=False), nn.ReLU(), nn.Linear(6, 3, bias=False)),
        "standardised": nn.Sequential(Standardize(torch.rand(5), 0.2 + torch.rand(5)), dense((5, 9, 3), 4)),
        "activations in a row": nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.ReLU(), nn.Sigmoid(), nn.Linear(6, 3)),
    }


CASES = {f"image: {name}": (model, (2, SIDE, SIDE)) for name, model in image_networks().items()}
CASES |= {f"table: {name}": (model, (5,)) for name, model in table_networks().items()}


def case(name):
    model, shape = CASES[name]
    dtype = next(iter(model.parameters())).dtype
    return model.eval(), rows_of(ROWS, shape, seed=5, dtype=dtype)


def samples(low, high, seed):
    """Points of every row's box, `(DRAWS, N, ...)`: half of them corners."""
    draws = torch.Generator().manual_seed(seed)
    shares = torch.rand(DRAWS, *low.shape, generator=draws, dtype=low.dtype)
    shares[: DRAWS // 2] = shares[: DRAWS // 2].round()
    return torch.minimum(torch.maximum(low + shares * (high - low), low), high)


def logits_of(model, x):
    with torch.no_grad():
        found = model(x)
    return torch.cat([torch.zeros_like(found), found], dim=1) if found.shape[1] == 1 else found


def walked(model, low, high, logits_aim):
    """Points of the box that gradient steps towards a smaller margin lead to: harder than any random ones."""
    point = ((low + high) / 2).requires_grad_()
    for _ in range(20):
        (gradient,) = torch.autograd.grad(logits_aim(model(point)).sum(), point)
        moved = point - 0.2 * (high - low) * gradient.sign()
        point = torch.minimum(torch.maximum(moved, low), high).detach().requires_grad_()
    return point.detach()


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.7])
@pytest.mark.parametrize("name", CASES)
def test_bounds_hold_every_sample(name, epsilon, precision):
    model, x = case(name)
    chain = read_chain(_prepared(model, x), x, dtype=PRECISIONS[precision])
    y = logits_of(model, x).argmax(dim=1)
    # A radius for each row.
    each = epsilon * torch.tensor([0.5, 1.0, 2.0])
    low, high = LinfThreat().bounds(x, each)
    points = samples(low, high, seed=6).flatten(0, 1)
    logits = logits_of(model, points).reshape(DRAWS, ROWS, -1)
    least, most = interval_bounds(chain, low, high)[-1]
    assert ((least <= logits) & (logits <= most)).all()
    floor, rounding = linear_floors(chain, low, high, y)
    assert (rounding >= 0).all()
    own = logits.gather(2, y.expand(DRAWS, -1).unsqueeze(2)).squeeze(2)
    margin = own - logits.scatter(2, y.expand(DRAWS, -1).unsqueeze(2), -torch.inf).amax(dim=2)
    assert (floor - rounding <= margin.amin(dim=0)).all()
    for rival in range(logits.shape[2]):

        def aim(found, rival=rival):
            found = torch.cat([torch.zeros_like(found), found], dim=1) if found.shape[1] == 1 else found
            return found.gather(1, y[:, None]).squeeze(1) - found[:, rival]

        reached = aim(logits_of(model, walked(model, low, high, aim)))
        assert ((floor - rounding <= reached) | (y == rival)).all()


@pytest.mark.parametrize("epsilon", [0.01, 0.1])
@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("image")])
def test_the_bounds_of_every_layer_hold_every_sample(name, epsilon, precision):
    model, x = case(name)
    chain = read_chain(model, x, dtype=PRECISIONS[precision])
    low, high = x - epsilon, x + epsilon
    points = samples(low, high, seed=7).flatten(0, 1).double()
    values = points
    plain = [leaf for leaf in model.double().modules() if not list(leaf.children())]
    try:
        layers = [leaf for leaf in plain if not isinstance(leaf, (nn.Identity, nn.Dropout, nn.Dropout2d))]
        for layer, (least, most) in zip(layers, layer_bounds(chain, low, high), strict=True):
            each = values.reshape(DRAWS, ROWS, *values.shape[1:])
            assert ((least - 1e-9 <= each) & (each <= most + 1e-9)).all()
            with torch.no_grad():
                values = layer(values)
    finally:
        model.float()


def _prepared(model, x):
    from fairtoll.models.probe import prepare

    return prepare(model, x, gradients=False)


@pytest.mark.parametrize("method", ["linear", "interval"])
@pytest.mark.parametrize("name", CASES)
def test_nothing_within_a_certified_radius_is_misclassified(name, method):
    model, x = case(name)
    y = logits_of(model, x).argmax(dim=1)
    found = certified_epsilon(model, x, y, threat=LinfThreat(box=(-1.0, 1.0)), epsilon_max=0.5, method=method)
    assert (found.epsilon > 0).any()
    low, high = LinfThreat(box=(-1.0, 1.0)).bounds(x, found.epsilon)
    points = samples(low, high, seed=8).flatten(0, 1)
    assert (logits_of(model, points).argmax(dim=1).reshape(DRAWS, ROWS) == y).all()


def test_a_batch_gives_what_single_rows_give():
    model, x = case("image: max pool")
    y, threat = predicted(model, x), LinfThreat(box=(-1.0, 1.0))
    together = certified_epsilon(model, x, y, threat=threat, epsilon_max=0.2)
    for size in (1, 2):
        apart = certified_epsilon(model, x, y, threat=threat, epsilon_max=0.2, batch_size=size)
        assert torch.equal(apart.epsilon, together.epsilon)


def test_each_row_may_have_a_largest_radius_of_its_own():
    model, x = case("image: max pool")
    y, threat = predicted(model, x), LinfThreat(box=(-1.0, 1.0))
    most = torch.tensor([0.05, 0.0, 0.2])
    found = certified_epsilon(model, x, y, threat=threat, epsilon_max=most).epsilon
    for row in (0, 2):
        alone = certified_epsilon(model, x[[row]], y[[row]], threat=threat, epsilon_max=float(most[row])).epsilon
        assert found[row].item() == pytest.approx(alone.item())
    assert found[1] == 0


def test_a_second_convolution_is_bounded_better_than_by_intervals():
    model, x = case("image: max pool")
    chain = read_chain(model, x)
    low, high = x - 0.05, x + 0.05
    ours, plain = layer_bounds(chain, low, high)[4], interval_bounds(chain, low, high)[4]
    assert ((ours[1] - ours[0]) <= (plain[1] - plain[0]) + 1e-12).all()
    assert (ours[1] - ours[0]).mean() < 0.8 * (plain[1] - plain[0]).mean()


def test_a_convolution_is_proved_where_its_rows_are_robust():
    """On a linear network the least epsilon is the margin over the sum of the slope's sizes."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 2))
    x = rows_of(4, (2, SIDE, SIDE), seed=9).double()
    model.double()
    y = predicted(model, x)
    slope = torch.autograd.functional.jacobian(lambda row: model(row[None])[0, 0] - model(row[None])[0, 1], x[0])
    truth = margins(model, x, y) / slope.abs().sum()
    found = certified_epsilon(model, x, y, threat=LinfThreat(), epsilon_max=1.0, halvings=20).epsilon
    assert torch.allclose(found, truth.clamp(max=1.0), atol=2e-6)


def test_a_model_of_many_features_is_proved_by_linear_bounds():
    model, x = case("image: max pool")
    y = predicted(model, x)
    proof = prove(model, x, y, threat=LinfThreat(), epsilon=0.05, tolerance=0.001)
    found = certified_epsilon(model, x, y, threat=LinfThreat(), epsilon_max=0.05)
    assert proof.method == "linear"
    assert torch.allclose(proof.low, found.epsilon, atol=0.001)
    assert proof.high.isinf().all()
    assert (proof.boxes == 0).all()
