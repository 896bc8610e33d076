"""Every way to misuse an attack, and a message that says so."""

import warnings

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning, LinfThreat
from fairtoll.attacks import apgd, grid, least_epsilon, pgd, random_noise, square, success_curve, union, zero_gradient

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 0, 1, 0, 1])


def attack(name, *, model=None, x=X, y=Y, threat=None, epsilon=0.5, **options):
    """One call of the attack `name` that works, but for what is given."""
    model = nn.Linear(3, 2) if model is None else model
    threat = LinfThreat() if threat is None else threat
    generator = torch.Generator().manual_seed(0)
    calls = {
        "pgd": lambda: pgd(model, x, y, threat=threat, epsilon=epsilon, **options),
        "success_curve": lambda: success_curve(model, x, y, threat=threat, epsilons=[epsilon], **options),
        "union": lambda: union(model, x, y, threat=threat, epsilon=epsilon, generator=generator, **options),
        "grid": lambda: grid(model, x, y, threat=threat, epsilon=epsilon, **options),
        "apgd": lambda: apgd(model, x, y, threat=threat, epsilon=epsilon, **options),
        "square": lambda: square(model, x, y, threat=threat, epsilon=epsilon, generator=generator, **options),
        "least_epsilon": lambda: least_epsilon(
            model, x, y, threat=threat, **{"epsilon_max": epsilon, "tolerance": 0.01} | options
        ),
        "random_noise": lambda: random_noise(
            model, x, y, threat=threat, epsilon=epsilon, generator=generator, **options
        ),
        "zero_gradient": lambda: zero_gradient(model, x, y, threat=threat, **options),
    }
    return calls[name]()


ALL = ["pgd", "success_curve", "union", "grid", "apgd", "square", "random_noise", "zero_gradient", "least_epsilon"]
WITH_EPSILON = ALL[:-2]


class Returns(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, x):
        return self.output(x)


def refused(message, name, **options):
    with pytest.raises(FairtollError, match=message):
        attack(name, **options)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": X.numpy()}, "x is a ndarray; expected a tensor of floats"),
        ({"x": X.long()}, "x is a tensor of torch.int64"),
        ({"x": X[:, 0]}, r"of shape \(6,\); expected a tensor of floats of shape \(rows, ...\)"),
        ({"y": Y.tolist()}, "y is a list; expected a tensor of int64"),
        ({"y": Y.float()}, "y is a tensor of torch.float32"),
        ({"y": Y[:, None]}, r"of shape \(6, 1\); expected a tensor of int64 of shape \(rows,\)"),
        ({"y": Y[:5]}, "x has 6 rows and y has 5"),
        ({"x": X[:5]}, "x has 5 rows and y has 6"),
        ({"y": Y + 1}, "labels run from 1 to 2 and the model has 2 classes"),
        ({"y": Y - 1}, "labels run from -1 to 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"threat": LinfThreat(scale=[1.0, 2.0])}, "scale has shape"),
        ({"threat": LinfThreat(box=([0.0, 0.0], 1.0))}, "box has shape"),
        ({"model": Returns(lambda x: (x, x))}, "returned tuple"),
        ({"model": Returns(lambda x: x[:, :0])}, r"returned \(6, 0\) .*two classes or more"),
        ({"model": Returns(lambda x: x[:, 0].argmax())}, r"returned \(\) of torch.int64"),
        ({"model": Returns(lambda x: x.T)}, r"returned \(3, 6\)"),
    ],
)
def test_rows_labels_threat_and_model(name, given, message):
    refused(message, name, **given)


@pytest.mark.parametrize("name", WITH_EPSILON)
@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf")])
def test_epsilon(name, epsilon):
    refused("epsilons? is", name, epsilon=epsilon)


@pytest.mark.parametrize("epsilons", [[], [0.2, 0.1], [0.1, 0.1], [-1.0, 0.1], [float("nan")], [0.1, float("nan")]])
def test_epsilons(epsilons):
    with pytest.raises(FairtollError, match="expected radii of 0 or more, each once, in ascending order"):
        success_curve(nn.Linear(3, 2), X, Y, threat=LinfThreat(), epsilons=epsilons)


@pytest.mark.parametrize("name", ["pgd", "apgd", "success_curve", "union"])
@pytest.mark.parametrize(
    "given", [{"steps": 0}, {"restarts": 0}, {"steps": -3}, {"steps": 2.5}, {"steps": "3"}, {"restarts": True}]
)
def test_steps_and_restarts(name, given):
    refused("expected 1 or more of each", name, **given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("pgd", {"random_start": True}),
        ("pgd", {"restarts": 2}),
        ("apgd", {"random_start": True}),
        ("apgd", {"restarts": 2}),
    ],
)
def test_random_starts_without_a_generator(name, given):
    refused("random starts need a generator", name, **given)


@pytest.mark.parametrize("name", ["pgd", "apgd", "success_curve", "zero_gradient"])
def test_an_unknown_loss(name):
    refused("unknown loss 'dlr'; expected one of cross_entropy, margin", name, loss="dlr")


def test_a_start_of_another_shape():
    refused("start has shape", "pgd", start=X[:3])


def test_no_draws():
    refused("draws is 0", "random_noise", draws=0)


def test_no_queries():
    refused("queries is 0; expected 1 or more", "square", queries=0)


def test_a_grid_of_too_many_features():
    model, x = nn.Linear(9, 2), torch.zeros(6, 9)
    refused(r"9 features may move; a grid of 3\^9 points", "grid", model=model, x=x)
    attack("grid", model=model, x=x, threat=LinfThreat(mutable=[True] * 8 + [False]), y=Y)


def test_a_grid_of_an_image():
    image = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    refused("a grid needs a table", "grid", model=image, x=X.reshape(6, 1, 3))


@pytest.mark.parametrize("name", ALL)
def test_a_model_that_returns_nan_names_the_row(name):
    x = X.clone()
    x[4, 1] = float("nan")
    refused("returned NaN or infinity for 1 rows .*the first is row 4", name, x=x)
    refused("the first is row 4", name, x=x, batch_size=2)


def test_a_model_that_returns_nan_in_the_middle_names_row_and_step():
    """Rows 0 to 2 are broken as they stand and leave; row 4 reaches the bad region first, at step 3."""
    x = torch.tensor([[1.0], [1.0], [1.0], [-9.0], [-2.5], [-9.0]])
    y = torch.zeros(6, dtype=torch.int64)
    model = Returns(lambda x: torch.cat([-x, torch.where((x > -1.0) & (x < 0), torch.nan, x)], dim=1))
    with pytest.raises(FairtollError, match="for 1 rows at step 3 of the attack, the first is row 4"):
        pgd(model, x, y, threat=LinfThreat(), epsilon=10.0, steps=25, batch_size=6)
    with pytest.raises(FairtollError, match="for 1 rows at step 3 of the attack, the first is row 4"):
        pgd(model, x, y, threat=LinfThreat(), epsilon=10.0, steps=25, batch_size=2)


@pytest.mark.parametrize("name", ALL)
def test_probabilities_draw_a_warning_at_the_callers_line(name):
    model = nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1))
    with pytest.warns(FairtollWarning, match="probabilities instead of logits") as caught:
        attack(name, model=model)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attack(name)


@pytest.mark.parametrize("name", ALL)
def test_no_rows_give_no_results(name):
    result = attack(name, x=X[:0], y=Y[:0])
    if name == "least_epsilon":
        assert {len(value) for value in vars(result).values() if isinstance(value, torch.Tensor)} == {0}
        return
    success = result if isinstance(result, torch.Tensor) else result.success
    assert success.shape[-1] == 0


@pytest.mark.parametrize("name", ["epsilon_max", "tolerance", "grid_step"])
@pytest.mark.parametrize("value", [0.0, -0.1, float("nan"), float("inf")])
def test_the_numbers_of_least_epsilon(name, value):
    refused(f"{name} is {value}; expected a finite number above 0", "least_epsilon", **{name: value})


@pytest.mark.parametrize("given", [{"steps": 0}, {"targets": 0}, {"steps": -3, "method": "grid"}])
def test_steps_and_targets_of_least_epsilon(given):
    refused("expected 1 or more of each", "least_epsilon", **given)


def test_an_unknown_method_or_order():
    refused("method is 'bisection'; expected search or grid", "least_epsilon", method="bisection")
    refused("order is 'up'; expected ascending or descending", "success_curve", order="up")
    refused("patience is 0; expected 1 or more, or None", "success_curve", patience=0)


def test_a_search_over_whole_numbers():
    threat = LinfThreat(integer=[True, False, False])
    refused("the search cannot follow; pass method='grid'", "least_epsilon", threat=threat)
    attack("least_epsilon", threat=threat, method="grid", grid_step=0.1)
    attack("least_epsilon", threat=LinfThreat(integer=[False] * 3))


def bad_between(low, high):
    """Class 0 below 0; between two values below it the model has no answer."""
    return Returns(lambda x: torch.cat([-x, torch.where((x > low) & (x < high), torch.nan, x)], dim=1))


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("batch_size", [2, 6])
def test_a_curve_names_rows_as_the_caller_counts_them(order, batch_size):
    """Rows 0 to 2 are broken as they stand; row 4 comes into the bad region within the larger radius only."""
    x = torch.tensor([[1.0], [1.0], [1.0], [-9.0], [-2.5], [-9.0]])
    y = torch.zeros(6, dtype=torch.int64)
    with pytest.raises(FairtollError, match=r"for 1 rows at step \d+ of the attack, the first is row 4;"):
        success_curve(
            bad_between(-1.0, 0.0), x, y, threat=LinfThreat(), epsilons=[0.5, 2.0], order=order, batch_size=batch_size
        )


@pytest.mark.parametrize("method", ["search", "grid"])
@pytest.mark.parametrize("batch_size", [2, 6])
def test_least_epsilon_names_rows_as_the_caller_counts_them(method, batch_size):
    x = torch.tensor([[1.0], [1.0], [1.0], [-9.0], [-2.5], [-9.0]])
    y = torch.zeros(6, dtype=torch.int64)
    with pytest.raises(FairtollError, match=r"for 1 rows at step \d+ of the attack, the first is row 4;"):
        least_epsilon(
            bad_between(-1.0, 0.2), x, y, threat=LinfThreat(), epsilon_max=4.0, tolerance=0.01, method=method,
            grid_step=0.5, batch_size=batch_size,
        )  # fmt: skip
