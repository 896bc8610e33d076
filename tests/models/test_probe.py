"""A model is tried on a few rows first: what no attack can measure is an error, the rest is measured right."""

import re
import warnings
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtoll import FairtollError, FairtollWarning, LinfThreat
from fairtoll.attacks import apgd, grid, least_epsilon, pgd, random_noise, square, success_curve, union, zero_gradient
from fairtoll.models import predict_logits, predict_probabilities, prepare
from fairtoll.models.remarks import remarks

ROWS = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
#: A linear model has its least perturbation in closed form: margin / (L1 norm of the difference of weights).
LINEAR = nn.Linear(3, 2)
LINEAR.load_state_dict({"weight": torch.tensor([[1.0, -2.0, 0.5], [-1.0, 1.0, 0.0]]), "bias": torch.zeros(2)})
WEIGHT = LINEAR.weight.detach()
LABELS = (ROWS @ WEIGHT.T).argmax(dim=1)
MARGIN = ((ROWS @ WEIGHT.T)[:, 0] - (ROWS @ WEIGHT.T)[:, 1]).abs()
DISTANCE = MARGIN / (WEIGHT[0] - WEIGHT[1]).abs().sum()
EPSILON = float(DISTANCE.median()) + 1e-4


def generator():
    return torch.Generator().manual_seed(0)


GIVEN = {"threat": LinfThreat(), "epsilon": EPSILON}
ATTACKS = {
    "pgd": lambda model, x, y: pgd(model, x, y, **GIVEN).success,
    "apgd": lambda model, x, y: apgd(model, x, y, **GIVEN).success,
    "union": lambda model, x, y: union(model, x, y, generator=generator(), **GIVEN).success,
    "grid": lambda model, x, y: grid(model, x, y, **GIVEN).success,
    "square": lambda model, x, y: square(model, x, y, generator=generator(), **GIVEN).success,
    "success_curve": lambda model, x, y: success_curve(
        model, x, y, threat=LinfThreat(), epsilons=[EPSILON / 2, EPSILON]
    ).success[1],
    "least_epsilon": lambda model, x, y: (
        least_epsilon(model, x, y, threat=LinfThreat(), epsilon_max=3.0, tolerance=1e-4).least_epsilon < EPSILON
    ),
}
WITH_GRADIENTS = {
    **{name: ATTACKS[name] for name in ("pgd", "apgd", "union", "success_curve", "least_epsilon")},
    "zero_gradient": lambda model, x, y: zero_gradient(model, x, y, threat=LinfThreat()),
}
EVERY = {
    **ATTACKS,
    "zero_gradient": WITH_GRADIENTS["zero_gradient"],
    "random_noise": lambda model, x, y: random_noise(model, x, y, generator=generator(), **GIVEN).success,
}


class Returns(nn.Module):
    """A model that does to its rows what it is told."""

    def __init__(self, forward):
        super().__init__()
        self.output = forward

    def forward(self, x):
        return self.output(x)


def linear(x):
    return x @ WEIGHT.T.to(x)


def one_logit(x):
    return linear(x)[:, 1:] - linear(x)[:, :1]


class Outputs(NamedTuple):
    loss: Tensor
    logits: Tensor


class ModelOutput(dict):
    """As in libraries of transformers: a dict whose keys are attributes too."""

    __getattr__ = dict.__getitem__


# --- what is read as logits


FORMS = {
    "dict": lambda x: {"logits": linear(x), "hidden": x},
    "attribute": lambda x: SimpleNamespace(logits=linear(x)),
    "named tuple": lambda x: Outputs(x.sum(), linear(x)),
    "model output": lambda x: ModelOutput(logits=linear(x)),
    "squeezed": lambda x: linear(x).squeeze(),
    "one logit a row": one_logit,
    "one logit, no axis": lambda x: one_logit(x)[:, 0],
    "one logit, squeezed": lambda x: one_logit(x).squeeze(),
    "one logit in a dict": lambda x: {"logits": one_logit(x).squeeze(-1)},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [1, 2, 40])
def test_logits_in_whatever_form_are_the_models(form, rows):
    x = ROWS[:rows]
    found = predict_logits(Returns(FORMS[form]), x)
    assert found.shape == (rows, 2)
    torch.testing.assert_close(found.softmax(dim=1), linear(x).softmax(dim=1))
    torch.testing.assert_close(predict_probabilities(Returns(FORMS[form]), x), linear(x).softmax(dim=1))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_on_every_form_is_the_closed_form(form, attack):
    found = ATTACKS[attack](Returns(FORMS[form]), ROWS, LABELS)
    assert torch.equal(found, DISTANCE < EPSILON)


@pytest.mark.parametrize("attack", EVERY)
@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda x: (linear(x), x), r"returned tuple of 2 for 32 rows.*self\[0\]\(x\)\[0\]"),
        (lambda x: (x.sum(), linear(x)), r"returned tuple of 2 for 32 rows.*self\[0\]\(x\)\[1\]"),
        (
            lambda x: {"loss": x.sum(), "scores": linear(x)},
            r"with the keys 'loss', 'scores'.*self\[0\]\(x\)\['scores'\]",
        ),
        (lambda x: linear(x)[..., None, None], r"returned \(32, 2, 1, 1\).*self\[0\]\(x\)\.flatten\(1\)"),
        (lambda x: None, "returned NoneType"),
        (lambda x: linear(x).argmax(dim=1), r"returned \(32,\) of torch.int64 .*return the scores"),
        (lambda x: linear(x).detach().numpy(), "returned ndarray"),
        (lambda x: linear(x)[:-1], r"returned \(31, 2\) for 32 rows; expected logits of shape \(32, classes\)"),
        (lambda x: linear(x).T, r"returned \(2, 32\)"),
    ],
)
def test_what_cannot_be_read_is_an_error_in_one_line(attack, output, message):
    with pytest.raises(FairtollError, match=message) as caught:
        EVERY[attack](Returns(output), ROWS, LABELS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "output",
    [
        lambda x: (linear(x), x),
        lambda x: [x.sum(), linear(x)],
        lambda x: {"loss": x.sum(), "scores": linear(x)},
        lambda x: linear(x)[..., None, None],
    ],
)
def test_the_wrapper_in_the_message_works_as_it_is_written(output):
    with pytest.raises(FairtollError) as caught:
        prepare(Returns(output), ROWS)
    code = re.search(r"class Logits.*?(?=  #)", str(caught.value))[0]
    names = {"torch": torch}
    exec(code, names)
    assert torch.equal(predict_logits(names["Logits"](Returns(output)), ROWS), linear(ROWS))


# --- what a model does to its input


def subtracts(x):
    x.sub_(1.0)
    return linear(x + 1.0)


def writes_through_numpy(x):
    values = x.detach().numpy()
    answer = linear(x + 0.0)
    values[:] = 7.0
    return answer


def writes_seldom(x):
    answer = linear(x + 0.0)
    if len(x) == 1:
        x.zero_()
    return answer


WRITERS = {
    "subtracts": subtracts,
    "through numpy": writes_through_numpy,
    "some calls only": writes_seldom,
    "zeroes": lambda x: [linear(x + 0.0), x.zero_()][0],
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("attack", EVERY)
def test_rows_stay_and_outputs_are_those_on_a_copy(writer, attack):
    x, plain = ROWS.clone(), EVERY[attack](Returns(linear), ROWS, LABELS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FairtollWarning)
        found = EVERY[attack](Returns(WRITERS[writer]), x, LABELS)
    assert torch.equal(x, ROWS)
    if writer != "through numpy" or attack in ("grid", "square", "random_noise"):
        assert torch.equal(found, plain)


def test_an_inplace_first_layer_outside_a_plain_chain():
    torch.manual_seed(0)
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2), nn.LayerNorm(2))
    x = ROWS.clone()
    expected = model[2](model[1](ROWS.relu())).detach()
    assert torch.equal(predict_logits(model, x), expected)
    assert torch.equal(x, ROWS)
    assert prepare(model, x).probed.writes_input
    pgd(model, x, LABELS, **GIVEN)
    assert torch.equal(x, ROWS)


class Buffered(nn.Module):
    """Gives the same memory back at each call."""

    def __init__(self):
        super().__init__()
        self.kept = torch.zeros(40, 2)

    def forward(self, x):
        self.kept[: len(x)] = linear(x).detach()
        return self.kept[: len(x)]


def test_an_output_in_memory_that_is_used_again_is_copied():
    x = ROWS.repeat(50, 1)
    model = Buffered()
    model.kept = torch.zeros(2000, 2)
    assert torch.equal(predict_logits(model, x, batch_size=13), linear(x))
    assert torch.equal(square(model, ROWS, LABELS, generator=generator(), **GIVEN).success, DISTANCE < EPSILON)


# --- outputs that are no function of a row


class DropsOut(nn.Module):
    def forward(self, x):
        return functional.dropout(linear(x), 0.5, training=True)


class Numpy(nn.Module):
    """Draws where torch's random state does not reach."""

    def __init__(self):
        super().__init__()
        self.random = np.random.default_rng(0)

    def forward(self, x):
        return linear(x + torch.from_numpy(self.random.normal(size=x.shape)).float())


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return linear(x) * (-1) ** self.calls


@pytest.mark.parametrize("attack", EVERY)
@pytest.mark.parametrize("model", [DropsOut, Numpy, Counts])
def test_outputs_that_change_from_call_to_call(model, attack):
    with pytest.raises(FairtollError, match=r"outputs change from call to call.*switch off dropout"):
        EVERY[attack](model(), ROWS, LABELS)


BATCHED = {
    "batch normalisation": lambda x: linear((x - x.mean(dim=0)) / (x.std(dim=0, unbiased=False) + 1e-5)),
    "softmax over rows": lambda x: linear(x).softmax(dim=0),
    "relative to the first": lambda x: linear(x - x[:1]),
    "attention over rows": lambda x: linear((x @ x.T).softmax(dim=1) @ x),
}


@pytest.mark.parametrize("attack", EVERY)
@pytest.mark.parametrize("effect", BATCHED)
def test_outputs_that_depend_on_the_other_rows(effect, attack):
    with pytest.raises(FairtollError, match="depend on the other rows of a batch: alone, row"):
        EVERY[attack](Returns(BATCHED[effect]), ROWS, LABELS)


@pytest.mark.parametrize(
    "model",
    [
        Returns(lambda x: linear(functional.batch_norm(x, None, None, training=True))),
        Returns(lambda x: linear(x).squeeze().softmax(dim=1)),
        Returns(lambda x: linear(x).squeeze().max(dim=1).values),
    ],
)
def test_a_model_that_fails_on_a_row_alone(model):
    with pytest.raises(FairtollError, match=r"fails on a single row \(.*give .squeeze\(\) a dimension"):
        prepare(model, ROWS)


def test_a_small_effect_of_the_batch_is_said_and_measured():
    model = Returns(lambda x: linear(x) + 0.02 * linear(x).mean(dim=0))
    with pytest.warns(
        FairtollWarning, match=r"depend on the other rows of a batch: alone, a row's logits differ by"
    ) as said:
        found = prepare(model, ROWS).probed
    span = float(model(ROWS[:32]).max() - model(ROWS[:32]).min())
    largest = max(float((model(ROWS[row : row + 1]) - model(ROWS[:32])[row]).abs().max()) for row in (0, 31))
    assert found.batch_effect == pytest.approx(largest / span, rel=1e-4)
    assert said[0].filename == __file__
    assert [remark.id for remark in remarks(found)] == ["answers-depend-on-batch"]


def test_rounding_is_no_effect_of_the_batch():
    torch.manual_seed(0)
    layers = [nn.Linear(3, 200), *[layer for _ in range(6) for layer in (nn.Linear(200, 200), nn.GELU())]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            model = nn.Sequential(*layers, nn.Linear(200, 2)).to(dtype)
            assert prepare(model, ROWS).probed.batch_effect < 0.05


# --- probabilities


def averaged(x):
    return (linear(x).softmax(dim=1) + (linear(x) * 2).softmax(dim=1)) / 2


def averaged_in_halves(x):
    parts = [(linear(x) * scale).softmax(dim=1).half() / 3 for scale in (1, 2, 3)]
    return sum(parts).float()


PROBABILITIES = {
    "softmax": (lambda x: linear(x).softmax(dim=1), 1e-6),
    "float16": (lambda x: linear(x).softmax(dim=1).half(), 1e-3),
    "bfloat16": (lambda x: linear(x).softmax(dim=1).bfloat16(), 8e-3),
    "bfloat16, then float32": (lambda x: linear(x).softmax(dim=1).bfloat16().float(), 8e-3),
    "averaged": (averaged, 1e-6),
    "averaged in float16": (averaged_in_halves, 1e-3),
    "float64": (lambda x: linear(x.double()).softmax(dim=1), 1e-6),
}


@pytest.mark.parametrize("form", PROBABILITIES)
def test_probabilities_are_recognised_and_used_as_they_are(form):
    output, tolerance = PROBABILITIES[form]
    with pytest.warns(FairtollWarning, match="seems to return probabilities") as said:
        found = predict_probabilities(Returns(output), ROWS)
    assert said[0].filename == __file__
    own = output(ROWS).double()
    torch.testing.assert_close(found.double(), own, rtol=0, atol=tolerance)
    torch.testing.assert_close(found.double().sum(dim=1), torch.ones(40, dtype=torch.float64), rtol=0, atol=1e-6)
    with pytest.warns(FairtollWarning, match="seems to return probabilities"):
        probed = prepare(Returns(output), ROWS).probed
    assert probed.output == "probabilities"
    assert [remark.id for remark in remarks(probed)] == ["model-returns-probabilities"]


@pytest.mark.parametrize("rows", [8, 40])
def test_one_probability_a_row_is_that_of_the_second_class(rows):
    model = Returns(lambda x: one_logit(x).sigmoid())
    with pytest.warns(FairtollWarning, match="seems to return one probability per row"):
        found = predict_probabilities(model, ROWS[:rows])
    torch.testing.assert_close(found, linear(ROWS[:rows]).softmax(dim=1))
    with pytest.warns(FairtollWarning, match="seems to return one probability per row"):
        assert torch.equal(pgd(model, ROWS, LABELS, **GIVEN).success, DISTANCE < EPSILON)


def test_one_probability_a_row_of_too_few_rows_is_said_to_be_taken_for_a_logit():
    model = Returns(lambda x: one_logit(x).sigmoid())
    for few in (1, 5, 7):
        with pytest.warns(FairtollWarning, match="taken for logits; if they are probabilities, give 8 rows or more"):
            predict_logits(model, ROWS[:few])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predict_logits(Returns(lambda x: one_logit(x) + 10), ROWS[:5])


@pytest.mark.parametrize("attack", ["pgd", "apgd", "union", "least_epsilon"])
def test_attacks_on_probabilities_are_those_on_their_logits(attack):
    """The closed form of the linear model behind them."""
    with pytest.warns(FairtollWarning, match="probabilities"):
        found = ATTACKS[attack](Returns(lambda x: linear(x).softmax(dim=1)), ROWS, LABELS)
    assert torch.equal(found, DISTANCE < EPSILON)


def test_probabilities_of_0_are_no_infinity():
    model = Returns(lambda x: functional.one_hot(linear(x).argmax(dim=1), 2).float() + 0 * x.sum(dim=1, keepdim=True))
    with pytest.warns(FairtollWarning, match="seems to return probabilities"):
        assert torch.equal(predict_probabilities(model, ROWS), model(ROWS))
    with pytest.warns(FairtollWarning, match="seems to return probabilities"):
        assert predict_logits(model, ROWS).isfinite().all()


@pytest.mark.parametrize(
    "output",
    [
        linear,
        lambda x: linear(x).log_softmax(dim=1),
        lambda x: linear(x).sigmoid(),
        lambda x: linear(x).relu() + 0.1,
        one_logit,
    ],
)
def test_logits_are_not_taken_for_probabilities(output):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "logit" in prepare(Returns(output), ROWS).probed.output


# --- precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_logits_in_half_precision_have_probabilities_in_float64(dtype):
    model = Returns(lambda x: linear(x).to(dtype))
    found = predict_probabilities(model, ROWS)
    assert found.dtype == torch.float64
    assert torch.equal(found, linear(ROWS).to(dtype).double().softmax(dim=1))
    assert predict_logits(model, ROWS).dtype == torch.float32


@pytest.mark.parametrize("attack", EVERY)
@pytest.mark.parametrize("weights", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("chain", [True, False])
def test_rows_and_weights_of_different_precision(attack, weights, rows, chain):
    model = nn.Linear(3, 2) if chain else nn.Sequential(nn.Linear(3, 2), nn.Softplus())
    (model if chain else model[0]).load_state_dict(LINEAR.state_dict())
    x = ROWS.to(rows)
    y = model(x.float()).argmax(dim=1)
    distance = (x.float() @ WEIGHT.T).diff().abs().flatten() / (WEIGHT[0] - WEIGHT[1]).abs().sum()
    sure = (distance - EPSILON).abs() > 0.05
    found = EVERY[attack](model.to(weights), x, y)
    if chain and attack in ATTACKS:
        assert torch.equal(found[sure], (distance < EPSILON)[sure])


@pytest.mark.parametrize("attack", EVERY)
def test_inside_autocast(attack):
    with torch.autocast("cpu", torch.bfloat16):
        found = EVERY[attack](nn.Sequential(LINEAR, nn.Identity()), ROWS, LABELS)
        assert predict_probabilities(LINEAR, ROWS).dtype == torch.float64
    sure = (DISTANCE - EPSILON).abs() > 0.05
    if attack in ATTACKS:
        assert torch.equal(found[sure], (DISTANCE < EPSILON)[sure])


@pytest.mark.parametrize("shape", [(40, 4), (40, 3, 1)])
def test_rows_that_no_precision_helps_are_named_with_both_types(shape):
    with pytest.raises(
        FairtollError, match=r"fails on rows of shape .* and type torch.float64 .*brought to the torch.float32"
    ):
        prepare(nn.Linear(3, 2), torch.zeros(shape, dtype=torch.float64))


# --- gradients


class WithoutGradient(nn.Module):
    def forward(self, x):
        with torch.no_grad():
            return linear(x)


class OddBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()


ABSENT = {
    "detached": Returns(lambda x: linear(x.detach())),
    "no_grad": WithoutGradient(),
    "constant": Returns(lambda x: torch.tensor([[0.3, -0.3]]).repeat(len(x), 1)),
    "a constant weight's": Returns(lambda x: torch.zeros(len(x), 2, requires_grad=True) + 1),
    "numpy": Returns(lambda x: torch.from_numpy(x.detach().numpy() @ WEIGHT.T.numpy())),
    "no backward": Returns(lambda x: OddBackward.apply(linear(x))),
}


@pytest.mark.parametrize("attack", sorted(WITH_GRADIENTS.keys() - {"union"}))
@pytest.mark.parametrize("model", ABSENT)
def test_no_gradient_at_all_is_an_error_that_names_what_works(model, attack):
    with pytest.raises(FairtollError, match=r"no gradient in its input.*attacks that need only scores: square"):
        WITH_GRADIENTS[attack](ABSENT[model], ROWS, LABELS)


@pytest.mark.parametrize("model", ["detached", "no_grad", "numpy"])
def test_a_union_without_gradients_goes_by_scores_and_says_so(model):
    with pytest.warns(FairtollWarning, match="scores"):
        broken = ATTACKS["union"](ABSENT[model], ROWS, LABELS)
    assert torch.equal(broken, DISTANCE < EPSILON)


@pytest.mark.parametrize("model", ["detached", "no_grad", "numpy"])
def test_attacks_on_scores_need_no_gradient(model):
    for attack in (ATTACKS["square"], ATTACKS["grid"]):
        assert torch.equal(attack(ABSENT[model], ROWS, LABELS), DISTANCE < EPSILON)
    assert random_noise(ABSENT[model], ROWS, LABELS, generator=generator(), **GIVEN).success.any()


@pytest.mark.parametrize("step", [torch.round, torch.floor, torch.sign])
def test_a_gradient_of_zero_is_said(step):
    model = Returns(lambda x: linear(step(x)))
    with pytest.warns(FairtollWarning, match="gradient of the model's logits in its input is zero"):
        found = pgd(model, ROWS, model(ROWS).argmax(dim=1), **GIVEN)
    assert not found.success.any()
    with pytest.warns(FairtollWarning, match="which need only scores, measure such a model"):
        assert prepare(model, ROWS).probed.gradients == "zero"


def test_a_dynamically_quantised_model_is_refused_or_scored():
    quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(3, 2)), {nn.Linear})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FairtollWarning)
        with pytest.raises(FairtollError, match="no gradient"):
            pgd(quantised, ROWS, LABELS, **GIVEN)


# --- a prepared model


def test_a_prepared_model_is_not_tried_again():
    calls = []
    model = Returns(lambda x: [calls.append(len(x)), linear(x)][1])
    prepared = prepare(model, ROWS)
    assert len(calls) <= 5
    assert sum(calls) <= 32 + 32 + 8 + 2
    calls.clear()
    assert prepare(prepared, ROWS) is prepared
    assert calls == []
    assert prepare(prepare(model, ROWS, gradients=False), ROWS).probed.gradients == "present"


def test_classes_that_the_data_does_not_have():
    with pytest.raises(FairtollError, match="returned 2 classes; expected 3, as the data has"):
        prepare(LINEAR, ROWS, classes=3)
    with pytest.raises(FairtollError, match="returned 2 classes; expected 3"):
        predict_probabilities(Returns(one_logit), ROWS, classes=3)


def test_memory_that_does_not_hold_the_probe():
    def small(x):
        if len(x) > 3:
            raise torch.OutOfMemoryError("full")
        return linear(x)

    assert prepare(Returns(small), ROWS).probed.classes == 2
    with pytest.raises(FairtollError, match="full"):
        prepare(Returns(lambda x: small(x.repeat(9, 1))), ROWS)
