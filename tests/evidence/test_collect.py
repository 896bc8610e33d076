"""Making evidence of a part of the rows: the same outcomes as for all, under the rows' own numbers."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import PGD, LeastEpsilon, SuccessCurve, Union
from fairtoll.data import Dataset
from fairtoll.evidence import Arm, Checks, Target, Transfer, WhiteBox, collect, craft

DATA = Dataset(np.random.default_rng(1).normal(size=(80, 3)), np.arange(80) % 2, ("low", "high"))
ROWS = np.random.default_rng(2).permutation(80)[:30]
WHOLE = Target(DATA, LinfThreat(), "audit")
SOME = Target(DATA, LinfThreat(), "audit", rows=ROWS)


def linear(seed):
    model = nn.Linear(3, 2)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


ARM = Arm("plain", [linear(0), linear(1)], [0, 1])


def least_radius(model):
    """The exact least epsilon of every row of a linear model of two classes: margin over the L1 norm, `(N,)`."""
    with torch.no_grad():
        logits, normal = model(WHOLE.x), model.weight[1] - model.weight[0]
        margin = (logits[:, 1] - logits[:, 0]) * (2 * WHOLE.y - 1)
        return (margin / normal.abs().sum()).clamp(min=0).numpy()


def test_a_target_of_some_rows():
    np.testing.assert_array_equal(SOME.numbers, ROWS)
    np.testing.assert_array_equal(SOME.x, DATA.x[ROWS])
    np.testing.assert_array_equal(SOME.y, DATA.y[ROWS])
    np.testing.assert_array_equal(WHOLE.numbers, np.arange(80))


@pytest.mark.parametrize(
    "measure",
    [
        WhiteBox(PGD(steps=10), [0.1, 0.3]),
        WhiteBox(SuccessCurve(steps=10), [0.1, 0.3]),
        WhiteBox(Union(restarts=1), [0.2]),
        Transfer(PGD(steps=1), [0.1], source="other"),
    ],
    ids=["pgd", "curve", "union", "transfer"],
)
def test_outcomes_keep_their_row_numbers(measure):
    def outcomes(target):
        examples = {0.1: [target.x + 0.1, target.x - 0.1]}
        found = collect(measure, ARM, target, examples=examples).attacks
        return found.set_index(["seed", "epsilon", "row"]).sort_index()["success"]

    some, whole = outcomes(SOME), outcomes(WHOLE)
    assert set(some.index.get_level_values("row")) == set(ROWS)
    # On linear models every one of these attacks is exact, so the other rows of a batch make no difference.
    assert some.equals(whole[whole.index.get_level_values("row").isin(ROWS)])


def test_attacked_predictions_keep_their_row_numbers():
    found = collect(WhiteBox(PGD(steps=5), [0.1], keep_probabilities_at=[0.1]), ARM, SOME)
    np.testing.assert_array_equal(found.predictions["row"], np.tile(ROWS, 2))


def test_checks_are_of_attacked_rows():
    found = collect(Checks([0.1], large_epsilon=10.0), ARM, SOME).attacks
    assert set(found["row"]) == set(ROWS)
    noise = found[(found["attack"] == "check-pgd-20") & (found["seed"] == 0)].set_index("row")["success"]
    broken = least_radius(ARM.models[0]) < 0.1
    assert noise.to_dict() == {row: broken[row] for row in ROWS}


def test_examples_are_crafted_at_every_radius_on_each_source_model():
    measure = Transfer(PGD(steps=20), [0.1, 0.3], source="plain")
    crafted = craft(measure, ARM, SOME)
    assert list(crafted) == [0.1, 0.3]
    for epsilon, sets in crafted.items():
        for model, rows in zip(ARM.models, sets, strict=True):
            # Of a linear model the worst input lies in the corner that the gradient's sign names, for every row.
            normal = (model.weight[1] - model.weight[0]).detach()
            corner = SOME.x - epsilon * (2 * SOME.y - 1).unsqueeze(1) * normal.sign()
            torch.testing.assert_close(rows, corner)
    found = collect(measure, ARM, SOME, examples=crafted).attacks
    assert set(found["attack"]) == {"pgd-20"}
    assert set(found["source_arm"]) == {"plain"}
    # On the models they were crafted on they are the strongest attack there is.
    for model, seed in ARM.pairs:
        broken = found[(found["seed"] == seed) & (found["epsilon"] == 0.3)]["success"].to_numpy()
        np.testing.assert_array_equal(broken, (least_radius(model) < 0.3)[ROWS])


def test_a_transfer_without_its_examples():
    with pytest.raises(FairtollError, match=r"no examples at radius 0.3; expected them at \(0.1, 0.3\)"):
        collect(Transfer(PGD(), [0.1, 0.3]), ARM, SOME, examples={0.1: [SOME.x, SOME.x]})


@pytest.mark.parametrize("target", [WHOLE, SOME], ids=["all", "some"])
def test_least_epsilon_of_linear_models_is_the_closed_form(target):
    largest = 0.6
    found = collect(WhiteBox(LeastEpsilon(0.001), [largest]), ARM, target).attacks
    for model, seed in zip(ARM.models, ARM.seeds, strict=True):
        one = found[found["seed"] == seed]
        np.testing.assert_array_equal(one["row"], target.numbers)
        exact = least_radius(model)[target.numbers]
        # Rows within the tolerance of the largest radius may be found or not.
        sure = np.abs(exact - largest) > 0.002
        np.testing.assert_array_equal(one["censored"][sure], exact[sure] > largest)
        np.testing.assert_allclose(one["least_epsilon"], np.minimum(exact, largest), atol=0.002)
        assert (one["least_epsilon"][exact == 0] == 0).all()
        assert 0 < one["censored"].sum() < len(one)
    assert set(found["loss"]) == {"margin"}


def test_least_epsilon_of_whole_numbers_goes_up_step_by_step():
    data = Dataset(np.round(DATA.x * 4), DATA.y, DATA.class_names)
    target = Target(data, LinfThreat(integer=[True] * 3), "audit")
    found = collect(WhiteBox(LeastEpsilon(0.5), [4.0]), Arm("plain", [linear(0)], [0]), target).attacks
    assert set(found["loss"]) == {"cross_entropy"}
    with torch.no_grad():
        logits, normal = linear(0)(target.x), linear(0).weight[1] - linear(0).weight[0]
        margin = (logits[:, 1] - logits[:, 0]) * (2 * target.y - 1)
    # A whole-number feature moves by whole numbers: the least radius is the margin over the L1 norm, rounded up.
    exact = np.ceil((margin / normal.abs().sum()).clamp(min=0).numpy())
    np.testing.assert_array_equal(found["least_epsilon"], np.minimum(exact, 4.0))
    np.testing.assert_array_equal(found["censored"], exact > 4)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"rows is of type float64 and shape \(0,\); expected row numbers"),
        ([[0, 1]], r"rows is of type int64 and shape \(1, 2\); expected row numbers"),
        ([0.0, 1.0], "rows is of type float64"),
        (np.arange(80) < 40, "rows is of type bool"),
        ([0, 80], "2 rows from 0 to 80, 2 of them different; expected different row numbers from 0 to 79"),
        ([-1, 3], "2 rows from -1 to 3"),
        ([3, 3], "2 rows from 3 to 3, 1 of them different"),
    ],
)
def test_rows_that_are_wrong(rows, message):
    with pytest.raises(FairtollError, match=message):
        Target(DATA, LinfThreat(), "audit", rows=rows)
