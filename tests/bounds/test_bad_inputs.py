"""Every way to misuse a proof, and a message that says so."""

import math

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.bounds import NoBoundError, certified_epsilon, prove, read_chain, what_is_provable
from fairtoll.data import Dataset, Feature
from fairtoll.models.columnwise import Column, Columnwise
from fairtoll.threats import L2Threat, table_threat

X = torch.rand(24, 3, generator=torch.Generator().manual_seed(0))
IMAGES = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(24) % 2


class OwnLinear(nn.Linear):
    """A subclass may compute something else."""


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return x + self.layer(x)


def hooked():
    layer = nn.Linear(3, 2)
    layer.register_forward_hook(lambda _, __, output: 2 * output)
    return nn.Sequential(layer)


def replaced():
    layer = nn.Linear(3, 2)
    layer.forward = lambda x: x[:, :2]
    return nn.Sequential(layer)


def image(*layers):
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(2)).eval()


def call(name, model=None, x=X, y=Y, **options):
    model = nn.Sequential(nn.Linear(3, 2)) if model is None else model
    if name == "prove":
        return prove(model, x, y, **{"threat": LinfThreat(), "epsilon": 0.1} | options)
    options["epsilon_max"] = options.pop("epsilon", 0.1)
    return certified_epsilon(model, x, y, **{"threat": LinfThreat()} | options)


BOTH = pytest.mark.parametrize("name", ["prove", "certified_epsilon"])


@BOTH
@pytest.mark.filterwarnings("ignore:the model seems to return")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: nn.Sequential(Residual(), nn.Linear(3, 2)), r"no bound is known for 0 \(Residual\); bounds exist for"),
        (lambda: nn.Sequential(nn.Linear(3, 3), nn.GELU(), nn.Sequential(nn.Softplus(), nn.Linear(3, 2))),
         r"1 \(GELU\), 2\.0 \(Softplus\)"),
        (lambda: OwnLinear(3, 2), r"the model \(OwnLinear\)"),
        (lambda: nn.Sequential(OwnLinear(3, 2)), r"0 \(OwnLinear\)"),
        (hooked, r"0 \(Linear\)"),
        (replaced, r"0 \(Linear\)"),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1)), "the model returns probabilities .* softmax"),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.LogSoftmax(dim=1)), r"1 \(LogSoftmax\)"),
        (lambda: nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()), "the model returns .* leave out its last softmax"),
    ],
)  # fmt: skip
def test_models_without_bounds(name, model, message):
    with pytest.raises(NoBoundError, match=message):
        call(name, model())


@BOTH
@pytest.mark.filterwarnings("ignore:the model's outputs depend")
@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Conv2d(3, 2, 3, padding="same")], "padding by name"),
        ([nn.Conv2d(3, 2, 3, padding=1, padding_mode="reflect")], "padding by name"),
        ([nn.MaxPool2d(2, ceil_mode=True)], "ceil_mode"),
        ([nn.MaxPool2d(2, dilation=2)], "dilation"),
        ([nn.AvgPool2d(3, padding=1, count_include_pad=False)], "padding that does not count"),
        ([nn.BatchNorm2d(3, track_running_stats=False)], "statistics of the batch|other rows"),
        ([nn.Conv2d(3, 2, 3), nn.LeakyReLU()], r"1 \(LeakyReLU\)"),
    ],
)
def test_forms_of_layers_without_bounds(name, layers, message):
    model = image(*layers)
    with torch.no_grad():
        model(IMAGES)
    with pytest.raises(FairtollError, match=message):
        call(name, model, IMAGES, Y[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": math.nan}, "epsilon is nan; expected a finite number above 0"),
        ({"epsilon": math.inf}, "epsilon is inf"),
        ({"epsilon": 0.0}, r"epsilon is 0\.0"),
        ({"epsilon": -1.0}, r"epsilon is -1\.0"),
        ({"tolerance": 0.0}, r"tolerance is 0\.0; expected a finite number above 0"),
        ({"tolerance": math.nan}, "tolerance is nan"),
        ({"boxes": 0}, "boxes is 0; expected 1 or more"),
        ({"known": X[:3]}, r"known has shape \(3, 3\); expected that of x, \(24, 3\)"),
        ({"threat": L2Threat()}, "L2Threat"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"y": Y + 1}, "labels run from 1 to 2"),
        ({"y": Y[:3]}, "x has 24 rows and y has 3"),
        ({"x": X.long()}, "x is a tensor of torch.int64"),
        ({"threat": LinfThreat(scale=[1.0, 1.0])}, "scale has shape"),
        ({"threat": LinfThreat(integer=[True, False])}, "integer has shape"),
    ],
)
def test_settings_of_prove(options, message):
    with pytest.raises(FairtollError, match=message):
        call("prove", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": math.nan}, "epsilon_max is nan; expected a finite number above 0"),
        ({"epsilon": 0.0}, r"epsilon_max is 0\.0"),
        ({"epsilon": torch.ones(3)}, r"epsilon_max has shape \(3,\) for 24 rows; expected one for each, or a number"),
        ({"epsilon": -torch.ones(24)}, "epsilon_max holds a value that is negative or not finite"),
        ({"epsilon": torch.full((24,), math.nan)}, "epsilon_max holds a value that is negative or not finite"),
        ({"method": "crown"}, "method is 'crown'; expected linear or interval"),
        ({"halvings": -1}, "halvings is -1; expected 0 or more"),
        ({"threat": L2Threat()}, "L2Threat"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_settings_of_certified_epsilon(options, message):
    with pytest.raises(FairtollError, match=message):
        call("certified_epsilon", **options)


@BOTH
def test_weights_that_are_not_finite_prove_nothing(name):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].weight.data[0, 0] = math.nan
    with pytest.raises(FairtollError, match="NaN or infinity"):
        call(name, model)


@BOTH
def test_a_model_that_bounds_do_not_fit_is_told_in_one_line(name):
    with pytest.raises(NoBoundError) as caught:
        call(name, nn.Sequential(Residual(), nn.Linear(3, 2)))
    assert "\n" not in str(caught.value)


def test_an_output_that_is_no_row_of_logits():
    with pytest.raises(NoBoundError, match="expected one logit for each class"):
        read_chain(nn.Conv2d(3, 2, 3), IMAGES)


def test_rows_that_the_layers_do_not_take():
    with pytest.raises(NoBoundError, match="no bound is known for 0"):
        read_chain(nn.Sequential(nn.Linear(4, 2)), X)


@BOTH
def test_the_model_is_left_as_it_was(name):
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.ReLU(), nn.Linear(4, 2)).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    call(name, model)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def table(**more):
    """Two numbers and a category, of which all may move."""
    age = Feature("age", "continuous", integer=True, low=20, high=60, unit="years")
    pay = Feature("pay", "continuous", integer=True, low=0, high=90, unit="euro")
    job = Feature("job", "categorical", True, 0, 1, "code", ("cook", "nurse"))
    rows = Dataset([[20, 0, 0], [60, 90, 1]], [0, 1], ("no", "yes"), features=(age, pay, job))
    return table_threat(rows, **more)


@pytest.mark.parametrize(
    ("threat", "named"),
    [
        (lambda: table(mutable=["age"], monotone={"age": "up"}), ["age may only go up"]),
        (lambda: table(mutable=["age", "job"]), ["the categories of job may change"]),
        (lambda: table(mutable=["pay"], relations=["pay <= 2 * age"]), ["'pay <= 2 * age' holds in every changed row"]),
        (lambda: table(mutable=["age", "pay"], cost_norm="sum"), ["costs add up over features"]),
        (lambda: L2Threat(), ["the norm of this threat is l2"]),
    ],
)
def test_what_no_proof_covers_is_named_and_nothing_else(threat, named):
    others = {"may only go", "categories", "holds in every changed row", "add up", "norm of this threat", "one-hot"}
    method, why = what_is_provable(nn.Sequential(nn.Linear(3, 2)), X, threat())
    assert method == ""
    for text in named:
        assert text in why
        others = {other for other in others if other not in text}
    assert not [other for other in others if other in why]


def test_preprocessing_is_called_so():
    model = nn.Sequential(Columnwise([Column(0, scale=2.0)], [None]), nn.Linear(1, 2))
    with pytest.raises(NoBoundError, match="no bound is known for the preprocessing of the table's columns; bounds"):
        read_chain(model, X[:, :1])
